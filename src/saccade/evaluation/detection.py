"""The figures of a detector: what it found in each picture, held against what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.evaluation import coco
from saccade.evaluation.bootstrap import Draws, with_intervals
from saccade.evaluation.calibration import calibration_of
from saccade.evaluation.columns import Finds, Floats, Truths, finds_of, truths_of
from saccade.evaluation.counting import IOUS, Counts, by_image, by_label, counted, shares_of
from saccade.evaluation.curves import curve_of
from saccade.evaluation.document import Coco, Counted, Curve, DetectionFigures, LabelRow
from saccade.evaluation.jaccard import jaccard_of, overlaps_of_unions
from saccade.evaluation.matching import Matched, match_best, match_greedily
from saccade.evaluation.resampled_ap import ResampledAp
from saccade.evaluation.seen import Seen
from saccade.evaluation.sizes import sizes_of
from saccade.evaluation.truth import Dataset

#: Where what is served is matched greedily: where counts are told, and where a curve needs its operating point.
_SERVED_IOUS = (*IOUS, 0.75)
_AT_50, _AT_75 = _SERVED_IOUS.index(0.5), _SERVED_IOUS.index(0.75)


@dataclass(frozen=True, slots=True)
class Held:
    """Finds held against truths, once for all figures.

    Attributes:
        labels: The truth's, then those that only the model says.
        known: How many are the truth's.
        images: How many pictures there are.
        served: What counts.
        ranked: Of all scores, as many as COCO looks at.
        greedy: The served ones.
        hungarian: The served ones.
        over_all: The ranked ones, greedily at COCO's overlaps.
        jaccard: (N,) of each picture, NaN where it has none.
    """

    labels: tuple[str, ...]
    known: int
    images: int
    truths: Truths
    served: Finds
    ranked: Finds
    greedy: Matched
    hungarian: Matched
    over_all: Matched
    jaccard: Floats

    @property
    def by_image(self) -> Counts:
        """Greedy counts of each picture, at IoU 0.5."""
        return by_image(self.greedy, _AT_50, self.truths, self.served, self.images)


def held(dataset: Dataset, seen: Sequence[Seen]) -> Held:
    """Hold what was found in each picture against what is there.

    Args:
        dataset: With the truth.
        seen: One for each picture, in the dataset's order; of those with a problem, nothing counts as found.

    Raises:
        BackendNotInstalled: scipy is missing.
    """
    entries = [((), ()) if each.problem else (each.served, each.ranked) for each in seen]
    true = dict.fromkeys((*dataset.labels, *(box.label for image in dataset.images for box in image.boxes)))
    strange = {entry.label for both in entries for every in both for entry in every} - true.keys()
    labels = {label: number for number, label in enumerate([*true, *sorted(strange)])}
    truths = truths_of([image.boxes for image in dataset.images], labels)
    served = finds_of([served for served, _ in entries], labels)
    ranked = finds_of([ranked for _, ranked in entries], labels, most=coco.MOST_FINDS)
    return Held(
        labels=tuple(labels),
        known=len(true),
        images=len(seen),
        truths=truths,
        served=served,
        ranked=ranked,
        greedy=match_greedily(truths, served, _SERVED_IOUS),
        hungarian=match_best(truths, served, IOUS),
        over_all=match_greedily(truths, ranked, coco.IOUS),
        jaccard=overlaps_of_unions(truths, served, [(each.width_px, each.height_px) for each in seen]),
    )


def figures_of_detector(it: Held, *, threshold: float | None, draws: Draws) -> DetectionFigures:
    """Return all figures.

    Args:
        it: What was found and what is there.
        threshold: At which finds are served, to be told.
        draws: Of the pictures.

    Raises:
        BackendNotInstalled: faster-coco-eval is missing.
    """
    said = coco.coco_figures(it.truths, it.ranked, images=it.images, labels=it.known)
    numbers = _coco(it, said, draws)
    is_answer = ~it.greedy.is_ignored[_AT_50]
    return DetectionFigures(
        threshold=threshold,
        truths=int((~it.truths.is_crowd).sum()),
        finds=len(it.served.images),
        coco=numbers,
        greedy=_counted(it, it.greedy, draws),
        hungarian=_counted(it, it.hungarian, draws),
        jaccard=jaccard_of(it.jaccard, it.truths, draws),
        labels=_labels(it, said),
        sizes=sizes_of(it.truths, it.greedy.is_found[_AT_50], numbers),
        curves=_curves(it),
        calibration=calibration_of(
            it.served.images[is_answer], it.served.scores[is_answer], it.greedy.is_right[_AT_50][is_answer], draws
        ),
    )


def _coco(it: Held, said: coco.CocoFigures, draws: Draws) -> Coco:
    resampled = ResampledAp(it.truths, it.ranked, it.over_all, images=it.images, labels=it.known)
    ap, ap50, ap75 = with_intervals(list(said.stats[:3]), resampled, draws)
    return Coco(ap, ap50, ap75, *said.stats[3:])


def _counted(it: Held, matched: Matched, draws: Draws) -> tuple[Counted, ...]:
    each = [by_image(matched, number, it.truths, it.served, it.images) for number in range(len(IOUS))]
    return counted(IOUS, each, draws)


def _labels(it: Held, said: coco.CocoFigures) -> tuple[LabelRow, ...]:
    """Return a row for each label that the truth knows or that was served."""
    truths = np.bincount(it.truths.labels[~it.truths.is_crowd], minlength=len(it.labels)).tolist()
    finds = np.bincount(it.served.labels, minlength=len(it.labels)).tolist()
    unknown = (None,) * (len(it.labels) - it.known)
    shares = _shares(by_label(it.greedy, _AT_50, it.truths, it.served, len(it.labels)))
    rows = zip(it.labels, truths, finds, said.ap + unknown, said.ap50 + unknown, *shares, strict=True)
    return tuple(LabelRow(*row) for number, row in enumerate(rows) if number < it.known or finds[number])


def _curves(it: Held) -> tuple[Curve, ...]:
    """Return the curves of all labels together at IoU 0.5 and 0.75, and of each that the truth shows at 0.5."""
    truths = it.truths.labels[~it.truths.is_crowd]
    every = np.arange(len(it.ranked.images))
    curves = []
    for iou, among_ranked, among_served in ((0.5, coco.AT_50, _AT_50), (0.75, coco.AT_75, _AT_75)):
        outcome = it.over_all.is_right[among_ranked], it.over_all.is_ignored[among_ranked]
        total = by_image(it.greedy, among_served, it.truths, it.served, it.images)
        sums = Counts(*(np.array([each.sum()]) for each in (total.right, total.false, total.missed)))
        ((precision,), (recall,), _) = _shares(sums)
        curves.append(
            curve_of(it.ranked, every, outcome, truths=len(truths), label=None, iou=iou, operating=(recall, precision))
        )
    outcome = it.over_all.is_right[coco.AT_50], it.over_all.is_ignored[coco.AT_50]
    precisions, recalls, _ = _shares(by_label(it.greedy, _AT_50, it.truths, it.served, len(it.labels)))
    counts = np.bincount(truths, minlength=len(it.labels)).tolist()
    for number, label in enumerate(it.labels[: it.known]):
        chosen, operating = np.flatnonzero(it.ranked.labels == number), (recalls[number], precisions[number])
        curves.append(
            curve_of(it.ranked, chosen, outcome, truths=counts[number], label=label, iou=0.5, operating=operating)
        )
    return tuple(curve for curve in curves if curve is not None)


def _shares(counts: Counts) -> tuple[list[float | None], ...]:
    """Return precision, recall and F1 of each group; None where there is none."""
    floats = (each.astype(np.float64) for each in (counts.right, counts.false, counts.missed))
    return tuple([None if np.isnan(share) else share for share in shares.tolist()] for shares in shares_of(*floats))
