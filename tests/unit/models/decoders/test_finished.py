"""Graphs that finish their own boxes: what is left to do, and what is refused."""

import numpy as np
import pytest

from saccade.errors import OutputInvalid, PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry

HALVED = Geometry(200, 100, 100, 50, scale_x=0.5, scale_y=0.5)


def decode(family, outputs, *, labels=(), geometry=HALVED, threshold=None, package=None):
    options = DecodeOptions(threshold=threshold, package=package or {})
    return FAMILIES[family].decode(outputs, geometry=geometry, labels=labels, options=options)


def corners(found):
    return [(d.box.x_min, d.box.y_min, d.box.x_max, d.box.y_max) for d in found]


def finished(*rows):
    """Outputs from rows (label, score, x1, y1, x2, y2)."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return {"labels": table[:, 0].astype(np.int64), "scores": table[:, 1], "boxes": table[:, 2:]}


ROWS = ((1, 0.6, 10, 10, 20, 20), (2, 0.9, 0, 0, 40, 40), (0, 0.8, 5, 5, 9, 9), (2, 0.4, 1, 1, 3, 3))


def test_rt_detr_original_gives_boxes_as_they_are_when_the_graph_knew_the_size():
    """Boxes are px of the original already; only the threshold, the order and the edges are ours."""
    found = decode("rt-detr-original", finished(*ROWS, (1, 0.7, -5, 90, 500, 500)), labels=("a", "b", "c"))

    assert ["c", "a", "b", "b"] == [d.label for d in found]
    assert [(0, 0, 40, 40), (5, 5, 9, 9), (0, 90, 200, 100), (10, 10, 20, 20)] == corners(found)


def test_torchvision_maps_back_and_drops_background_when_label_is_zero():
    """Boxes are px of the input; class 0 is background and never given."""
    found = decode("torchvision-detection", finished(*ROWS), labels=("__background__", "a", "b"))

    assert ["b", "a"] == [d.label for d in found]
    assert [(0, 0, 80, 80), (20, 20, 40, 40)] == corners(found)


@pytest.mark.parametrize("family", ["rt-detr-original", "torchvision-detection"])
def test_finished_outputs_are_found_by_shape_when_exporters_invent_names(family):
    """Integers are labels, floats are scores, four columns are boxes, whatever they are called."""
    named = finished(*ROWS)
    invented = {"6570": named["boxes"], "6572": named["labels"], "6571": named["scores"]}

    assert decode(family, named) == decode(family, invented)
    assert decode(family, finished()) == []


@pytest.mark.parametrize("family", ["rt-detr-original", "torchvision-detection"])
@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.zeros(3, np.float32)},
        {"boxes": np.zeros((4, 5), np.float32)},
        {"labels": np.array([1, 2, -3, 0])},
        {"labels": np.array([1, 2, 0.5, 0], np.float32)},
        {"labels": np.array(["a", "b", "c", "d"])},
        {"labels": np.array([1, 99, 0, 2])},
        {"scores": np.array([0.5, 0.5, np.nan, 0.5], np.float32)},
        {"boxes": np.full((4, 4), np.inf, np.float32)},
    ],
)
def test_finished_outputs_are_refused_when_they_are_nonsense(family, change):
    """Unequal lengths, ids that are none, ids beyond the labels and NaN never become detections."""
    with pytest.raises(OutputInvalid):
        decode(family, finished(*ROWS) | change, labels=("a", "b", "c"))


BOXES = np.array([[2, 1, 6, 3], [10, 20, 30, 40], [40, 10, 45, 30]], np.float32)
SCORES = np.array([[0.1, 0.7, 0.2], [0.9, 0.3, 0.6]], np.float32)
KEPT = np.array([[0, 0, 1], [0, 1, 0], [0, 1, 2], [0, 0, 0]], np.int64)


def selected(kept=KEPT, boxes=BOXES, scores=SCORES):
    # The graph runs on one picture; boxes and scores keep their batch axis, the indices have none.
    return {"selected_indices": kept, "boxes": boxes[None], "scores": scores[None]}


def test_nms_in_graph_follows_the_indices_when_they_point_at_boxes():
    """Each row's class and box give the score; weak ones fall away, the rest comes best first."""
    found = decode("nms-in-graph", selected(), labels=("a", "b"), package={"box_layout": "xyxy"})

    assert [("b", 0.9), ("a", 0.7), ("b", 0.6)] == [(d.label, round(d.score, 6)) for d in found]
    assert [(4, 2, 12, 6), (20, 40, 60, 80), (80, 20, 90, 60)] == corners(found)


@pytest.mark.parametrize(
    ("layout", "columns"),
    [
        ("xyxy", lambda b: b),
        ("xyxy", lambda b: b[:, [2, 3, 0, 1]]),
        ("yxyx", lambda b: b[:, [1, 0, 3, 2]]),
        ("yxyx", lambda b: b[:, [3, 0, 1, 2]]),
        ("cxcywh", lambda b: np.concatenate([(b[:, :2] + b[:, 2:]) / 2, b[:, 2:] - b[:, :2]], axis=1)),
        (None, lambda b: b[:, [1, 0, 3, 2]]),
    ],
)
@pytest.mark.parametrize("unit", ["input", "relative"])
def test_nms_in_graph_reads_every_layout_when_the_package_names_it(layout, columns, unit):
    """The same boxes written in each of the operator's notations, diagonals in any order, come out the same."""
    written = columns(BOXES / np.array([100, 50, 100, 50], np.float32) if unit == "relative" else BOXES)
    package = {"box_layout": layout, "box_unit": unit}
    expected = decode("nms-in-graph", selected(), package={"box_layout": "xyxy"})
    found = decode("nms-in-graph", selected(boxes=written.astype(np.float32)), package=package)

    assert np.allclose(corners(expected), corners(found), atol=1e-4)


@pytest.mark.parametrize("row", [[1, 0, 0], [0, 2, 0], [0, 0, 3], [-1, -1, -1]])
def test_nms_in_graph_refuses_when_an_index_points_at_nothing(row):
    """Another picture's row, an unknown class or box, and negative indices are refused, not wrapped around."""
    with pytest.raises(OutputInvalid):
        decode("nms-in-graph", selected(kept=np.array([row])))


def test_nms_in_graph_refuses_when_boxes_and_scores_differ():
    """As many columns of scores as boxes, and labels for every class."""
    with pytest.raises(OutputInvalid, match="boxes"):
        decode("nms-in-graph", selected(boxes=BOXES[:2], kept=KEPT[:1]))
    with pytest.raises(OutputInvalid, match="names 1"):
        decode("nms-in-graph", selected(), labels=("a",))
    with pytest.raises(PackageInvalid, match="box_layout"):
        decode("nms-in-graph", selected(), package={"box_layout": "zigzag"})


def test_nms_in_graph_finds_nothing_when_nothing_was_selected():
    """No rows, no detections."""
    assert [] == decode("nms-in-graph", selected(kept=np.zeros((0, 3), np.int64)))
