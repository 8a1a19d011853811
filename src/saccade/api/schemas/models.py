"""Models as the API shows them."""

from __future__ import annotations

from datetime import datetime

from saccade.api.schemas.shape import Shape


class ModelFile(Shape):
    """One file of a package."""

    path: str
    size_bytes: int
    sha256: str


class ModelState(Shape):
    """Where a version of a model stands."""

    name: str
    version: str
    model: str
    """``name@version``."""

    default: bool
    """Whether the bare name means this version."""

    aliases: tuple[str, ...] = ()
    """That mean this version: ``prod``, ``candidate``."""

    state: str
    """available, loading, ready, failed or unloaded."""

    ready: bool
    """Whether it is loaded and in service."""

    detail: str | None
    """What it last failed with."""

    loaded_at: datetime | None
    runtime: str | None
    """Engine, device and precision while it is loaded."""


class Model(ModelState):
    """A version of a model; one whose package cannot be read lacks everything after its state."""

    task: str = ""
    """What it does, by Hugging Face's name."""

    family: str = ""
    engine: str = ""
    layout: str = ""
    """Layout in which the package came."""

    labels: tuple[str, ...] = ()
    threshold: float | None = None
    """Lowest score that is returned unless the request says otherwise."""

    description: str = ""
    license: str | None = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    """Where it was taken from, with its revision."""

    parameters: int | None = None
    """Number of weights."""

    size_bytes: int = 0
    digest: str = ""
    files: tuple[ModelFile, ...] = ()


class ModelList(Shape):
    """All models."""

    items: list[Model]
    """Every version, by name, newest first."""

    models: list[str]
    """The bare names, as KServe's v1 clients expect them."""
