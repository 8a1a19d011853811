"""Where models stand, as the registry tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from saccade.models.package import ModelCard


class ModelState(StrEnum):
    """Where a model stands."""

    AVAILABLE = "available"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    UNLOADED = "unloaded"
    AWAY = "away"
    """In service, but it runs elsewhere and does not answer."""


@dataclass(frozen=True, slots=True)
class Registered:
    """When a model registered itself: for the first time, and for the last."""

    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One version of one model.

    Attributes:
        card: What is shown of it; None if its package cannot be read.
        reference: ``name@version``.
        state: Where it stands.
        default: Whether the bare name means this version.
        aliases: That mean this version.
        detail: What it last failed with, in words; None if nothing did.
        loaded_at: When it was loaded.
        runtime: Engine, device, precision while it is loaded.
        registered: When it registered itself, if it did.
    """

    card: ModelCard | None
    reference: str
    state: ModelState
    default: bool
    detail: str | None
    loaded_at: datetime | None
    runtime: str | None
    aliases: tuple[str, ...] = ()
    registered: Registered | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it registered itself and does not answer: it is left out where those are listed that can be asked."""
        return self.registered is not None and self.state is not ModelState.READY


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the server can answer, and what it is still waiting for."""

    ready: bool
    loading: tuple[str, ...]
    failed: tuple[str, ...]
