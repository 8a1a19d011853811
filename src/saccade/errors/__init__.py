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
  x AccessError             the caller: come in another way
    + HostRefused
    + OriginRefused
  x StateError              the caller: the thing is not in that state
    + ModelNotLoaded
    + PackageExists
  x UnavailableError        nobody: try again later
    + ModelLoading
    + QueueFull
    + ShuttingDown
    + HubUnreachable
    + ServerUnreachable
  x ModelError              the model's owner: the package or its output is wrong
    + PackageUnrecognised
    + PackageInvalid
    + PreprocessorUnsupported
    + GraphRefused
    + GraphFailed
    + OutputInvalid
    + PluginFailed
    + ModelFailed
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
)
from saccade.errors.request import (
    BodyTooLarge,
    BodyTooSlow,
    BodyUnreadable,
    ImageEmpty,
    ImageFormatUnsupported,
    ImageShapeUnsupported,
    ImageTooLarge,
    ImageTooManyFrames,
    ImageTooManyPixels,
    ImageTooManyScans,
    ImageUnreadable,
    MediaTypeUnsupported,
    MethodUnsupported,
    ModelUnknown,
    ParameterInvalid,
    RequestError,
    RouteUnknown,
    SourceAmbiguous,
    TaskMismatch,
    TooManyPairs,
    UrlRefused,
    UrlUnreachable,
)
from saccade.errors.state import (
    ModelNotLoaded,
    PackageExists,
    StateError,
)
from saccade.errors.unavailable import (
    HubUnreachable,
    ModelLoading,
    QueueFull,
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
    "BackendNotInstalled",
    "BindRefused",
    "BodyTooLarge",
    "BodyTooSlow",
    "BodyUnreadable",
    "ConfigurationError",
    "GraphFailed",
    "GraphRefused",
    "HostRefused",
    "HubUnreachable",
    "ImageEmpty",
    "ImageFormatUnsupported",
    "ImageShapeUnsupported",
    "ImageTooLarge",
    "ImageTooManyFrames",
    "ImageTooManyPixels",
    "ImageTooManyScans",
    "ImageUnreadable",
    "MediaTypeUnsupported",
    "MethodUnsupported",
    "ModelError",
    "ModelFailed",
    "ModelLoading",
    "ModelNotLoaded",
    "ModelUnknown",
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
    "SchemeUnknown",
    "ServerUnreachable",
    "SettingInvalid",
    "SettingUnknown",
    "ShuttingDown",
    "SourceAmbiguous",
    "StateError",
    "TaskMismatch",
    "TooManyPairs",
    "UnavailableError",
    "UrlRefused",
    "UrlUnreachable",
]
