"""Right, false and missed: what was matched, counted, and precision, recall and F1 of the counts.

Right: finds that are matched with an object. False: finds that are not and lie on no crowd; those with a label that the
truth does not know are all false. Missed: objects without a find; crowds are never missed. All labels count together
(a find counts as much as any other, whatever its label).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.evaluation.bootstrap import Draws, figures_of, ratio
from saccade.evaluation.columns import Finds, Floats, Integers, Truths
from saccade.evaluation.document import Counted
from saccade.evaluation.matching import Matched

#: Overlaps at which counts are told.
IOUS = (0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each kind, in G groups (pictures, or labels), at one overlap.

    Attributes:
        right: (G,).
        false: (G,).
        missed: (G,).
    """

    right: Integers
    false: Integers
    missed: Integers


def by_image(matched: Matched, number: int, truths: Truths, finds: Finds, images: int) -> Counts:
    """Return counts of each picture.

    Args:
        matched: What became of finds and truths.
        number: At which of the overlaps.
        truths: That were matched.
        finds: That were matched.
        images: How many pictures there are.
    """
    return _counts(matched, number, (finds.images, truths.images), truths, images)


def by_label(matched: Matched, number: int, truths: Truths, finds: Finds, labels: int) -> Counts:
    """Return counts of each label.

    Args:
        matched: What became of finds and truths.
        number: At which of the overlaps.
        truths: That were matched.
        finds: That were matched.
        labels: How many labels there are.
    """
    return _counts(matched, number, (finds.labels, truths.labels), truths, labels)


def shares_of(right: Floats, false: Floats, missed: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1.

    Precision is right over found, NaN if nothing was found; recall is right over there, NaN if nothing is there; F1 is
    twice right over found and there, NaN if there is neither. So F1 is 0, and not unknown, where all was missed.

    Args:
        right: Counts, of any shape.
        false: Counts, of that shape.
        missed: Counts, of that shape.
    """
    return ratio(right, right + false), ratio(right, right + missed), ratio(2 * right, 2 * right + false + missed)


def counted(ious: Sequence[float], counts: Sequence[Counts], draws: Draws) -> tuple[Counted, ...]:
    """Return sums over pictures, and what follows from them, with intervals.

    Args:
        ious: The overlaps.
        counts: Of each picture, at each overlap.
        draws: Of the pictures.
    """
    table = np.stack([np.stack([each.right, each.false, each.missed]) for each in counts]).astype(np.float64)

    def statistic(times: Floats) -> Floats:
        drawn = np.einsum("rn,tcn->rtc", times, table, optimize=True)
        shares = shares_of(drawn[..., 0], drawn[..., 1], drawn[..., 2])
        return np.stack(shares, axis=-1).reshape(len(times), -1)

    figures = figures_of(statistic, draws)
    return tuple(
        Counted(iou, int(each.right.sum()), int(each.false.sum()), int(each.missed.sum()), *figures[at : at + 3])
        for iou, each, at in zip(ious, counts, range(0, 3 * len(ious), 3), strict=True)
    )


def _counts(matched: Matched, number: int, groups: tuple[Integers, Integers], truths: Truths, most: int) -> Counts:
    of_finds, of_truths = groups
    is_right, is_ignored = matched.is_right[number], matched.is_ignored[number]
    is_missed = ~matched.is_found[number] & ~truths.is_crowd
    return Counts(
        right=np.bincount(of_finds[is_right], minlength=most),
        false=np.bincount(of_finds[~is_right & ~is_ignored], minlength=most),
        missed=np.bincount(of_truths[is_missed], minlength=most),
    )
