"""Family ``torchvision-detection``: Faster R-CNN and its relatives, which resize, normalise and suppress by themselves.

The graph takes one RGB picture in 0..1 at its native size; its outputs have no batch axis, for the number of boxes
differs from picture to picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_input
from saccade.models.decoders.finished import finished_parts
from saccade.models.decoders.options import threshold_of
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor

EXPECTED = "boxes [N, 4] (x1 y1 x2 y2 in px of the input), labels [N] (integers, 0 = background) and scores [N]"


def decode_torchvision(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the graph's own detections but for background.

    Args:
        outputs: ``boxes`` (N, 4) x1 y1 x2 y2 in px of the input, ``labels`` (N,), ``scores`` (N,).
        geometry: The way back to the original picture.
        labels: By class id; the first one names the background.
        options: Threshold 0.5 unless caller or package say otherwise.

    Returns:
        Detections, best score first; equal scores in the graph's order.

    Raises:
        OutputInvalid: The outputs do not have this shape, or a class id lies beyond the labels.
    """
    class_ids, boxes, scores = finished_parts(outputs, family="torchvision-detection", expected=EXPECTED)
    strong = Candidates(boxes, scores, class_ids).at_least(threshold_of(options, default=0.5))
    objects = strong.take(strong.class_ids > 0)
    return described(objects.moved_to(from_input(objects.boxes, geometry)), labels)
