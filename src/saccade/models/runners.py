"""What runs one loaded model: a graph with its plan and decoder, or a plug-in. Both speak the same three verbs.

``prepare`` turns a picture into work, ``run`` takes several works of one key at once, ``finish`` turns what came out
into predictions. The batcher stands between the first and the second.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from saccade.errors import PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES, Family
from saccade.models.graph_inputs import GraphInputs
from saccade.models.package import Package
from saccade.models.plugins import checked_entries, plugin_answers
from saccade.models.ports import Plugin, Session
from saccade.models.prediction import Classification, Entry
from saccade.models.prepared import Prepared
from saccade.models.preprocess.plan import Plan
from saccade.models.preprocess.run import carry_out
from saccade.vision.arrays import RgbImage, Tensor

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """One picture on its way into a run: what the runner needs of it, who it may share with, and what it costs."""

    payload: T
    key: Hashable
    cost_px: int


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a caller asks of any model: see ``PredictOptions`` for the meaning."""

    top_k: int = 5
    threshold: float | None = None
    function: str | None = None


class Runner(Protocol[T]):
    """A loaded model without its batcher. Thread-safe."""

    @property
    def runtime(self) -> str:
        """Engine, device and precision: ``onnxruntime/cpu/fp32``."""
        ...

    @property
    def batchable(self) -> bool:
        """Whether several pictures may share a run."""
        ...

    @property
    def keeps_pictures(self) -> bool:
        """Whether work still holds the whole picture."""
        ...

    def prepare(self, image: RgbImage) -> Work[T]:
        """Turn a picture into work."""
        ...

    def run(self, works: Sequence[T]) -> Sequence[object]:
        """Run works of one key; as many results in the same order."""
        ...

    def finish(self, work: T, raw: object, options: RunOptions) -> tuple[Entry, ...]:
        """Turn one result into predictions, best first."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class GraphRunner:
    """A graph with its plan and its family's decoder."""

    def __init__(self, package: Package, session: Session) -> None:
        """Bind a package to its opened graph.

        Raises:
            PackageInvalid: The package has no plan, names no known family, or its graph takes no picture.
        """
        if package.plan is None:
            raise PackageInvalid(f"{package.card.reference} does not say how a picture becomes the graph's input.")
        self._plan: Plan = package.plan
        self._package = package
        self._session = session
        self._family: Family = _family(package)
        self._inputs = GraphInputs.of(session.inputs, package.card.reference)
        self._defaults = DecodeOptions(threshold=package.card.threshold, package=package.decoder)

    @property
    def runtime(self) -> str:
        """What the session says of itself."""
        return self._session.runtime

    @property
    def batchable(self) -> bool:
        """Family and graph must both allow it."""
        return self._family.batchable and self._inputs.batchable

    @property
    def keeps_pictures(self) -> bool:
        """Tensors are all that is left of the picture."""
        return False

    def prepare(self, image: RgbImage) -> Work[Prepared]:
        """Carry out the plan; pictures of equal tensor shape may share a run."""
        prepared = carry_out(self._plan, image)
        height_px, width_px = prepared.pixels.shape[1:]
        return Work(prepared, prepared.pixels.shape, height_px * width_px)

    def run(self, works: Sequence[Prepared]) -> Sequence[Mapping[str, Tensor]]:
        """Stack the tensors, run the graph, and take the batch apart again."""
        outputs = self._session.run(self._inputs.feeds(works))
        if not self._family.batchable:
            return [outputs]
        return [{name: value[index] for name, value in outputs.items()} for index in range(len(works))]

    def finish(self, work: Prepared, raw: object, options: RunOptions) -> tuple[Entry, ...]:
        """Decode one picture's outputs."""
        outputs = raw if isinstance(raw, Mapping) else {}
        asked = replace(self._defaults, top_k=options.top_k)
        if options.threshold is not None:
            asked = replace(asked, threshold=options.threshold)
        if options.function is not None:
            asked = replace(asked, package={**asked.package, "function": options.function})
        labels = self._package.card.labels
        return tuple(self._family.decode(outputs, geometry=work.geometry, labels=labels, options=asked))

    def close(self) -> None:
        """Close the session."""
        self._session.close()


class PluginRunner:
    """A Python plug-in: it does its own preparing and decoding."""

    def __init__(self, package: Package, plugin: Plugin) -> None:
        """Bind a package to its loaded plug-in."""
        self._package = package
        self._plugin = plugin

    @property
    def runtime(self) -> str:
        """Plug-ins run as Python."""
        return "python/cpu"

    @property
    def batchable(self) -> bool:
        """``predict`` takes a list."""
        return True

    @property
    def keeps_pictures(self) -> bool:
        """``predict`` takes the picture itself."""
        return True

    def prepare(self, image: RgbImage) -> Work[RgbImage]:
        """Hand the picture on as it is; any pictures may share a call."""
        return Work(image, "plugin", image.shape[0] * image.shape[1])

    def run(self, works: Sequence[RgbImage]) -> Sequence[object]:
        """Ask the plug-in.

        Raises:
            PluginFailed: It raised, or answered another number of pictures.
        """
        return plugin_answers(self._plugin, works, self._package.card.reference)

    def finish(self, work: RgbImage, raw: object, options: RunOptions) -> tuple[Entry, ...]:
        """Check what the plug-in said and keep what was asked for.

        Raises:
            PluginFailed: The answer is no list of predictions.
        """
        height_px, width_px = work.shape[:2]
        entries = checked_entries(raw, self._package.card, width_px=width_px, height_px=height_px)
        threshold = options.threshold if options.threshold is not None else self._package.card.threshold
        kept = [entry for entry in entries if threshold is None or entry.score >= threshold]
        kept.sort(key=lambda entry: -entry.score)
        limit = options.top_k if kept and isinstance(kept[0], Classification) else None
        return tuple(kept[:limit])

    def close(self) -> None:
        """Call the plug-in's own ``close`` if it has one."""
        close = getattr(self._plugin, "close", None)
        if callable(close):
            close()


def blank_image(*, width_px: int = 64, height_px: int = 64) -> RgbImage:
    """Return a mid-grey picture, for warming up.

    Returns:
        (height, width, 3) uint8, all 128.
    """
    return np.full((height_px, width_px, 3), 128, np.uint8)


def _family(package: Package) -> Family:
    """Look the package's family up."""
    family = FAMILIES.get(package.card.family)
    if family is None:
        known = ", ".join(sorted(FAMILIES))
        raise PackageInvalid(
            f"{package.card.reference} is of the family {package.card.family!r}, which is unknown.",
            hint=f"Known families: {known}.",
        )
    return family
