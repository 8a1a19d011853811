"""AP of pictures drawn again and again, without matching anything again.

A find is right or wrong within its picture, whatever other pictures are drawn. So finds are matched and sorted once,
and each draw only adds them up anew, each as often as its picture was drawn. Where scores are equal, the copies of a
find stand next to each other. With each picture drawn once, this is COCO's AP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.evaluation.coco import AT_50, AT_75, IOUS
from saccade.evaluation.columns import Finds, Floats, Integers, Truths
from saccade.evaluation.matching import Matched

_RECALLS = np.linspace(0, 1, 101)
#: Numbers held at a time, in each of a few arrays: 8 MB.
_BLOCK = 1_000_000


@dataclass(frozen=True, slots=True)
class _Step:
    """One label at one overlap.

    Attributes:
        right: (P,) places of right finds in the order of scores.
        ignored: (I,) places of finds on crowds.
        ignored_before: (P,) how many of these stand before each right one.
    """

    right: Integers
    ignored: Integers
    ignored_before: Integers


@dataclass(frozen=True, slots=True)
class _Label:
    """One label.

    Attributes:
        truths: (N,) objects of each picture, without crowds.
        images: (D,) picture of each find in the order of scores, as far as the last right one.
        steps: One for each of COCO's overlaps.
    """

    truths: Floats
    images: Integers
    steps: tuple[_Step, ...]


class ResampledAp:
    """AP, AP50 and AP75 of draws of pictures."""

    def __init__(self, truths: Truths, finds: Finds, matched: Matched, *, images: int, labels: int) -> None:
        """Sort what was found.

        Args:
            truths: All of them.
            finds: Of all scores, at most as many of each picture and label as COCO looks at.
            matched: What became of them, at COCO's overlaps.
            images: How many pictures there are.
            labels: How many labels the truth knows.
        """
        shown = np.unique(truths.labels[~truths.is_crowd])
        self._labels = [
            _label(truths, finds, matched, int(label), images) for label in shown.tolist() if label < labels
        ]

    def __call__(self, times: Floats) -> Floats:
        """Return AP, AP50 and AP75, (R, 3) float64, NaN where no object is in any of the pictures.

        Args:
            times: (R, N) float64, how often each picture was drawn.
        """
        sums, shown = np.zeros((len(times), len(IOUS))), np.zeros(len(times))
        for label in self._labels:
            truths = times @ label.truths
            shown += truths > 0
            step = max(1, _BLOCK // max(1, len(label.images), len(_RECALLS)))
            for begin in range(0, len(times), step):
                rows = slice(begin, begin + step)
                sums[rows] += _areas(label, times[rows], truths[rows])
        with np.errstate(invalid="ignore"):
            means = sums / shown[:, None]
        return np.stack([means.mean(axis=1), means[:, AT_50], means[:, AT_75]], axis=1)


def _label(truths: Truths, finds: Finds, matched: Matched, label: int, images: int) -> _Label:
    order = finds.by_score(np.flatnonzero(finds.labels == label))
    is_right, is_ignored = matched.is_right[:, order], matched.is_ignored[:, order]
    seen = 1 + int(np.flatnonzero(is_right.any(axis=0)).max(initial=-1))
    steps = []
    for right, ignored in zip(is_right, is_ignored, strict=True):
        places, passed = np.flatnonzero(right), np.flatnonzero(ignored[:seen])
        steps.append(_Step(places, passed, np.searchsorted(passed, places)))
    mine = (truths.labels == label) & ~truths.is_crowd
    counts = np.bincount(truths.images[mine], minlength=images).astype(np.float64)
    return _Label(counts, finds.images[order[:seen]], tuple(steps))


def _areas(label: _Label, times: Floats, truths: Floats) -> Floats:
    """Return the AP of one label at each overlap, (R, T); 0 where it has no object."""
    areas = np.zeros((len(times), len(label.steps)))
    weights = np.take(times, label.images, axis=1)
    found = np.cumsum(weights, axis=1)
    needed = _needed(truths)
    for number, step in enumerate(label.steps):
        if len(step.right):
            right = np.cumsum(np.take(weights, step.right, axis=1), axis=1)
            counted = np.take(found, step.right, axis=1)
            if len(step.ignored):
                passed = np.cumsum(np.take(weights, step.ignored, axis=1), axis=1)
                passed = np.concatenate([np.zeros((len(times), 1)), passed], axis=1)
                counted -= np.take(passed, step.ignored_before, axis=1)
            areas[:, number] = _interpolated(right, counted, needed)
    return np.where(truths[:, None] > 0, areas, 0.0)


def _needed(truths: Floats) -> Floats:
    """Return how many right finds reach each of the 101 recalls, (R, 101), by COCO's comparison of rounded shares."""
    there = np.maximum(truths, 1)[:, None]
    least = np.ceil(_RECALLS * there)
    least -= (least - 1) / there >= _RECALLS
    least += least / there < _RECALLS
    return np.maximum(least, 0)


def _interpolated(right: Floats, counted: Floats, needed: Floats) -> Floats:
    """Return the mean over recalls of the best precision at that recall or beyond.

    Only right finds matter: where a false one stands, precision is lower than at the right one before.

    Args:
        right: (R, P) right finds up to each right one.
        counted: (R, P) all finds up to each right one.
        needed: (R, 101) right finds for each recall.

    Returns:
        (R,) float64.
    """
    rows = len(right)
    precision = np.concatenate([right / np.maximum(counted, 1), np.zeros((rows, 1))], axis=1)
    # All rows are searched at once: each is lifted above the one before, and ends with a step that reaches any recall.
    height = max(right[:, -1].max(), needed.max()) + 2
    lift = np.arange(rows)[:, None] * height
    steps = np.concatenate([right, np.full((rows, 1), height - 1)], axis=1) + lift
    places = np.searchsorted(steps.ravel(), (needed + lift).ravel())
    # The best of each stretch between two recalls; the last one of a row ends where the next row's first begins.
    best = np.maximum.reduceat(precision.ravel(), places).reshape(rows, -1)
    areas: Floats = np.maximum.accumulate(best[:, ::-1], axis=1).mean(axis=1)
    return areas
