"""Scenes from a laboratory: wells of a plate, particles under a microscope, petri dishes with colonies."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.backgrounds import paint
from saccade.training.circles.distractors import lay_distractor
from saccade.training.circles.drawing import (
    OPAQUE,
    Ellipse,
    FloatImage,
    Rng,
    Window,
    any_colour,
    blend,
    blur,
    chance,
    darken,
    disc_alpha,
    fill_polygon,
    fractal_noise,
    near_colour,
    pick,
    rotation,
    soft_disc,
    stroke,
    uniform,
    unit_coordinates,
    window_around,
)
from saccade.training.circles.relief import FONTS, random_text
from saccade.training.circles.stage import Stage, Thing, upright_box

LEAST_CONTRAST = 18.0
LEAST_COLONY_CONTRAST = 25.0
PLATES = {"6": 0.12, "12": 0.16, "24": 0.24, "48": 0.2, "96": 0.28}
STYLES = {"bead": 0.32, "solid": 0.25, "bubble": 0.2, "glow": 0.03, "flat": 0.2}
DARK_FIELD_STYLES = {"solid": 0.3, "glow": 0.4, "flat": 0.3}
PLATE_SHAPES = {"6": (2, 3), "12": (3, 4), "24": (4, 6), "48": (6, 8), "96": (8, 12)}


def _count_round(stage: Stage, outline: Ellipse, window: Window, *, see_through: bool = False) -> None:
    stage.claim(
        Thing(outline, upright_box(outline), outline.area, see_through), disc_alpha(outline, window) > OPAQUE, window
    )


def wells_scene(rng: Rng, side: int) -> Stage:
    """A microplate, or a part of one, seen from above: wells in a grid, some of them filled."""
    stage = Stage.on(paint(rng, side, side))
    if chance(rng, 0.3):
        lay_distractor(rng, stage)
    rows, columns = PLATE_SHAPES[pick(rng, PLATES)]
    fill = uniform(rng, 0.8, 1.0) if chance(rng, 0.6) else uniform(rng, 1.0, 2.2)
    pitch = max(fill * side / (columns + 0.6), 0.06 * side)
    tilt, angle = (
        (1.0 if chance(rng, 0.5) else uniform(rng, 0.7, 1.0)),
        (0.0 if chance(rng, 0.5) else rng.normal(0, 0.15)),
    )
    angle += math.pi / 2 * int(rng.integers(0, 4))
    axes = rotation(angle) @ np.diag([1.0, tilt])
    centre = np.array([side / 2, side / 2]) + (rng.normal(0, 0.03, 2) if fill < 1 else rng.uniform(-0.4, 0.4, 2)) * side
    grid = np.array(
        [[(c - (columns - 1) / 2) * pitch, (r - (rows - 1) / 2) * pitch] for r in range(rows) for c in range(columns)]
    )
    plate = _lay_plate(rng, stage, axes, centre, np.array([columns + 0.55, rows + 0.6]) * pitch / 2)
    _print_row_names(rng, stage, pitch)
    look = _draw_well_look(rng, plate, pitch, tilt, angle)
    for x, y in grid @ axes.T + centre:
        outline = Ellipse(float(x), float(y), look.radius_px, look.radius_px * tilt, angle)
        if stage.is_in_view(outline, 0.3):
            _lay_well(rng, stage, outline, look)
    if chance(rng, 0.1):
        lay_distractor(rng, stage)
    return stage


def _lay_plate(
    rng: Rng, stage: Stage, axes: NDArray[np.float64], centre: NDArray[np.float64], half: NDArray[np.float64]
) -> FloatImage:
    kind = pick(rng, {"clear": 0.45, "white": 0.2, "black": 0.15, "any": 0.2})
    colour = {
        "clear": np.array([225, 228, 230]),
        "white": np.array([240, 240, 238]),
        "black": np.array([30, 30, 32]),
    }.get(kind, any_colour(rng))
    colour = np.clip(colour + rng.normal(0, 10, 3), 0, 255).astype(np.float32)
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * half @ axes.T + centre
    mask = np.zeros(stage.owner.shape, np.float32)
    fill_polygon(mask, corners)
    darken(stage.canvas, blur(mask, uniform(rng, 2, 12)) * np.float32(uniform(rng, 0, 0.5)))
    opacity = uniform(rng, 0.25, 0.8) if kind == "clear" else 1.0
    blend(stage.canvas, np.broadcast_to(colour, stage.canvas.shape).astype(np.float32), mask * np.float32(opacity))
    edge = np.zeros(stage.owner.shape, np.float32)
    stroke(edge, corners, uniform(rng, 1, 4), is_closed=True)
    blend(
        stage.canvas,
        np.broadcast_to(near_colour(rng, colour, 60), stage.canvas.shape).astype(np.float32),
        edge * np.float32(uniform(rng, 0.2, 0.9)),
    )
    return colour


def _print_row_names(rng: Rng, stage: Stage, pitch: float) -> None:
    if not chance(rng, 0.5):
        return
    letters = np.zeros(stage.owner.shape, np.uint8)
    font, scale = FONTS[int(rng.integers(4))], max(0.25, pitch / 90)
    x, y = uniform(rng, 0.005, 0.05) * stage.width, uniform(rng, 0, pitch)
    for letter in "ABCDEFGH":
        cv2.putText(letters, letter, (int(x), int(y)), font, scale, 255, 1, cv2.LINE_AA)
        y += pitch
    blend(
        stage.canvas,
        np.broadcast_to(any_colour(rng), stage.canvas.shape).astype(np.float32),
        np.asarray(letters.astype(np.float32) / 255, np.float32),
    )


class _WellLook:
    """What the wells of one plate share: size, wall, liquids, light."""

    def __init__(self, rng: Rng, plate: FloatImage, pitch: float, tilt: float, angle: float) -> None:
        self.plate = plate
        self.radius_px = pitch * uniform(rng, 0.32, 0.48)
        self.wall = uniform(rng, 0.05, 0.2)
        self.wall_colour = near_colour(rng, plate, 55)
        self.floor_colour = near_colour(rng, plate, 40)
        self.liquids = [any_colour(rng) for _ in range(int(rng.integers(1, 5)))]
        self.filled = uniform(rng, 0, 1) if chance(rng, 0.8) else 0.0
        self.opacity = uniform(rng, 0.25, 1.0)
        self.light = uniform(rng, 0, 2 * math.pi)
        self.shade = uniform(rng, 0.0, 0.5)
        self.meniscus = uniform(rng, 0.5, 0.85) if chance(rng, 0.5) else 0.0
        self.glint = uniform(rng, 20, 200) if chance(rng, 0.5) else 0.0
        drop = math.sqrt(max(0.0, 1 - tilt**2)) * uniform(rng, 0.0, 0.5)
        self.drop = (drop * math.sin(angle), drop * math.cos(angle))
        self.rim_dark = uniform(rng, -0.6, 0.6)


def _draw_well_look(rng: Rng, plate: FloatImage, pitch: float, tilt: float, angle: float) -> _WellLook:
    return _WellLook(rng, plate, pitch, tilt, angle)


def _lay_well(rng: Rng, stage: Stage, outline: Ellipse, look: _WellLook) -> None:
    window = window_around(outline, stage.canvas.shape)
    if window.is_empty:
        return
    part = stage.canvas[window.slices]
    cover = disc_alpha(outline, window)
    u, v = unit_coordinates(outline, window)
    radius = np.hypot(u, v)
    facing = (u * math.cos(look.light) + v * math.sin(look.light)) / np.maximum(radius, 0.05)
    wall = look.wall_colour * (1 + np.float32(look.shade) * facing)[..., None]
    blend(part, np.clip(wall, 0, 255), cover * np.float32(0.85))
    floor = outline.scaled(1 - look.wall).moved(look.drop[0] * outline.major, look.drop[1] * outline.major)
    floor_cover = disc_alpha(floor, window) * cover
    blend(part, np.broadcast_to(look.floor_colour, part.shape).astype(np.float32), floor_cover * np.float32(0.7))
    if rng.random() < look.filled:
        liquid = near_colour(rng, look.liquids[int(rng.integers(len(look.liquids)))], 12)
        depth = (1 - np.float32(0.25 * look.shade) * radius * radius)[..., None]
        blend(part, np.clip(liquid * depth, 0, 255), floor_cover * np.float32(look.opacity * uniform(rng, 0.6, 1)))
    if look.meniscus:
        ring = np.exp(-(((radius - look.meniscus) * outline.minor / 1.3) ** 2)) * cover
        part += (ring * np.float32(60 * look.rim_dark))[..., None]
    rim = np.exp(-(((radius - 0.97) * outline.minor / 1.2) ** 2)) * np.minimum(1, cover + 0.4)
    part *= (1 - np.float32(look.rim_dark) * rim * (0.6 + 0.4 * facing))[..., None]
    if look.glint:
        spot = np.exp(-((u - 0.45 * math.cos(look.light)) ** 2 + (v - 0.45 * math.sin(look.light)) ** 2) / 0.02)
        part += (spot * np.float32(look.glint))[..., None]
    np.clip(part, 0, 255, out=part)
    _count_round(stage, outline, window)


def _microscope_field(rng: Rng, side: int) -> tuple[FloatImage, str]:
    kind = pick(rng, {"bright": 0.4, "dark": 0.2, "grey": 0.2, "any": 0.2})
    if kind == "any":
        return paint(rng, side, side), kind
    level = {"bright": uniform(rng, 150, 245), "dark": uniform(rng, 0, 40), "grey": uniform(rng, 60, 170)}[kind]
    colour = np.clip(level + rng.normal(0, 12 if chance(rng, 0.6) else 0, 3), 0, 255).astype(np.float32)
    field = fractal_noise(rng, side, side, uniform(rng, 10, 120), octaves=4, falloff=0.7) * uniform(rng, 0, 9)
    return np.clip(colour + field[..., None], 0, 255).astype(np.float32), kind


def particles_scene(rng: Rng, side: int) -> Stage:
    """Beads, droplets, bubbles or spores on a slide, alone or against one another."""
    canvas, kind = _microscope_field(rng, side)
    stage = Stage.on(canvas)
    for _ in range(int(rng.integers(0, 4)) if chance(rng, 0.5) else 0):
        lay_distractor(rng, stage, shares={"lines": 0.4, "blob": 0.35, "arc": 0.1, "glare": 0.15})
    style = pick(rng, DARK_FIELD_STYLES if kind == "dark" else STYLES)
    diameter = math.exp(uniform(rng, math.log(0.028), math.log(0.16))) * side
    most = min(90.0, 0.45 * (side / diameter) ** 2)
    count = int(math.exp(uniform(rng, 0.5, math.log(max(4.0, most)))))
    spread = uniform(rng, 0.0, 0.45)
    least = uniform(rng, 0.55, 1.1)
    colour = np.clip(rng.uniform(120, 255, 3), 0, 255).astype(np.float32) if kind == "dark" else any_colour(rng)
    if float(np.abs(colour - canvas.mean((0, 1))).mean()) < LEAST_CONTRAST:
        colour = np.float32(255) - colour
    look = {
        "colour": uniform(rng, 0, 18),
        "rim": uniform(rng, 0.06, 0.3),
        "contrast": uniform(rng, 0.35, 1.0),
        "light": uniform(rng, 0, 6.28),
    }
    placed: list[Ellipse] = []
    for _ in range(count * 3):
        if len(placed) >= count:
            break
        radius = max(0.0125 * side, diameter / 2 * math.exp(rng.normal(0, spread)))
        flatness = uniform(rng, 0.85, 1.0) if chance(rng, 0.3) else 1.0
        x, y = _particle_spot(rng, side, placed, radius)
        outline = Ellipse(x, y, radius, radius * flatness, uniform(rng, 0, math.pi))
        if stage.is_in_view(outline, 0.4) and all(
            math.hypot(x - o.cx, y - o.cy) > least * (radius + o.major) for o in placed
        ):
            placed.append(outline)
            _lay_particle(stage, outline, style, near_colour(rng, colour, look["colour"]), look)
    return stage


def _particle_spot(rng: Rng, side: int, placed: list[Ellipse], radius: float) -> tuple[float, float]:
    if placed and chance(rng, 0.35):
        other, turn = placed[int(rng.integers(len(placed)))], uniform(rng, 0, 2 * math.pi)
        reach = (other.major + radius) * uniform(rng, 0.8, 1.1)
        return other.cx + reach * math.cos(turn), other.cy + reach * math.sin(turn)
    return uniform(rng, 0, side), uniform(rng, 0, side)


def _lay_particle(stage: Stage, outline: Ellipse, style: str, colour: FloatImage, look: dict[str, float]) -> None:
    window = window_around(outline, stage.canvas.shape, 0.3 * outline.major + 3)
    if window.is_empty:
        return
    part = stage.canvas[window.slices]
    u, v = unit_coordinates(outline, window)
    radius = np.hypot(u, v)
    cover = disc_alpha(outline, window)
    contrast, lit = np.float32(look["contrast"]), u * math.cos(look["light"]) + v * math.sin(look["light"])
    if style == "bead":
        rim = np.exp(-(((radius - 1 + look["rim"] / 2) / (look["rim"] / 2 + 0.8 / outline.minor)) ** 2)) * cover
        blend(part, np.broadcast_to(colour, part.shape).astype(np.float32), cover * np.float32(0.35) * contrast)
        darken(part, rim * contrast * np.float32(0.85))
        part += (np.exp(-(radius**2) / 0.12) * 90 * contrast)[..., None]
    elif style == "solid":
        shade = 0.35 + 0.65 * np.sqrt(np.clip(1 - radius**2, 0, 1)) + 0.3 * lit
        blend(part, np.clip(colour * shade[..., None], 0, 255), cover)
    elif style == "bubble":
        ring = np.exp(-(((radius - 0.93) * outline.minor / max(0.9, look["rim"] * outline.minor * 0.35)) ** 2))
        darken(part, np.clip(ring * contrast * np.float32(0.8), 0, 1))
        part += (np.exp(-((u - 0.4) ** 2 + (v + 0.4) ** 2) / 0.03) * 130 * contrast)[..., None]
    elif style == "glow":
        blend(
            part,
            np.broadcast_to(colour, part.shape).astype(np.float32),
            soft_disc(outline, window, 0.12 * outline.major) * contrast,
        )
    else:
        blend(
            part,
            np.broadcast_to(colour, part.shape).astype(np.float32),
            cover * np.float32(0.3 + 0.7 * look["contrast"]),
        )
    np.clip(part, 0, 255, out=part)
    _count_round(stage, outline, window, see_through=style in ("bead", "bubble", "glow"))


def petri_scene(rng: Rng, side: int) -> Stage:
    """One to four dishes with agar, glass rims, writing, and colonies that count as round things too."""
    stage = Stage.on(paint(rng, side, side))
    for _ in range(int(rng.integers(0, 3))):
        lay_distractor(rng, stage)
    count = int(pick(rng, {"1": 0.6, "2": 0.2, "3": 0.1, "4": 0.1}))
    diameter = {1: uniform(rng, 0.4, 1.1), 2: uniform(rng, 0.3, 0.6)}.get(count, uniform(rng, 0.25, 0.46)) * side
    tilt = 1.0 if chance(rng, 0.45) else uniform(rng, 0.6, 1.0)
    placed: list[Ellipse] = []
    for _ in range(40):
        if len(placed) >= count:
            break
        low, high = (0.35, 0.65) if count == 1 else (0.1, 0.9)
        outline = Ellipse(
            uniform(rng, low, high) * side, uniform(rng, low, high) * side, diameter / 2, diameter / 2 * tilt
        )
        if all(math.hypot(outline.cx - o.cx, (outline.cy - o.cy) / tilt) > 0.97 * diameter for o in placed):
            placed.append(outline)
    look_state = int(rng.integers(1 << 31))
    for outline in placed:
        # Dishes of one scene are alike in kind: each is drawn from the same state, with colonies of its own.
        _lay_dish(np.random.default_rng(look_state), stage, outline)
        _grow_colonies(rng, stage, outline)
    if chance(rng, 0.15):
        lay_distractor(rng, stage)
    return stage


def _lay_dish(rng: Rng, stage: Stage, outline: Ellipse) -> None:
    spread = outline.major * uniform(rng, 0.02, 0.12)
    window = window_around(outline, stage.canvas.shape, 2 * spread + 3)
    part = stage.canvas[window.slices]
    darken(
        part,
        soft_disc(outline.moved(uniform(rng, -3, 3), uniform(rng, 0, 5)), window, spread)
        * np.float32(uniform(rng, 0, 0.4)),
    )
    cover = disc_alpha(outline, window)
    agar = near_colour(rng, any_colour(rng) if chance(rng, 0.4) else np.array([222, 200, 150], np.float32), 25)
    u, v = unit_coordinates(outline, window)
    radius = np.hypot(u, v)
    glow = (1 - np.float32(uniform(rng, 0, 0.35)) * radius**2)[..., None]
    inner = disc_alpha(outline.scaled(uniform(rng, 0.88, 0.97)), window)
    blend(part, np.clip(agar * glow, 0, 255), inner * np.float32(uniform(rng, 0.1, 0.95)))
    part += (cover * np.float32(uniform(rng, -12, 14)))[..., None]
    for reach in [0.985] + [uniform(rng, 0.85, 0.97) for _ in range(int(rng.integers(1, 3)))]:
        width = max(0.9, uniform(rng, 0.004, 0.018) * outline.major)
        ring = np.exp(-(((radius - reach) * outline.minor / width) ** 2))
        facing = 1 + uniform(rng, 0, 0.9) * (u * math.cos(2.2) + v * math.sin(2.2))
        part += (ring * facing * np.float32(uniform(rng, 18, 85) * (1 if chance(rng, 0.5) else -1)))[..., None]
    if chance(rng, 0.5):
        turn, width = uniform(rng, 0, 2 * math.pi), uniform(rng, 0.1, 0.6)
        away = np.abs(np.mod(np.arctan2(v, u) - turn + math.pi, 2 * math.pi) - math.pi)
        glare = np.exp(-((away / width) ** 2) - ((radius - 0.94) / 0.03) ** 2)
        part += (glare * np.float32(uniform(rng, 30, 150)))[..., None]
    np.clip(part, 0, 255, out=part)
    _count_round(stage, outline, window)
    if chance(rng, 0.25):
        _write_on(rng, stage, outline)


def _write_on(rng: Rng, stage: Stage, outline: Ellipse) -> None:
    ink = np.zeros(stage.owner.shape, np.uint8)
    origin = (int(outline.cx - outline.major * 0.5), int(outline.cy - outline.minor * uniform(rng, -0.6, 0.6)))
    cv2.putText(
        ink,
        random_text(rng, int(rng.integers(3, 9))),
        origin,
        FONTS[int(rng.integers(6))],
        uniform(rng, 0.003, 0.008) * outline.major,
        255,
        1,
        cv2.LINE_AA,
    )
    darken(stage.canvas, np.asarray(ink.astype(np.float32) / 255 * np.float32(uniform(rng, 0.4, 0.9)), np.float32))


def _grow_colonies(rng: Rng, stage: Stage, dish: Ellipse) -> None:
    if chance(rng, 0.25):
        return
    usual = math.exp(uniform(rng, math.log(0.016), math.log(0.06))) * stage.width
    colour, fuzz = any_colour(rng), uniform(rng, 0.6, 2.5)
    bump, halo = uniform(rng, -0.5, 0.5), (uniform(rng, 10, 50) if chance(rng, 0.2) else 0.0)
    under = stage.canvas[int(np.clip(dish.cy, 0, stage.height - 1)), int(np.clip(dish.cx, 0, stage.width - 1))]
    if float(np.abs(colour - under).mean()) < LEAST_COLONY_CONTRAST:
        colour = np.float32(255) - colour
    placed: list[Ellipse] = []
    for _ in range(int(math.exp(uniform(rng, 0, math.log(45))))):
        turn, reach = uniform(rng, 0, 2 * math.pi), 0.84 * math.sqrt(rng.random())
        radius = max(0.009 * stage.width, usual / 2 * math.exp(rng.normal(0, 0.25)))
        x, y = dish.cx + dish.major * reach * math.cos(turn), dish.cy + dish.minor * reach * math.sin(turn)
        outline = Ellipse(x, y, radius, radius * max(0.75, dish.minor / dish.major))
        window = window_around(outline, stage.canvas.shape, radius + 2)
        if window.is_empty or any(math.hypot(x - o.cx, y - o.cy) < 0.85 * (radius + o.major) for o in placed):
            continue
        placed.append(outline)
        part = stage.canvas[window.slices]
        u, v = unit_coordinates(outline, window)
        if halo:
            part += (np.exp(-((np.hypot(u, v) / 1.5) ** 4)) * np.float32(halo))[..., None]
        shade = 1 + np.float32(bump) * (u * 0.6 - v * 0.6) * np.exp(-(u**2) - v**2)
        blend(part, np.clip(near_colour(rng, colour, 8) * shade[..., None], 0, 255), disc_alpha(outline, window, fuzz))
        np.clip(part, 0, 255, out=part)
        _count_round(stage, outline, window, see_through=True)
