"""Family ``rt-detr``: queries with a sigmoid head (RT-DETR, D-FINE, Conditional and Deformable DETR in HF form)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_relative, require_labels
from saccade.models.decoders.detr import query_parts
from saccade.models.decoders.options import count, threshold_of
from saccade.models.decoders.outputs import Floats, sigmoid
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor
from saccade.vision.boxes import from_centers

EXPECTED = "logits [Q, C] and pred_boxes [Q, 4] (cx cy w h in 0..1)"


def decode_rt_detr(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the best (query, class) pairs: one query may stand for two classes.

    The rule of transformers' ``RTDetrImageProcessor.post_process_object_detection``, only that a score equal to the
    threshold counts.

    Args:
        outputs: ``logits`` (Q, C) and ``pred_boxes`` (Q, 4), cx cy w h in 0..1 of the picture.
        geometry: The way back to the original picture.
        labels: By class id; at least C, or none at all.
        options: Threshold 0.5 unless caller or package say otherwise; package: ``max_detections`` (default Q; the
            Conditional and Deformable DETR processors of transformers use 100), ``relative_to``.

    Returns:
        Detections, best score first; equal scores by query, then by class id.

    Raises:
        OutputInvalid: The outputs do not have this shape.
        PackageInvalid: An option is wrong.
    """
    logits, boxes = query_parts(outputs, family="rt-detr", expected=EXPECTED)
    require_labels(logits.shape[1], labels)
    limit = count(options.package, "max_detections", default=len(logits))
    return decode_sigmoid_queries(logits, boxes, limit=limit, geometry=geometry, labels=labels, options=options)


def decode_sigmoid_queries(
    logits: Floats, boxes: Floats, *, limit: int, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the best ``limit`` (query, class) pairs that reach the threshold.

    Args:
        logits: (Q, C) float32.
        boxes: (Q, 4) float32, cx cy w h in 0..1.
        limit: How many pairs are considered at most.
        geometry: The way back to the original picture.
        labels: By class id.
        options: The threshold, and the package's ``relative_to``.

    Returns:
        Detections, best score first; equal scores by query, then by class id.
    """
    scores = sigmoid(logits).ravel()
    # Threshold before order: the same pairs come out, and only few of Q * C need sorting.
    strong = np.flatnonzero(scores >= np.float32(threshold_of(options, default=0.5)))
    best = strong[np.argsort(-scores[strong], kind="stable")[:limit]]
    queries, class_ids = np.divmod(best, logits.shape[1])
    mapped = from_relative(from_centers(boxes[queries]), geometry, options.package)
    return described(Candidates(mapped, scores[best], class_ids), labels)
