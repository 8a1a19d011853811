"""What runs one loaded model: a graph with its plan and decoder, or a plug-in. Both speak the same three verbs.

``prepare`` turns a picture into work, ``run`` takes several works of one key at once, ``finish`` turns what came out
into predictions. The batcher stands between the first and the second.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from saccade.errors import OutputInvalid, PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES, Family
from saccade.models.graph_inputs import GraphInputs
from saccade.models.package import ModelCard, Package
from saccade.models.plugins import checked_entries, plugin_answers
from saccade.models.ports import Plugin, Session
from saccade.models.prediction import Classification, Entry
from saccade.models.prepared import Prepared
from saccade.models.preprocess.plan import Plan
from saccade.models.preprocess.run import carry_out
from saccade.models.tokens import LabelTokenizer
from saccade.vision.arrays import RgbImage, Tensor

T = TypeVar("T")

#: What a label adds to the cost of a run: its 16 tokens are about a fiftieth of a picture of 768 x 768 px.
_LABEL_COST_PX = 12_000


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
    candidate_labels: tuple[str, ...] = ()


class Runner(Protocol[T]):
    """A loaded model without its batcher. Thread-safe."""

    @property
    def runtime(self) -> str:
        """Engine, device and precision: ``onnxruntime/cpu/fp32``."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it cannot answer at this moment; None if it can, or if only trying tells."""
        ...

    @property
    def batchable(self) -> bool:
        """Whether several pictures may share a run."""
        ...

    @property
    def keeps_pictures(self) -> bool:
        """Whether work still holds the whole picture."""
        ...

    def prepare(self, image: RgbImage, candidate_labels: tuple[str, ...] = ()) -> Work[T]:
        """Turn a picture, and the words to look for in it, into work."""
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

    def __init__(self, package: Package, session: Session, tokenize: LabelTokenizer | None = None) -> None:
        """Bind a package to its opened graph and, where it is told what to look for, to its tokenizer.

        Raises:
            PackageInvalid: The package has no plan, names no known family, or its graph takes no picture.
        """
        if package.plan is None:
            raise PackageInvalid(f"{package.card.reference} does not say how a picture becomes the graph's input.")
        self._plan: Plan = package.plan
        self._package = package
        self._session = session
        self._tokenize = tokenize
        self._family: Family = _family(package)
        self._inputs = GraphInputs.of(session.inputs, package.card.reference)
        self._defaults = DecodeOptions(threshold=package.card.threshold, package=package.decoder)

    @property
    def runtime(self) -> str:
        """What the session says of itself."""
        return self._session.runtime

    @property
    def problem(self) -> None:
        """What is loaded answers."""
        return

    @property
    def batchable(self) -> bool:
        """Family and graph must both allow it."""
        return self._family.batchable and self._inputs.batchable

    @property
    def keeps_pictures(self) -> bool:
        """Tensors are all that is left of the picture."""
        return False

    def prepare(self, image: RgbImage, candidate_labels: tuple[str, ...] = ()) -> Work[Prepared]:
        """Carry out the plan; pictures of equal tensor shape in which the same is looked for may share a run."""
        prepared = carry_out(self._plan, image)
        height_px, width_px = prepared.pixels.shape[1:]
        shape, cost_px = prepared.pixels.shape, height_px * width_px
        if self._tokenize is None:
            return Work(prepared, shape, cost_px)
        labels = candidate_labels or self._package.card.labels
        told = replace(prepared, words=self._tokenize(labels))
        return Work(told, (shape, labels), cost_px + len(labels) * _LABEL_COST_PX)

    def run(self, works: Sequence[Prepared]) -> Sequence[Mapping[str, Tensor]]:
        """Stack the tensors, run the graph, and take the batch apart again."""
        outputs = self._session.run(self._inputs.feeds(works))
        if not self._family.batchable:
            return [outputs]
        _require_shared_words(outputs, works)
        return [{name: value[index] for name, value in outputs.items()} for index in range(len(works))]

    def finish(self, work: Prepared, raw: object, options: RunOptions) -> tuple[Entry, ...]:
        """Decode one picture's outputs."""
        outputs = raw if isinstance(raw, Mapping) else {}
        asked = replace(self._defaults, top_k=options.top_k)
        if options.threshold is not None:
            asked = replace(asked, threshold=options.threshold)
        if options.function is not None:
            asked = replace(asked, package={**asked.package, "function": options.function})
        labels = self._package.card.labels if work.words is None else work.words.labels
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
    def problem(self) -> str | None:
        """What is loaded answers."""
        return None

    @property
    def batchable(self) -> bool:
        """``predict`` takes a list."""
        return True

    @property
    def keeps_pictures(self) -> bool:
        """``predict`` takes the picture itself."""
        return True

    def prepare(self, image: RgbImage, candidate_labels: tuple[str, ...] = ()) -> Work[RgbImage]:  # noqa: ARG002
        """Hand the picture on as it is; any pictures may share a call. No plug-in is told what to look for."""
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
        return wanted_entries(raw, self._package.card, work, options)

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


def _require_shared_words(outputs: Mapping[str, Tensor], works: Sequence[Prepared]) -> None:
    """Refuse a batch whose pictures got each other's words: then its halves are run, at last each picture alone.

    Raises:
        OutputInvalid: The graph does not share words out among pictures.
    """
    words, logits = works[0].words, outputs.get("logits")
    if words is not None and logits is not None and logits.shape[::2] != (len(works), len(words.labels)):
        raise OutputInvalid(
            f"The graph gave logits {list(logits.shape)} for {len(works)} pictures and {len(words.labels)} labels."
        )


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


def wanted_entries(raw: object, card: ModelCard, image: RgbImage, options: RunOptions) -> tuple[Entry, ...]:
    """Check what somebody else's code said of a picture, and keep what was asked for, best first.

    Raises:
        PluginFailed: The answer is no list of predictions.
    """
    height_px, width_px = image.shape[:2]
    entries = checked_entries(raw, card, width_px=width_px, height_px=height_px)
    threshold = options.threshold if options.threshold is not None else card.threshold
    kept = [entry for entry in entries if threshold is None or entry.score >= threshold]
    kept.sort(key=lambda entry: -entry.score)
    limit = options.top_k if kept and isinstance(kept[0], Classification) else None
    return tuple(kept[:limit])
