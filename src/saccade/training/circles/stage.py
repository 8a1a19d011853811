"""The stage of a picture: things are laid on it one over another, and it knows what of each is still seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.drawing import (
    OPAQUE,
    Ellipse,
    FloatImage,
    Rng,
    Window,
    blend,
    blur,
    chance,
    darken,
    disc_alpha,
    fill_polygon,
    soft_disc,
    uniform,
    unit_coordinates,
    window_around,
)
from saccade.training.circles.relief import EDGE_PX, paint_face

COVERED = -1
MIN_VISIBLE = 0.30
MIN_TRACE = 0.03
MIN_SIDE_PX = 8.0
FACE_MAX_PX = 240
OUTLINE_POINTS = 64
#: A thing whose outline stands out by less than this, of 255, over half its length is too faint to be asked for.
LEAST_STEP = 10.0
STEP_BLUR_PX = 1.0
STEP_REACHES = (0.0, 0.12)
STEP_REACH_PX = 1.5
FEWEST_STEPS = 6
LEAST_WALL_PX = 0.7
WIDE_HOLE = 0.4
LABEL_COLUMNS = ("x1", "y1", "x2", "y2", "cx", "cy", "radius", "is_counted")

Labels = NDArray[np.float32]


@dataclass(slots=True)
class Thing:
    """One round thing.

    Attributes:
        outline: Its outline.
        box: Its box before clipping, x1 y1 x2 y2, px.
        area: What it could show, px².
        see_through: Whether what lies on it takes nothing of it away, but for distractors.
        hidden: What distractors hide of a thing that is see-through, px².
    """

    outline: Ellipse
    box: tuple[float, float, float, float]
    area: float
    see_through: bool = False
    hidden: float = 0.0


@dataclass(slots=True)
class Look:
    """How a solid thing is drawn.

    Attributes:
        style: coin, disc, washer, ball, button or ring.
        base: Colour, (3,) float32 RGB 0..255; None draws one.
        hole: Radius of the hole as a share of the outline's, 0 = none.
        thick_px: Height of the side wall that is seen, px; 0 = none.
        wall_angle: Where the wall is seen from the face, radians clockwise from the right.
        has_shadow: Whether it throws one.
        light_angle: Where the shadow falls, radians.
        wavy: Lobes of the outline and their depth as a share of the radius; (0, 0) = a smooth one.
    """

    style: str = "coin"
    base: FloatImage | None = None
    hole: float = 0.0
    thick_px: float = 0.0
    wall_angle: float = math.pi / 2
    has_shadow: bool = True
    light_angle: float = 0.0
    wavy: tuple[int, float] = (0, 0.0)


@dataclass(slots=True)
class Stage:
    """A canvas, who owns each pixel (0 nobody, COVERED a distractor, else a thing's number from 1), and the things."""

    canvas: FloatImage
    owner: NDArray[np.int16]
    things: list[Thing] = field(default_factory=list)

    @classmethod
    def on(cls, canvas: FloatImage) -> Stage:
        """Return an empty stage on this background."""
        return cls(canvas, np.zeros(canvas.shape[:2], np.int16))

    @property
    def height(self) -> int:
        """Height in px."""
        return int(self.canvas.shape[0])

    @property
    def width(self) -> int:
        """Width in px."""
        return int(self.canvas.shape[1])

    def is_in_view(self, outline: Ellipse, share: float = 0.55) -> bool:
        """Whether the centre lies so that about ``share`` of the radius is inside the canvas."""
        slack = outline.major * (1 - share)
        return -slack < outline.cx < self.width + slack and -slack < outline.cy < self.height + slack

    def claim(self, thing: Thing, mask: NDArray[np.bool_], window: Window) -> None:
        """Count ``thing`` and give it the pixels of ``mask`` in ``window``."""
        self.things.append(thing)
        if not thing.see_through:
            self.owner[window.slices][mask] = len(self.things)

    def cover(self, mask: NDArray[np.bool_]) -> None:
        """Say that a distractor hides these pixels, (H, W)."""
        self.owner[mask] = COVERED
        for thing in self.things:
            window = window_around(thing.outline, self.canvas.shape)
            if thing.see_through and not window.is_empty:
                inside = disc_alpha(thing.outline, window) > OPAQUE
                thing.hidden += float(np.count_nonzero(inside & mask[window.slices]))

    def lay(self, rng: Rng, outline: Ellipse, look: Look) -> Thing:
        """Draw a solid thing: shadow, side wall, then the face, and count it."""
        if look.has_shadow:
            self._throw_shadow(rng, outline, look)
        face_side = int(np.clip(round(outline.major * 2.2), 16, FACE_MAX_PX))
        face = paint_face(rng, look.style, face_side, look.base)
        thing = Thing(outline, upright_box(outline), outline.area)
        number = len(self.things) + 1
        if look.thick_px > LEAST_WALL_PX:
            self._build_wall(rng, outline, look, face, number)
            dx, dy = look.thick_px * math.cos(look.wall_angle), look.thick_px * math.sin(look.wall_angle)
            thing.box = box_around(upright_box(outline), upright_box(outline.moved(dx, dy)))
            thing.area += look.thick_px * 2 * outline.major * 0.9
        window = window_around(outline, self.canvas.shape)
        if not window.is_empty:
            alpha = _outline_alpha(rng, outline, look, window)
            if look.hole > 0:
                alpha = alpha * (1 - disc_alpha(outline.scaled(look.hole), window))
            blend(self.canvas[window.slices], _warp_face(rng, face, outline, window), alpha)
            self.claim(thing, disc_alpha(outline, window) > OPAQUE, window)
        else:
            self.things.append(thing)
        return thing

    def _throw_shadow(self, rng: Rng, outline: Ellipse, look: Look) -> None:
        distance, spread = uniform(rng, 0, 0.25) * outline.major, max(0.5, outline.major * uniform(rng, 0.02, 0.25))
        cast = outline.moved(distance * math.cos(look.light_angle), distance * math.sin(look.light_angle))
        window = window_around(cast, self.canvas.shape, 2 * spread + 2)
        if window.is_empty:
            return
        amount = soft_disc(cast, window, spread)
        if look.hole > WIDE_HOLE:
            amount = amount * (1 - soft_disc(cast.scaled(look.hole), window, spread))
        darken(self.canvas[window.slices], amount * np.float32(uniform(rng, 0.1, 0.75)))

    def _build_wall(self, rng: Rng, outline: Ellipse, look: Look, face: FloatImage, number: int) -> None:
        dx, dy = look.thick_px * math.cos(look.wall_angle), look.thick_px * math.sin(look.wall_angle)
        hull = cv2.convexHull(
            np.concatenate([outline_points(outline), outline_points(outline.moved(dx, dy))]).astype(np.float32)
        )
        mask = np.zeros(self.owner.shape, np.float32)
        fill_polygon(mask, hull[:, 0, :].astype(np.float64))
        middle = face.shape[0] // 2
        colour = face[middle - middle // 2 : middle + middle // 2].mean((0, 1)) * np.float32(uniform(rng, 0.25, 1.1))
        window = window_around(outline, self.canvas.shape, look.thick_px + 3)
        if window.is_empty:
            return
        u, _ = unit_coordinates(outline, window)
        ridges = 1 + uniform(rng, 0, 0.3) * np.sin(u * np.float32(outline.major * uniform(rng, 0.5, 3)))
        part = mask[window.slices]
        blend(self.canvas[window.slices], np.clip(colour * ridges[..., None], 0, 255), part)
        self.owner[window.slices][part > OPAQUE] = number

    def labels(self, image: NDArray[np.uint8] | None = None) -> Labels:
        """Return one row a thing, (N, 8) float32, columns as LABEL_COLUMNS, px; things that left no trace are dropped.

        The box is that of the whole outline, clipped to the canvas. ``is_counted`` is 1 where at least MIN_VISIBLE of
        the thing is seen, its box is at least MIN_SIDE_PX wide and high and, if ``image`` (the finished picture, (H, W,
        3) RGB) is given, its outline stands out by LEAST_STEP; else 0: such things are neither asked for nor held
        against a detector.
        """
        seen = np.bincount(np.maximum(self.owner, 0).ravel(), minlength=len(self.things) + 1)
        calm = None if image is None else blur(image.astype(np.float32), STEP_BLUR_PX)
        rows = []
        for number, thing in enumerate(self.things, start=1):
            row = self._label(thing, float(seen[number]))
            if row is not None:
                if calm is not None and self._step(number, thing, calm) < LEAST_STEP:
                    row[-1] = 0.0
                rows.append(row)
        return np.array(rows, np.float32).reshape(-1, len(LABEL_COLUMNS))

    def _label(self, thing: Thing, seen_px: float) -> list[float] | None:
        x1, y1, x2, y2 = thing.box
        box = [max(0.0, x1), max(0.0, y1), min(float(self.width), x2), min(float(self.height), y2)]
        if box[2] <= box[0] or box[3] <= box[1]:
            return None
        inside = (box[2] - box[0]) * (box[3] - box[1]) / ((x2 - x1) * (y2 - y1))
        visible = inside - thing.hidden / thing.area if thing.see_through else seen_px / thing.area
        if visible <= MIN_TRACE:
            return None
        is_counted = visible > MIN_VISIBLE and min(box[2] - box[0], box[3] - box[1]) >= MIN_SIDE_PX
        return [*box, thing.outline.cx, thing.outline.cy, thing.outline.mean_radius, float(is_counted)]

    def _step(self, number: int, thing: Thing, image: FloatImage) -> float:
        """Return how far colours differ across the seen outline, as a median, 0..255; inf where hardly any is seen."""
        steps = []
        for reach in STEP_REACHES:
            across = max(STEP_REACH_PX / thing.outline.minor, reach)
            inner, outer = self._cells(thing.outline.scaled(1 - across)), self._cells(thing.outline.scaled(1 + across))
            is_seen = (np.minimum(inner, outer) >= 0).all(1)
            is_seen &= (np.maximum(inner, outer) < [self.width, self.height]).all(1)
            inner, outer = inner[is_seen], outer[is_seen]
            if not thing.see_through:
                is_own = self.owner[inner[:, 1], inner[:, 0]] == number
                inner, outer = inner[is_own], outer[is_own]
            if len(inner) >= FEWEST_STEPS:
                jump = np.abs(image[inner[:, 1], inner[:, 0]] - image[outer[:, 1], outer[:, 0]]).max(1)
                steps.append(float(np.median(jump)))
        return max(steps, default=math.inf)

    def _cells(self, outline: Ellipse) -> NDArray[np.int_]:
        """Return (OUTLINE_POINTS, 2) columns and rows of the pixels on an outline, inside the canvas or not."""
        return np.floor(outline_points(outline)).astype(np.int_)


def upright_box(outline: Ellipse) -> tuple[float, float, float, float]:
    """Return x1 y1 x2 y2 of the upright box around an ellipse, px."""
    half_w, half_h = outline.half_width, outline.half_height
    return outline.cx - half_w, outline.cy - half_h, outline.cx + half_w, outline.cy + half_h


def box_around(
    first: tuple[float, float, float, float], second: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Return the smallest box that holds both."""
    return min(first[0], second[0]), min(first[1], second[1]), max(first[2], second[2]), max(first[3], second[3])


def outline_points(outline: Ellipse, count: int = OUTLINE_POINTS) -> NDArray[np.float64]:
    """Return (count, 2) x y points on an ellipse, px."""
    turn = np.linspace(0, 2 * math.pi, count, endpoint=False)
    cosine, sine = math.cos(outline.angle), math.sin(outline.angle)
    u, v = outline.major * np.cos(turn), outline.minor * np.sin(turn)
    return np.stack([outline.cx + u * cosine - v * sine, outline.cy + u * sine + v * cosine], 1)


def _outline_alpha(rng: Rng, outline: Ellipse, look: Look, window: Window) -> FloatImage:
    lobes, depth = look.wavy
    if not lobes:
        return disc_alpha(outline, window)
    u, v = unit_coordinates(outline, window)
    edge = 1 - depth * (1 - np.cos(lobes * np.arctan2(v, u) + uniform(rng, 0, 6))) / 2
    return np.clip((edge - np.hypot(u, v)) * outline.minor + 0.5, 0, 1).astype(np.float32)


def _warp_face(rng: Rng, face: FloatImage, outline: Ellipse, window: Window) -> FloatImage:
    """Bend the face onto the ellipse, turned at random; return it for the pixels of the window."""
    side = face.shape[0]
    unit_px = side / 2 - EDGE_PX
    spin = uniform(rng, 0, 2 * math.pi)
    axes = np.array(
        [[math.cos(outline.angle), -math.sin(outline.angle)], [math.sin(outline.angle), math.cos(outline.angle)]]
    )
    turn = np.array([[math.cos(spin), -math.sin(spin)], [math.sin(spin), math.cos(spin)]])
    linear = axes @ np.diag([outline.major / unit_px, outline.minor / unit_px]) @ turn
    middle = np.array([side / 2 - 0.5, side / 2 - 0.5])
    target = np.array([outline.cx - window.left - 0.5, outline.cy - window.top - 0.5])
    matrix = np.concatenate([linear, (target - linear @ middle)[:, None]], axis=1)
    size = (window.right - window.left, window.bottom - window.top)
    warped = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


def random_wave(rng: Rng, probability: float = 0.08) -> tuple[int, float]:
    """Return lobes and depth for a scalloped outline, mostly none."""
    return (int(rng.integers(7, 13)), uniform(rng, 0.01, 0.05)) if chance(rng, probability) else (0, 0.0)
