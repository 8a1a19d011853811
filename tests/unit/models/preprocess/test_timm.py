"""timm and torchvision are not installed here; what they made of drawn pictures lies in ``golden.json``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from saccade.errors import PackageInvalid, PreprocessorUnsupported
from saccade.models.preprocess.plan import (
    Bound,
    CenterCrop,
    CropRounding,
    Normalize,
    Resample,
    Rescale,
    Resize,
    ResizeKeepRatio,
    ResizeShortest,
)
from saccade.models.preprocess.run import carry_out
from saccade.models.preprocess.timm import plan_from_pretrained_cfg
from saccade.models.preprocess.torchvision import classification_plan

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))


def drawn(height: int, width: int) -> np.ndarray:
    """The picture that the golden sums were made from, by formula, so that it needs no file."""
    y, x = np.indices((height, width))
    channels = [(7 * y + 3 * x) % 256, (y * x + 5 * y) % 256, (11 * x + (y * y) // 3) % 256]
    return np.stack(channels, -1).astype(np.uint8)


def summed(pixels: np.ndarray) -> dict[str, object]:
    """Shape and SHA-256 of a tensor's bytes."""
    return {"shape": list(pixels.shape), "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


@pytest.mark.parametrize("row", GOLDEN["timm"], ids=lambda row: json.dumps(row["cfg"]))
def test_tensor_equals_timm_when_read_from_its_configuration(row):
    """Every crop mode, filter and size gives timm's own bits."""
    size = row.get("graph_size_px")
    plan = plan_from_pretrained_cfg(row["cfg"], graph_size_px=tuple(size) if size else None)

    prepared = carry_out(plan, drawn(row["height"], row["width"]))

    assert {"shape": row["shape"], "sha256": row["sha256"]} == summed(prepared.pixels)


@pytest.mark.parametrize("row", GOLDEN["torchvision"], ids=lambda row: f"{row['resize_px']}-{row['crop_px']}")
def test_tensor_equals_torchvision_when_its_preset_is_used(row):
    """The classification preset gives torchvision's own bits, also where the crop is larger than the picture."""
    resample = Resample[row["resample"].upper()]
    plan = classification_plan(resize_px=row["resize_px"], crop_px=row["crop_px"], resample=resample)

    prepared = carry_out(plan, drawn(row["height"], row["width"]))

    assert {"shape": row["shape"], "sha256": row["sha256"]} == summed(prepared.pixels)


@pytest.mark.parametrize("filter_name", ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"])
@pytest.mark.parametrize("mode", ["center", "squash", "border"])
def test_golden_sums_cover_the_case_when_mode_and_filter_meet(mode, filter_name):
    """Every mode with every filter makes a plan of its own; none falls back on another."""
    plan = plan_from_pretrained_cfg({"crop_mode": mode, "interpolation": filter_name})

    expected = {"center": ResizeShortest, "squash": Resize, "border": ResizeKeepRatio}[mode]
    assert expected is type(plan.steps[0])
    assert Resample[filter_name.upper()] is plan.steps[0].resample


def test_defaults_are_timms_when_the_configuration_is_empty():
    """224 px, 0.875, bicubic, ImageNet."""
    plan = plan_from_pretrained_cfg({})

    assert plan.steps == (
        ResizeShortest(256, Resample.BICUBIC),
        CenterCrop(224, 224, rounding=CropRounding.EVEN),
        Rescale(1 / 255),
        Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    )


@pytest.mark.parametrize(
    ("graph_size_px", "scaled_px", "crop_px"),
    [(None, 256, 224), ((224, 224), 256, 224), ((288, 288), 288, 288), ((256, 256), 292, 256)],
)
def test_size_follows_the_graph_when_it_was_exported_for_testing(graph_size_px, scaled_px, crop_px):
    """The testing size brings its own crop; any other size keeps the ordinary crop."""
    cfg = {"input_size": [3, 224, 224], "crop_pct": 0.875, "test_input_size": [3, 288, 288], "test_crop_pct": 1.0}

    plan = plan_from_pretrained_cfg(cfg, graph_size_px=graph_size_px)

    assert (scaled_px, crop_px) == (plan.steps[0].shortest_px, plan.steps[1].height_px)


def test_oblong_input_is_covered_when_the_mode_is_center():
    """Height and width each have their own target."""
    plan = plan_from_pretrained_cfg({"input_size": [3, 100, 200], "crop_pct": 1.0})

    assert ResizeKeepRatio(100, 200, Resample.BICUBIC, Bound.COVER) == plan.steps[0]


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"crop_mode": "random"}, "crop_mode 'random' is not known; center, squash, border are."),
        ({"input_size": [1, 28, 28]}, "input_size asks for 1 channels; pictures have three."),
    ],
)
def test_configuration_is_refused_when_it_cannot_be_followed(cfg, message):
    """What timm would do, but Saccade does not, is said by name."""
    with pytest.raises(PreprocessorUnsupported) as caught:
        plan_from_pretrained_cfg(cfg)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"input_size": 224}, "input_size is 224; allowed: [channels, height, width]."),
        ({"input_size": [3, 224, "x"]}, "allowed: [channels, height, width]."),
        ({"interpolation": "random"}, "interpolation is 'random'; allowed: nearest, lanczos"),
        ({"crop_pct": 0}, "crop_pct is 0; allowed: a number above 0."),
        ({"mean": [0.5]}, "mean is [0.5]; allowed: one number, or a list of three."),
    ],
)
def test_value_is_refused_when_it_is_wrong(cfg, message):
    """The message names the key, what it holds and what it may hold."""
    with pytest.raises(PackageInvalid) as caught:
        plan_from_pretrained_cfg(cfg)

    assert message in str(caught.value)
