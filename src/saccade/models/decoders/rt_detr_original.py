"""Family ``rt-detr-original``: finished boxes from a graph that was told the picture's size (RT-DETR, D-FINE exports).

The graph takes ``orig_target_sizes`` beside the picture: int64 (B, 2), width and height of the original in px.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, clipped, described
from saccade.models.decoders.finished import finished_parts
from saccade.models.decoders.options import threshold_of
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor

EXPECTED = "labels [Q] (integers), boxes [Q, 4] (x1 y1 x2 y2 in px of the original) and scores [Q]"


def decode_rt_detr_original(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the graph's own detections, cut off at the edges of the picture.

    Args:
        outputs: ``labels`` (Q,), ``boxes`` (Q, 4) x1 y1 x2 y2 in px of the original, ``scores`` (Q,).
        geometry: Knows the original's size.
        labels: By class id.
        options: Threshold 0.5 unless caller or package say otherwise.

    Returns:
        Detections, best score first; equal scores in the graph's order.

    Raises:
        OutputInvalid: The outputs do not have this shape, or a class id lies beyond the labels.
    """
    class_ids, boxes, scores = finished_parts(outputs, family="rt-detr-original", expected=EXPECTED)
    strong = Candidates(boxes, scores, class_ids).at_least(threshold_of(options, default=0.5))
    return described(strong.moved_to(clipped(strong.boxes, geometry)), labels)
