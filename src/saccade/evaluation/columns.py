"""Truths and finds of a whole dataset as columns: one row an object, sorted by picture and label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.truth import TruthBox
from saccade.models.prediction import Box, Detection, Entry

Integers: TypeAlias = NDArray[np.intp]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Span: TypeAlias = "slice[int, int, None]"


@dataclass(frozen=True, slots=True)
class Truths:
    """All objects that are there, by picture, then label, then as annotated.

    Attributes:
        images: (M,) index of the picture.
        labels: (M,) index of the label.
        boxes: (M, 4) float64, x y width height in px, no side below 0.
        areas_px: (M,) as annotated.
        is_crowd: (M,).
    """

    images: Integers
    labels: Integers
    boxes: Floats
    areas_px: Floats
    is_crowd: Flags


@dataclass(frozen=True, slots=True)
class Finds:
    """All that was found, by picture, then label, then best first; finds of equal score stay in the model's order.

    Attributes:
        images: (K,) index of the picture.
        labels: (K,) index of the label.
        boxes: (K, 4) float64, x y width height in px, no side below 0.
        scores: (K,) in 0..1.
    """

    images: Integers
    labels: Integers
    boxes: Floats
    scores: Floats

    def by_score(self, chosen: Integers) -> Integers:
        """Return indices of finds in falling order of score, equal ones in the order of pictures, as COCO sorts them.

        Args:
            chosen: Of which finds, rising.
        """
        return chosen[np.argsort(-self.scores[chosen], kind="stable")]


def truths_of(pictures: Iterable[Sequence[TruthBox]], labels: Mapping[str, int]) -> Truths:
    """Lay out what is there.

    Args:
        pictures: The objects of each picture, in the dataset's order.
        labels: Index of each label.
    """
    found = [(number, each) for number, boxes in enumerate(pictures) for each in boxes]
    images = np.array([number for number, _ in found], np.intp)
    classes = np.array([labels[each.label] for _, each in found], np.intp)
    order = np.lexsort((classes, images))
    return Truths(
        images=images[order],
        labels=classes[order],
        boxes=_boxes([each.box for _, each in found])[order],
        areas_px=np.array([each.area_px for _, each in found], np.float64)[order],
        is_crowd=np.array([each.is_crowd for _, each in found], np.bool_)[order],
    )


def finds_of(pictures: Iterable[Sequence[Entry]], labels: Mapping[str, int], *, most: int | None = None) -> Finds:
    """Lay out what was found.

    Args:
        pictures: What was found in each picture, in the dataset's order.
        labels: Index of each label.
        most: How many of each label and picture are kept, the best; None: all.
    """
    found = [(number, each) for number, finds in enumerate(pictures) for each in finds if isinstance(each, Detection)]
    images = np.array([number for number, _ in found], np.intp)
    classes = np.array([labels[each.label] for _, each in found], np.intp)
    scores = np.array([each.score for _, each in found], np.float64)
    order = np.lexsort((-scores, classes, images))
    if most is not None:
        order = order[_ranks(images[order], classes[order]) < most]
    return Finds(
        images=images[order],
        labels=classes[order],
        boxes=_boxes([each.box for _, each in found])[order],
        scores=scores[order],
    )


def meetings(truths: Truths, finds: Finds) -> Iterator[tuple[Span, Span]]:
    """Yield where the finds and the truths of one picture and label stand, for those that have both."""
    labels = 1 + max(int(truths.labels.max(initial=0)), int(finds.labels.max(initial=0)))
    of_truths, of_finds = truths.images * labels + truths.labels, finds.images * labels + finds.labels
    both = np.intersect1d(of_truths, of_finds)
    for key in both.tolist():
        yield _span(of_finds, key), _span(of_truths, key)


def _span(keys: Integers, wanted: int) -> Span:
    """Return where a key stands among sorted ones."""
    return slice(int(np.searchsorted(keys, wanted)), int(np.searchsorted(keys, wanted, side="right")))


def _boxes(boxes: Sequence[Box]) -> Floats:
    corners = np.array([(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes], np.float64).reshape(-1, 4)
    return np.concatenate([corners[:, :2], np.maximum(corners[:, 2:] - corners[:, :2], 0)], axis=1)


def _ranks(images: Integers, labels: Integers) -> Integers:
    """Return which of its picture and label each row is, from 0; equal pictures and labels stand together."""
    places = np.arange(len(images))
    begins = np.ones(len(images), np.bool_)
    begins[1:] = (np.diff(images) != 0) | (np.diff(labels) != 0)
    return places - np.maximum.accumulate(np.where(begins, places, 0))
