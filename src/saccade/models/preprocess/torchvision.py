"""The plan of torchvision's classification presets, for graphs that were exported from its models."""

from __future__ import annotations

from saccade.models.preprocess.plan import (
    CenterCrop,
    CropRounding,
    Normalize,
    Plan,
    Resample,
    Rescale,
    ResizeShortest,
)
from saccade.models.preprocess.processors import IMAGENET_MEAN, IMAGENET_STD


def classification_plan(
    *,
    resize_px: int = 256,
    crop_px: int = 224,
    resample: Resample = Resample.BILINEAR,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
) -> Plan:
    """Return the evaluation preset: short side, middle crop, divide by 255, normalise.

    Args:
        resize_px: Length of the short side after resizing, px; 256 or 232 in most weights.
        crop_px: Side of the square that is cut out, px.
        resample: The filter.
        mean: Mean of each channel, of values 0..1.
        std: Deviation of each channel, of values 0..1.

    Returns:
        The plan of the preset on a PIL image.
    """
    return Plan(
        (
            ResizeShortest(resize_px, resample),
            CenterCrop(crop_px, crop_px, rounding=CropRounding.EVEN),
            Rescale(1 / 255),
            Normalize(mean, std),
        )
    )
