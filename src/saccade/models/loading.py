"""From a package to a model in service: open it, warm it up, and hold it against its own reference answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from saccade.errors import ModelUnavailable, OutputInvalid, RemoteFailed
from saccade.models.batching import BatchLimits
from saccade.models.package import Package, Plain, Reference, RemoteSpec
from saccade.models.ports import Engine, Plugin, Remote
from saccade.models.prediction import Detection, Entry
from saccade.models.remote import RemoteRunner
from saccade.models.runners import GraphRunner, PluginRunner, Runner, RunOptions, blank_image
from saccade.models.served import ServedModel
from saccade.models.tokens import LabelTokenizer
from saccade.vision.arrays import RgbImage

#: How far an answer may lie from its reference: other processors round differently in the last bits.
_SCORE_TOLERANCE = 2e-3
_BOX_TOLERANCE_PX = 0.5


@dataclass(frozen=True, slots=True)
class Loader:
    """Builds served models; what differs between places is handed in.

    Attributes:
        open_engine: Returns the engine of a name.
        open_plugin: Imports and loads a plug-in: entry, folder.
        open_remote: Returns what asks a model that runs elsewhere; the model need not be there yet.
        read_image: Decodes a reference picture.
        limits: Of every model's batcher.
        on_batch: Told model and size of each batch.
        on_queue: Told model and length of the line.
    """

    open_engine: Callable[[str], Engine]
    open_plugin: Callable[[str, Path], Plugin]
    open_remote: Callable[[RemoteSpec], Remote]
    read_image: Callable[[Path], RgbImage]
    limits: BatchLimits
    on_batch: Callable[[str, int], None]
    on_queue: Callable[[str, int], None]

    def build(self, package: Package, *, is_trial: bool = False) -> ServedModel:
        """Open a package, run a blank picture through it, and check its references.

        A model that registered itself was looked at then, and is not shown anything. One that runs elsewhere may be
        away, or fail as long as its server is not well: it comes back by itself, or says at each request what is wrong.

        Args:
            package: What is to be served.
            is_trial: Whether what is wrong with a server elsewhere is wanted to be known.

        Raises:
            ModelError: It cannot be opened or run, or does not answer its references as it says.
        """
        reference = package.card.reference
        served = ServedModel(
            package,
            self._runner(package),
            self.limits,
            on_batch=lambda items: self.on_batch(reference, items),
            on_queue=lambda items: self.on_queue(reference, items),
        )
        if package.remote is not None and package.remote.is_limited:
            return served
        try:
            served.predict(blank_image(), RunOptions(candidate_labels=_first_words(package)))
            for known in package.references:
                self._check(served, known)
        except ModelUnavailable:
            return served
        except RemoteFailed:
            if not is_trial:
                return served
            served.retire()
            raise
        except BaseException:
            served.retire()
            raise
        return served

    def _runner(self, package: Package) -> Runner[object]:
        """Open what runs the package."""
        if package.entry is not None:
            return cast("Runner[object]", PluginRunner(package, self.open_plugin(package.entry, package.folder)))
        if package.remote is not None:
            return cast("Runner[object]", RemoteRunner(package, package.remote, self.open_remote(package.remote)))
        if package.graph is None:
            raise OutputInvalid(f"{package.card.reference} has neither a graph nor a plug-in.")
        tokenize = None if package.text is None else LabelTokenizer(package.text)
        session = self.open_engine(package.card.engine).open(package.graph)
        return cast("Runner[object]", GraphRunner(package, session, tokenize))

    def _check(self, served: ServedModel, known: Reference) -> None:
        """Hold one answer against what the package says it must be."""
        answer = served.predict(self.read_image(known.image), RunOptions(top_k=100)).predictions
        problem = difference(answer, known.predictions)
        if problem is not None:
            raise OutputInvalid(f"{served.card.reference} does not answer its reference {known.image.name}: {problem}.")


def _first_words(package: Package) -> tuple[str, ...]:
    """Return what to look for in the blank picture, where the package itself looks for nothing."""
    return ("object",) if package.text is not None and not package.card.labels else ()


def difference(answer: tuple[Entry, ...], expected: tuple[Mapping[str, Plain], ...]) -> str | None:
    """Tell the first way in which an answer differs from its reference, or None.

    Detections must be as many as expected; of a classifier's labels, the first ones are compared.
    """
    detections = any(isinstance(entry, Detection) for entry in answer) or any("box" in item for item in expected)
    if len(answer) < len(expected) or (detections and len(answer) != len(expected)):
        return f"{len(answer)} predictions instead of {len(expected)}"
    for position, (entry, item) in enumerate(zip(answer, expected, strict=False)):
        problem = _entry_difference(entry, item)
        if problem is not None:
            return f"prediction {position}: {problem}"
    return None


def _entry_difference(entry: Entry, item: Mapping[str, Plain]) -> str | None:
    """Compare one prediction."""
    if entry.label != item["label"]:
        return f"label {entry.label!r} instead of {item['label']!r}"
    if abs(entry.score - _number(item["score"])) > _SCORE_TOLERANCE:
        return f"score {entry.score:.5f} instead of {item['score']}"
    box = item.get("box")
    if isinstance(entry, Detection) and isinstance(box, dict):
        corners = (entry.box.x_min, entry.box.y_min, entry.box.x_max, entry.box.y_max)
        wanted = [_number(box[key]) for key in ("xmin", "ymin", "xmax", "ymax")]
        if any(abs(found - asked) > _BOX_TOLERANCE_PX for found, asked in zip(corners, wanted, strict=True)):
            return f"box {[round(corner, 2) for corner in corners]} instead of {wanted}"
    return None


def _number(value: Plain) -> float:
    """Read a number out of YAML."""
    return float(value) if isinstance(value, int | float | str) else float("nan")
