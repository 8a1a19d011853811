"""Rings and dots with soft edges, painted pixel by pixel; Pillow's ellipses have steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.vision.arrays import RgbImage
from saccade.vision.palette import Rgb

#: From so many steps along a line for each pixel of the picture on, it is cheaper to look at every pixel.
_MOST_STEPS = 4
_FEW_STEPS = 10_000


def paint_ring(
    canvas: RgbImage,
    center: tuple[float, float],
    radius_px: float,
    *,
    width_px: float,
    color: Rgb,
    pattern: Sequence[float] = (),
) -> None:
    """Paint a ring, or with radius 0 a dot, onto the picture itself.

    How much a pixel is covered follows from how far its centre lies inside the line.

    Args:
        canvas: (H, W, 3) uint8, RGB, 0..255, origin top left; changed in place.
        center: x and y in px; may lie outside.
        radius_px: To the middle of the line.
        width_px: Of the line; of a dot its diameter.
        color: What to paint with.
        pattern: Lengths of dash and gap by turns, in px along the line, clockwise from the right; else a whole line.

    Cost:
        O(radius * width), whatever the size of the picture; of a circle beyond all measure, O(pixels of the picture).
    """
    xs, ys = _pixels_near(canvas, center, radius_px, reach_px=width_px / 2 + 1)
    across, down = xs + 0.5 - center[0], ys + 0.5 - center[1]
    distance = np.hypot(across, down)
    cover = np.clip(width_px / 2 + 0.5 - np.abs(distance - radius_px), 0, 1)
    if pattern:
        cover *= _dash_cover(np.arctan2(down, across) % (2 * math.pi) * radius_px, pattern)
    # Some pixels come twice. They are read before any is written, so they get the same colour twice.
    under = canvas[ys, xs].astype(np.float64)
    mixed = under + (np.array(color) - under) * cover[:, None]
    canvas[ys, xs] = np.rint(mixed).astype(np.uint8)


def _dash_cover(along_px: NDArray[np.float64], pattern: Sequence[float]) -> NDArray[np.float64]:
    """Return how much of a dash each place along the line has, 0..1, with soft ends."""
    in_pattern = along_px % sum(pattern)
    cover, begin = np.zeros_like(along_px), 0.0
    for dash_px, gap_px in zip(pattern[::2], pattern[1::2], strict=True):
        # The end of the last gap is beside the beginning of the first dash.
        for turn in (0.0, sum(pattern)):
            middle = begin + dash_px / 2 + turn
            cover = np.maximum(cover, np.clip(dash_px / 2 + 0.5 - np.abs(in_pattern - middle), 0, 1))
        begin += dash_px + gap_px
    return cover


def _pixels_near(
    canvas: RgbImage, center: tuple[float, float], radius_px: float, *, reach_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    # Half-pixel steps along the circle and across the line meet every pixel in between.
    across = np.arange(max(-reach_px, -radius_px), reach_px + 0.5, 0.5)
    steps = math.ceil(2 * math.pi * (radius_px + reach_px) / 0.5)
    height_px, width_px = canvas.shape[:2]
    if steps * across.size > _MOST_STEPS * height_px * width_px + _FEW_STEPS:
        rows, columns = np.mgrid[:height_px, :width_px]
        return columns.ravel(), rows.ravel()
    angles = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    radii = radius_px + across[:, None]
    xs = np.floor(center[0] + radii * np.cos(angles)).ravel().astype(np.intp)
    ys = np.floor(center[1] + radii * np.sin(angles)).ravel().astype(np.intp)
    inside = (xs >= 0) & (xs < width_px) & (ys >= 0) & (ys < height_px)
    return xs[inside], ys[inside]
