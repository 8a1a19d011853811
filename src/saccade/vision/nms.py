"""Non-maximum suppression: where several boxes mean one thing, the best of them stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.vision.arrays import BoxesXyxy, ClassIds, Indices, Scores
from saccade.vision.boxes import area, containment, iou


def keep_best(
    boxes: BoxesXyxy,
    scores: Scores,
    *,
    max_iou: float = 0.5,
    max_containment: float = 1.0,
    nested_area: float = 0.0,
    limit: int | None = None,
) -> Indices:
    """Return the boxes that no better box covers too much of, whatever their class.

    Greedy: the best box left over stays and takes away those that overlap it too much, until none is left.
    Among equal scores the earlier box counts as the better one, so the answer never depends on chance.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in any unit.
        scores: (K,) float32, one per box.
        max_iou: The worse of two boxes goes if their intersection over union is above this, 0..1.
        max_containment: It goes too if more than this part of the smaller box lies inside the other, 0..1; 1 is off.
        nested_area: A box below this share of the other's area is a thing of its own inside it and stays, 0..1.
        limit: Stop after so many boxes; None goes on to the end.

    Returns:
        (M,) indices into ``boxes``, best score first; M <= K.

    Raises:
        ValueError: ``boxes`` and ``scores`` differ in length.

    Cost:
        O(K * M) time and O(K) memory.

    Example:
        >>> boxes = np.array([[0, 0, 8, 8], [0, 1, 8, 9], [20, 20, 30, 30]], np.float32)
        >>> keep_best(boxes, np.array([0.6, 0.9, 0.7], np.float32)).tolist()
        [1, 2]
    """
    one_class = np.zeros(len(boxes), np.intp)
    return keep_best_per_class(
        boxes,
        scores,
        one_class,
        max_iou=max_iou,
        max_containment=max_containment,
        nested_area=nested_area,
        limit=limit,
    )


def keep_best_per_class(
    boxes: BoxesXyxy,
    scores: Scores,
    class_ids: ClassIds,
    *,
    max_iou: float = 0.5,
    max_containment: float = 1.0,
    nested_area: float = 0.0,
    limit: int | None = None,
) -> Indices:
    """Return the boxes that no better box of their own class covers too much of.

    As ``keep_best``, but boxes of different classes never take each other away: a rider stays on the bicycle.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in any unit.
        scores: (K,) float32, one per box.
        class_ids: (K,) integers, one per box.
        max_iou: The worse of two boxes goes if their intersection over union is above this, 0..1.
        max_containment: It goes too if more than this part of the smaller box lies inside the other, 0..1; 1 is off.
        nested_area: A box below this share of the other's area is a thing of its own inside it and stays, 0..1.
        limit: Stop after so many boxes, all classes together; None goes on to the end.

    Returns:
        (M,) indices into ``boxes``, best score first over all classes; M <= K.

    Raises:
        ValueError: The three arrays differ in length.

    Cost:
        O(K * M) time and O(K) memory.
    """
    if not len(boxes) == len(scores) == len(class_ids):
        raise ValueError(f"{len(boxes)} boxes, {len(scores)} scores and {len(class_ids)} class ids do not pair up")
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while left.size and (limit is None or len(kept) < limit):
        best, others = left[0], left[1:]
        kept.append(int(best))
        overlapping = iou(boxes[best][None], boxes[others])[0] > max_iou
        contained = _contained(boxes[best], boxes[others], max_containment=max_containment, nested_area=nested_area)
        covered = overlapping | contained
        left = others[~(covered & (class_ids[others] == class_ids[best]))]
    return np.array(kept, np.intp)


def _contained(
    best: NDArray[np.float32], others: BoxesXyxy, *, max_containment: float, nested_area: float
) -> NDArray[np.bool_]:
    if max_containment >= 1:
        return np.zeros(len(others), np.bool_)
    contained: NDArray[np.bool_] = containment(best[None], others)[0] > max_containment
    areas, whole = area(others), area(best[None])
    smaller, larger = np.minimum(areas, whole), np.maximum(areas, whole)
    return contained & (smaller >= nested_area * larger)
