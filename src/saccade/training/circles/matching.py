"""Comparing what was found with what is there: greedy matching, totals, and how far scores can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from saccade.models.decoders.peaks import Peaks
from saccade.training.circles.stage import Labels
from saccade.vision.boxes import containment, iou

MATCH_IOU = 0.5
IGNORE_IOU = 0.3
IGNORE_CONTAINMENT = 0.6
RELIABILITY_BINS = 10


@dataclass(slots=True)
class Tally:
    """What was found in some pictures, each find with its score and whether it is right, and how much was there.

    Attributes:
        scores: Of each find that counts, 0..1.
        hits: 1 where the find is right, else 0, in the same order.
        overlaps: IoU of each right find with the thing, 0 for wrong ones.
        centre_errors: Distance of each right find's centre from the true one by the diameter; NaN where unknown.
        radius_errors: Its radius by the true one, less 1; NaN where unknown.
        things: How many things there are.
        pictures: How many pictures.
    """

    scores: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    centre_errors: list[float] = field(default_factory=list)
    radius_errors: list[float] = field(default_factory=list)
    things: int = 0
    pictures: int = 0

    def add(self, found: Peaks, labels: Labels) -> None:
        """Count one picture; finds are best first, labels as in LABEL_COLUMNS, both in px of the picture."""
        counted, ignored = labels[labels[:, 7] == 1], labels[labels[:, 7] == 0]
        self.things += len(counted)
        self.pictures += 1
        overlap = iou(found.boxes, counted[:, :4])
        excused = is_excused(found.boxes, ignored[:, :4])
        for row in range(len(found.scores)):
            best = int(overlap[row].argmax()) if len(counted) else -1
            if best >= 0 and overlap[row, best] >= MATCH_IOU:
                self._hit(found, row, counted[best], float(overlap[row, best]))
                overlap[:, best] = -1
            elif not excused[row]:
                self._note(float(found.scores[row]), 0, 0.0, math.nan, math.nan)

    def _hit(self, found: Peaks, row: int, label: NDArray[np.float32], overlap: float) -> None:
        circle, radius = found.circles[row], float(label[6])
        distance = math.hypot(float(circle[0] - label[4]), float(circle[1] - label[5])) / (2 * radius)
        self._note(float(found.scores[row]), 1, overlap, distance, float(circle[2]) / radius - 1)

    def _note(self, score: float, hit: int, overlap: float, centre_error: float, radius_error: float) -> None:
        self.scores.append(score)
        self.hits.append(hit)
        self.overlaps.append(overlap)
        self.centre_errors.append(centre_error)
        self.radius_errors.append(radius_error)

    def report(self, threshold: float) -> Report:
        """Return the figures of what is returned at a threshold."""
        scores, hits = np.array(self.scores, np.float64), np.array(self.hits, np.bool_)
        kept = scores >= threshold
        right = kept & hits
        found, correct = int(kept.sum()), int(right.sum())
        precision, recall = correct / max(found, 1), correct / max(self.things, 1)
        return Report(
            pictures=self.pictures,
            things=self.things,
            found=found,
            correct=correct,
            precision=precision,
            recall=recall,
            f1=2 * correct / max(found + self.things, 1),
            mean_iou=_mean(np.array(self.overlaps)[right]),
            false_per_picture=(found - correct) / max(self.pictures, 1),
            ece=calibration_error(scores, hits),
            ece_returned=calibration_error(scores[kept], hits[kept]),
            centre_error=_median(np.array(self.centre_errors)[right]),
            radius_error=_median(np.abs(np.array(self.radius_errors)[right])),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a set at a threshold; shares are 0..1, errors are medians (centre by diameter, radius by radius)."""

    pictures: int
    things: int
    found: int
    correct: int
    precision: float
    recall: float
    f1: float
    mean_iou: float
    false_per_picture: float
    ece: float
    ece_returned: float
    centre_error: float
    radius_error: float


def is_excused(boxes: NDArray[np.float32], ignored: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (K,) bool: whether a find may stand because something that does not count lies there."""
    if not len(ignored):
        return np.zeros(len(boxes), np.bool_)
    near = iou(boxes, ignored) >= IGNORE_IOU
    inside = containment(boxes, ignored) >= IGNORE_CONTAINMENT
    # A large find is not excused by a speck inside it.
    sizes = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    specks = (ignored[:, 2] - ignored[:, 0]) * (ignored[:, 3] - ignored[:, 1])
    alike = sizes[:, None] < 3 * specks[None, :]
    return np.asarray((near | (inside & alike)).any(1), np.bool_)


def calibration_error(scores: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: how far scores are from the share of right finds, over ten equal bins.

    Source:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    if not len(scores):
        return 0.0
    bins = np.minimum((scores * RELIABILITY_BINS).astype(np.intp), RELIABILITY_BINS - 1)
    error = 0.0
    for index in range(RELIABILITY_BINS):
        inside = bins == index
        if inside.any():
            error += float(inside.mean()) * abs(float(hits[inside].mean()) - float(scores[inside].mean()))
    return error


def reliability(tally: Tally) -> list[tuple[float, float, int]]:
    """Return mean score, share of right finds and count of each of ten bins that holds anything."""
    scores, hits = np.array(tally.scores), np.array(tally.hits)
    bins = np.minimum((scores * RELIABILITY_BINS).astype(np.intp), RELIABILITY_BINS - 1)
    return [
        (float(scores[bins == index].mean()), float(hits[bins == index].mean()), int((bins == index).sum()))
        for index in range(RELIABILITY_BINS)
        if (bins == index).any()
    ]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan
