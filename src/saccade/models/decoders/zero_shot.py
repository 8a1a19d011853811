"""Family ``owl-vit``: patches that are each compared with the words which the caller looks for (OWL-ViT, OWLv2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_relative
from saccade.models.decoders.detr import query_parts
from saccade.models.decoders.options import threshold_of
from saccade.models.decoders.outputs import mismatch, sigmoid
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor
from saccade.vision.boxes import from_centers

FAMILY = "owl-vit"
EXPECTED = "logits [P, L] (one per candidate label) and pred_boxes [P, 4] (cx cy w h in 0..1)"
#: transformers' own; scores of words are far lower than those of labels that a model was trained on.
_THRESHOLD = 0.1


def decode_zero_shot(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the best label of each patch, if it is likely enough.

    The rule of transformers' ``OwlViTProcessor.post_process_grounded_object_detection``, only that a score equal to the
    threshold counts, and that boxes are cut off at the picture's edge.

    Args:
        outputs: ``logits`` (P, L) and ``pred_boxes`` (P, 4), cx cy w h in 0..1 of the picture.
        geometry: The way back to the original picture.
        labels: The candidate labels, L of them, or none at all.
        options: Threshold 0.1 unless caller or package say otherwise; package: ``relative_to``.

    Returns:
        Detections, best score first; equal scores by patch. The class id is the place of the label among them.

    Raises:
        OutputInvalid: The outputs do not have this shape.
        PackageInvalid: An option is wrong.
    """
    logits, boxes = query_parts(outputs, family=FAMILY, expected=EXPECTED)
    if labels and logits.shape[1] != len(labels):
        raise mismatch(outputs, family=FAMILY, expected=f"{EXPECTED}, for {len(labels)} labels")
    class_ids = logits.argmax(axis=1)
    found = Candidates(boxes, sigmoid(logits[np.arange(len(logits)), class_ids]), class_ids)
    strong = found.at_least(threshold_of(options, default=_THRESHOLD))
    mapped = from_relative(from_centers(strong.boxes), geometry, options.package)
    return described(strong.moved_to(mapped), labels)
