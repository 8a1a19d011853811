"""Family ``nms-in-graph``: graphs that end in ONNX's NonMaxSuppression and give its indices beside boxes and scores.

Each row of the indices is (picture, class, box): which box was kept, and for which class. The graph says nothing of
the boxes' notation, so the package does: ``box_layout`` is ``yxyx`` (two opposite corners, the operator's default),
``xyxy`` (what most PyTorch exports feed it, for overlaps are the same) or ``cxcywh`` (``center_point_box=1``);
``box_unit`` is ``input`` (px of the input) or ``relative`` (0..1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.errors import OutputInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import Candidates, described, from_input, from_relative, require_labels
from saccade.models.decoders.options import choice, threshold_of
from saccade.models.decoders.outputs import Floats, Part, find_parts, floats, integers
from saccade.models.geometry import Geometry
from saccade.models.prediction import Entry
from saccade.vision.arrays import BoxesXyxy, Tensor
from saccade.vision.boxes import from_centers, from_diagonals

EXPECTED = "selected_indices [K, 3] (picture, class, box), boxes [N, 4] and scores [C, N]"
LAYOUTS = ("yxyx", "xyxy", "cxcywh")
UNITS = ("input", "relative")


def decode_nms_in_graph(
    outputs: Mapping[str, Tensor], *, geometry: Geometry, labels: Sequence[str], options: DecodeOptions
) -> list[Entry]:
    """Follow the indices to the boxes and scores that the graph kept.

    Args:
        outputs: ``selected_indices`` (K, 3), ``boxes`` (N, 4) and ``scores`` (C, N), of one picture.
        geometry: The way back to the original picture.
        labels: By class id; at least C, or none at all.
        options: Threshold 0.5 unless caller or package say otherwise; package: ``box_layout`` (default ``yxyx``),
            ``box_unit`` (default ``input``), ``relative_to``.

    Returns:
        Detections, best score first; equal scores in the graph's order.

    Raises:
        OutputInvalid: The outputs do not have this shape, or an index points at another picture or at nothing.
        PackageInvalid: An option is wrong.
    """
    parts = [
        Part(names=("selected_indices", "indices", "nms_indices"), shape=(None, 3), integer=True),
        Part(names=("boxes",), shape=(None, 4)),
        Part(names=("scores",), shape=(None, None)),
    ]
    kept, all_boxes, all_scores = find_parts(outputs, parts, family="nms-in-graph", expected=EXPECTED)
    selected = integers(kept, name="selected indices")
    boxes, scores = floats(all_boxes, name="boxes"), floats(all_scores, name="scores")
    _require_targets(selected, boxes, scores)
    require_labels(len(scores), labels)
    class_ids, rows = selected[:, 1], selected[:, 2]
    followed = Candidates(boxes[rows], scores[class_ids, rows], class_ids)
    strong = followed.at_least(threshold_of(options, default=0.5))
    corners = _as_corners(strong.boxes, choice(options.package, "box_layout", default="yxyx", choices=LAYOUTS))
    if choice(options.package, "box_unit", default="input", choices=UNITS) == "relative":
        mapped = from_relative(corners, geometry, options.package)
    else:
        mapped = from_input(corners, geometry)
    return described(strong.moved_to(mapped), labels)


def _require_targets(selected: NDArray[np.intp], boxes: Floats, scores: Floats) -> None:
    beyond = (selected >= np.array([1, len(scores), len(boxes)])).any()
    if beyond or scores.shape[1] != len(boxes):
        raise OutputInvalid(
            f"Family nms-in-graph expects {EXPECTED}, of one picture; the indices point beyond"
            f" boxes {list(boxes.shape)} and scores {list(scores.shape)}."
        )


def _as_corners(boxes: Floats, layout: str) -> BoxesXyxy:
    if layout == "cxcywh":
        return from_centers(boxes)
    return from_diagonals(boxes[:, [1, 0, 3, 2]] if layout == "yxyx" else boxes)
