"""Rings and dots with soft edges, painted pixel by pixel; Pillow's ellipses have steps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from saccade.vision.arrays import RgbImage
from saccade.vision.palette import Rgb


def paint_ring(
    canvas: RgbImage,
    center: tuple[float, float],
    radius_px: float,
    *,
    width_px: float,
    color: Rgb,
) -> None:
    """Paint a ring, or with radius 0 a dot, onto the picture itself.

    How much a pixel is covered follows from how far its centre lies inside the line.

    Args:
        canvas: (H, W, 3) uint8, RGB, 0..255, origin top left; changed in place.
        center: x and y in px; may lie outside.
        radius_px: To the middle of the line.
        width_px: Of the line; of a dot its diameter.
        color: What to paint with.

    Cost:
        O(radius * width), whatever the size of the picture.
    """
    xs, ys = _pixels_near(canvas, center, radius_px, reach_px=width_px / 2 + 1)
    distance = np.hypot(xs + 0.5 - center[0], ys + 0.5 - center[1])
    cover = np.clip(width_px / 2 + 0.5 - np.abs(distance - radius_px), 0, 1)
    # Some pixels come twice. They are read before any is written, so they get the same colour twice.
    under = canvas[ys, xs].astype(np.float64)
    mixed = under + (np.array(color) - under) * cover[:, None]
    canvas[ys, xs] = np.rint(mixed).astype(np.uint8)


def _pixels_near(
    canvas: RgbImage, center: tuple[float, float], radius_px: float, *, reach_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    # Half-pixel steps along the circle and across the line meet every pixel in between.
    across = np.arange(max(-reach_px, -radius_px), reach_px + 0.5, 0.5)
    steps = math.ceil(2 * math.pi * (radius_px + reach_px) / 0.5)
    angles = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    radii = radius_px + across[:, None]
    xs = np.floor(center[0] + radii * np.cos(angles)).ravel().astype(np.intp)
    ys = np.floor(center[1] + radii * np.sin(angles)).ravel().astype(np.intp)
    height_px, width_px = canvas.shape[:2]
    inside = (xs >= 0) & (xs < width_px) & (ys >= 0) & (ys < height_px)
    return xs[inside], ys[inside]
