"""One row a picture: what was counted in it, and how bad that is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap

import numpy as np

from saccade.evaluation.classification import rank_of
from saccade.evaluation.counting import shares_of
from saccade.evaluation.detection import Held
from saccade.evaluation.document import ImageRow
from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import Dataset, TruthImage

#: So little that it only orders pictures of equal F1.
_PER_MISTAKE = 1e-6
_MOST_MISTAKES = 1000


def rows_of_detector(dataset: Dataset, seen: Sequence[Seen], it: Held) -> tuple[ImageRow, ...]:
    """Return the rows in the dataset's order; badness is 1 - F1, and a millionth more for each mistake.

    Args:
        dataset: Whose pictures.
        seen: One for each.
        it: What was found in them and what is there.
    """
    counts = it.by_image
    right, false, missed = (each.tolist() for each in (counts.right, counts.false, counts.missed))
    f1 = shares_of(*(each.astype(np.float64) for each in (counts.right, counts.false, counts.missed)))[2].tolist()
    finds = np.bincount(it.served.images, minlength=it.images).tolist()
    return tuple(
        ImageRow(
            name=image.name,
            width_px=each.width_px,
            height_px=each.height_px,
            truths=right[number] + missed[number],
            finds=finds[number],
            true_positives=right[number],
            false_positives=false[number],
            false_negatives=missed[number],
            jaccard=None if np.isnan(it.jaccard[number]) else float(it.jaccard[number]),
            badness=_badness(f1[number], false[number] + missed[number]),
            total_ms=_total_ms(each),
            problem=_problem(each),
        )
        for number, (image, each) in enumerate(zip(dataset.images, seen, strict=True))
    )


def rows_of_classifier(dataset: Dataset, seen: Sequence[Seen]) -> tuple[ImageRow, ...]:
    """Return the rows in the dataset's order; badness is the score of a wrong answer, and 1 where nothing was said.

    Args:
        dataset: Whose pictures.
        seen: One for each.
    """
    return tuple(starmap(_classified, zip(dataset.images, seen, strict=True)))


def _classified(image: TruthImage, seen: Seen) -> ImageRow:
    entries = () if seen.problem else seen.served
    said, score = (entries[0].label, entries[0].score) if entries else (None, None)
    is_right = said == image.label
    return ImageRow(
        name=image.name,
        width_px=seen.width_px,
        height_px=seen.height_px,
        truths=int(image.label is not None),
        finds=len(entries),
        label=image.label,
        said=said,
        score=score,
        rank=None if image.label is None else rank_of(image.label, seen),
        badness=0.0 if is_right or image.label is None else 1.0 if score is None else score,
        total_ms=_total_ms(seen),
        problem=_problem(seen),
    )


def _badness(f1: float, mistakes: int) -> float:
    """Return it; a picture in which nothing is and nothing was found has no F1, and is perfect."""
    return 0.0 if np.isnan(f1) else 1 - f1 + _PER_MISTAKE * min(mistakes, _MOST_MISTAKES)


def _total_ms(seen: Seen) -> float | None:
    return None if seen.problem else seen.stages_ms.get("total")


def _problem(seen: Seen) -> str | None:
    return None if seen.problem is None else ": ".join(seen.problem)
