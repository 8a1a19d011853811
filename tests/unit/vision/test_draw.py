"""What annotated pictures promise: nothing is changed but what is drawn, and what is drawn can be seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.vision.boxes import area, intersection
from saccade.vision.draw import annotate, annotate_labels
from saccade.vision.layout import lay_out
from saccade.vision.marks import Circle, Mark
from saccade.vision.palette import color_of, contrast_ratio, paints_for
from saccade.vision.rings import paint_ring
from saccade.vision.tags import MAX_HIDDEN, Rect, as_boxes, free_place


def plain(level, height_px=120, width_px=160):
    return np.full((height_px, width_px, 3), level, np.uint8)


def changed(before, after):
    return (before != after).any(axis=2)


@pytest.mark.parametrize("level", [0, 60, 90, 118, 150, 180, 255])
@pytest.mark.parametrize("label", ["person", "bicycle", "cat", "cup", "dog", "circle", "tv", "orange"])
def test_annotate_draws_a_visible_box_when_the_background_is_any_grey(level, label):
    """On every grey, line or seam has a contrast of at least 3 to 1 to it, which WCAG asks of graphics."""
    after = annotate(plain(level), [Mark(label, 0.9, (40, 50, 120, 100))])
    across = after[75, 30:50].tolist()

    assert max(contrast_ratio(tuple(pixel), (level, level, level)) for pixel in across) >= 3


def test_annotate_leaves_the_inside_alone_when_a_box_is_drawn():
    """What was found stays visible: nothing in the middle of the box and nothing far from it is touched."""
    before = plain(77, 200, 200)
    touched = changed(before, annotate(before, [Mark("cat", 0.9, (50, 60, 150, 160))]))

    assert not touched[75:145, 65:135].any()
    assert not touched[175:].any()
    assert touched[60:160, 50].all()
    assert touched[60:160, 149].all()


def test_annotate_does_not_change_its_input_when_drawing():
    """The caller's array stays as it was, and may be read-only."""
    before = plain(10)
    before.setflags(write=False)
    annotate(before, [Mark("cat", 0.9, (10, 10, 50, 50), Circle(30, 30, 20))])

    assert (before == 10).all()


def test_annotate_returns_an_equal_picture_when_there_is_nothing_to_draw():
    """No marks, no change."""
    assert not changed(plain(33), annotate(plain(33), [])).any()


def test_annotate_draws_a_thin_circle_when_one_is_given():
    """The circle is on the picture, at its radius, all around."""
    before = plain(128, 300, 300)
    after = annotate(before, [Mark("coin", 0.9, (20, 20, 280, 280), Circle(150, 150, 80))])
    angles = np.linspace(0, 2 * np.pi, 90)
    xs, ys = (150 + 80 * np.cos(angles)).astype(int), (150 + 80 * np.sin(angles)).astype(int)

    assert changed(before, after)[ys, xs].all()
    assert not changed(before, after)[150, 175:215].any()


def test_annotate_gives_the_same_picture_when_marks_come_in_another_order():
    """The order of the marks says nothing; their scores do."""
    marks = [
        Mark("cat", 0.9, (10, 30, 90, 100)),
        Mark("dog", 0.5, (30, 40, 120, 110)),
        Mark("cup", 0.7, (5, 5, 60, 60)),
    ]

    assert (annotate(plain(50), marks) == annotate(plain(50), marks[::-1])).all()


EDGES = st.floats(-300, 300)


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.lists(st.tuples(EDGES, EDGES, EDGES, EDGES, st.text(max_size=30), st.floats(0, 200)), max_size=5),
)
def test_annotate_keeps_the_size_when_boxes_and_labels_are_any(size, things):
    """No box, circle, label or size of picture makes it fail."""
    picture = plain(100, *size)
    marks = [Mark(label, 0.5, (a, b, c, d), Circle(a, b, radius)) for a, b, c, d, label, radius in things]

    assert picture.shape == annotate(picture, marks).shape
    assert picture.shape == annotate_labels(picture, [(mark.label, mark.score) for mark in marks]).shape


def test_annotate_labels_draws_only_into_its_corner_when_given_labels():
    """The panel covers the top left corner and at most half of the width; longer bars mean higher scores."""
    before = plain(200, 480, 640)
    touched = changed(before, annotate_labels(before, [("cat " * 40, 0.9), ("dog", 0.1)]))

    assert touched.any()
    assert not touched[:, 360:].any()
    assert not touched[240:].any()


def test_annotate_labels_leaves_out_rows_when_the_picture_is_low():
    """What does not fit is left out from the end; a picture too small for a row stays as it is."""
    assert changed(plain(9, 60, 200), annotate_labels(plain(9, 60, 200), [("a", 0.9)] * 50)).any()
    assert not changed(plain(9, 8, 8), annotate_labels(plain(9, 8, 8), [("a", 0.9)])).any()


def test_annotate_labels_has_one_row_when_the_picture_is_an_icon():
    """An icon keeps most of itself, and its row says the label rather than the number."""
    before = plain(200, 64, 64)
    touched = changed(before, annotate_labels(before, [("Fibres", 0.9), ("Tips", 0.1)]))

    assert touched.any()
    assert not touched[36:].any()


def test_annotate_leaves_finds_free_when_the_picture_is_an_icon():
    """On a large picture a tiny find may lie under its name; on an icon no tag hides what it names."""
    before = plain(90, 64, 64)
    corners = [(4, 4), (40, 4), (4, 44), (40, 44), (22, 24)]
    marks = [Mark("coin", 0.9, (x, y, x + 18, y + 16)) for x, y in corners]
    touched = changed(before, annotate(before, marks))

    assert touched.any()
    assert max(touched[y + 3 : y + 13, x + 3 : x + 15].mean() for x, y in corners) < 0.5


def test_annotate_breaks_the_line_when_another_label_has_the_colour():
    """The second label of a colour has gaps in the contrast, on frames and circles, and corners that are closed."""
    first, second = same_color(2)
    marks = [
        Mark(first, 0.9, (10, 10, 110, 100)),
        Mark(second, 0.8, (150, 10, 250, 100)),
        Mark(second, 0.7, (300, 50, 360, 110), Circle(330, 80, 60)),
    ]
    after = annotate(plain(128, 200, 400), marks)
    paint = paints_for([first, second])[second]

    assert {paint.fill} == {tuple(pixel) for pixel in after[99, 10:110].tolist()}
    assert {paint.fill, paint.contrast} == {tuple(pixel) for pixel in after[99, 150:250].tolist()}
    assert [paint.fill] * 4 == [tuple(after[y, x].tolist()) for y, x in ((99, 150), (99, 249), (99, 151), (98, 249))]
    around = np.linspace(0, 2 * np.pi, 400)
    ring = after[(80 + 60 * np.sin(around)).astype(int), (330 + 60 * np.cos(around)).astype(int)]
    near = [np.abs(ring.astype(int) - color).sum(axis=1).min() for color in (paint.fill, paint.contrast)]
    assert max(near) < 60


def same_color(number):
    """Return labels that have one colour, in the order of the alphabet."""
    labels = [f"label {index:03d}" for index in range(200)]
    return [label for label in labels if color_of(label) == color_of(labels[0])][:number]


SIDES = st.integers(-20, 120)


@given(
    st.lists(st.tuples(SIDES, SIDES, st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=8),
    st.integers(1, 130),
    st.integers(1, 40),
)
def test_free_place_hides_nothing_when_it_finds_one(finds, width_px, height_px):
    """A tag lies inside the picture, on no other tag, and hides less than half of any other find."""
    picture = Rect(0, 0, 100, 80)
    boxes = [Rect(x, y, x + w, y + h).within(picture) for x, y, w, h in finds]
    taken = [Rect(0, 0, 30, 20)]
    place = free_place(width_px, height_px, box=boxes[0], picture=picture, taken=taken, finds=as_boxes(boxes))
    if place is None:
        return
    spot = as_boxes([place])
    others = as_boxes([box for box in boxes if box != boxes[0]])

    assert place == place.within(picture)
    assert (width_px, height_px) == (place.width, place.height)
    assert not intersection(spot, as_boxes(taken)).any()
    assert (intersection(spot, others)[0] <= MAX_HIDDEN * area(others)).all()


def test_free_place_is_above_the_box_when_there_is_room():
    """A tag sits on the top left corner of its box; under it where the picture ends."""
    picture = Rect(0, 0, 100, 100)
    high, low = Rect(10, 0, 90, 30), Rect(10, 50, 90, 90)

    for box, expected in ((low, Rect(10, 40, 40, 50)), (high, Rect(10, 30, 40, 40))):
        assert expected == free_place(30, 10, box=box, picture=picture, taken=[], finds=as_boxes([box]))
    assert free_place(101, 10, box=low, picture=picture, taken=[], finds=as_boxes([low])) is None


def test_paint_ring_equals_a_loop_over_all_pixels_when_drawn():
    """Only pixels near the line are looked at, and none that the definition covers is missed."""
    for center, radius, width in [((20.3, 17.8), 11.5, 3.0), ((-4.0, 30.0), 20.0, 1.0), ((25.0, 25.0), 0.0, 8.0)]:
        canvas = plain(0, 50, 50)
        paint_ring(canvas, center, radius, width_px=width, color=(200, 100, 50))
        ys, xs = np.mgrid[:50, :50]
        distance = np.hypot(xs + 0.5 - center[0], ys + 0.5 - center[1])
        cover = np.clip(width / 2 + 0.5 - abs(distance - radius), 0, 1)
        expected = np.rint(cover[..., None] * np.array([200.0, 100.0, 50.0])).astype(np.uint8)

        assert (expected == canvas).all()


def test_paint_ring_paints_dashes_when_given_a_pattern():
    """Clockwise from the right: 10 px of line, 10 px of nothing, and so on all around."""
    radius = 40 / (2 * np.pi) * 4
    canvas = plain(0, 100, 100)
    paint_ring(canvas, (50.0, 50.0), radius, width_px=3.0, color=(255, 255, 255), pattern=(10.0, 10.0))
    along = np.arange(160) + 0.5
    angles = along / radius
    ring = canvas[
        np.floor(50 + radius * np.sin(angles)).astype(int), np.floor(50 + radius * np.cos(angles)).astype(int)
    ]
    middles = along % 10
    inner = (middles > 2) & (middles < 8)

    assert (ring[inner & (along % 20 < 10), 0] > 200).all()
    assert (ring[inner & (along % 20 > 10), 0] < 50).all()


@pytest.mark.parametrize("radius", [200.0, 1e5, 1e12])
def test_paint_ring_costs_no_more_than_the_picture_when_the_circle_is_huge(radius):
    """Any radius is painted at once, and where the line passes the picture it is there."""
    canvas = plain(0, 60, 60)
    paint_ring(canvas, (30.0 - radius, 30.0), radius, width_px=3.0, color=(255, 255, 255))

    assert canvas[30, 29, 0] == 255
    assert not canvas[:, :20].any()


def test_annotate_leaves_out_circles_that_no_picture_shows():
    """A radius beyond the picture's diagonal is no find, and thousands of huge ones are not painted one by one."""
    scene = lay_out(
        [Mark("a", 0.9, (0, 0, 9, 9), Circle(30, 40, 51)), Mark("a", 0.8, (0, 0, 9, 9), Circle(30, 40, 49))]
        + [Mark("a", 0.7, (0, 0, 9, 9), Circle(30, 40, 50)) for _ in range(500)],
        width_px=30,
        height_px=40,
    )

    assert max(ring.circle.radius_px for ring in scene.rings) == 50
    assert sum(ring.circle.radius_px for ring in scene.rings) == pytest.approx(100 * (30 + 40), abs=50)
    assert len(scene.frames) == 502
