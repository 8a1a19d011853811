"""Read timm's ``pretrained_cfg`` into a plan that gives the numbers of timm's evaluation transform on a PIL image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from saccade.errors import PackageInvalid, PreprocessorUnsupported
from saccade.models.plain import Plain
from saccade.models.preprocess.keys import Keys
from saccade.models.preprocess.plan import (
    Bound,
    CenterCrop,
    CropRounding,
    Normalize,
    Plan,
    Resample,
    Rescale,
    Resize,
    ResizeKeepRatio,
    ResizeShortest,
    Step,
)
from saccade.models.preprocess.processors import IMAGENET_MEAN, IMAGENET_STD
from saccade.models.preprocess.sizes import Size

_CHANNELS = 3
_DEFAULT_CROP_PCT = 0.875
_DEFAULT_SIZE_PX = (224, 224)


class CropMode(StrEnum):
    """How the picture meets the input: ``center`` cuts the overhang, ``squash`` warps, ``border`` adds a border."""

    CENTER = "center"
    SQUASH = "squash"
    BORDER = "border"


def plan_from_pretrained_cfg(cfg: Mapping[str, Plain], *, graph_size_px: Size | None = None) -> Plan:
    """Translate the ``pretrained_cfg`` of a timm model.

    Args:
        cfg: The object as it stands in timm's ``config.json``.
        graph_size_px: (height, width) that the exported graph wants, px; where it is ``test_input_size``, the size and
            the crop for testing are taken. None, or the size of an export at another resolution: ``crop_pct`` holds.

    Returns:
        The plan; equal in every bit to timm's transform, whose conversion to a tensor divides by 255 in float32.

    Raises:
        PreprocessorUnsupported: The model does not take three channels, or the crop mode is not known.
        PackageInvalid: A value has the wrong type.
    """
    keys = Keys(cfg, "pretrained_cfg")
    size = _input_size(keys, "input_size") or _DEFAULT_SIZE_PX
    crop_pct = keys.share("crop_pct") or _DEFAULT_CROP_PCT
    if graph_size_px is not None:
        if graph_size_px == _input_size(keys, "test_input_size") != size:
            crop_pct = keys.share("test_crop_pct") or crop_pct
        size = graph_size_px
    mean = keys.channels("mean") or IMAGENET_MEAN
    steps = (
        *_geometry_steps(keys, size, crop_pct=crop_pct, mean=mean),
        Rescale(1 / 255),
        Normalize(mean, keys.deviations("std") or IMAGENET_STD),
    )
    return Plan(steps)


def _input_size(keys: Keys, key: str) -> Size | None:
    written = keys.values.get(key)
    if written is None:
        return None
    lengths = [one for one in written if isinstance(one, int) and one > 0] if isinstance(written, list | tuple) else []
    if len(lengths) != _CHANNELS:
        raise PackageInvalid(f"pretrained_cfg: {key} is {written!r}; allowed: [channels, height, width].")
    if lengths[0] != _CHANNELS:
        raise PreprocessorUnsupported(f"pretrained_cfg: {key} asks for {lengths[0]} channels; pictures have three.")
    return lengths[1], lengths[2]


def _geometry_steps(keys: Keys, size: Size, *, crop_pct: float, mean: tuple[float, ...]) -> tuple[Step, ...]:
    written = keys.values.get("crop_mode")
    if written is not None and written not in set(CropMode):
        raise PreprocessorUnsupported(f"pretrained_cfg: crop_mode {written!r} is not known; {', '.join(CropMode)} are.")
    mode = keys.choice("crop_mode", CropMode, default=CropMode.CENTER)
    named = keys.filter_name("interpolation")
    resample = Resample.BICUBIC if named is None else named
    scaled = math.floor(size[0] / crop_pct), math.floor(size[1] / crop_pct)
    fill = tuple(round(255 * one) for one in mean) if mode is CropMode.BORDER else (0, 0, 0)
    return (
        _resize_step(mode, scaled, resample),
        CenterCrop(*size, rounding=CropRounding.EVEN, fill=fill),
    )


def _resize_step(mode: CropMode, scaled: Size, resample: Resample) -> Step:
    if mode is CropMode.SQUASH:
        return Resize(*scaled, resample)
    if mode is CropMode.BORDER:
        return ResizeKeepRatio(*scaled, resample, Bound.INSIDE)
    if scaled[0] == scaled[1]:
        return ResizeShortest(scaled[0], resample)
    return ResizeKeepRatio(*scaled, resample, Bound.COVER)
