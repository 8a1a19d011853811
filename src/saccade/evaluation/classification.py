"""The figures of a classifier: its answers for each picture, held against the picture's label.

All of them are of what is served. An answer is right if it is the best one and has the true label; of equal scores the
one that the model puts first is the best. A picture of which nothing was said, or a label that no truth knows, is one
whose label was missed, and of which no other label was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.evaluation.bootstrap import Draws, figures_of, ratio
from saccade.evaluation.calibration import calibration_of
from saccade.evaluation.columns import Floats, Integers
from saccade.evaluation.counting import shares_of
from saccade.evaluation.document import ClassificationFigures, ClassRow
from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import Dataset

_TOP = 5
_NONE = -1


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of the pictures whose label is known.

    Attributes:
        labels: The truth's.
        true: (N,) index of the label.
        said: (N,) index of the label said, -1 for one that no truth knows and where nothing was said.
        scores: (N,) of the best answer, NaN where nothing was said.
        ranks: (N,) of the true label among the answers, from 1; 0 if it is not among them.
    """

    labels: tuple[str, ...]
    true: Integers
    said: Integers
    scores: Floats
    ranks: Integers


def answers_of(dataset: Dataset, seen: Sequence[Seen]) -> Answers:
    """Lay out what was said of each picture.

    Args:
        dataset: With the truth; pictures without a label are left out.
        seen: One for each picture, in the dataset's order; of those with a problem, nothing counts as said.
    """
    known = [(image.label, each) for image, each in zip(dataset.images, seen, strict=True) if image.label is not None]
    labels = {
        label: number for number, label in enumerate(dict.fromkeys((*dataset.labels, *(true for true, _ in known))))
    }
    served = [() if each.problem else each.served for _, each in known]
    return Answers(
        labels=tuple(labels),
        true=np.array([labels[true] for true, _ in known], np.intp),
        said=np.array([labels.get(entries[0].label, _NONE) if entries else _NONE for entries in served], np.intp),
        scores=np.array([entries[0].score if entries else np.nan for entries in served], np.float64),
        ranks=np.array([rank_of(true, each) or 0 for true, each in known], np.intp),
    )


def rank_of(label: str, seen: Seen) -> int | None:
    """Return which of the answers has the label, from 1; None if none has."""
    entries = () if seen.problem else seen.served
    return next((rank for rank, entry in enumerate(entries, 1) if entry.label == label), None)


def figures_of_classifier(answers: Answers, *, resamples: int, seed: int) -> ClassificationFigures:
    """Return all figures.

    Args:
        answers: What was said, and what is true.
        resamples: How often the pictures are drawn.
        seed: Of the draws.
    """
    draws, count = Draws(len(answers.true), resamples, seed), len(answers.labels)
    right = answers.true == answers.said
    is_top = (answers.ranks > 0) & (answers.ranks <= _TOP)
    table = np.stack([right, is_top, np.ones(draws.images)], axis=1).astype(np.float64)

    def statistic(times: Floats) -> Floats:
        sums = times @ table
        return np.stack([ratio(sums[:, 0], sums[:, 2]), ratio(sums[:, 1], sums[:, 2])], axis=1)

    top1, top5 = figures_of(statistic, draws)
    is_answer = np.flatnonzero(~np.isnan(answers.scores))
    confusion = np.zeros((count, count), np.intp)
    is_known = answers.said != _NONE
    np.add.at(confusion, (answers.true[is_known], answers.said[is_known]), 1)
    return ClassificationFigures(
        top1=top1,
        top5=top5,
        macro_f1=figures_of(_MacroF1(answers), draws)[0],
        labels=_rows(answers),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        unsaid=tuple(np.bincount(answers.true[~is_known], minlength=count).tolist()),
        calibration=calibration_of(is_answer, answers.scores[is_answer], right[is_answer], draws),
    )


def _rows(answers: Answers) -> tuple[ClassRow, ...]:
    images, said, right = (each[0] for each in _MacroF1(answers).counts(np.ones((1, len(answers.true)))))
    shares = [
        [None if np.isnan(share) else share for share in every.tolist()]
        for every in shares_of(right, said - right, images - right)
    ]
    counts = images.astype(int).tolist(), said.astype(int).tolist()
    return tuple(ClassRow(*row) for row in zip(answers.labels, *counts, *shares, strict=True))


class _MacroF1:
    """Mean F1 of the labels that the pictures show, all counting the same; one that is never said has F1 0."""

    def __init__(self, answers: Answers) -> None:
        is_known, is_right = answers.said != _NONE, answers.said == answers.true
        self._labels = len(answers.labels)
        # Sorted by label, so that each label's pictures stand together: no table of pictures times labels is made.
        self._groups = [
            _sorted(labels[chosen], np.flatnonzero(chosen))
            for labels, chosen in (
                (answers.true, np.ones(len(answers.true), np.bool_)),
                (answers.said, is_known),
                (answers.true, is_right),
            )
        ]

    def __call__(self, times: Floats) -> Floats:
        """Return it for each draw, (R, 1)."""
        images, said, right = self.counts(times)
        f1 = np.where(images > 0, shares_of(right, said - right, images - right)[2], 0.0)
        shown = (images > 0).sum(axis=1)
        return np.where(shown > 0, f1.sum(axis=1) / np.maximum(shown, 1), np.nan)[:, None]

    def counts(self, times: Floats) -> list[Floats]:
        """Return how many pictures show each label, were said to, and both, (R, L) each."""
        found = []
        for labels, images in self._groups:
            sums = np.zeros((len(times), self._labels))
            if len(images):
                begins = np.flatnonzero(np.diff(labels, prepend=-1))
                sums[:, labels[begins]] = np.add.reduceat(np.take(times, images, axis=1), begins, axis=1)
            found.append(sums)
        return found


def _sorted(labels: Integers, images: Integers) -> tuple[Integers, Integers]:
    order = np.argsort(labels, kind="stable")
    return labels[order], images[order]
