"""Family ``detr``: queries with a softmax head whose last class means that there is nothing (DETR, YOLOS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_relative, require_labels
from saccade.models.decoders.options import threshold_of
from saccade.models.decoders.outputs import Floats, Part, find_parts, floats, mismatch, softmax
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor
from saccade.vision.boxes import from_centers

EXPECTED = "logits [Q, C+1] (last class: nothing) and pred_boxes [Q, 4] (cx cy w h in 0..1)"


def decode_detr(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give what each query sees, if it is something.

    Softmax over all classes, then the best class but the last; the rule of transformers'
    ``DetrImageProcessor.post_process_object_detection``, only that a score equal to the threshold counts.

    Args:
        outputs: ``logits`` (Q, C+1) and ``pred_boxes`` (Q, 4), cx cy w h in 0..1 of the picture.
        geometry: The way back to the original picture.
        labels: By class id; at least C, or none at all.
        options: Threshold 0.5 unless caller or package say otherwise; package: ``relative_to``.

    Returns:
        Detections, best score first; equal scores by query.

    Raises:
        OutputInvalid: The outputs do not have this shape.
        PackageInvalid: An option is wrong.
    """
    logits, boxes = query_parts(outputs, family="detr", expected=EXPECTED)
    classes = logits.shape[1] - 1
    if classes < 1:
        raise mismatch(outputs, family="detr", expected=EXPECTED)
    require_labels(classes, labels)
    shares = softmax(logits)[:, :-1]
    class_ids = shares.argmax(axis=1)
    found = Candidates(boxes, shares[np.arange(len(shares)), class_ids], class_ids)
    strong = found.at_least(threshold_of(options, default=0.5))
    mapped = from_relative(from_centers(strong.boxes), geometry, options.package)
    return described(strong.moved_to(mapped), labels)


def query_parts(
    outputs: Mapping[str, Tensor],
    *,
    family: str,
    expected: str,
    logits: tuple[str, ...] = ("logits", "pred_logits"),
    boxes: tuple[str, ...] = ("pred_boxes", "boxes"),
) -> tuple[Floats, Floats]:
    """Return the logits (Q, C) and the boxes (Q, 4) of a family of queries, found by name or by shape.

    Raises:
        OutputInvalid: They are missing, or differ in the number of queries, or hold NaN.
    """
    parts = [Part(names=boxes, shape=(None, 4)), Part(names=logits, shape=(None, None))]
    found_boxes, found_logits = find_parts(outputs, parts, family=family, expected=expected)
    if len(found_boxes) != len(found_logits) or found_logits.shape[1] < 1:
        raise mismatch(outputs, family=family, expected=expected)
    return floats(found_logits, name="logits"), floats(found_boxes, name="boxes")
