"""Family ``yolo``: Ultralytics' anchor-free heads without suppression (v8, 11): every cell proposes a box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_input
from saccade.models.decoders.options import count, fraction, threshold_of
from saccade.models.decoders.outputs import Floats, Part, find_parts, floats, mismatch
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor
from saccade.vision.boxes import from_centers
from saccade.vision.nms import keep_best_per_class

EXPECTED = "one output [4+C, N] (cx cy w h in px of the input, then one score per class)"
COORDINATES = 4


def decode_yolo(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the best class of each cell, suppress within each class and undo the letterbox.

    Args:
        outputs: ``output0`` (4+C, N), or transposed; cx cy w h in px of the input, then C scores in 0..1.
        geometry: The way back to the original picture.
        labels: By class id; C of them, or none at all.
        options: Threshold 0.25 unless caller or package say otherwise; package: ``max_iou`` (default 0.45),
            ``max_detections`` (default 300).

    Returns:
        Detections, best score first; equal scores in the order of the cells.

    Raises:
        OutputInvalid: The outputs do not have this shape. Heads that also give masks, poses or an objectness (v5) have
            more rows than labels, and are refused rather than read as more classes.
        PackageInvalid: An option is wrong.
    """
    part = Part(names=("output0",), shape=(None, None))
    [found] = find_parts(outputs, [part], family="yolo", expected=EXPECTED)
    cells = _by_cell(floats(found, name="boxes and scores"), outputs, labels)
    per_class = cells[:, COORDINATES:]
    class_ids = per_class.argmax(axis=1)
    proposed = Candidates(cells[:, :COORDINATES], per_class[np.arange(len(cells)), class_ids], class_ids)
    strong = proposed.at_least(threshold_of(options, default=0.25))
    boxes = from_centers(strong.boxes)
    kept = keep_best_per_class(
        boxes,
        strong.scores,
        strong.class_ids,
        max_iou=fraction(options.package, "max_iou", default=0.45),
        limit=count(options.package, "max_detections", default=300),
    )
    best = strong.moved_to(boxes).take(kept)
    return described(best.moved_to(from_input(best.boxes, geometry)), labels)


def _by_cell(raw: Floats, outputs: Mapping[str, Tensor], labels: Sequence[str]) -> Floats:
    # Without labels the shorter axis must be the one of coordinates and classes: cells come by the hundred.
    rows, columns = raw.shape
    width = COORDINATES + len(labels) if labels else min(rows, columns)
    if width <= COORDINATES or width not in (rows, columns):
        wanted = f"{EXPECTED}; with the package's {len(labels)} labels 4+C is {COORDINATES + len(labels)}"
        raise mismatch(outputs, family="yolo", expected=wanted if labels else EXPECTED)
    return raw.T if rows == width else raw
