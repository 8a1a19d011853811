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
    + ServiceRefused
    + ServiceUnreachable
    + ModelUnknown
    + TaskMismatch
    + TooManyItems
    + JobUnknown
    + DeliveryUnknown
    + RouteGone
    + ImageUnknown
    + ObjectUnknown
    + AliasUnknown
    + TruthInvalid
    + ConditionInvalid
    + IdempotencyMismatch
    + AccountUnknown
    + KeyUnknown
  x AccessError             the caller: come in another way
    + HostRefused
    + OriginRefused
    + Unauthenticated
    + CredentialInvalid
    + LoginFailed
    + Forbidden
    + RegistrationClosed
  x StateError              the caller: the thing is not in that state
    + ModelNotLoaded
    + PackageExists
    + NameTaken
    + RegistryFull
    + IdempotencyInFlight
    + NothingToRetry
    + ImageErased
    + ImageKnown
    + PredictionMissing
    + ObjectMissing
    + JobCancelled
    + AccountExists
    + LastAdmin
    + KeyDisabled
    + EvaluationMissing
    + PromotionRefused
    + AliasMoved
    + NothingToRollBack
  x UnavailableError        nobody: try again later
    + ModelLoading
    + ModelUnavailable
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
    + RateExceeded
    + QuotaReached
    + KeySetUnreachable
    + LimiterUnreachable
  x ModelError              the model's owner: the package or its output is wrong
    + PackageUnrecognised
    + PackageInvalid
    + PreprocessorUnsupported
    + GraphRefused
    + GraphFailed
    + OutputInvalid
    + RemoteFailed
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
    + ProductionUnsafe
    + DevelopmentOnly
"""

from __future__ import annotations

from saccade.errors.access import (
    AccessError,
    CredentialInvalid,
    Forbidden,
    HostRefused,
    LoginFailed,
    OriginRefused,
    RegistrationClosed,
    Unauthenticated,
)
from saccade.errors.base import (
    SaccadeError,
)
from saccade.errors.configuration import (
    AddressUnavailable,
    BackendNotInstalled,
    BindRefused,
    ConfigurationError,
    DevelopmentOnly,
    ProductionUnsafe,
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
    RemoteFailed,
    WorkerCrashed,
)
from saccade.errors.request import (
    AccountUnknown,
    AliasUnknown,
    BodyTooLarge,
    BodyTooSlow,
    BodyUnreadable,
    ConditionInvalid,
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
    KeyUnknown,
    MediaTypeUnsupported,
    MethodUnsupported,
    ModelUnknown,
    ObjectUnknown,
    ParameterInvalid,
    RequestError,
    RouteGone,
    RouteUnknown,
    ServiceRefused,
    ServiceUnreachable,
    SourceAmbiguous,
    TaskMismatch,
    TooManyItems,
    TooManyPairs,
    TruthInvalid,
    UrlRefused,
    UrlUnreachable,
)
from saccade.errors.state import (
    AccountExists,
    AliasMoved,
    EvaluationMissing,
    IdempotencyInFlight,
    ImageErased,
    ImageKnown,
    JobCancelled,
    KeyDisabled,
    LastAdmin,
    ModelNotLoaded,
    NameTaken,
    NothingToRetry,
    NothingToRollBack,
    ObjectMissing,
    PackageExists,
    PredictionMissing,
    PromotionRefused,
    RegistryFull,
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
    KeySetUnreachable,
    LimiterUnreachable,
    ModelLoading,
    ModelUnavailable,
    ObjectsFull,
    ObjectsUnreachable,
    QueueFull,
    QuotaReached,
    RateExceeded,
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
    "AccountExists",
    "AccountUnknown",
    "AddressUnavailable",
    "AliasMoved",
    "AliasUnknown",
    "AttemptsExhausted",
    "BackendNotInstalled",
    "BindRefused",
    "BodyTooLarge",
    "BodyTooSlow",
    "BodyUnreadable",
    "ConditionInvalid",
    "ConfigurationError",
    "CredentialInvalid",
    "DatabaseUnreachable",
    "DeadlinePassed",
    "DeliveryUnknown",
    "DevelopmentOnly",
    "EvaluationMissing",
    "Forbidden",
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
    "ImageKnown",
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
    "KeyDisabled",
    "KeySetUnreachable",
    "KeyUnknown",
    "LastAdmin",
    "LimiterUnreachable",
    "LoginFailed",
    "MediaTypeUnsupported",
    "MethodUnsupported",
    "ModelError",
    "ModelFailed",
    "ModelLoading",
    "ModelNotLoaded",
    "ModelUnavailable",
    "ModelUnknown",
    "NameTaken",
    "NothingToRetry",
    "NothingToRollBack",
    "ObjectMissing",
    "ObjectUnknown",
    "ObjectsFull",
    "ObjectsUnreachable",
    "OriginRefused",
    "OutputInvalid",
    "PackageExists",
    "PackageInvalid",
    "PackageUnrecognised",
    "ParameterInvalid",
    "PluginFailed",
    "PredictionMissing",
    "PreprocessorUnsupported",
    "ProductionUnsafe",
    "PromotionRefused",
    "QueueFull",
    "QuotaReached",
    "RateExceeded",
    "RegistrationClosed",
    "RegistryFull",
    "RemoteFailed",
    "RequestError",
    "RouteGone",
    "RouteUnknown",
    "SaccadeError",
    "SchemaBehind",
    "SchemeUnknown",
    "ServerUnreachable",
    "ServiceRefused",
    "ServiceUnreachable",
    "SettingInvalid",
    "SettingUnknown",
    "ShuttingDown",
    "SourceAmbiguous",
    "StateError",
    "TaskMismatch",
    "TooManyItems",
    "TooManyPairs",
    "TruthInvalid",
    "Unauthenticated",
    "UnavailableError",
    "UrlRefused",
    "UrlUnreachable",
    "WorkerCrashed",
]
