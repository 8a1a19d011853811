"""Backgrounds: what round things lie on. Each function paints a (H, W, 3) float32 RGB canvas, 0..255."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.drawing import (
    OPAQUE,
    SKIN,
    FloatImage,
    Rng,
    any_colour,
    blend,
    blur,
    chance,
    fractal_noise,
    grain,
    near_colour,
    pick,
    rotate_to,
    smooth_noise,
    stroke,
    uniform,
)

FIGURED_SHARE = 0.6
WOOD = np.array(
    [
        (170, 120, 70),
        (150, 100, 60),
        (205, 160, 110),
        (150, 120, 90),
        (110, 70, 40),
        (150, 140, 130),
        (190, 130, 90),
        (225, 195, 150),
    ],
    np.float32,
)


def _filled(colour: FloatImage, height: int, width: int) -> FloatImage:
    return np.broadcast_to(colour, (height, width, 3)).astype(np.float32)


def plain(rng: Rng, height: int, width: int) -> FloatImage:
    """Return an even surface with a little unevenness."""
    canvas = _filled(any_colour(rng), height, width)
    canvas += (fractal_noise(rng, height, width, uniform(rng, 2, 60), octaves=3) * uniform(rng, 0, 6))[..., None]
    return canvas


def stone(rng: Rng, height: int, width: int) -> FloatImage:
    """Return two colours mixed in clouds and veins."""
    first = any_colour(rng)
    second = near_colour(rng, first, 35)
    field = fractal_noise(rng, height, width, uniform(rng, 20, 140), octaves=6, falloff=uniform(rng, 0.5, 0.9))
    share = (1 / (1 + np.exp(-field * uniform(rng, 0.6, 2))))[..., None]
    canvas: FloatImage = second + (first - second) * share
    return canvas + (grain(rng, (height, width)) * uniform(rng, 2, 12))[..., None]


def speckle(rng: Rng, height: int, width: int) -> FloatImage:
    """Return small spots of a second colour, as granite or terrazzo has."""
    first = any_colour(rng)
    second = near_colour(rng, first, 50)
    spots = (smooth_noise(rng, height, width, uniform(rng, 1.6, 6)) > uniform(rng, 0.3, 1.5)).astype(np.float32)
    share = blur(spots, 0.7)[..., None]
    return first + (second - first) * share


def leather(rng: Rng, height: int, width: int) -> FloatImage:
    """Return an embossed grain."""
    bumps = smooth_noise(rng, height, width, uniform(rng, 3, 10)) + 0.5 * smooth_noise(
        rng, height, width, uniform(rng, 2, 5)
    )
    slope = np.zeros_like(bumps)
    slope[:, 1:] += np.diff(bumps, axis=1)
    slope[1:] += np.diff(bumps, axis=0)
    shade = slope / (float(slope.std()) + 1e-6) * uniform(rng, 4, 20) + bumps * uniform(rng, 0, 10)
    return any_colour(rng) + shade[..., None].astype(np.float32)


def wood(rng: Rng, height: int, width: int) -> FloatImage:
    """Return grain along planks, sometimes with knots and gaps."""
    side = int(1.45 * max(height, width))
    colour = (
        WOOD[rng.integers(len(WOOD))] + rng.normal(0, 14, 3).astype(np.float32) if chance(rng, 0.8) else any_colour(rng)
    )
    fibre = fractal_noise(
        rng, side, side, uniform(rng, 6, 28), octaves=5, falloff=uniform(rng, 0.6, 0.95), stretch=uniform(rng, 8, 30)
    )
    if chance(rng, 0.6):
        rows = np.arange(side, dtype=np.float32)[:, None]
        bend = smooth_noise(rng, side, side, uniform(rng, 60, 180), uniform(rng, 1, 4))
        for _ in range(int(rng.integers(0, 3))):
            bend += _knot_bend(rng, side)
        waves = uniform(rng, 0.5, 1.3) * np.sin(rows / uniform(rng, 1.5, 9) + bend * uniform(rng, 1, 4))
        fibre = np.asarray(fibre * 0.6 + waves, np.float32)
    canvas = colour + (fibre * uniform(rng, 5, 22))[..., None].astype(np.float32)
    if chance(rng, 0.5):
        _cut_planks(rng, canvas)
    angle = float(rng.choice([0.0, 90.0, uniform(rng, -20, 20), uniform(rng, 0, 180)]))
    return rotate_to(canvas, angle, height, width)


def _knot_bend(rng: Rng, side: int) -> FloatImage:
    across = np.arange(side, dtype=np.float32)[None, :] - uniform(rng, 0.2, 0.8) * side
    down = np.arange(side, dtype=np.float32)[:, None] - uniform(rng, 0.2, 0.8) * side
    height = uniform(rng, 2, 6)
    wide, tall = uniform(rng, 10, 40), uniform(rng, 8, 25)
    return np.asarray(height * np.exp(-(across**2) / (2 * wide**2) - down**2 / (2 * tall**2)), np.float32)


def _cut_planks(rng: Rng, canvas: FloatImage) -> None:
    pitch = int(uniform(rng, 55, 260))
    for top in range(int(rng.integers(pitch)), canvas.shape[0], pitch):
        canvas[top : top + pitch] += uniform(rng, -18, 18)
        canvas[top : top + int(uniform(rng, 1, 4))] *= uniform(rng, 0.2, 0.7)


def _warped_grid(rng: Rng, side: int) -> tuple[FloatImage, FloatImage]:
    x = np.broadcast_to(np.arange(side, dtype=np.float32)[None, :], (side, side))
    y = np.broadcast_to(np.arange(side, dtype=np.float32)[:, None], (side, side))
    sway = smooth_noise(rng, side, side, uniform(rng, 30, 120)) * uniform(rng, 0, 6)
    lift = smooth_noise(rng, side, side, uniform(rng, 30, 120)) * uniform(rng, 0, 6)
    return (x + sway).astype(np.float32), (y + lift).astype(np.float32)


def _laid_down(rng: Rng, canvas: FloatImage, height: int, width: int) -> FloatImage:
    """Turn a pattern that was drawn upright, and sometimes lean it back."""
    turned = rotate_to(canvas, float(rng.choice([0.0, 90.0, uniform(rng, 0, 180)])), height, width)
    if not chance(rng, 0.3):
        return turned
    lean = uniform(rng, 0.1, 0.4) * width
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    spread = np.array([[0, 0], [width, 0], [width + lean, height], [-lean, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, spread)
    leaned = cv2.warpPerspective(turned, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(leaned, np.float32)


def weave(rng: Rng, height: int, width: int) -> FloatImage:
    """Return threads over and under one another, sometimes in two colours."""
    side = int(1.45 * max(height, width))
    x, y = _warped_grid(rng, side)
    pitch = uniform(rng, 2.5, 10)
    threads = np.sin(x * np.float32(2 * math.pi / pitch)) * np.sin(
        y * np.float32(2 * math.pi / (pitch * uniform(rng, 0.7, 1.4)))
    )
    shade = threads * uniform(rng, 6, 35) + fractal_noise(rng, side, side, uniform(rng, 3, 60), octaves=3) * uniform(
        rng, 1, 10
    )
    canvas = any_colour(rng) + shade[..., None]
    if chance(rng, 0.3):
        across, down = (
            np.mod(x, uniform(rng, 30, 140)) < uniform(rng, 10, 50),
            np.mod(y, uniform(rng, 30, 140)) < uniform(rng, 10, 50),
        )
        canvas = np.where((across ^ down)[..., None], canvas, canvas * 0.5 + any_colour(rng) * 0.5)
    return _laid_down(rng, canvas.astype(np.float32), height, width)


def stripes(rng: Rng, height: int, width: int) -> FloatImage:
    """Return bands of cloth, some of them with a row of small figures."""
    side = int(1.45 * max(height, width))
    x, y = _warped_grid(rng, side)
    count = int(rng.integers(4, 14))
    colours = np.array([any_colour(rng) for _ in range(count)], np.float32)
    ends = np.cumsum(rng.uniform(3, 44, count))
    band = np.clip(np.searchsorted(ends, np.mod(y + uniform(rng, 0, 50), ends[-1])), 0, count - 1)
    canvas = colours[band]
    if chance(rng, 0.55):
        period = rng.uniform(6, 44, count).astype(np.float32)[band]
        slant = rng.uniform(-1, 1, count).astype(np.float32)[band] if chance(rng, 0.5) else np.float32(0)
        has_figures = (rng.random(count) < FIGURED_SHARE)[band] & (
            np.mod((x + slant * y) / period, 1) < uniform(rng, 0.25, 0.6)
        )
        figures = np.array([any_colour(rng) for _ in range(count)], np.float32)[band]
        canvas = np.where(has_figures[..., None], figures, canvas)
    pitch = uniform(rng, 2.5, 8)
    canvas *= (1 + uniform(rng, 0, 0.3) * np.sin(x * (2 * math.pi / pitch)) * np.sin(y * (2 * math.pi / pitch)))[
        ..., None
    ]
    canvas += (grain(rng, (side, side)) * uniform(rng, 2, 13))[..., None]
    return _laid_down(rng, canvas.astype(np.float32), height, width)


def zigzag(rng: Rng, height: int, width: int) -> FloatImage:
    """Return a herringbone of two to four colours."""
    side = int(1.45 * max(height, width))
    x, y = _warped_grid(rng, side)
    pitch, band_px = uniform(rng, 20, 100), uniform(rng, 25, 120)
    colours = np.array([any_colour(rng) for _ in range(int(rng.integers(2, 5)))], np.float32)
    phase = y + uniform(rng, 0.5, 2) * np.abs(np.mod(x, pitch) - pitch / 2)
    band = np.clip((np.mod(phase, band_px * len(colours)) / band_px).astype(np.intp), 0, len(colours) - 1)
    canvas = colours[band] + (grain(rng, (side, side)) * uniform(rng, 2, 14))[..., None]
    return _laid_down(rng, canvas.astype(np.float32), height, width)


def grid(rng: Rng, height: int, width: int) -> FloatImage:
    """Return ruled lines, as squared paper or tiles have."""
    side = int(1.45 * max(height, width))
    x, y = _warped_grid(rng, side)
    pitch, line_px = uniform(rng, 8, 90), uniform(rng, 0.6, 4)
    lines = blur(((np.mod(x, pitch) < line_px) | (np.mod(y, pitch) < line_px)).astype(np.float32), 0.6)[..., None]
    paper = any_colour(rng)
    canvas = (
        paper + (any_colour(rng) - paper) * lines + (smooth_noise(rng, side, side, 2) * uniform(rng, 1, 8))[..., None]
    )
    return _laid_down(rng, canvas.astype(np.float32), height, width)


def blotch(rng: Rng, height: int, width: int) -> FloatImage:
    """Return camouflage: islands of a few colours."""
    field = smooth_noise(rng, height, width, uniform(rng, 8, 60)) + 0.4 * smooth_noise(
        rng, height, width, uniform(rng, 4, 12)
    )
    count = int(rng.integers(2, 5))
    islands = np.digitize(field, np.sort(rng.normal(0, 0.8, count - 1)))
    colours = np.array([any_colour(rng) for _ in range(count)], np.float32)
    return blur(colours[islands], uniform(rng, 0.4, 2)) + (grain(rng, (height, width)) * uniform(rng, 1, 11))[..., None]


def skin(rng: Rng, height: int, width: int) -> FloatImage:
    """Return a palm: soft shading and creases, sometimes as fingers over another surface."""
    colour = SKIN[rng.integers(len(SKIN))] + rng.normal(0, 12, 3).astype(np.float32)
    canvas = (
        colour + (fractal_noise(rng, height, width, uniform(rng, 30, 120), octaves=3) * uniform(rng, 4, 16))[..., None]
    )
    for _ in range(int(rng.integers(2, 9))):
        crease = np.zeros((height, width), np.float32)
        path = np.cumsum(rng.normal(0, 45, (5, 2)), 0) + rng.uniform(0, width, 2)
        stroke(crease, path, uniform(rng, 1, 4))
        canvas *= (1 - uniform(rng, 0.1, 0.5) * blur(crease, uniform(rng, 0.6, 4)))[..., None]
    canvas += (grain(rng, (height, width)) * uniform(rng, 1, 5))[..., None]
    return _fingers(rng, canvas) if chance(rng, 0.5) else canvas


def _fingers(rng: Rng, palm: FloatImage) -> FloatImage:
    height, width = palm.shape[:2]
    under = paint(rng, height, width) if chance(rng, 0.6) else palm * 0.4
    angle, count, thick_px = uniform(rng, 0, 2 * math.pi), int(rng.integers(2, 5)), uniform(rng, 40, 105)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    for finger in range(count):
        root = np.array([width / 2, height / 2]) + across * (finger - count / 2 + 0.5) * thick_px + rng.normal(0, 4, 2)
        tip = root + along * uniform(rng, 10, 240)
        lay_capsule(under, palm, root - along * 500, tip, thick_px)
    return under


def lay_capsule(
    canvas: FloatImage, paint_image: FloatImage, start: NDArray[np.float64], end: NDArray[np.float64], thick_px: float
) -> FloatImage:
    """Lay a finger-like rod, darker towards its edges, over the canvas in place; return its mask."""
    mask = np.zeros(canvas.shape[:2], np.float32)
    stroke(mask, np.array([start, end]), thick_px)
    depth = np.asarray(cv2.distanceTransform((mask > OPAQUE).astype(np.uint8), cv2.DIST_L2, 3), np.float32)
    shade = 0.55 + 0.45 * np.sqrt(np.clip(depth * 3 / thick_px, 0, 1))
    blend(canvas, paint_image * shade[..., None], mask)
    return mask


Painter = Callable[[Rng, int, int], FloatImage]
PAINTERS: dict[str, Painter] = {
    "plain": plain, "stone": stone, "wood": wood, "weave": weave, "stripes": stripes, "zigzag": zigzag,
    "grid": grid, "blotch": blotch, "skin": skin, "speckle": speckle, "leather": leather,
}  # fmt: skip
SHARES: dict[str, float] = {
    "plain": 0.15, "stone": 0.13, "wood": 0.20, "weave": 0.10, "stripes": 0.08, "zigzag": 0.05,
    "grid": 0.04, "blotch": 0.06, "skin": 0.07, "speckle": 0.05, "leather": 0.07,
}  # fmt: skip


def paint(rng: Rng, height: int, width: int, shares: dict[str, float] | None = None) -> FloatImage:
    """Return one background, (height, width, 3) float32 RGB 0..255, of a kind drawn from ``shares``."""
    canvas = PAINTERS[pick(rng, shares or SHARES)](rng, height, width)
    return np.clip(canvas, 0, 255).astype(np.float32)
