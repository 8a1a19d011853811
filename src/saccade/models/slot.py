"""What the registry knows of one version of a model."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from saccade.models.catalog import Found
from saccade.models.package import Package
from saccade.models.served import ServedModel
from saccade.models.status import ModelState


@dataclass(eq=False, slots=True)
class Slot:
    """One version: what was found, what is in service, and where its load stands."""

    found: Found
    state: ModelState = ModelState.AVAILABLE
    served: ServedModel | None = None
    detail: str | None = None
    loaded_at: datetime | None = None
    is_loading: bool = False
    loading: Future[None] = field(default_factory=Future)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the model runs on another server."""
        return self.found.package is not None and self.found.package.remote is not None

    @property
    def package(self) -> Package | None:
        """What answers, else what lies there."""
        return self.served.package if self.served is not None else self.found.package
