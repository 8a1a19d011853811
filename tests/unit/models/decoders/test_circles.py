"""Round things: what the decoder adds to the peaks that the graph found."""

import numpy as np
import pytest

from saccade.errors import OutputInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry
from saccade.models.prediction import Box, Point

HALVED = Geometry(200, 100, 128, 64, scale_x=0.5, scale_y=0.5)


def peaks(*rows):
    """Outputs from rows (score, cx, cy, r); the box is the circle's."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    x, y, r = table[:, 1], table[:, 2], table[:, 3]
    return {"scores": table[:, 0], "boxes": np.stack([x - r, y - r, x + r, y + r], axis=1), "circles": table[:, 1:]}


def decode(outputs, *, labels=("circle",), geometry=HALVED, threshold=None, package=None):
    options = DecodeOptions(threshold=threshold, package=package or {})
    return FAMILIES["peaks"].decode(outputs, geometry=geometry, labels=labels, options=options)


def test_peaks_map_box_centre_and_radius_when_the_input_was_scaled():
    """Everything comes back to px of the original."""
    [found] = decode(peaks((0.9, 30, 20, 10)))

    assert ("circle", 0) == (found.label, found.class_id)
    assert Box(40, 20, 80, 60) == found.box
    assert Point(60, 40) == found.centroid
    assert found.radius_px == 20


def test_peaks_divide_the_radius_by_the_mean_scale_when_the_picture_was_warped():
    """A circle in a warped input is an ellipse; its mean radius is given."""
    warped = Geometry(100, 100, 100, 100, scale_x=1.0, scale_y=0.5, offset_x=4.0, offset_y=2.0)
    [found] = decode(peaks((0.9, 30, 20, 6)), geometry=warped)

    assert Point(26, 36) == found.centroid
    assert found.radius_px == 8


def test_peaks_keep_the_circle_whole_when_the_box_is_cut():
    """The box ends at the picture's edge; centre and radius stay what they are."""
    [found] = decode(peaks((0.9, 2, 20, 10)))

    assert Box(0, 20, 24, 60) == found.box
    assert Point(4, 40) == found.centroid
    assert found.radius_px == 20


def test_peaks_give_way_when_a_better_one_covers_them():
    """Of two on one thing the better stays; how much is too much is the package's to say."""
    twins = peaks((0.6, 30, 20, 10), (0.9, 31, 20, 10), (0.8, 30, 20, 3), (0.7, 60, 20, 10))

    assert [0.9, 0.7] == [round(found.score, 6) for found in decode(twins)]
    assert 3 == len(decode(twins, package={"max_containment": 1.0}))
    assert 4 == len(decode(twins, package={"max_containment": 1.0, "max_iou": 1.0}))
    assert 1 == len(decode(twins, threshold=0.85))


def test_peaks_find_nothing_when_all_are_weak_or_outside():
    """Scores under a half, and boxes beyond the picture, are not given."""
    assert [] == decode(peaks((0.49, 30, 20, 10)))
    assert [] == decode(peaks((0.9, 120, 20, 3)))
    assert [] == decode(peaks())


@pytest.mark.parametrize(
    "change",
    [
        {"circles": np.zeros((1, 4), np.float32)},
        {"circles": np.zeros((2, 3), np.float32)},
        {"circles": np.array([[30, 20, 0]], np.float32)},
        {"circles": np.array([[30, np.nan, 5]], np.float32)},
        {"scores": np.array([np.inf], np.float32)},
    ],
)
def test_peaks_are_refused_when_the_graph_gives_no_circles(change):
    """Another shape, NaN, or a radius of nothing is the model's fault."""
    with pytest.raises(OutputInvalid):
        decode(peaks((0.9, 30, 20, 10)) | change)
