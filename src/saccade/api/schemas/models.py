"""Models as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from saccade.api.schemas.shape import Request, Shape
from saccade.models.manifest import URL_PATTERN
from saccade.models.names import NAME_PATTERN, VERSION_PATTERN

#: Text of one line: neither what acts on a terminal or a log, nor what no database takes.
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
#: Text of several lines.
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"


class NewModel(Request):
    """A model that runs elsewhere, as its service tells of it."""

    name: str = Field(pattern=f"^{NAME_PATTERN}$")
    url: str = Field(min_length=1, max_length=2000, pattern=URL_PATTERN)
    """Of the service, without the protocol's paths."""

    task: Literal["image-classification", "object-detection"]
    version: str = Field("1", pattern=f"^{VERSION_PATTERN}$")
    """Another version is another model: say another one when the weights change."""

    protocol: Literal["v2", "v1", "microservice"] = "v2"
    """``v2`` (Open Inference Protocol), ``v1`` (KServe), or ``microservice`` (``/status`` and ``/predict``)."""

    model: str | None = Field(None, min_length=1, max_length=200, pattern=_LINE)
    """Its name there; without it, its name here."""

    labels: list[Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]] = Field([], max_length=10_000)
    """Without them, a classifier is shown a blank picture, and its labels are taken from the answer."""

    description: str = Field("", max_length=1000, pattern=_TEXT)
    license: str | None = Field(None, max_length=100, pattern=_LINE)
    threshold: float | None = Field(None, ge=0, le=1)
    timeout_s: float = Field(30.0, gt=0, le=60)
    """Longest time of one try."""

    retries: int = Field(2, ge=0, le=5)
    """Further tries where nothing answered the first one."""


class ModelFile(Shape):
    """One file of a package."""

    path: str
    size_bytes: int
    sha256: str


class RegisteredAt(Shape):
    """When a model registered itself."""

    first_at: datetime
    last_at: datetime


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
    """available, loading, ready, failed or unloaded; away where it runs elsewhere and does not answer."""

    ready: bool
    """Whether it is loaded and in service."""

    detail: str | None
    """What it last failed with."""

    loaded_at: datetime | None
    runtime: str | None
    """Engine, device and precision while it is loaded."""

    registered: RegisteredAt | None = None
    """Where the model runs elsewhere and registered itself."""


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
