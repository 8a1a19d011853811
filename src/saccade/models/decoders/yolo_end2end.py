"""Family ``yolo-end2end``: Ultralytics graphs that suppress by themselves (``nms=True``, v10, 26)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_input
from saccade.models.decoders.options import threshold_of
from saccade.models.decoders.outputs import Part, find_parts, floats, integers
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import Tensor

EXPECTED = "one output [N, 6] (x1 y1 x2 y2 in px of the input, score, class id)"


def decode_yolo_end2end(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Give the graph's own detections and undo the letterbox; rows of zeros are its padding.

    Args:
        outputs: ``output0`` (N, 6): x1 y1 x2 y2 in px of the input, score in 0..1, class id.
        geometry: The way back to the original picture.
        labels: By class id.
        options: Threshold 0.25 unless caller or package say otherwise.

    Returns:
        Detections, best score first; equal scores in the graph's order.

    Raises:
        OutputInvalid: The outputs do not have this shape, or a class id lies beyond the labels.
    """
    part = Part(names=("output0",), shape=(None, 6))
    [found] = find_parts(outputs, [part], family="yolo-end2end", expected=EXPECTED)
    rows = floats(found, name="detections")
    # The score comes first: what fills up the rows after the last find need not be a class id.
    rows = rows[rows[:, 4] >= np.float32(threshold_of(options, default=0.25))]
    strong = Candidates(rows[:, :4], rows[:, 4], integers(rows[:, 5], name="class ids"))
    return described(strong.moved_to(from_input(strong.boxes, geometry)), labels)
