"""Families of queries against loops written from the published formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.errors import OutputInvalid, PackageInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry

GEOMETRY = Geometry(300, 200, 640, 640, scale_x=640 / 300, scale_y=640 / 200)


def decode(family, outputs, *, labels=(), geometry=GEOMETRY, threshold=None, package=None):
    options = DecodeOptions(threshold=threshold, package=package or {})
    return FAMILIES[family].decode(outputs, geometry=geometry, labels=labels, options=options)


def corners(box, width_px=300, height_px=200):
    """From cx cy w h in 0..1 to x1 y1 x2 y2 in px inside the picture."""
    cx, cy, w, h = (float(value) for value in box)
    edges = ((cx - w / 2) * width_px, (cy - h / 2) * height_px, (cx + w / 2) * width_px, (cy + h / 2) * height_px)
    limits = (width_px, height_px, width_px, height_px)
    return tuple(min(max(edge, 0.0), limit) for edge, limit in zip(edges, limits, strict=True))


def softmax_reference(logits, boxes, threshold):
    """DETR's rule, query by query: the best class but the last, if its share is high enough."""
    found = []
    for query, row in enumerate(logits):
        powers = [math.exp(float(value) - max(map(float, row))) for value in row]
        shares = [power / sum(powers) for power in powers][:-1]
        best = max(range(len(shares)), key=lambda c: (shares[c], -c))
        if shares[best] >= threshold:
            found.append((shares[best], query, best, corners(boxes[query])))
    return sorted(found, key=lambda row: (-row[0], row[1]))


def sigmoid_reference(logits, boxes, threshold, limit):
    """The focal-loss rule, pair by pair: the best (query, class) pairs, then the threshold."""
    pairs = []
    for query, row in enumerate(logits):
        for class_id, value in enumerate(row):
            pairs.append((1 / (1 + math.exp(-float(value))), query, class_id, corners(boxes[query])))
    best = sorted(pairs, key=lambda row: (-row[0], row[1], row[2]))[:limit]
    return [row for row in best if row[0] >= threshold]


def with_area(rows):
    return [row for row in rows if row[3][2] > row[3][0] and row[3][3] > row[3][1]]


def assert_same(expected, actual):
    assert [(row[2]) for row in expected] == [found.class_id for found in actual]
    assert np.allclose([row[0] for row in expected], [found.score for found in actual], atol=1e-6)
    boxes = [(found.box.x_min, found.box.y_min, found.box.x_max, found.box.y_max) for found in actual]
    assert np.allclose(np.array([row[3] for row in expected]).reshape(-1, 4), np.array(boxes).reshape(-1, 4), atol=1e-3)


@st.composite
def scenes(draw):
    """Logits far enough apart for float32 and float64 to sort alike; boxes in and out of the picture."""
    queries, classes = draw(st.integers(1, 7)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = rng.normal(0, 2, (queries, classes))
    boxes = np.concatenate([rng.uniform(-0.1, 1.1, (queries, 2)), rng.uniform(0, 0.8, (queries, 2))], axis=1)
    return logits.astype(np.float32), boxes.astype(np.float32)


THRESHOLDS = st.sampled_from([0.0, 0.1237, 0.3191, 0.5003, 0.7771])


@given(scenes(), THRESHOLDS)
def test_detr_equals_the_loop_when_scenes_are_any(scene, threshold):
    """Softmax, last class dropped, best class of each query, boxes in px of the original."""
    logits, boxes = scene
    expected = with_area(softmax_reference(logits, boxes, threshold))

    assert_same(expected, decode("detr", {"logits": logits, "pred_boxes": boxes}, threshold=threshold))


@given(scenes(), THRESHOLDS)
def test_rt_detr_equals_the_loop_when_scenes_are_any(scene, threshold):
    """Sigmoid, the best Q pairs of query and class, boxes in px of the original."""
    logits, boxes = scene
    expected = with_area(sigmoid_reference(logits, boxes, threshold, len(logits)))

    assert_same(expected, decode("rt-detr", {"logits": logits, "pred_boxes": boxes}, threshold=threshold))


@given(scenes(), THRESHOLDS)
def test_rf_detr_equals_the_loop_when_scenes_are_any(scene, threshold):
    """The same rule under RF-DETR's names: ``labels`` are logits there."""
    logits, boxes = scene
    expected = with_area(sigmoid_reference(logits, boxes, threshold, len(logits)))

    assert_same(expected, decode("rf-detr", {"dets": boxes, "labels": logits}, threshold=threshold))


def one_query(*logits, box=(0.5, 0.5, 0.5, 0.5)):
    return {"logits": np.array([logits], np.float32), "pred_boxes": np.array([box], np.float32)}


def test_detr_finds_nothing_when_the_last_class_wins():
    """The no-object class is never given, however sure the model is of it."""
    assert [] == decode("detr", one_query(0, 0, 9))
    assert [1] == [found.class_id for found in decode("detr", one_query(0, 9, 0))]


def three_queries():
    """One that stands for two classes, one that stands for one of them, one that sees nothing."""
    rows = [one_query(-9, 3, 5), one_query(-9, -9, 4), one_query(-9, -9, -9)]
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}


def test_rt_detr_gives_two_classes_when_one_query_stands_for_both():
    """With sigmoid heads a query is not bound to one class, and the last class is a class."""
    assert [2, 2, 1] == [found.class_id for found in decode("rt-detr", three_queries())]


def test_rt_detr_keeps_fewer_pairs_when_max_detections_says_so():
    """The package's limit cuts the best pairs, as Deformable DETR's top_k does."""
    assert 1 == len(decode("rt-detr", three_queries(), package={"max_detections": 1}))


def test_rf_detr_leaves_out_the_last_slot_when_labels_name_the_others():
    """A fine-tuned head has one slot more than classes; it is neither a class nor a reason to refuse."""
    outputs = {"dets": np.array([[0.5, 0.5, 0.5, 0.5]], np.float32), "labels": np.array([[1, 2, 9]], np.float32)}

    assert ["bolt"] == [found.label for found in decode("rf-detr", outputs, labels=("nut", "bolt"))]
    assert ["class 2"] == [found.label for found in decode("rf-detr", outputs)]
    assert ["class 2"] == [found.label for found in decode("rf-detr", outputs, labels=("a", "b", ""))]


@pytest.mark.parametrize("family", ["detr", "rt-detr"])
def test_threshold_is_a_half_when_nobody_says_otherwise(family):
    """Half is the family's; whoever says another goes before it, and equality counts."""
    outputs = one_query(0.0, -50.0, 0.4) if family == "detr" else one_query(-0.4, -50.0)
    score = decode(family, outputs, threshold=0.0)[0].score

    assert 0.4 < score < 0.41
    assert [] == decode(family, outputs)
    assert 1 == len(decode(family, outputs, threshold=score))


def test_boxes_follow_the_picture_when_padding_came_after_it():
    """Relative boxes mean the picture and not the padded input (DETR's pixel mask); the package may say otherwise."""
    padded = Geometry(100, 50, 200, 200, scale_x=1.0, scale_y=1.0)
    outputs = one_query(9, -9, box=(0.25, 0.25, 0.5, 0.5))
    [picture] = decode("rt-detr", outputs, geometry=padded)
    [whole] = decode("rt-detr", outputs, geometry=padded, package={"relative_to": "input"})

    assert (0, 0, 50, 25) == (picture.box.x_min, picture.box.y_min, picture.box.x_max, picture.box.y_max)
    assert (0, 0, 100, 50) == (whole.box.x_min, whole.box.y_min, whole.box.x_max, whole.box.y_max)


def test_boxes_follow_the_input_when_the_picture_was_letterboxed():
    """Where the picture was moved inside the input, relative boxes can only mean the input."""
    letterboxed = Geometry(200, 100, 100, 100, scale_x=0.5, scale_y=0.5, offset_y=25.0)
    [found] = decode("rt-detr", one_query(9, -9, box=(0.5, 0.5, 1.0, 0.5)), geometry=letterboxed)

    assert (0, 0, 200, 100) == (found.box.x_min, found.box.y_min, found.box.x_max, found.box.y_max)


def test_boxes_are_dropped_when_they_lie_outside_the_picture():
    """What has no area inside the picture is no detection."""
    assert [] == decode("rt-detr", one_query(9, -9, box=(1.5, 0.5, 0.2, 0.2)))
    assert [] == decode("rt-detr", one_query(9, -9, box=(0.5, 0.5, 0.0, 0.2)))


@pytest.mark.parametrize("family", ["detr", "rt-detr", "rf-detr"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_outputs_are_refused_when_they_hold_no_numbers(family, broken):
    """NaN and infinities are the model's fault and never a detection."""
    outputs = one_query(9, broken)
    if family == "rf-detr":
        outputs = {"labels": outputs["logits"], "dets": outputs["pred_boxes"]}
    with pytest.raises(OutputInvalid, match="NaN or infinity"):
        decode(family, outputs)


def test_outputs_are_refused_when_labels_are_fewer_than_classes():
    """80 labels for 91 classes would name every find wrongly."""
    with pytest.raises(OutputInvalid, match="scores 2 classes, but the package names 1"):
        decode("rt-detr", one_query(9, -9), labels=("only",))
    with pytest.raises(OutputInvalid, match="scores 2 classes, but the package names 1"):
        decode("detr", one_query(9, -9, -9), labels=("only",))


@pytest.mark.parametrize(
    "outputs",
    [
        {"logits": np.zeros((2, 3), np.float32), "pred_boxes": np.zeros((3, 4), np.float32)},
        {"logits": np.zeros((2, 1), np.float32), "pred_boxes": np.zeros((2, 4), np.float32)},
        {"a": np.zeros((2, 4), np.float32), "b": np.zeros((2, 4), np.float32)},
        {"logits": np.zeros((2, 3), np.float32)},
        {},
    ],
)
def test_detr_refuses_when_shapes_do_not_fit(outputs):
    """Missing, unequal or ambiguous outputs are refused, with every shape in the message."""
    with pytest.raises(OutputInvalid, match="Family detr expects logits") as caught:
        decode("detr", outputs)

    assert all(f"{name} {list(tensor.shape)}" in str(caught.value) for name, tensor in outputs.items())


def test_options_are_refused_when_they_are_nonsense():
    """A package's wrong option is the package's error."""
    for option in ({"max_detections": 0}, {"relative_to": "moon"}):
        with pytest.raises(PackageInvalid, match=next(iter(option))):
            decode("rt-detr", one_query(9, -9), package=option)
