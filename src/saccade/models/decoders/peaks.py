"""Peaks of a heat map that a graph has found: which of them are returned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.vision.arrays import BoxesXyxy, Scores
from saccade.vision.boxes import area, containment
from saccade.vision.nms import keep_best

#: Of two boxes that overlap more than this, the worse goes, unless the package says otherwise; both 0..1.
MAX_IOU = 0.55
MAX_CONTAINMENT = 0.85
#: Below this share of the other's area a thing inside may be one of its own, as a colony in a dish is; 0 means never.
NESTED_AREA = 0.06
#: It is one where at least so many of at least this score lie in one thing: a coin bears a mark or two on its face.
NESTED_COUNT = 3
NESTED_SCORE = 0.8


@dataclass(frozen=True, slots=True)
class Peaks:
    """Round things in one picture, best score first.

    Attributes:
        scores: (M,) float32, 0..1.
        boxes: (M, 4) float32, x1 y1 x2 y2 in px of the network's input, not yet clipped to the picture.
        circles: (M, 3) float32, centre x, centre y and radius in px of the network's input.
    """

    scores: Scores
    boxes: BoxesXyxy
    circles: NDArray[np.float32]


def keep_peaks(
    peaks: Peaks,
    *,
    threshold: float,
    max_iou: float = MAX_IOU,
    max_containment: float = MAX_CONTAINMENT,
    nested_area: float = NESTED_AREA,
    nested_count: int = NESTED_COUNT,
) -> Peaks:
    """Return the peaks that are strong enough and that no better one covers too much of.

    A higher threshold gives a part of what a lower one gives: who goes never depends on it.

    Args:
        peaks: What the graph gives for one picture.
        threshold: Lowest score that is kept, 0..1.
        max_iou: The worse of two goes if the intersection over union of their boxes is above this, 0..1.
        max_containment: It goes too if more than this part of the smaller box lies inside the other, 0..1; 1 is off.
        nested_area: But it stays if the smaller's area is below this share of the larger's, 0..1,
        nested_count: and the larger holds at least so many of those, whose scores are at least NESTED_SCORE.

    Returns:
        The peaks that stay, best score first; equal scores in the graph's order.
    """
    strong = np.flatnonzero(peaks.scores >= np.float32(min(threshold, NESTED_SCORE)))
    best = keep_best(
        peaks.boxes[strong],
        peaks.scores[strong],
        max_iou=max_iou,
        max_containment=max_containment,
        nested_area=nested_area,
    )
    kept = strong[best]
    boxes, scores = peaks.boxes[kept], peaks.scores[kept]
    inside = _nested(boxes, max_containment=max_containment, nested_area=nested_area)
    is_vessel = (inside & (scores >= np.float32(NESTED_SCORE))).sum(1) >= nested_count
    kept = kept[_stay(inside & ~is_vessel[:, None]) & (scores >= np.float32(threshold))]
    return Peaks(peaks.scores[kept], peaks.boxes[kept], peaks.circles[kept])


def _nested(boxes: BoxesXyxy, *, max_containment: float, nested_area: float) -> NDArray[np.bool_]:
    """Return (M, M) bool: whether the column's box lies in the row's and is far smaller."""
    areas = area(boxes)
    is_small = areas < nested_area * areas[:, None]
    nested: NDArray[np.bool_] = is_small & (containment(boxes, boxes) > max_containment) & (max_containment < 1)
    return nested


def _stay(clash: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (M,) bool: who stays if of each two that clash the later, worse one goes, the best first."""
    stays = np.ones(len(clash), np.bool_)
    for index, others in enumerate(clash | clash.T):
        if stays[index]:
            stays[index + 1 :] &= ~others[index + 1 :]
    return stays
