"""A package as read from disk: everything needed to serve a model, in our own words, whatever layout it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from saccade.models.plain import Plain
from saccade.models.prediction import Task
from saccade.models.preprocess.plan import Plan
from saccade.models.tokens import TextPlan

__all__ = ["FileDigest", "ModelCard", "Package", "Plain", "Reference"]


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a package, by its path inside the folder."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoteSpec:
    """Where a model runs that is asked over HTTP, and how.

    Attributes:
        url: Of the server; paths of the protocol are put behind it.
        protocol: ``v2`` (Open Inference Protocol), ``v1`` (KServe) or ``microservice`` (``/status`` and ``/predict``).
        model: Its name there; the protocol ``microservice`` has none.
        timeout_s: For one try.
        retries: Further tries, where the first one surely was not answered.
        name: What it is called here; without it, as there.
        is_limited: Whether it may be only where the operator lets models be that registered themselves.
    """

    url: str
    protocol: str
    model: str
    timeout_s: float
    retries: int
    name: str = ""
    is_limited: bool = False

    @property
    def shown(self) -> str:
        """The name that people here know it by."""
        return self.name or self.model


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture shipped with the package and what the model must say of it."""

    image: Path
    predictions: tuple[Mapping[str, Plain], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What people and clients see of a model."""

    name: str
    version: str
    task: Task
    family: str
    engine: str
    labels: tuple[str, ...]
    layout: str
    description: str = ""
    license: str | None = None
    tags: tuple[str, ...] = ()
    threshold: float | None = None
    source: str | None = None
    parameters: int | None = None
    size_bytes: int = 0
    digest: str = ""
    files: tuple[FileDigest, ...] = ()

    @property
    def reference(self) -> str:
        """The name by which one version is meant: ``circles@1``."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A model package, read and checked, not yet loaded.

    Attributes:
        card: What is shown of it.
        folder: Where its files lie.
        graph: The ONNX file, for graph engines.
        entry: ``module:Class``, for the ``python`` engine.
        plan: How a picture becomes tensors.
        decoder: The options of the family's decoder, as written in the package.
        references: Pictures with known answers, checked at load.
        text: How labels become tokens, for a model that is told what to look for.
        remote: Where it runs, for the ``remote`` engine.
    """

    card: ModelCard
    folder: Path
    graph: Path | None = None
    entry: str | None = None
    plan: Plan | None = None
    decoder: Mapping[str, Plain] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    text: TextPlan | None = None
    remote: RemoteSpec | None = None
