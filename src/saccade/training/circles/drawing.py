"""Drawing on float pictures: noise, colours, soft ellipses and blending. No torch, only numpy and OpenCV.

A canvas is (H, W, 3) float32, RGB, 0..255. Points are in px with the origin at the outer corner of the top left
pixel, so pixel (i, j) covers [j, j+1] x [i, i+1] and its centre is at (j + 0.5, i + 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
Rng = np.random.Generator

GRAIN_RANDOM_STATE = 7
SUBPIXEL_BITS = 6
OPAQUE = 0.5
FINEST_CELL_PX = 1.6
STRETCHED = 1.5

PALETTE = np.array(
    [
        (200, 200, 200), (235, 235, 235), (45, 42, 40), (22, 20, 20), (95, 92, 88), (155, 150, 148), (140, 95, 62),
        (190, 140, 92), (110, 72, 42), (198, 158, 122), (92, 118, 150), (220, 200, 182), (160, 42, 40), (45, 55, 112),
        (160, 40, 118), (70, 110, 62), (190, 168, 140), (225, 192, 160), (230, 182, 150),
        (240, 212, 190), (60, 90, 120),
    ],
    np.float32,
)  # fmt: skip
SKIN = np.array(
    [(220, 170, 150), (235, 190, 170), (200, 150, 120), (170, 110, 80), (240, 205, 190), (120, 78, 58)], np.float32
)
METAL = np.array(
    [
        (210, 205, 200), (180, 175, 170), (140, 135, 130), (235, 232, 230), (175, 110, 60),
        (190, 120, 70), (130, 80, 50), (90, 55, 35), (210, 170, 90), (215, 160, 80), (225, 185, 110), (170, 130, 60),
        (70, 45, 30), (95, 90, 88),
        (58, 55, 54), (125, 140, 150), (175, 165, 140), (95, 60, 45), (150, 42, 35),
    ],
    np.float32,
)  # fmt: skip


def uniform(rng: Rng, low: float, high: float) -> float:
    """Return one number between ``low`` and ``high``, evenly spread."""
    return float(rng.uniform(low, high))


def chance(rng: Rng, probability: float) -> bool:
    """Return True with this probability (0..1)."""
    return bool(rng.random() < probability)


def pick(rng: Rng, weights: dict[str, float]) -> str:
    """Return one key, drawn in proportion to its weight."""
    names = list(weights)
    share = np.array([weights[name] for name in names], np.float64)
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def any_colour(rng: Rng) -> FloatImage:
    """Return a colour, (3,) float32 0..255: mostly near a usual one, sometimes any at all."""
    is_usual = chance(rng, 0.65)
    colour = PALETTE[rng.integers(len(PALETTE))] + rng.normal(0, 15, 3) if is_usual else rng.uniform(0, 255, 3)
    return np.clip(colour, 0, 255).astype(np.float32)


def near_colour(rng: Rng, colour: FloatImage, spread: float) -> FloatImage:
    """Return a colour, (3,) float32 0..255, that differs from ``colour`` in lightness and a little in hue."""
    moved = colour + rng.normal(0, spread) + rng.normal(0, spread * 0.5, 3)
    return np.clip(moved, 0, 255).astype(np.float32)


@cache
def _grain_bank() -> FloatImage:
    return np.random.default_rng(GRAIN_RANDOM_STATE).standard_normal(1 << 22, dtype=np.float32)


def grain(rng: Rng, shape: tuple[int, ...]) -> FloatImage:
    """Return white noise of this shape, float32, mean 0, deviation 1, cut at random from one fixed long row."""
    bank = _grain_bank()
    count = math.prod(shape)
    start = int(rng.integers(0, len(bank) - count))
    return bank[start : start + count].reshape(shape)


def smooth_noise(rng: Rng, height: int, width: int, cell_px: float, stretch: float = 1.0) -> FloatImage:
    """Return (height, width) float32 noise whose bumps are about ``cell_px`` high and ``stretch`` times as wide."""
    rows = max(2, int(height / cell_px) + 2)
    columns = max(2, int(width / (cell_px * stretch)) + 2)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def fractal_noise(
    rng: Rng, height: int, width: int, cell_px: float, *, octaves: int = 4, falloff: float = 0.55, stretch: float = 1.0
) -> FloatImage:
    """Return (height, width) float32 noise of several scales, deviation 1."""
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for octave in range(octaves):
        cell = cell_px / 2**octave
        if cell < 1:
            break
        if cell < FINEST_CELL_PX and stretch < STRETCHED:
            total += weight * grain(rng, (height, width))
        else:
            total += weight * smooth_noise(rng, height, width, cell, stretch)
        weight *= falloff
    total /= float(total.std()) + 1e-6
    return total


def rotate_to(image: FloatImage, angle_deg: float, height: int, width: int) -> FloatImage:
    """Return the middle (height, width) of an image turned about its centre."""
    rows, columns = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle_deg, 1.0)
    matrix[0, 2] += width / 2 - columns / 2
    matrix[1, 2] += height / 2 - rows / 2
    turned = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, np.float32)


def blur(image: FloatImage, sigma_px: float) -> FloatImage:
    """Return the image after a Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.2, sigma_px)), np.float32)


def blend(canvas: FloatImage, paint: FloatImage, alpha: FloatImage) -> None:
    """Lay ``paint`` over ``canvas`` in place; ``alpha`` is (H, W) float32 0..1."""
    cover = alpha[..., None]
    canvas += (paint - canvas) * cover


def darken(canvas: FloatImage, amount: FloatImage) -> None:
    """Multiply ``canvas`` in place by 1 - ``amount``, (H, W) float32 0..1."""
    canvas *= (1.0 - amount)[..., None]


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse in px of the canvas: centre, semi-axes (``major`` along ``angle``), angle in radians clockwise."""

    cx: float
    cy: float
    major: float
    minor: float
    angle: float = 0.0

    @property
    def half_width(self) -> float:
        """Half the width of the upright box around it, px."""
        return math.hypot(self.major * math.cos(self.angle), self.minor * math.sin(self.angle))

    @property
    def half_height(self) -> float:
        """Half the height of the upright box around it, px."""
        return math.hypot(self.major * math.sin(self.angle), self.minor * math.cos(self.angle))

    @property
    def mean_radius(self) -> float:
        """The mean of both semi-axes, px."""
        return (self.major + self.minor) / 2

    @property
    def area(self) -> float:
        """Area in px²."""
        return math.pi * self.major * self.minor

    def scaled(self, factor: float) -> Ellipse:
        """Return the concentric ellipse whose axes are ``factor`` times as long."""
        return Ellipse(self.cx, self.cy, self.major * factor, self.minor * factor, self.angle)

    def moved(self, dx: float, dy: float) -> Ellipse:
        """Return the ellipse shifted by (dx, dy) px."""
        return Ellipse(self.cx + dx, self.cy + dy, self.major, self.minor, self.angle)


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels inside the canvas: rows top..bottom, columns left..right (ends excluded)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def is_empty(self) -> bool:
        """Whether no pixel lies in it."""
        return self.bottom <= self.top or self.right <= self.left

    @property
    def slices(self) -> tuple[slice[int, int, None], slice[int, int, None]]:
        """Row and column slices for indexing a canvas."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def window_around(ellipse: Ellipse, canvas_shape: tuple[int, ...], margin_px: float = 2.0) -> Window:
    """Return the pixels of the canvas within ``margin_px`` of the ellipse's upright box."""
    half_w, half_h = ellipse.half_width + margin_px, ellipse.half_height + margin_px
    return Window(
        top=max(0, math.floor(ellipse.cy - half_h)),
        bottom=min(canvas_shape[0], math.ceil(ellipse.cy + half_h)),
        left=max(0, math.floor(ellipse.cx - half_w)),
        right=min(canvas_shape[1], math.ceil(ellipse.cx + half_w)),
    )


def unit_coordinates(ellipse: Ellipse, window: Window) -> tuple[FloatImage, FloatImage]:
    """Return (u, v) of each pixel centre of the window: the ellipse's own axes, so that u² + v² = 1 on its outline."""
    x = np.arange(window.left, window.right, dtype=np.float32)[None, :] + np.float32(0.5 - ellipse.cx)
    y = np.arange(window.top, window.bottom, dtype=np.float32)[:, None] + np.float32(0.5 - ellipse.cy)
    cosine, sine = np.float32(math.cos(ellipse.angle)), np.float32(math.sin(ellipse.angle))
    u = (x * cosine + y * sine) / np.float32(ellipse.major)
    v = (y * cosine - x * sine) / np.float32(ellipse.minor)
    return np.asarray(u, np.float32), np.asarray(v, np.float32)


def disc_alpha(ellipse: Ellipse, window: Window, softness_px: float = 1.0) -> FloatImage:
    """Return the cover of each pixel of the window by the ellipse, float32 0..1, its edge ``softness_px`` wide."""
    u, v = unit_coordinates(ellipse, window)
    radius = np.sqrt(u * u + v * v)
    # The distance to an ellipse is (1 - r) / |grad r|, and |grad r| lies between 1 / major and 1 / minor.
    slope = np.sqrt((u / ellipse.major) ** 2 + (v / ellipse.minor) ** 2) / np.maximum(radius, 1e-3)
    distance_px = (1.0 - radius) / np.maximum(slope, 1e-6)
    return np.clip(distance_px / softness_px + 0.5, 0, 1).astype(np.float32)


def soft_disc(ellipse: Ellipse, window: Window, blur_px: float) -> FloatImage:
    """Return a blurred disc as ``disc_alpha`` does, with the S-shaped edge that a Gaussian blur leaves."""
    ramp = disc_alpha(ellipse, window, softness_px=max(1.0, 3.0 * blur_px))
    return ramp * ramp * (3.0 - 2.0 * ramp)


def fill_polygon(mask: FloatImage, points: NDArray[np.float64], value: float = 1.0) -> None:
    """Fill a polygon, (N, 2) x y in px, into a mask in place, with smooth edges."""
    fixed = np.round((points - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], value, cv2.LINE_AA, SUBPIXEL_BITS)


def stroke(
    mask: FloatImage, points: NDArray[np.float64], width_px: float, *, value: float = 1.0, is_closed: bool = False
) -> None:
    """Draw a line through the points, (N, 2) x y in px, into a mask in place."""
    fixed = np.round((points - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.polylines(mask, [fixed], is_closed, value, max(1, round(width_px)), cv2.LINE_AA, SUBPIXEL_BITS)


def rotation(angle: float) -> NDArray[np.float64]:
    """Return the (2, 2) matrix that turns column vectors by ``angle`` radians, clockwise on the screen."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])
