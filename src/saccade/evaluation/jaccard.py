"""How well the area of all found boxes together covers that of all true ones, picture by picture, in whole pixels.

A pixel belongs to a box if its centre does: with edges at x_min and x_max, those from ``ceil(x_min - 0.5)`` up to, but
without, ``ceil(x_max - 0.5)``, and the same in y. Labels and scores play no part, and two boxes on one pixel count
once. A picture's figure is the number of pixels that lie in both unions over the number that lie in either; a picture
whose unions are both empty has none. Pixels of crowds that lie in no single object are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from saccade.evaluation.bootstrap import Draws, figures_of, ratio
from saccade.evaluation.columns import Finds, Flags, Floats, Integers, Truths
from saccade.evaluation.document import Jaccard


def overlaps_of_unions(truths: Truths, finds: Finds, sizes_px: Sequence[tuple[int, int]]) -> Floats:
    """Return each picture's figure, (N,) float64, NaN where it has none.

    Args:
        truths: All of them.
        finds: All of them.
        sizes_px: Width and height of each picture, beyond which nothing counts; 0, 0 where they are not known.
    """
    images = np.arange(len(sizes_px) + 1)
    find_bounds, truth_bounds = np.searchsorted(finds.images, images), np.searchsorted(truths.images, images)
    found = np.full(len(sizes_px), np.nan)
    bounds = zip(pairwise(find_bounds.tolist()), pairwise(truth_bounds.tolist()), sizes_px, strict=True)
    for number, (mine, theirs, size_px) in enumerate(bounds):
        is_crowd = truths.is_crowd[slice(*theirs)]
        boxes = _pixels(truths.boxes[slice(*theirs)], size_px)
        found[number] = _of_picture(_pixels(finds.boxes[slice(*mine)], size_px), boxes[~is_crowd], boxes[is_crowd])
    return found


def jaccard_of(each: Floats, truths: Truths, draws: Draws) -> Jaccard:
    """Return the means over pictures.

    Args:
        each: (N,) figure of each picture, NaN where it has none.
        truths: Whose numbers weigh.
        draws: Of the pictures.
    """
    is_known = ~np.isnan(each)
    values = np.where(is_known, each, 0.0)
    weights = np.bincount(truths.images[~truths.is_crowd], minlength=len(each)) * is_known
    table = np.stack([values, is_known, values * weights, weights], axis=1).astype(np.float64)

    def statistic(times: Floats) -> Floats:
        sums = times @ table
        return np.stack([ratio(sums[:, 0], sums[:, 1]), ratio(sums[:, 2], sums[:, 3])], axis=1)

    mean, weighted = figures_of(statistic, draws)
    known = each[is_known].tolist()
    return Jaccard(mean, weighted, min(known, default=None), max(known, default=None), len(known))


def _pixels(boxes: Floats, size_px: tuple[int, int]) -> Integers:
    """Return whole pixels, (K, 4): left, top, right, bottom, the latter two exclusive."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    whole = np.maximum(np.ceil(corners - 0.5), 0)
    return (np.minimum(whole, [*size_px, *size_px]) if all(size_px) else whole).astype(np.intp)


def _of_picture(found: Integers, true: Integers, crowds: Integers) -> float:
    """Count on a grid of the edges that occur, whose cells are wholly inside or outside of each box."""
    edges = np.concatenate([found, true, crowds])
    columns, rows = np.unique(edges[:, [0, 2]]), np.unique(edges[:, [1, 3]])
    mine, theirs, either = (_union(boxes, columns, rows) for boxes in (found, true, crowds))
    if len(crowds):
        mine &= theirs | ~either
    areas = np.outer(np.diff(rows), np.diff(columns))
    union = int(areas[mine | theirs].sum())
    return int(areas[mine & theirs].sum()) / union if union else np.nan


def _union(boxes: Integers, columns: Integers, rows: Integers) -> Flags:
    cells = np.zeros((max(len(rows) - 1, 0), max(len(columns) - 1, 0)), np.bool_)
    lefts, rights = (np.searchsorted(columns, boxes[:, side]).tolist() for side in (0, 2))
    tops, bottoms = (np.searchsorted(rows, boxes[:, side]).tolist() for side in (1, 3))
    for left, top, right, bottom in zip(lefts, tops, rights, bottoms, strict=True):
        cells[top:bottom, left:right] = True
    return cells
