"""Every error Saccade raises on purpose, in one tree.

Each leaf says what happened (``str(error)``), who must act (its family), what to do (``hint``) and the stable name that
clients match on (``code``). No HTTP status and no exit code here: the edges keep their own tables.

* SaccadeError
  x RequestError            the caller: change the request
    + SourceAmbiguous
    + ParameterInvalid
    + BodyUnreadable
    + BodyTooLarge
    + BodyTooSlow
    + MediaTypeUnsupported
    + RouteUnknown
    + MethodUnsupported
    + TooManyPairs
    + ImageEmpty
    + ImageUnreadable
    + ImageFormatUnsupported
    + ImageTooLarge
    + ImageTooManyPixels
    + ImageTooManyFrames
    + ImageTooManyScans
    + ImageShapeUnsupported
    + UrlRefused
    + UrlUnreachable
    + ModelUnknown
    + TaskMismatch
    + TooManyItems
    + JobUnknown
    + DeliveryUnknown
    + ImageUnknown
    + IdempotencyMismatch
  x AccessError             the caller: come in another way
    + HostRefused
    + OriginRefused
  x StateError              the caller: the thing is not in that state
    + ModelNotLoaded
    + PackageExists
    + IdempotencyInFlight
    + NothingToRetry
    + ImageErased
    + ObjectMissing
    + JobCancelled
  x UnavailableError        nobody: try again later
    + ModelLoading
    + QueueFull
    + ShuttingDown
    + HubUnreachable
    + ServerUnreachable
    + DatabaseUnreachable
    + SchemaBehind
    + HintsUnreachable
    + ObjectsUnreachable
    + ObjectsFull
    + JobsFull
    + ItemsQuotaReached
    + DeadlinePassed
    + AttemptsExhausted
  x ModelError              the model's owner: the package or its output is wrong
    + PackageUnrecognised
    + PackageInvalid
    + PreprocessorUnsupported
    + GraphRefused
    + GraphFailed
    + OutputInvalid
    + PluginFailed
    + ModelFailed
    + WorkerCrashed
  x ConfigurationError      the operator: fix a setting
    + SettingInvalid
    + SettingUnknown
    + SchemeUnknown
    + BackendNotInstalled
    + BindRefused
    + AddressUnavailable
"""

from __future__ import annotations

from saccade.errors.access import (
    AccessError,
    HostRefused,
    OriginRefused,
)
from saccade.errors.base import (
    SaccadeError,
)
from saccade.errors.configuration import (
    AddressUnavailable,
    BackendNotInstalled,
    BindRefused,
    ConfigurationError,
    SchemeUnknown,
    SettingInvalid,
    SettingUnknown,
)
from saccade.errors.model import (
    GraphFailed,
    GraphRefused,
    ModelError,
    ModelFailed,
    OutputInvalid,
    PackageInvalid,
    PackageUnrecognised,
    PluginFailed,
    PreprocessorUnsupported,
    WorkerCrashed,
)
from saccade.errors.request import (
    BodyTooLarge,
    BodyTooSlow,
    BodyUnreadable,
    DeliveryUnknown,
    IdempotencyMismatch,
    ImageEmpty,
    ImageFormatUnsupported,
    ImageShapeUnsupported,
    ImageTooLarge,
    ImageTooManyFrames,
    ImageTooManyPixels,
    ImageTooManyScans,
    ImageUnknown,
    ImageUnreadable,
    JobUnknown,
    MediaTypeUnsupported,
    MethodUnsupported,
    ModelUnknown,
    ParameterInvalid,
    RequestError,
    RouteUnknown,
    SourceAmbiguous,
    TaskMismatch,
    TooManyItems,
    TooManyPairs,
    UrlRefused,
    UrlUnreachable,
)
from saccade.errors.state import (
    IdempotencyInFlight,
    ImageErased,
    JobCancelled,
    ModelNotLoaded,
    NothingToRetry,
    ObjectMissing,
    PackageExists,
    StateError,
)
from saccade.errors.unavailable import (
    AttemptsExhausted,
    DatabaseUnreachable,
    DeadlinePassed,
    HintsUnreachable,
    HubUnreachable,
    ItemsQuotaReached,
    JobsFull,
    ModelLoading,
    ObjectsFull,
    ObjectsUnreachable,
    QueueFull,
    SchemaBehind,
    ServerUnreachable,
    ShuttingDown,
    UnavailableError,
)

#: The families, by who must act, in the order of the tree.
FAMILIES: tuple[type[SaccadeError], ...] = (
    RequestError,
    AccessError,
    StateError,
    UnavailableError,
    ModelError,
    ConfigurationError,
)

__all__ = [
    "FAMILIES",
    "AccessError",
    "AddressUnavailable",
    "AttemptsExhausted",
    "BackendNotInstalled",
    "BindRefused",
    "BodyTooLarge",
    "BodyTooSlow",
    "BodyUnreadable",
    "ConfigurationError",
    "DatabaseUnreachable",
    "DeadlinePassed",
    "DeliveryUnknown",
    "GraphFailed",
    "GraphRefused",
    "HintsUnreachable",
    "HostRefused",
    "HubUnreachable",
    "IdempotencyInFlight",
    "IdempotencyMismatch",
    "ImageEmpty",
    "ImageErased",
    "ImageFormatUnsupported",
    "ImageShapeUnsupported",
    "ImageTooLarge",
    "ImageTooManyFrames",
    "ImageTooManyPixels",
    "ImageTooManyScans",
    "ImageUnknown",
    "ImageUnreadable",
    "ItemsQuotaReached",
    "JobCancelled",
    "JobUnknown",
    "JobsFull",
    "MediaTypeUnsupported",
    "MethodUnsupported",
    "ModelError",
    "ModelFailed",
    "ModelLoading",
    "ModelNotLoaded",
    "ModelUnknown",
    "NothingToRetry",
    "ObjectMissing",
    "ObjectsFull",
    "ObjectsUnreachable",
    "OriginRefused",
    "OutputInvalid",
    "PackageExists",
    "PackageInvalid",
    "PackageUnrecognised",
    "ParameterInvalid",
    "PluginFailed",
    "PreprocessorUnsupported",
    "QueueFull",
    "RequestError",
    "RouteUnknown",
    "SaccadeError",
    "SchemaBehind",
    "SchemeUnknown",
    "ServerUnreachable",
    "SettingInvalid",
    "SettingUnknown",
    "ShuttingDown",
    "SourceAmbiguous",
    "StateError",
    "TaskMismatch",
    "TooManyItems",
    "TooManyPairs",
    "UnavailableError",
    "UrlRefused",
    "UrlUnreachable",
    "WorkerCrashed",
]
