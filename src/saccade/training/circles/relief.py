"""Faces of coins, discs, washers, balls and buttons: a height map, lit from one side and coloured.

A face is (S, S, 3) float32 RGB; the outline of the thing is the circle of radius 1 in the unit grid of ``face_grid``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.drawing import (
    METAL,
    FloatImage,
    Rng,
    any_colour,
    blur,
    chance,
    fractal_noise,
    near_colour,
    pick,
    uniform,
)

EDGE_PX = 2
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_PLAIN,
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNPRSTUVWXYZ123456789"
FACE_LETTERS = LETTERS + "OQ00688"
STRIP_PX = 600
BEAD_WIDTH = 0.025
ROUND_MARKS = 0.15


@dataclass(frozen=True, slots=True)
class Grid:
    """A face's pixels: ``x`` and ``y`` in -1..1 inside the outline, ``radius``, and ``angle`` in radians."""

    side: int
    x: FloatImage
    y: FloatImage
    radius: FloatImage
    angle: FloatImage

    @property
    def unit_px(self) -> float:
        """Length of the radius 1 in px of the face."""
        return self.side / 2 - EDGE_PX


@cache
def face_grid(side: int) -> Grid:
    """Return the grid of a face of ``side`` px."""
    axis = (np.arange(side, dtype=np.float32) - side / 2 + 0.5) / np.float32(side / 2 - EDGE_PX)
    x, y = np.broadcast_to(axis[None, :], (side, side)), np.broadcast_to(axis[:, None], (side, side))
    return Grid(side, x, y, np.hypot(x, y), np.arctan2(y, x))


def random_text(rng: Rng, length: int, letters: str = LETTERS) -> str:
    """Return capital letters and digits; O, Q and 0 are left out by default, for they are round things themselves."""
    return "".join(letters[index] for index in rng.integers(0, len(letters), length))


def metal_colour(rng: Rng) -> FloatImage:
    """Return a colour, (3,) float32 0..255, that a coin or a tool may have."""
    colour = METAL[rng.integers(len(METAL))] + rng.normal(0, 12, 3) if chance(rng, 0.8) else rng.uniform(10, 245, 3)
    return np.clip(colour, 5, 250).astype(np.float32)


def coin_height(rng: Rng, grid: Grid) -> FloatImage:
    """Return the height map of a minted face, (S, S) float32 about 0..1: rim, beads, inscription, motif."""
    height = np.zeros((grid.side, grid.side), np.float32)
    rim = uniform(rng, 0.02, 0.14)
    if chance(rng, 0.85):
        height = np.maximum(height, (grid.radius > 1 - rim) * np.float32(uniform(rng, 0.5, 1)))
    if chance(rng, 0.35):
        on_row = np.abs(grid.radius - (1 - rim - uniform(rng, 0.02, 0.08))) < BEAD_WIDTH
        height = np.maximum(height, (on_row & (np.cos(int(rng.integers(30, 100)) * grid.angle) > 0)) * np.float32(0.9))
    if chance(rng, 0.3):
        line = np.abs(grid.radius - uniform(rng, 0.45, 0.85)) < uniform(rng, 0.008, 0.03)
        height = np.maximum(height, line * np.float32(uniform(rng, 0.5, 1)))
    inside = (grid.radius < 1 - rim).astype(np.float32)
    if chance(rng, 0.7):
        height = np.maximum(height, _inscription(rng, grid) * inside)
    height = np.maximum(height, _motif(rng, grid) * inside * np.float32(uniform(rng, 0.5, 1)))
    if chance(rng, 0.6):
        wear = fractal_noise(rng, grid.side, grid.side, uniform(rng, 0.02, 0.15) * grid.side + 2, falloff=0.7)
        height = height + wear * np.float32(uniform(rng, 0, 0.15))
    return np.asarray(height, np.float32)


def _inscription(rng: Rng, grid: Grid) -> FloatImage:
    """Letters along the rim: written on a straight strip, then bent to a circle."""
    side = grid.side
    scale = side / 192
    strip = np.zeros((side, STRIP_PX), np.uint8)
    font = FONTS[int(rng.integers(len(FONTS)))]
    origin = (int(uniform(rng, 0, 300)), int(side * uniform(rng, 0.8, 0.93)))
    cv2.putText(
        strip,
        random_text(rng, int(rng.integers(4, 26)), FACE_LETTERS),
        origin,
        font,
        uniform(rng, 0.6, 1.1) * scale,
        255,
        max(1, int(uniform(rng, 1, 4) * scale)),
        cv2.LINE_AA,
    )
    if chance(rng, 0.5):
        strip = strip[:, ::-1]
    polar = np.ascontiguousarray(strip.T)
    reach = grid.unit_px * uniform(rng, 0.95, 1.1)
    bent = cv2.warpPolar(polar, (side, side), (side / 2, side / 2), reach, cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    return np.asarray(bent.astype(np.float32) / 255, np.float32)


def _motif(rng: Rng, grid: Grid) -> FloatImage:
    """The picture in the middle: digits, a head of blobs, a star, blocks, leaves, round marks; turned at random."""
    side, middle = grid.side, grid.side // 2
    kind = pick(
        rng,
        {
            "digit": 0.22,
            "head": 0.22,
            "star": 0.07,
            "blocks": 0.08,
            "leaves": 0.09,
            "mixed": 0.1,
            "rounds": 0.15,
            "none": 0.07,
        },
    )
    image = np.zeros((side, side), np.uint8)
    if kind in ("digit", "mixed"):
        _draw_digits(rng, image)
    if kind in ("head", "mixed"):
        _draw_head(rng, image)
    if kind == "rounds" or chance(rng, ROUND_MARKS):
        _draw_rounds(rng, image)
    if kind == "star":
        rays = grid.radius < uniform(rng, 0.4, 0.7) * (0.55 + 0.45 * np.cos(int(rng.integers(3, 16)) * grid.angle))
        image = (rays * 255).astype(np.uint8)
    if kind == "blocks":
        _draw_blocks(rng, image)
    if kind == "leaves":
        _draw_leaves(rng, image)
    matrix = cv2.getRotationMatrix2D((middle, middle), uniform(rng, 0, 360), 1)
    turned = cv2.warpAffine(image, matrix, (side, side)).astype(np.float32)
    return np.asarray(turned / 255, np.float32)


def _draw_digits(rng: Rng, image: NDArray[np.uint8]) -> None:
    side = image.shape[0]
    text = random_text(rng, int(rng.integers(1, 4)), FACE_LETTERS)
    font = FONTS[int(rng.integers(4))]
    thick = max(1, int(uniform(rng, 0.015, 0.06) * side))
    (width, height), _ = cv2.getTextSize(text, font, 1.0, thick)
    scale = min(uniform(rng, 1.5, 4) * side / 192, side * 0.62 / width, side * 0.6 / height)
    origin = (int(side / 2 - width * scale / 2), int(side / 2 + height * scale / 2))
    cv2.putText(image, text, origin, font, scale, 255, thick, cv2.LINE_AA)


def _draw_head(rng: Rng, image: NDArray[np.uint8]) -> None:
    side, middle = image.shape[0], image.shape[0] // 2
    for _ in range(int(rng.integers(3, 9))):
        centre = (int(middle + rng.normal(0, side * 0.1)), int(middle + rng.normal(0, side * 0.12)))
        axes = (int(uniform(rng, 0.02, 0.2) * side) + 1, int(uniform(rng, 0.02, 0.26) * side) + 1)
        cv2.ellipse(
            image,
            centre,
            axes,
            uniform(rng, 0, 180),
            0,
            360,
            int(uniform(rng, 60, 255)),
            -1 if chance(rng, 0.7) else 2,
            cv2.LINE_AA,
        )
    for _ in range(int(rng.integers(2, 12))):
        path = (np.cumsum(rng.normal(0, 0.05 * side, (5, 2)), 0) + middle + rng.normal(0, side * 0.13, 2)).astype(
            np.int32
        )
        grey, thick = int(uniform(rng, 0, 255)), max(1, int(uniform(rng, 0.005, 0.02) * side))
        cv2.polylines(image, [path], isClosed=False, color=grey, thickness=thick, lineType=cv2.LINE_AA)


def _draw_blocks(rng: Rng, image: NDArray[np.uint8]) -> None:
    side, middle = image.shape[0], image.shape[0] // 2
    for _ in range(int(rng.integers(4, 14))):
        x, y = (rng.normal(0, side * 0.15, 2) + middle).astype(int).tolist()
        w, h = (rng.uniform(0.015, 0.2, 2) * side).astype(int).tolist()
        cv2.rectangle(image, (x, y), (x + w, y + h), int(uniform(rng, 80, 255)), -1 if chance(rng, 0.5) else 2)


def _draw_leaves(rng: Rng, image: NDArray[np.uint8]) -> None:
    side, middle = image.shape[0], image.shape[0] // 2
    for _ in range(int(rng.integers(10, 40))):
        turn, reach = uniform(rng, 0, 2 * math.pi), uniform(rng, 0.2, 0.72) * side / 2
        centre = (int(middle + reach * math.cos(turn)), int(middle + reach * math.sin(turn)))
        axes = (max(1, int(uniform(rng, 0.015, 0.07) * side)), max(1, int(uniform(rng, 0.01, 0.03) * side)))
        cv2.ellipse(image, centre, axes, uniform(rng, 0, 180), 0, 360, int(uniform(rng, 100, 255)), -1, cv2.LINE_AA)


def _draw_rounds(rng: Rng, image: NDArray[np.uint8]) -> None:
    """Round marks, which are part of the face and not things of their own: pellets, rings, seals, mint marks."""
    side, middle = image.shape[0], image.shape[0] // 2
    for _ in range(int(rng.integers(1, 9))):
        turn, reach = uniform(rng, 0, 2 * math.pi), 0.36 * side * math.sqrt(rng.random())
        centre = (int(middle + reach * math.cos(turn)), int(middle + reach * math.sin(turn)))
        radius = max(2, int(math.exp(uniform(rng, math.log(0.02), math.log(0.16))) * side))
        thick = -1 if chance(rng, 0.6) else max(1, int(uniform(rng, 0.008, 0.03) * side))
        cv2.circle(image, centre, radius, int(uniform(rng, 60, 255)), thick, cv2.LINE_AA)


def _disc_height(rng: Rng, grid: Grid) -> FloatImage:
    height = np.zeros((grid.side, grid.side), np.float32)
    if chance(rng, 0.6):
        height = (grid.radius > 1 - uniform(rng, 0.02, 0.14)) * np.float32(uniform(rng, -1, 1))
    if chance(rng, 0.3):
        height = height + fractal_noise(
            rng, grid.side, grid.side, uniform(rng, 0.02, 0.2) * grid.side + 2, falloff=0.7
        ) * np.float32(uniform(rng, 0, 0.2))
    return height.astype(np.float32)


def _second_colour(rng: Rng, grid: Grid, base: FloatImage, style: str) -> FloatImage:
    """The unlit colour of each pixel: one colour, or another inside a circle (bimetal coins, painted discs)."""
    if style == "coin" and chance(rng, 0.15):
        inner, reach = metal_colour(rng), uniform(rng, 0.5, 0.8)
    elif style == "disc" and chance(rng, 0.3):
        inner, reach = any_colour(rng), uniform(rng, 0.3, 0.85)
    else:
        return np.broadcast_to(base, (grid.side, grid.side, 3)).astype(np.float32)
    share = np.clip((reach - grid.radius) * grid.unit_px + 0.5, 0, 1)[..., None]
    return np.asarray(base + (inner - base) * share, np.float32)


def _light(rng: Rng, grid: Grid, height: FloatImage, style: str) -> tuple[FloatImage, FloatImage]:
    """Return how bright each pixel is (about 1), and the relief's share of it."""
    direction = uniform(rng, 0, 2 * math.pi)
    along_x = np.asarray(cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.25), np.float32)
    along_y = np.asarray(cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.25), np.float32)
    strength = uniform(rng, 0.2, 2.2) if style == "coin" else uniform(rng, 0.1, 1.2)
    relief = (math.cos(direction) * along_x + math.sin(direction) * along_y) * np.float32(strength * grid.side / 192)
    slope = np.float32(math.cos(direction)) * grid.x + np.float32(math.sin(direction)) * grid.y
    gain = 1 + relief + uniform(rng, -0.45, 0.45) * (height - 0.3) + uniform(rng, -0.35, 0.35) * slope
    if chance(rng, 0.4):  # the fan of light on turned or struck metal
        gain += (
            uniform(rng, 0, 0.35)
            * np.cos(int(rng.integers(1, 4)) * (grid.angle - uniform(rng, 0, 2 * math.pi)))
            * np.minimum(grid.radius, 1)
        )
    if chance(rng, 0.5):
        gain += uniform(rng, 0, 0.2) * fractal_noise(
            rng, grid.side, grid.side, uniform(rng, 0.08, 0.45) * grid.side + 2, octaves=3
        )
    if style == "ball":
        rise = np.sqrt(np.clip(1 - grid.radius**2, 0, 1))
        gain *= 0.35 + 0.65 * np.clip(rise * uniform(rng, 0.5, 1) + slope * uniform(rng, -0.6, 0.6), 0, 1.3)
    if style == "disc" and chance(rng, 0.4):
        gain *= 1 - uniform(rng, 0, 0.5) * np.minimum(grid.radius, 1.2) ** uniform(rng, 2, 6)
    return gain.astype(np.float32), relief.astype(np.float32)


def _age(rng: Rng, grid: Grid, face: FloatImage, base: FloatImage, relief: FloatImage) -> None:
    """Add a highlight, a dark edge and patina in place, each by chance."""
    if chance(rng, 0.4):
        x, y, spread = uniform(rng, -0.6, 0.6), uniform(rng, -0.6, 0.6), uniform(rng, 0.15, 0.6)
        spot = np.exp(-((grid.x - x) ** 2 + (grid.y - y) ** 2) / (2 * spread**2)) * (1 + relief * 1.5)
        face += (spot * uniform(rng, 20, 170))[..., None]
    if chance(rng, 0.25):
        face *= (1 - uniform(rng, 0.2, 0.7) * np.exp(-(((grid.radius - 0.97) / 0.03) ** 2)))[..., None]
    if chance(rng, 0.3):
        stain = fractal_noise(
            rng, grid.side, grid.side, uniform(rng, 0.05, 0.3) * grid.side + 2, falloff=0.7
        ) > uniform(rng, 0.3, 1.5)
        share = blur(stain.astype(np.float32), 1.5)[..., None] * np.float32(uniform(rng, 0.2, 0.8))
        face += (near_colour(rng, base * np.float32(0.6), 30) - face) * share


def _button_holes(rng: Rng, grid: Grid, face: FloatImage) -> None:
    count, reach, size = int(rng.choice([2, 4])), uniform(rng, 0.2, 0.35), uniform(rng, 0.08, 0.14)
    turn, dark = uniform(rng, 0, math.pi), uniform(rng, 0.1, 0.6)
    for hole in range(count):
        angle = turn + hole * 2 * math.pi / count
        distance = np.hypot(grid.x - reach * math.cos(angle), grid.y - reach * math.sin(angle))
        face *= (1 - (1 - dark) * np.clip((size - distance) * grid.unit_px + 0.5, 0, 1))[..., None]


def paint_face(rng: Rng, style: str, side: int, base: FloatImage | None = None) -> FloatImage:
    """Return a face of ``side`` px for a ``style``: coin, disc, washer, ball or button.

    Args:
        rng: Random state; the face depends on nothing else.
        style: What the thing is.
        side: Width and height of the face, px.
        base: Its colour, (3,) float32 RGB 0..255; None draws one.

    Returns:
        (side, side, 3) float32 RGB 0..255, painted beyond the outline too, so that sampling at the edge finds no gap.
    """
    grid = face_grid(side)
    colour = metal_colour(rng) if base is None else np.clip(base, 5, 250).astype(np.float32)
    if style == "coin":
        height = coin_height(rng, grid)
    elif style in ("disc", "button", "washer"):
        height = _disc_height(rng, grid)
    else:
        height = np.zeros((side, side), np.float32)
    height = blur(height, uniform(rng, 0.7, 2.2) * max(0.4, side / 192))
    gain, relief = _light(rng, grid, height, "disc" if style == "button" else style)
    face = _second_colour(rng, grid, colour, style) * gain[..., None]
    _age(rng, grid, face, colour, relief)
    if style == "button":
        _button_holes(rng, grid, face)
    return np.asarray(np.clip(face, 0, 255), np.float32)
