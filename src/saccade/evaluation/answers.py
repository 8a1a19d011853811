"""What is asked of a model for an evaluation, and how what it gives becomes what is served and what is ranked.

Counting figures need what a client gets at the operating threshold; AP and curves need everything down to the lowest
score. Where the first is the part of the second that reaches the threshold, one run tells both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

import numpy as np

from saccade.evaluation.seen import Seen
from saccade.models.prediction import Box, Classification, Detection, Entry, Point, Task
from saccade.predictions.answer import PredictOptions
from saccade.predictions.render import Json

#: Not 0: graphs fill up what they give with rows of score 0, which are no finds and whose class ids mean nothing.
LOWEST_SCORE = 1e-6
#: As many labels as may be asked of a classifier.
_ALL_LABELS = 100
_PLUGIN = "python"
#: Families that only cut: every query, cell or finished box stands for itself, and a higher threshold gives exactly the
#: first entries of what a lower one gives, at the same price. (The DETR family's ``max_detections`` keeps the best of
#: those that are strong enough, which are the best of all.)
#: ``yolo`` and ``peaks`` suppress best first, so that by their answers they belong here too. They are left out for the
#: time that takes: at the lowest score they hold thousands of finds against each other (``peaks`` spends 28 ms in place
#: of 0.6 ms), which no client ever waits for, and the figures of time would tell of that. A family that is not named,
#: such as one of a server newer than this program, is run twice too.
_CUTTING = frozenset(
    {
        "transformers",
        "detr",
        "rt-detr",
        "rt-detr-original",
        "rf-detr",
        "yolo-end2end",
        "torchvision-detection",
        "nms-in-graph",
    }
)

Document: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Asking:
    """How one model is asked.

    Attributes:
        task: What it does.
        labels: Of its card, by class id; may be empty.
        threshold: The operating one; None is the model's own, which its card does not tell.
        family: Of its card.
    """

    task: Task
    labels: tuple[str, ...]
    threshold: float | None
    family: str

    @property
    def questions(self) -> tuple[PredictOptions, ...]:
        """What each picture is asked with: once with the lowest threshold, or first as clients ask and then so."""
        lowest = PredictOptions(top_k=_ALL_LABELS, threshold=LOWEST_SCORE)
        if self.is_split:
            return (lowest,)
        operating = PredictOptions(top_k=_ALL_LABELS, threshold=self.threshold)
        # A classifier that tells no threshold has none: all it says is served, and ranked.
        return (operating,) if self.task is Task.IMAGE_CLASSIFICATION else (operating, lowest)

    @property
    def is_split(self) -> bool:
        """Whether one run tells both; a plug-in is never shown the threshold, so that it can only be cut."""
        return self.threshold is not None and (self.family in _CUTTING or self.family == _PLUGIN)

    def seen(self, name: str, answers: Sequence[Document]) -> Seen:
        """Return what the answers to the questions say of a picture.

        Args:
            name: Of the picture.
            answers: One for each question, as clients see them.
        """
        told = [tuple(entry_of(entry, self.labels) for entry in _entries(answer)) for answer in answers]
        served, ranked = (self._reaching(told[0]) if self.is_split else told[0]), told[-1]
        image = cast("Mapping[str, int]", answers[0]["image"])
        # What a server remembered took no time; to count that as the model's would flatter it.
        is_remembered = bool(answers[0].get("cached"))
        return Seen(
            name=name,
            width_px=image["width_px"],
            height_px=image["height_px"],
            served=served,
            ranked=ranked,
            stages_ms={} if is_remembered else dict(cast("Mapping[str, float]", answers[0]["timing_ms"])),
        )

    def _reaching(self, ranked: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Return the entries whose score reaches the threshold, by the comparison that the model's engine makes."""
        if self.family == _PLUGIN:
            return tuple(entry for entry in ranked if entry.score >= (self.threshold or 0.0))
        # Decoders compare as float32, where 0.55 is a little more than 0.55: a score of just that must stay.
        threshold = np.float32(self.threshold or 0.0)
        return tuple(entry for entry in ranked if np.float32(entry.score) >= threshold)


def entry_of(document: Document, labels: Sequence[str]) -> Entry:
    """Return one prediction as clients see it as a value.

    Args:
        document: With ``label``, ``score``, and ``box``, ``centroid`` and ``radius_px`` or ``class_id``.
        labels: By class id; answers of detectors do not tell the id, so it is that of the label, else 0.
    """
    label, score = str(document["label"]), float(cast("float", document["score"]))
    class_id = int(cast("int", document.get("class_id", labels.index(label) if label in labels else 0)))
    if "box" not in document:
        return Classification(label=label, score=score, class_id=class_id)
    sides = cast("Mapping[str, float]", document["box"])
    centroid = cast("Mapping[str, float]", document["centroid"])
    return Detection(
        label=label,
        score=score,
        class_id=class_id,
        box=Box(sides["xmin"], sides["ymin"], sides["xmax"], sides["ymax"]),
        centroid=Point(centroid["x"], centroid["y"]),
        radius_px=float(cast("float", document["radius_px"])),
    )


def renamed(seen: Seen, names: Mapping[str, str]) -> Seen:
    """Return what was seen with the model's labels called as the truth calls them."""
    if not names:
        return seen

    def called(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(replace(entry, label=names.get(entry.label, entry.label)) for entry in entries)

    return replace(seen, served=called(seen.served), ranked=called(seen.ranked))


def _entries(answer: Document) -> Sequence[Document]:
    return cast("Sequence[Document]", answer["predictions"])
