"""Carry out a plan: from one upright RGB picture to the tensor, the mask and the way back."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from saccade.errors import ImageShapeUnsupported
from saccade.models.prepared import Prepared
from saccade.models.preprocess import plan as steps
from saccade.models.preprocess.canvas import Canvas, Values
from saccade.models.preprocess.plan import CropRounding, Plan, Step
from saccade.models.preprocess.sizes import (
    crop_start_even,
    crop_start_floor,
    fit_size,
    keep_ratio_size,
    letterbox_size,
    shortest_size,
)
from saccade.vision.arrays import RgbImage


def carry_out(plan: Plan, image: RgbImage) -> Prepared:
    """Make one picture ready for a graph.

    Args:
        plan: The steps, in order.
        image: (H, W, 3) uint8, RGB, 0..255, upright, origin top left; left untouched.

    Returns:
        Pixels (3, H, W) float32, contiguous; the mask if the plan wants one; the map between input px and original px.

    Raises:
        ImageShapeUnsupported: The picture is too narrow, or too large for the plan's fixed padding.

    Cost:
        One Pillow resize and one pass over the result; rescaling and normalising cost 768 numbers, not one per pixel.
    """
    canvas = Canvas.of(image)
    for step in plan.steps:
        _take(step, canvas)
    mask = canvas.mask() if plan.pixel_mask else None
    return Prepared(pixels=canvas.tensor(), mask=mask, geometry=canvas.geometry())


@singledispatch
def _take(step: Step, canvas: Canvas) -> None:
    """Take one step; every kind of step registers itself below."""
    raise TypeError(f"{type(step).__name__} is no step that a {type(canvas).__name__} can take")


@_take.register
def _(step: steps.Resize, canvas: Canvas) -> None:
    canvas.resize((step.height_px, step.width_px), step.resample)


@_take.register
def _(step: steps.ResizeShortest, canvas: Canvas) -> None:
    canvas.resize(shortest_size(step, canvas.size), step.resample)


@_take.register
def _(step: steps.ResizeKeepRatio, canvas: Canvas) -> None:
    canvas.resize(keep_ratio_size(step, canvas.size), step.resample)


@_take.register
def _(step: steps.Fit, canvas: Canvas) -> None:
    canvas.resize(fit_size(step, canvas.size), step.resample)


@_take.register
def _(step: steps.Letterbox, canvas: Canvas) -> None:
    size, margins = letterbox_size(step, canvas.size)
    canvas.resize(size, step.resample)
    canvas.surround(margins, fill=(step.fill,) * 3)


@_take.register
def _(step: steps.CenterCrop, canvas: Canvas) -> None:
    height, width = canvas.size
    start_of = crop_start_floor if step.rounding is CropRounding.FLOOR else crop_start_even
    top, left = start_of(height, step.height_px), start_of(width, step.width_px)
    # Cut first: what is cut away need not be copied when the other axis is padded.
    canvas.cut((max(0, top), max(0, left)), (step.height_px, step.width_px))
    above, before = max(0, -top), max(0, -left)
    below = max(0, step.height_px - height - above)
    after = max(0, step.width_px - width - before)
    canvas.surround((above, before, below, after), fill=step.fill)


@_take.register
def _(step: steps.Rescale, canvas: Canvas) -> None:
    def rescaled(values: Values) -> NDArray[np.float32]:
        scaled = (values.astype(np.float64) * step.factor).astype(np.float32)
        # Adding 0 would turn -0.0 into 0.0: no offset means no addition.
        return scaled + np.float32(step.offset) if step.offset else scaled

    canvas.apply(rescaled)


@_take.register
def _(step: steps.Normalize, canvas: Canvas) -> None:
    def normalised(values: Values) -> NDArray[np.float32]:
        channels = (-1,) + (1,) * (values.ndim - 1)
        mean = np.array(step.mean, np.float32).reshape(channels)
        std = np.array(step.std, np.float32).reshape(channels)
        return (values.astype(np.float32) - mean) / std

    canvas.apply(normalised)


@_take.register
def _(_step: steps.FlipChannels, canvas: Canvas) -> None:
    canvas.flip_channels()


@_take.register
def _(step: steps.Pad, canvas: Canvas) -> None:
    height, width = canvas.size
    if step.multiple is not None:
        below, after = -height % step.multiple, -width % step.multiple
    else:
        below, after = (step.height_px or height) - height, (step.width_px or width) - width
    if below < 0 or after < 0:
        raise ImageShapeUnsupported(
            f"The picture comes to {width} x {height} px, but the model takes at most {step.width_px} x "
            f"{step.height_px} px.",
            hint="Scale the picture down.",
        )
    canvas.surround((0, 0, below, after), mode=step.mode)
