"""Which find is which object: greedily as COCO does, or so that the sum of overlaps is largest.

Both match within one picture and one label only, and each object with one find at most. What lies on a crowd and is not
matched otherwise is neither right nor wrong, however many such finds there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.evaluation.columns import Finds, Flags, Floats, Span, Truths, meetings
from saccade.evaluation.extra import package

#: COCO's: a find that covers its object but for a rounding reaches IoU 1.
_ALL_BUT_ONE = 1 - 1e-10


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of each find and each truth, at each of T overlaps.

    Attributes:
        is_right: (T, K) finds that are matched with an object.
        is_ignored: (T, K) finds that are not, and lie on a crowd.
        is_found: (T, M) truths that are matched with a find; never a crowd.
    """

    is_right: Flags
    is_ignored: Flags
    is_found: Flags


def overlaps(finds: Floats, truths: Floats, is_crowd: Flags) -> Floats:
    """Return the intersection over union of each find with each truth, computed as COCO computes it.

    Nothing is added to sides (a box from 10 to 20 is 10 px wide). A crowd is as large as the find: with it, the overlap
    is the part of the find that lies in it.

    Args:
        finds: (K, 4) float64, x y width height.
        truths: (M, 4) float64, x y width height.
        is_crowd: (M,).

    Returns:
        (K, M) float64 in 0..1; 0 where nothing is shared, and for boxes without area.

    Source:
        ``bbIou`` in pycocotools' ``maskApi.c``.
    """
    ends, truth_ends = finds[:, :2] + finds[:, 2:], truths[:, :2] + truths[:, 2:]
    sides = np.minimum(ends[:, None], truth_ends[None]) - np.maximum(finds[:, None, :2], truths[None, :, :2])
    width, height = np.maximum(sides[..., 0], 0), np.maximum(sides[..., 1], 0)
    shared = width * height
    area, truth_area = finds[:, 2] * finds[:, 3], truths[:, 2] * truths[:, 3]
    union = np.where(is_crowd[None], area[:, None], area[:, None] + truth_area[None] - shared)
    found: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=(shared > 0) & (union > 0))
    return found


def match_greedily(truths: Truths, finds: Finds, ious: Sequence[float]) -> Matched:
    """Give the find with the best score the free object that it overlaps most, then the next one.

    Of objects that a find overlaps equally it gets the last, as with COCO.

    Args:
        truths: All of them.
        finds: All of them.
        ious: Least overlaps of a match, inclusive.
    """
    found = _nothing(truths, finds, ious)
    for mine, theirs in meetings(truths, finds):
        overlap = overlaps(finds.boxes[mine], truths.boxes[theirs], truths.is_crowd[theirs])
        regular = np.where(truths.is_crowd[theirs], 0.0, overlap)
        pairs = _candidates(regular, _least(min(ious)))
        for number, iou in enumerate(ious):
            free = set(range(regular.shape[1]))
            for find, truth, amount in pairs:
                if amount >= _least(iou) and truth in free and not found.is_right[number, mine.start + find]:
                    free.remove(truth)
                    found.is_right[number, mine.start + find] = True
                    found.is_found[number, theirs.start + truth] = True
        _ignore_on_crowds(found, overlap, truths.is_crowd[theirs], mine, ious)
    return found


def match_best(truths: Truths, finds: Finds, ious: Sequence[float]) -> Matched:
    """Choose the pairs whose overlaps have the largest sum, whatever the scores (Hungarian matching on 1 - IoU).

    The choice is made once, over all pairs; then those below the overlap do not count.

    Args:
        truths: All of them.
        finds: All of them.
        ious: Least overlaps of a match, inclusive.

    Raises:
        BackendNotInstalled: scipy is missing.
    """
    solve = package("scipy.optimize").linear_sum_assignment
    found = _nothing(truths, finds, ious)
    for mine, theirs in meetings(truths, finds):
        overlap = overlaps(finds.boxes[mine], truths.boxes[theirs], truths.is_crowd[theirs])
        regular = np.flatnonzero(~truths.is_crowd[theirs])
        rows, columns = solve(1 - overlap[:, regular])
        columns = regular[columns]
        for number, iou in enumerate(ious):
            enough = overlap[rows, columns] >= _least(iou)
            found.is_right[number, mine.start + rows[enough]] = True
            found.is_found[number, theirs.start + columns[enough]] = True
        _ignore_on_crowds(found, overlap, truths.is_crowd[theirs], mine, ious)
    return found


def _nothing(truths: Truths, finds: Finds, ious: Sequence[float]) -> Matched:
    of_finds, of_truths = (len(ious), len(finds.images)), (len(ious), len(truths.images))
    return Matched(np.zeros(of_finds, np.bool_), np.zeros(of_finds, np.bool_), np.zeros(of_truths, np.bool_))


def _least(iou: float) -> float:
    return min(iou, _ALL_BUT_ONE)


def _candidates(overlap: Floats, least: float) -> list[tuple[int, int, float]]:
    """Return (find, truth, overlap) of pairs that may match: best find first, then largest overlap, then last truth."""
    finds, truths = np.nonzero(overlap >= least)
    amounts = overlap[finds, truths]
    order = np.lexsort((-truths, -amounts, finds))
    rows: list[int] = finds[order].tolist()
    columns: list[int] = truths[order].tolist()
    sorted_amounts: list[float] = amounts[order].tolist()
    return list(zip(rows, columns, sorted_amounts, strict=True))


def _ignore_on_crowds(found: Matched, overlap: Floats, is_crowd: Flags, mine: Span, ious: Sequence[float]) -> None:
    if is_crowd.any():
        most = overlap[:, is_crowd].max(axis=1)
        for number, iou in enumerate(ious):
            found.is_ignored[number, mine] = ~found.is_right[number, mine] & (most >= _least(iou))
