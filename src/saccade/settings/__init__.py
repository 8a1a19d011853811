"""Every setting once: its name with its unit, its default, and why it is what it is.

A setting is read from the environment (``SACCADE_…``), else from a ``.env`` file in the working folder, else it keeps
its default; the command line stands over all. Settings are read once, by ``load``, and handed on; an unknown
``SACCADE_`` variable is an error, for it is a misspelt one.
"""

from saccade.settings.access import (
    AccessMode,
    AccessSettings,
    ClientSettings,
    GivenRole,
    JwtSettings,
    OnFailure,
    QuotaSettings,
    RateSettings,
    Registration,
    UsageSettings,
)
from saccade.settings.faces import Root
from saccade.settings.loading import DOTENV, PREFIX, SECTIONS, Settings, Variable, load, variables
from saccade.settings.sections import (
    BatchSettings,
    CacheSettings,
    DatabaseSettings,
    EngineSettings,
    Environment,
    FetchSettings,
    GrpcSettings,
    HintsSettings,
    ImageSettings,
    JobsSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    ObjectsSettings,
    PlaceSettings,
    Preload,
    Section,
    ServerSettings,
    WebhookSettings,
    WorkerSettings,
)

__all__ = [
    "DOTENV",
    "PREFIX",
    "SECTIONS",
    "AccessMode",
    "AccessSettings",
    "BatchSettings",
    "CacheSettings",
    "ClientSettings",
    "DatabaseSettings",
    "EngineSettings",
    "Environment",
    "FetchSettings",
    "GivenRole",
    "GrpcSettings",
    "HintsSettings",
    "ImageSettings",
    "JobsSettings",
    "JwtSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "ObjectsSettings",
    "OnFailure",
    "PlaceSettings",
    "Preload",
    "QuotaSettings",
    "RateSettings",
    "Registration",
    "Root",
    "Section",
    "ServerSettings",
    "Settings",
    "UsageSettings",
    "Variable",
    "WebhookSettings",
    "WorkerSettings",
    "load",
    "variables",
]
