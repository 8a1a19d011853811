"""Things that are not round: paper, polygons, text, lines, fingers, blobs, arcs, thin ellipses, wood knots.

Each shape function returns a (H, W) float32 mask, 0..1, for a canvas of that size; ``lay_distractor`` paints it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.backgrounds import lay_capsule, paint
from saccade.training.circles.drawing import (
    OPAQUE,
    SKIN,
    Ellipse,
    FloatImage,
    Rng,
    any_colour,
    blend,
    blur,
    chance,
    darken,
    fill_polygon,
    pick,
    rotation,
    stroke,
    uniform,
)
from saccade.training.circles.relief import FONTS, random_text
from saccade.training.circles.stage import Stage, outline_points

Points = NDArray[np.float64]
SQUARE: Points = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _somewhere(rng: Rng, shape: tuple[int, int]) -> Points:
    return np.array([uniform(rng, 0, shape[1]), uniform(rng, 0, shape[0])])


def _reach(rng: Rng, shape: tuple[int, int]) -> float:
    return uniform(rng, 0.03, 0.4) * max(shape)


def _turned(rng: Rng, points: Points, centre: Points) -> Points:
    moved: Points = points @ rotation(uniform(rng, 0, 2 * math.pi)).T + centre
    return moved


def _filled(shape: tuple[int, int], points: Points) -> FloatImage:
    mask = np.zeros(shape, np.float32)
    fill_polygon(mask, points)
    return mask


def _uneven(rng: Rng, turn: Points, low: float, high: float) -> Points:
    """Return the radius at each angle of an outline with waves between ``low`` and ``high`` deep, about 1."""
    waves = [uniform(rng, low, high) / wave * np.cos(wave * turn + uniform(rng, 0, 6.28)) for wave in range(2, 6)]
    radius: Points = 1 + np.sum(waves, axis=0)
    return radius


def quad(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A sheet or card, its corners a little off."""
    reach = _reach(rng, shape)
    corners = SQUARE * [reach * uniform(rng, 0.3, 1.2), reach * uniform(rng, 0.3, 1)] + rng.normal(
        0, reach * 0.08, (4, 2)
    )
    return _filled(shape, _turned(rng, corners, _somewhere(rng, shape)))


def polygon(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A star-shaped polygon of three to six corners, or a hexagon."""
    reach, count = _reach(rng, shape), int(rng.integers(3, 7))
    turn = np.sort(rng.uniform(0, 2 * math.pi, count))
    length = rng.uniform(0.4, 1, (count, 1))
    if chance(rng, 0.25):
        turn, length = np.linspace(0, 2 * math.pi, 7)[:6], np.ones((6, 1))
    return _filled(
        shape, _turned(rng, np.stack([np.cos(turn), np.sin(turn)], 1) * length * reach, _somewhere(rng, shape))
    )


def corner(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """The corner of a sheet that reaches in from outside."""
    tip = _somewhere(rng, shape)
    opening, direction = uniform(rng, 1.2, 1.9), uniform(rng, 0, 2 * math.pi)
    arms = [
        tip + 900 * np.array([math.cos(angle), math.sin(angle)])
        for angle in (direction - opening / 2, direction + opening / 2)
    ]
    return _filled(shape, np.array([tip, *arms]))


def wedge(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A triangle that fills a corner of the picture."""
    x, y = float(rng.choice([0, shape[1]])), float(rng.choice([0, shape[0]]))
    across = uniform(rng, 5, 110) * (1 if x == 0 else -1)
    down = uniform(rng, 5, 110) * (1 if y == 0 else -1)
    return _filled(shape, np.array([[x, y], [x + across, y], [x, y + down]]))


def text(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """One to six lines of writing, upright or on end."""
    mask = np.zeros(shape, np.uint8)
    x, y = _somewhere(rng, shape).tolist()
    font, scale, thick = FONTS[int(rng.integers(len(FONTS)))], uniform(rng, 0.3, 2.6), int(uniform(rng, 1, 5))
    for _ in range(int(rng.integers(1, 7))):
        cv2.putText(
            mask,
            random_text(rng, int(rng.integers(2, 16))),
            (int(x - 0.3 * shape[1]), int(y)),
            font,
            scale,
            255,
            thick,
            cv2.LINE_AA,
        )
        y += scale * 34
    upright = np.asarray(mask.astype(np.float32) / 255, np.float32)
    return np.ascontiguousarray(np.rot90(upright)) if chance(rng, 0.3) and shape[0] == shape[1] else upright


def lines(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A few straight lines across."""
    mask = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 6))):
        stroke(mask, rng.uniform(-20, max(shape) + 20, (2, 2)), uniform(rng, 1, 7))
    return mask


def blob(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A smooth outline that is far from a circle."""
    turn = np.linspace(0, 2 * math.pi, 60)
    radius = _uneven(rng, turn, 0.1, 0.45)
    flat = (
        np.stack([np.cos(turn) * uniform(rng, 0.3, 0.75), np.sin(turn)], 1)
        * (radius * _reach(rng, shape) * 0.6)[:, None]
    )
    return _filled(shape, _turned(rng, flat, _somewhere(rng, shape)))


def half_disc(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A sector of at most 200 degrees."""
    reach, (x, y) = _reach(rng, shape), _somewhere(rng, shape)
    points = outline_points(Ellipse(x, y, reach, reach * uniform(rng, 0.5, 1), uniform(rng, 0, 6.28)))
    return _filled(shape, points[: int(rng.integers(len(points) // 6, len(points) * 200 // 360))])


def arc(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A bent line of at most 200 degrees."""
    mask = np.zeros(shape, np.float32)
    reach, (x, y) = _reach(rng, shape), _somewhere(rng, shape)
    points = outline_points(Ellipse(x, y, reach, reach * uniform(rng, 0.4, 1), uniform(rng, 0, 6.28)))
    stroke(mask, points[: int(rng.integers(len(points) // 9, len(points) * 200 // 360))], uniform(rng, 1, 9))
    return mask


def thin_ellipse(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """An ellipse at least three times as long as wide, as a leaf or a pen's end."""
    reach, (x, y) = _reach(rng, shape), _somewhere(rng, shape)
    return _filled(
        shape, outline_points(Ellipse(x, y, reach, max(2.0, reach * uniform(rng, 0.08, 0.33)), uniform(rng, 0, 6.28)))
    )


def round_rectangle(rng: Rng, shape: tuple[int, int]) -> FloatImage:
    """A rectangle with round corners, as a telephone or a key."""
    reach = _reach(rng, shape)
    half_w, half_h = reach * uniform(rng, 0.6, 1), reach * uniform(rng, 0.35, 0.9)
    radius = min(half_w, half_h) * uniform(rng, 0.15, 0.5)
    corners = []
    for index, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        turn = np.linspace(0, math.pi / 2, 8) + index * math.pi / 2
        corners.append(
            np.stack(
                [sx * (half_w - radius) + radius * np.cos(turn), sy * (half_h - radius) + radius * np.sin(turn)], 1
            )
        )
    return _filled(shape, _turned(rng, np.concatenate(corners), _somewhere(rng, shape)))


Shape = Callable[[Rng, tuple[int, int]], FloatImage]
SHAPES: dict[str, Shape] = {
    "quad": quad, "polygon": polygon, "corner": corner, "wedge": wedge, "text": text, "lines": lines, "blob": blob,
    "half_disc": half_disc, "arc": arc, "thin_ellipse": thin_ellipse, "round_rectangle": round_rectangle,
}  # fmt: skip
SHARES: dict[str, float] = {
    "quad": 0.15, "polygon": 0.10, "corner": 0.06, "wedge": 0.03, "text": 0.12, "lines": 0.07, "blob": 0.08,
    "half_disc": 0.06, "arc": 0.04, "thin_ellipse": 0.05, "round_rectangle": 0.06,
    "finger": 0.11, "knot": 0.05, "glare": 0.05,
}  # fmt: skip
FLAT = frozenset({"text", "lines", "arc"})


def lay_distractor(rng: Rng, stage: Stage, *, shares: dict[str, float] | None = None) -> None:
    """Draw one distractor of a kind drawn from ``shares`` and mark what it hides."""
    kind = pick(rng, shares or SHARES)
    if kind == "finger":
        lay_finger(rng, stage)
    elif kind == "knot":
        _lay_knot(rng, stage)
    elif kind == "glare":
        _lay_glare(rng, stage)
    else:
        _lay_shape(rng, stage, kind)


def _lay_shape(rng: Rng, stage: Stage, kind: str) -> None:
    mask = SHAPES[kind](rng, (stage.height, stage.width))
    if kind not in FLAT and chance(rng, 0.6):
        offset = (int(uniform(rng, -7, 7)), int(uniform(rng, -7, 7)))
        darken(
            stage.canvas, blur(np.roll(mask, offset, (0, 1)), uniform(rng, 1, 8)) * np.float32(uniform(rng, 0.1, 0.6))
        )
    blend(stage.canvas, _surface(rng, stage, kind), mask)
    stage.cover(mask > OPAQUE)


def _surface(rng: Rng, stage: Stage, kind: str) -> FloatImage:
    """The look of a distractor: a colour, a texture, printing; lighter at one side."""
    if kind in FLAT or chance(rng, 0.65):
        surface = np.broadcast_to(any_colour(rng), stage.canvas.shape).astype(np.float32)
    else:
        surface = paint(rng, stage.height, stage.width)
    if kind in FLAT:
        return surface
    if chance(rng, 0.5):
        ramp = np.linspace(-0.5, 0.5, stage.width, dtype=np.float32)[None, :, None]
        surface = surface * (1 + np.float32(uniform(rng, -0.5, 0.5)) * ramp)
    if kind in ("quad", "corner", "round_rectangle") and chance(rng, 0.35):
        surface = surface.copy()
        blend(
            surface,
            np.broadcast_to(any_colour(rng), surface.shape).astype(np.float32),
            text(rng, (stage.height, stage.width)),
        )
    return np.clip(surface, 0, 255)


def lay_finger(rng: Rng, stage: Stage, tip: Points | None = None, thick_px: float | None = None) -> None:
    """Lay a finger (or a pen of any colour) with its tip at ``tip``; it reaches out of the picture or ends inside."""
    end = _somewhere(rng, (stage.height, stage.width)) if tip is None else tip
    thick = uniform(rng, 0.03, 0.22) * stage.width if thick_px is None else thick_px
    direction = uniform(rng, 0, 2 * math.pi)
    length = uniform(rng, 2, 6) * thick if chance(rng, 0.4) and tip is None else 900.0
    start = end + length * np.array([math.cos(direction), math.sin(direction)])
    is_skin = chance(rng, 0.75)
    colour = SKIN[rng.integers(len(SKIN))] + rng.normal(0, 12, 3).astype(np.float32) if is_skin else any_colour(rng)
    paint_image = np.broadcast_to(colour, stage.canvas.shape).astype(np.float32)
    mask = lay_capsule(stage.canvas, paint_image, start, end, min(thick, 250.0))
    if is_skin and chance(rng, 0.5):
        _paint_nail(rng, stage, end, direction, thick, colour)
    stage.cover(mask > OPAQUE)


def _paint_nail(rng: Rng, stage: Stage, tip: Points, direction: float, thick_px: float, skin: FloatImage) -> None:
    x, y = (tip + 0.05 * thick_px * np.array([math.cos(direction), math.sin(direction)])).tolist()
    nail = _filled(
        (stage.height, stage.width),
        outline_points(
            Ellipse(x, y, thick_px * uniform(rng, 0.38, 0.5), thick_px * uniform(rng, 0.18, 0.27), direction)
        ),
    )
    tint = np.clip(skin * np.float32(uniform(rng, 1.02, 1.25)) + uniform(rng, -5, 25), 0, 255)
    blend(
        stage.canvas,
        np.broadcast_to(tint, stage.canvas.shape).astype(np.float32),
        nail * np.float32(uniform(rng, 0.4, 0.9)),
    )


def _lay_knot(rng: Rng, stage: Stage) -> None:
    """A wood knot: a dark uneven oval with rings that are never quite closed or round."""
    turn = np.linspace(0, 2 * math.pi, 60)
    uneven = _uneven(rng, turn, 0.05, 0.3)
    squash, reach, rings = uniform(rng, 0.3, 0.75), uniform(rng, 0.02, 0.12) * stage.width, int(rng.integers(1, 6))
    centre, axes = _somewhere(rng, (stage.height, stage.width)), rotation(uniform(rng, 0, math.pi))
    dark = np.zeros(stage.owner.shape, np.float32)
    for ring in range(rings):
        radius = uneven * reach * (ring + 1) / rings
        points = np.stack([np.cos(turn), np.sin(turn) * squash], 1) * radius[:, None] @ axes.T + centre
        if ring == 0:
            fill_polygon(dark, points, uniform(rng, 0.3, 1))
        else:
            stroke(dark, points, uniform(rng, 1, 5), value=uniform(rng, 0.2, 0.8), is_closed=True)
    darken(stage.canvas, blur(dark, uniform(rng, 0.7, 3)) * np.float32(uniform(rng, 0.3, 0.9)))


def _lay_glare(rng: Rng, stage: Stage) -> None:
    """A soft patch of light or shade without an edge, longer than wide."""
    x, y = _somewhere(rng, (stage.height, stage.width)).tolist()
    reach = _reach(rng, (stage.height, stage.width))
    across = (np.arange(stage.width, dtype=np.float32)[None, :] - x) / reach
    down = (np.arange(stage.height, dtype=np.float32)[:, None] - y) / (reach * uniform(rng, 0.3, 0.7))
    amount = np.exp(-(across**2) - down**2).astype(np.float32) * np.float32(uniform(rng, 0.2, 0.9))
    light = 255.0 if chance(rng, 0.5) else 0.0
    blend(stage.canvas, np.full(stage.canvas.shape, light, np.float32), amount)
