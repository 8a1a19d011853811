"""COCO's figures, by faster-coco-eval: the twelve numbers, and those of each label and each size.

The rules are COCO's. Of each picture and label the hundred best finds count. IoU goes from 0.50 to 0.95 in steps of
0.05, recall in 101 steps; crowds are neither right nor wrong; means are over labels that the truth shows. Finds with a
label that the truth does not know have no category, so that they change none of these figures (they are false in all
that counts). Objects of exactly 32² or 96² px belong to both sizes, as with COCO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from saccade.evaluation.columns import Finds, Floats, Truths
from saccade.evaluation.extra import package

#: Of each picture and label; also what everything else that goes over all scores looks at.
MOST_FINDS = 100
#: COCO's overlaps, with the rounding that these have there.
IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
#: Where 0.5 and 0.75 stand among them.
AT_50, AT_75 = 0, 5
_STATS = 12

_Entries: TypeAlias = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class CocoFigures:
    """What COCO says; None where it says -1.

    Attributes:
        stats: The twelve numbers: AP, AP50, AP75, AP small, medium, large, AR 1, 10, 100, AR small, medium, large.
        ap: Of each label.
        ap50: Of each label.
    """

    stats: tuple[float | None, ...]
    ap: tuple[float | None, ...]
    ap50: tuple[float | None, ...]


def coco_figures(truths: Truths, finds: Finds, *, images: int, labels: int) -> CocoFigures:
    """Hold finds of all scores against truths.

    Args:
        truths: All of them.
        finds: Of all scores; those of labels beyond ``labels`` are left out.
        images: How many pictures there are.
        labels: How many labels the truth knows.

    Raises:
        BackendNotInstalled: faster-coco-eval is missing.
    """
    if truths.is_crowd.all():  # also where there is none
        return CocoFigures((None,) * _STATS, (None,) * labels, (None,) * labels)
    library = package("faster_coco_eval")
    base = {
        "images": [{"id": number} for number in range(1, images + 1)],
        "categories": [{"id": number, "name": str(number)} for number in range(1, labels + 1)],
    }
    truth = library.COCO({**base, "annotations": _truth_entries(truths)}, print_function=_quiet)
    found = library.COCO({**base, "annotations": _find_entries(finds, labels)}, print_function=_quiet)
    # Counted in two steps: the figures are the same, and less is held at a time.
    evaluation = library.COCOeval_faster(truth, found, "bbox", print_function=_quiet, separate_eval=True)
    evaluation.run()
    precision = np.asarray(evaluation.eval["precision"], np.float64)[:, :, :, 0, -1]
    return CocoFigures(
        stats=tuple(None if value < 0 else float(value) for value in evaluation.stats[:_STATS]),
        ap=_means(precision),
        ap50=_means(precision[AT_50 : AT_50 + 1]),
    )


def _quiet(*_: object) -> None:
    """Say nothing: the library prints what it does."""


def _means(precision: Floats) -> tuple[float | None, ...]:
    """Return the mean of each label, of (overlaps, recalls, labels); None where nothing could be found."""
    per_label = precision.reshape(-1, precision.shape[2])
    return tuple(float(values.mean()) if (values > -1).all() else None for values in per_label.T)


def _truth_entries(truths: Truths) -> _Entries:
    rows = zip(
        (truths.images + 1).tolist(),
        (truths.labels + 1).tolist(),
        truths.boxes.tolist(),
        truths.areas_px.tolist(),
        truths.is_crowd.astype(np.intp).tolist(),
        strict=True,
    )
    return [
        {"id": number, "image_id": image, "category_id": label, "bbox": box, "area": area, "iscrowd": is_crowd}
        for number, (image, label, box, area, is_crowd) in enumerate(rows, 1)
    ]


def _find_entries(finds: Finds, labels: int) -> _Entries:
    known = finds.labels < labels
    boxes = finds.boxes[known]
    rows = zip(
        (finds.images[known] + 1).tolist(),
        (finds.labels[known] + 1).tolist(),
        boxes.tolist(),
        (boxes[:, 2] * boxes[:, 3]).tolist(),
        finds.scores[known].tolist(),
        strict=True,
    )
    return [
        {"id": number, "image_id": image, "category_id": label, "bbox": box, "area": area, "score": score, "iscrowd": 0}
        for number, (image, label, box, area, score) in enumerate(rows, 1)
    ]
