"""Suppression against the textbook: compare every box with every one that was kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saccade.vision.nms import keep_best, keep_best_per_class


def share(first, second, *, of_smaller=False):
    """Overlap of two boxes in plain Python."""
    width = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    areas = [max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) for box in (first, second)]
    whole = min(areas) if of_smaller else areas[0] + areas[1] - width * height
    return width * height / whole if whole > 0 else 0.0


def brute_force(boxes, scores, class_ids, max_iou, max_containment):
    """Go through the boxes from best to worst and keep each that none of the kept ones covers."""
    kept = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        rivals = [boxes[k] for k in kept if class_ids[k] == class_ids[index]]
        if all(
            share(boxes[index], rival) <= max_iou
            and (max_containment >= 1 or share(boxes[index], rival, of_smaller=True) <= max_containment)
            for rival in rivals
        ):
            kept.append(index)
    return kept


@st.composite
def scenes(draw):
    count = draw(st.integers(0, 25))
    corners = draw(arrays(np.int32, (count, 2), elements=st.integers(0, 30)))
    sizes = draw(arrays(np.int32, (count, 2), elements=st.integers(0, 20)))
    # Few different scores, so that ties are common.
    scores = draw(arrays(np.int32, count, elements=st.integers(0, 4)))
    classes = draw(arrays(np.intp, count, elements=st.integers(0, 2)))
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    return boxes, (scores / 4).astype(np.float32), classes


LIMITS = st.sampled_from([0.0, 0.3, 0.45, 0.5, 0.9, 1.0])


@given(scenes(), LIMITS, LIMITS)
def test_keep_best_per_class_equals_brute_force_when_scenes_are_any(scene, max_iou, max_containment):
    """The same boxes in the same order as the quadratic textbook loop, ties included."""
    boxes, scores, classes = scene
    expected = brute_force(boxes.tolist(), scores.tolist(), classes.tolist(), max_iou, max_containment)
    actual = keep_best_per_class(boxes, scores, classes, max_iou=max_iou, max_containment=max_containment)

    assert expected == actual.tolist()


@given(scenes(), LIMITS)
def test_keep_best_ignores_classes_when_none_are_given(scene, max_iou):
    """Without classes every box competes with every other."""
    boxes, scores, _ = scene
    expected = brute_force(boxes.tolist(), scores.tolist(), [0] * len(boxes), max_iou, 1.0)

    assert expected == keep_best(boxes, scores, max_iou=max_iou).tolist()


@given(scenes(), st.integers(0, 5))
def test_keep_best_gives_the_first_of_all_when_limited(scene, limit):
    """A limit cuts the answer and changes nothing else."""
    boxes, scores, _ = scene

    assert keep_best(boxes, scores).tolist()[:limit] == keep_best(boxes, scores, limit=limit).tolist()


def test_keep_best_keeps_the_first_when_scores_are_equal():
    """Of two equal boxes with equal scores the earlier stays."""
    twins = np.array([[0, 0, 5, 5], [0, 0, 5, 5]], np.float32)

    assert keep_best(twins, np.array([0.5, 0.5], np.float32)).tolist() == [0]


def test_keep_best_refuses_when_lengths_differ():
    """A missing score is our bug and is not guessed."""
    with pytest.raises(ValueError, match="do not pair up"):
        keep_best(np.zeros((2, 4), np.float32), np.zeros(1, np.float32))


def test_contained_box_stays_when_it_is_far_smaller():
    """A colony in a dish is a thing of its own; a ring inside a coin is a second look at the coin."""
    dish, colony, ring = [0, 0, 100, 100], [40, 40, 60, 60], [20, 20, 80, 80]
    boxes, scores = np.array([dish, colony, ring], np.float32), np.array([0.9, 0.8, 0.7], np.float32)

    assert keep_best(boxes, scores, max_containment=0.85).tolist() == [0]
    assert keep_best(boxes, scores, max_containment=0.85, nested_area=0.06).tolist() == [0, 1]
