from __future__ import annotations

import pytest
import yaml

from saccade.errors import PackageInvalid
from saccade.models.preprocess import plan as steps
from saccade.models.preprocess.plan import (
    Bound,
    CenterCrop,
    CropRounding,
    Fit,
    FlipChannels,
    Letterbox,
    Normalize,
    Pad,
    PadMode,
    PadPlace,
    Resample,
    Rescale,
    Resize,
    ResizeKeepRatio,
    ResizeShortest,
)
from saccade.models.preprocess.written import STEPS, plan_from_steps


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("resize: {height_px: 2, width_px: 3, resample: bilinear}", Resize(2, 3, Resample.BILINEAR)),
        ("resize: {height_px: 2, width_px: 3, resample: nearest}", Resize(2, 3, Resample.NEAREST)),
        ("resize_shortest: {shortest_px: 9, resample: bicubic}", ResizeShortest(9, Resample.BICUBIC)),
        (
            "resize_shortest: {shortest_px: 9, resample: box, longest_px: 12, multiple: 4}",
            ResizeShortest(9, Resample.BOX, 12, 4),
        ),
        (
            "resize_keep_ratio: {height_px: 2, width_px: 3, resample: hamming, bound: cover}",
            ResizeKeepRatio(2, 3, Resample.HAMMING, Bound.COVER),
        ),
        ("fit: {long_side_px: 512, resample: lanczos}", Fit(512, Resample.LANCZOS)),
        ("letterbox: {height_px: 64, width_px: 32}", Letterbox(64, 32)),
        (
            "letterbox: {height_px: 64, width_px: 32, fill: 0, resample: nearest, place: end, multiple: 8}",
            Letterbox(64, 32, 0, Resample.NEAREST, PadPlace.END, 8),
        ),
        ("center_crop: {height_px: 2, width_px: 3}", CenterCrop(2, 3)),
        (
            "center_crop: {height_px: 2, width_px: 3, rounding: even, fill: [1, 2, 3]}",
            CenterCrop(2, 3, CropRounding.EVEN, (1, 2, 3)),
        ),
        ("center_crop: {height_px: 2, width_px: 3, fill: 114}", CenterCrop(2, 3, fill=(114, 114, 114))),
        ("rescale: {factor: 0.5}", Rescale(0.5)),
        ("rescale: {factor: 0.00392156862745098, offset: -1}", Rescale(1 / 255, -1)),
        ("normalize: {mean: [0.1, 0.2, 0.3], std: 0.5}", Normalize((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))),
        ("flip_channels: {}", FlipChannels()),
        ("flip_channels:", FlipChannels()),
        ("pad: {multiple: 32, mode: edge}", Pad(multiple=32, mode=PadMode.EDGE)),
        ("pad: {height_px: 9, width_px: 8}", Pad(height_px=9, width_px=8)),
    ],
)
def test_step_is_read_when_it_is_written_in_yaml(written, step):
    """What a saccade.yaml says is what the plan does."""
    assert (step,) == plan_from_steps(
        yaml.safe_load(f"- {{{written}}}" if written.endswith(":") else f"- {written}")
    ).steps


def test_steps_keep_their_order_when_there_are_several():
    """The order in the file is the order of the work."""
    written = [{"fit": {"long_side_px": 8, "resample": "box"}}, {"rescale": {"factor": 1}}, {"pad": {"multiple": 8}}]

    assert (Fit(8, Resample.BOX), Rescale(1), Pad(multiple=8)) == plan_from_steps(written).steps


def test_every_step_of_a_plan_can_be_written_when_the_tables_are_compared():
    """There is no step that only a program could ask for."""
    assert set(steps.Step.__args__) == {reader.kind for reader in STEPS.values()}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("resize", "preprocess.steps[0] is 'resize'; allowed: one of resize, resize_shortest,"),
        ({"resize": {}, "fit": {}}, "preprocess.steps[0] is {'resize': {}, 'fit': {}}; allowed: one of resize,"),
        ({"crop": {}}, "preprocess.steps[0]: crop is no step; allowed: resize, resize_shortest,"),
        ({"fit": 512}, "preprocess.steps[0]: fit holds 512; allowed: long_side_px, resample."),
        ({"flip_channels": {"x": 1}}, "preprocess.steps[0]: flip_channels has no x; allowed: nothing."),
        ({"fit": {"long_px": 4}}, "preprocess.steps[0]: fit has no long_px; allowed: long_side_px, resample."),
        ({"fit": {"resample": "box"}}, "fit: long_side_px is None; allowed: a whole number from 1."),
        ({"fit": {"long_side_px": True, "resample": "box"}}, "fit: long_side_px is True; allowed: a whole number"),
        ({"fit": {"long_side_px": 9}}, "fit: resample is None; allowed: nearest, lanczos, bilinear, bicubic, box"),
        ({"fit": {"long_side_px": 9, "resample": 2}}, "fit: resample is 2; allowed: nearest, lanczos,"),
        ({"letterbox": {"height_px": 9, "width_px": 9, "fill": 256}}, "letterbox: fill is 256; allowed: a whole"),
        ({"letterbox": {"height_px": 9, "width_px": 9, "place": "top"}}, "place is 'top'; allowed: end, center."),
        ({"center_crop": {"height_px": 9, "width_px": 9, "fill": [1, 2]}}, "fill is [1, 2]; allowed: one number,"),
        ({"center_crop": {"height_px": 9, "width_px": 9, "fill": 0.5}}, "fill is 0.5; allowed: one whole number"),
        ({"rescale": {}}, "rescale: factor is None; allowed: a finite number."),
        ({"rescale": {"factor": 1, "offset": None}}, "rescale: offset is None; allowed: a finite number."),
        ({"normalize": {"mean": 0}}, "normalize: std is None; allowed: one number, or a list of three."),
        ({"normalize": {"std": 1}}, "normalize: mean is None; allowed: one number, or a list of three."),
        (
            {"normalize": {"mean": 0, "std": [1, 0, 1]}},
            "std is [1, 0, 1]; allowed: one number, or a list",
        ),
        ({"pad": {}}, "pad: allowed: either multiple, or height_px and width_px."),
        ({"pad": {"height_px": 3}}, "pad: allowed: either multiple, or height_px and width_px."),
        ({"pad": {"multiple": 3, "height_px": 3}}, "pad: allowed: either multiple, or height_px and width_px."),
        (
            {"pad": {"multiple": 3, "height_px": 3, "width_px": 3}},
            "pad: allowed: either multiple, or height_px and width_px.",
        ),
        ({"pad": {"multiple": 3, "mode": "reflect"}}, "pad: mode is 'reflect'; allowed: constant, edge."),
    ],
)
def test_step_is_refused_by_name_when_it_is_wrong(written, message):
    """The message names the step, the key and what is allowed."""
    with pytest.raises(PackageInvalid) as caught:
        plan_from_steps([written])

    assert message in str(caught.value)


def test_order_is_refused_when_floats_would_be_resized():
    """Pillow resizes bytes; a resize after rescale is a mistake in the file."""
    with pytest.raises(PackageInvalid, match=r"steps\[1\]: a picture cannot be resized after rescale"):
        plan_from_steps([{"rescale": {"factor": 1}}, {"fit": {"long_side_px": 8, "resample": "box"}}])
