from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.errors import PackageInvalid
from saccade.models.preprocess.plan import (
    CenterCrop,
    CropRounding,
    Letterbox,
    PadPlace,
    Plan,
    Resample,
    Rescale,
    Resize,
    ResizeShortest,
)
from saccade.models.preprocess.run import carry_out
from saccade.models.preprocess.sizes import letterbox_size
from saccade.models.preprocess.ultralytics import letterbox_plan, plan_from_metadata

sides = st.integers(1, 2000)


@given(height=sides, width=sides, box_height=st.integers(32, 1280), box_width=st.integers(32, 1280))
def test_letterbox_fills_the_box_when_no_multiple_is_asked_for(height, width, box_height, box_width):
    """Picture and margins add up to the box, and the two margins of an axis differ by at most one px."""
    (inner_height, inner_width), (top, left, bottom, right) = letterbox_size(
        Letterbox(box_height, box_width), (height, width)
    )

    assert (box_height, box_width) == (top + inner_height + bottom, left + inner_width + right)
    assert {0, 1} >= {bottom - top, right - left}


@given(height=st.integers(20, 2000), width=st.integers(20, 2000), box=st.sampled_from([320, 640, 1280]))
def test_letterbox_ends_at_a_multiple_when_one_is_asked_for(height, width, box):
    """The rectangle is the smallest multiple of the stride that holds the scaled picture."""
    (inner_height, inner_width), (top, left, bottom, right) = letterbox_size(
        Letterbox(box, box, multiple=32), (height, width)
    )

    expected = -(-inner_height // 32) * 32, -(-inner_width // 32) * 32
    assert expected == (top + inner_height + bottom, left + inner_width + right)


@pytest.mark.parametrize(
    ("size", "inner", "margins"),
    [
        ((480, 640), (480, 640), (80, 0, 80, 0)),
        ((1080, 810), (640, 480), (0, 80, 0, 80)),
        ((427, 640), (427, 640), (106, 0, 107, 0)),
        ((1, 2000), (1, 640), (319, 0, 320, 0)),
        ((3, 3), (640, 640), (0, 0, 0, 0)),
    ],
)
def test_margins_are_ultralytics_when_worked_out_by_hand(size, inner, margins):
    """Half a px to spare goes to the bottom and the right; small pictures are enlarged."""
    assert (inner, margins) == letterbox_size(Letterbox(640, 640), size)


def test_pixels_are_grey_around_the_picture_when_it_is_letterboxed(picture):
    """A picture that already fits is laid in unchanged, over grey 114, divided by 255."""
    image = picture(21, 64)
    expected = np.full((64, 64, 3), 114, np.uint8)
    expected[21:42] = image

    prepared = carry_out(letterbox_plan((64, 64)), image)

    assert np.array_equal((expected.transpose(2, 0, 1) / np.float32(255)).astype(np.float32), prepared.pixels)


def test_padding_follows_the_picture_when_its_place_is_the_end(picture):
    """Some detectors want all of the padding at the right and the bottom."""
    plan = Plan((Letterbox(64, 64, place=PadPlace.END),))

    prepared = carry_out(plan, picture(20, 64))

    assert (0.0, 0.0) == (prepared.geometry.offset_x, prepared.geometry.offset_y)
    assert np.all(prepared.pixels[:, 20:] == 114)


def test_plan_is_the_full_box_when_the_export_is_fixed():
    """Imgsz is height, width."""
    metadata = {"imgsz": "[480, 640]", "stride": "32", "task": "detect", "args": "{'dynamic': False}"}

    assert Plan((Letterbox(480, 640), Rescale(1 / 255))) == plan_from_metadata(metadata)


def test_plan_is_the_smallest_rectangle_when_the_export_is_dynamic():
    """A graph that takes any multiple of its stride gets no more padding than it needs."""
    metadata = {"imgsz": "[640, 640]", "stride": "64", "args": "{'dynamic': True}"}

    assert Plan((Letterbox(640, 640, multiple=64), Rescale(1 / 255))) == plan_from_metadata(metadata)


def test_graph_wins_when_it_has_a_size_of_its_own():
    """The file's strings may be stale; the graph's input is not."""
    metadata = {"imgsz": "640", "args": "{'dynamic': True}"}

    assert letterbox_plan((320, 416)) == plan_from_metadata(metadata, graph_size_px=(320, 416))


@pytest.mark.parametrize(
    ("imgsz", "first"),
    [("[224, 224]", ResizeShortest(224, Resample.BILINEAR)), ("[224, 320]", Resize(224, 320, Resample.BILINEAR))],
)
def test_classifier_is_cropped_when_the_task_says_so(imgsz, first):
    """Classifiers are resized and cropped as torchvision does, not letterboxed."""
    plan = plan_from_metadata({"imgsz": imgsz, "task": "classify"})

    assert first == plan.steps[0]
    assert isinstance(plan.steps[1], CenterCrop)
    assert CropRounding.EVEN is plan.steps[1].rounding
    assert (Rescale(1 / 255),) == plan.steps[2:]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "has no imgsz"),
        ({"imgsz": "__import__('os')"}, "has an unreadable imgsz"),
        ({"imgsz": "[" * 5000}, "has an unreadable imgsz"),
        ({"imgsz": "[640]"}, r"has imgsz \[640\]; allowed: \[height, width\]"),
        ({"imgsz": "[0, 640]"}, r"has imgsz \[0, 640\]"),
        ({"imgsz": "640", "stride": "'a'", "args": "{'dynamic': True}"}, "has stride 'a'"),
    ],
)
def test_metadata_is_refused_when_it_cannot_be_read(metadata, message):
    """Strings from a model file are read as literals, never run."""
    with pytest.raises(PackageInvalid, match=message):
        plan_from_metadata(metadata)
