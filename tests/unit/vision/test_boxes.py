"""Box arithmetic against loops over single boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saccade.vision.boxes import area, clip, containment, from_centers, from_diagonals, have_area, intersection, iou

COORDINATES = st.integers(-20, 40)


def boxes(most=6):
    counts = st.integers(0, most)
    return counts.flatmap(lambda rows: arrays(np.float32, (rows, 4), elements=COORDINATES.map(float)))


def overlap_by_counting(first, second):
    """Count unit squares that both boxes cover; coordinates are whole."""
    return sum(
        1
        for x in range(-20, 40)
        for y in range(-20, 40)
        if all(box[0] <= x < box[2] and box[1] <= y < box[3] for box in (first, second))
    )


@settings(max_examples=30)
@given(boxes(2), boxes(2))
def test_intersection_counts_unit_squares_when_coordinates_are_whole(first, second):
    """The shared area is the number of unit squares in both boxes."""
    expected = [[overlap_by_counting(a, b) for b in second] for a in first]

    assert expected == intersection(first, second).tolist()


@given(boxes(), boxes())
def test_iou_is_a_symmetric_share_when_boxes_are_any(first, second):
    """The overlap lies in 0..1, does not depend on the order, and is never above the containment."""
    shares = iou(first, second)

    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares.tolist() == iou(second, first).T.tolist()
    assert (containment(first, second) >= shares).all()


def test_iou_is_zero_when_no_box_has_area():
    """Two points in one place do not overlap, and nothing is divided by zero."""
    point = np.array([[3, 3, 3, 3]], np.float32)

    assert iou(point, point).tolist() == [[0.0]]
    assert containment(point, point).tolist() == [[0.0]]


def test_area_does_not_overflow_when_boxes_are_huge():
    """A box as large as float32 allows has a finite area."""
    huge = np.array([[0, 0, 3e38, 3e38]], np.float32)

    assert np.isfinite(area(huge)).all()
    assert iou(huge, huge).tolist() == [[1.0]]


def test_containment_is_one_when_one_box_lies_inside_the_other():
    """It asks for the part of the smaller box, not of the larger."""
    outer, inner = np.array([[0, 0, 10, 10]], np.float32), np.array([[2, 2, 4, 4]], np.float32)

    assert containment(outer, inner).tolist() == [[1.0]]
    assert iou(outer, inner).tolist() == [[0.04]]


def test_from_centers_gives_corners_when_given_centre_and_size():
    """Half the size lies on either side of the centre."""
    assert from_centers(np.array([[2, 4, 4, 2]], np.float32)).tolist() == [[0.0, 3.0, 4.0, 5.0]]


@given(boxes())
def test_from_diagonals_orders_corners_when_they_come_in_any_order(given_boxes):
    """Any two opposite corners give the same box."""
    swapped = given_boxes[:, [2, 1, 0, 3]]

    assert from_diagonals(given_boxes).tolist() == from_diagonals(swapped).tolist()
    assert (from_diagonals(given_boxes)[:, :2] <= from_diagonals(given_boxes)[:, 2:]).all()


@given(boxes())
def test_clip_leaves_no_pixel_outside_when_boxes_reach_out(given_boxes):
    """Every clipped box lies in the picture and is the part of the box that was in it."""
    picture = np.array([[0, 0, 17, 9]], np.float32)
    cut = clip(given_boxes, width_px=17, height_px=9)

    assert area(cut).tolist() == intersection(given_boxes, picture)[:, 0].tolist()
    assert ((cut >= 0) & (cut <= [17, 9, 17, 9])).all()


@pytest.mark.parametrize(
    ("box", "expected"),
    [([0, 0, 1, 1], True), ([0, 0, 0, 5], False), ([5, 5, 1, 1], False), ([0, 0, float("nan"), 1], False)],
)
def test_have_area_tells_boxes_from_lines_when_asked(box, expected):
    """Lines, boxes turned inside out and NaN have no area."""
    assert [expected] == have_area(np.array([box], np.float32)).tolist()
