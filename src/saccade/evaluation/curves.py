"""Precision over recall as the threshold falls, with as few points as show its shape.

Precision is that of all finds whose score reaches the threshold, as it is: COCO's AP takes the best precision at that
recall or beyond. Finds with equal scores come in together, for no threshold lies between them. Matched greedily as COCO
does, the hundred best of each picture and label; what lies on crowds is left out.
"""

from __future__ import annotations

import heapq

import numpy as np

from saccade.evaluation.columns import Finds, Flags, Floats, Integers
from saccade.evaluation.document import Curve

MOST_POINTS = 200
#: Nearer to the line than this, a point shows nothing.
_FLAT = 1e-6


def curve_of(
    finds: Finds,
    chosen: Integers,
    outcome: tuple[Flags, Flags],
    *,
    truths: int,
    label: str | None,
    iou: float,
    operating: tuple[float | None, float | None],
) -> Curve | None:
    """Return a curve; None if there is nothing to be found, so that there is no recall.

    Args:
        finds: Of all scores.
        chosen: Which of these.
        outcome: (K,) which of all finds are right, and which are ignored.
        truths: How many objects there are.
        label: For the curve.
        iou: For the curve.
        operating: Recall and precision at the operating threshold.
    """
    if not truths:
        return None
    is_right, is_ignored = outcome
    order = finds.by_score(chosen[~is_ignored[chosen]])
    right = np.cumsum(is_right[order])
    scores = finds.scores[order]
    ends = np.flatnonzero(np.diff(scores, append=-np.inf))
    points = np.stack([right[ends] / truths, right[ends] / (ends + 1), scores[ends]], axis=1)
    recall, precision = operating
    return Curve(
        label=label,
        iou=iou,
        points=tuple((float(x), float(y), float(score)) for x, y, score in thinned(points).tolist()),
        operating=None if recall is None or precision is None else (recall, precision),
    )


def thinned(points: Floats, most: int = MOST_POINTS) -> Floats:
    """Return at most so many of a line's points, the ends and always the one that is farthest from the line so far.

    Args:
        points: (P, 2 or more) float64, of which the first two columns are drawn.
        most: How many to keep, at least 2.

    Source:
        Douglas and Peucker, Cartographica 1973, with a number of points in place of a tolerance.
    """
    if len(points) <= most:
        return points
    kept = {0, len(points) - 1}
    waiting = [_farthest(points, 0, len(points) - 1)]
    while waiting and len(kept) < most:
        distance, begin, middle, end = heapq.heappop(waiting)
        if -distance < _FLAT:
            break
        kept.add(middle)
        heapq.heappush(waiting, _farthest(points, begin, middle))
        heapq.heappush(waiting, _farthest(points, middle, end))
    return points[sorted(kept)]


def _farthest(points: Floats, begin: int, end: int) -> tuple[float, int, int, int]:
    """Return minus the distance of the point between two that is farthest from their line, and where all three are."""
    if end - begin < 2:  # noqa: PLR2004 - nothing is between neighbours
        return 0.0, begin, begin, end
    first, along = points[begin, :2], points[end, :2] - points[begin, :2]
    away = points[begin + 1 : end, :2] - first
    length = float(along @ along)
    share = np.clip(away @ along / length, 0, 1) if length else np.zeros(len(away))
    distances = np.hypot(*(away - share[:, None] * along).T)
    place = int(distances.argmax())
    return -float(distances[place]), begin, begin + 1 + place, end
