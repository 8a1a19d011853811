"""Scenes of solid things: coins and their like, washers, and scenes without any round thing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.backgrounds import SHARES as BACKGROUND_SHARES
from saccade.training.circles.backgrounds import paint
from saccade.training.circles.distractors import SHARES as DISTRACTOR_SHARES
from saccade.training.circles.distractors import lay_distractor, lay_finger
from saccade.training.circles.drawing import (
    Ellipse,
    FloatImage,
    Rng,
    any_colour,
    blend,
    chance,
    fill_polygon,
    pick,
    rotation,
    uniform,
    window_around,
)
from saccade.training.circles.relief import metal_colour
from saccade.training.circles.stage import Look, Stage, random_wave

HEAP_COUNTS = {1: 0.27, 2: 0.2, 3: 0.13, 4: 0.09, 5: 0.07, 6: 0.06, 8: 0.06, 10: 0.05, 14: 0.04, 24: 0.03}
LAYOUTS = {"free": 0.30, "touch": 0.20, "overlap": 0.30, "rows": 0.14, "heap": 0.06}
STYLES = {"coin": 0.72, "disc": 0.13, "washer": 0.06, "ball": 0.04, "button": 0.02, "ring": 0.03}
MAX_TRIES = 80
#: At most so many things → the largest usual diameter as a share of the side.
LARGEST = {1: 0.95, 3: 0.6, 11: 0.34, 1000: 0.2}
SLANTED = 0.8
LEANING = 0.95


@dataclass(slots=True)
class Layout:
    """How the things of a scene lie: all lengths in px, angles in radians.

    Attributes:
        kind: free, touch, overlap, heap (near one another) or rows.
        count: How many to try.
        diameter_px: The usual diameter.
        spread: Bounds of each one's size as a share of the usual.
        tilt: Minor by major axis.
        tilt_angle: Where the major axis points.
        start: Where the first one lies, (2,) x y.
        row_angle: Direction of a row.
        row_gap: Distance in a row by diameter.
        per_row: Things in a row.
    """

    kind: str
    count: int
    diameter_px: float
    spread: tuple[float, float]
    tilt: float
    tilt_angle: float
    start: NDArray[np.float64]
    row_angle: float
    row_gap: float
    per_row: int


def ground(rng: Rng, side: int, shares: dict[str, float] | None = None) -> Stage:
    """Return an empty stage of ``side`` px: a background, sometimes of two parts, with up to five distractors."""
    canvas = paint(rng, side, side, shares)
    if chance(rng, 0.18):
        half = np.array([[-900.0, 0.0], [900.0, 0.0], [900.0, 1500.0], [-900.0, 1500.0]])
        points = half @ rotation(uniform(rng, 0, 2 * math.pi)).T + rng.uniform(0, side, 2)
        mask = np.zeros((side, side), np.float32)
        fill_polygon(mask, points)
        blend(canvas, paint(rng, side, side), mask)
    stage = Stage.on(canvas)
    if chance(rng, 0.55):
        for _ in range(int(rng.integers(1, 6))):
            lay_distractor(rng, stage)
    return stage


def draw_layout(rng: Rng, side: int, *, counts: dict[int, float], smallest: float, kinds: dict[str, float]) -> Layout:
    """Draw how a scene's things lie; ``smallest`` is the least usual diameter as a share of the picture's side."""
    names = {str(key): weight for key, weight in counts.items()}
    count = int(pick(rng, names))
    largest = next(share for most, share in LARGEST.items() if count <= most)
    kind = pick(rng, kinds) if count > 1 else "free"
    angle = float(rng.choice([0.0, 0.0, math.pi / 2, uniform(rng, -0.4, 0.4)]))
    start = rng.uniform(0.1, 0.9, 2) * side
    if kind == "rows":
        start = np.array([uniform(rng, 0.02, 0.4), uniform(rng, 0.05, 0.5)]) * side
        start = start[::-1].copy() if angle == math.pi / 2 else start
    tilt = 1.0 if chance(rng, 0.3) else uniform(rng, 0.88, 1) if chance(rng, 0.5) else uniform(rng, 0.5, 1)
    return Layout(
        kind=kind,
        count=count,
        diameter_px=math.exp(uniform(rng, math.log(smallest), math.log(largest))) * side,
        spread=(0.96, 1.04) if chance(rng, 0.4) else (0.72, 1.32),
        tilt=tilt,
        tilt_angle=0.0 if chance(rng, 0.7) else uniform(rng, -math.pi / 2, math.pi / 2),
        start=start,
        row_angle=angle,
        row_gap=uniform(rng, 0.95, 1.5),
        per_row=int(rng.integers(3, 8)),
    )


def place_outlines(rng: Rng, stage: Stage, layout: Layout) -> list[Ellipse]:
    """Return outlines of a layout, in the order in which they are laid down."""
    placed: list[Ellipse] = []
    for attempt in range(MAX_TRIES):
        if len(placed) >= layout.count:
            break
        major = layout.diameter_px / 2 * uniform(rng, *layout.spread)
        minor = min(major, major * layout.tilt * uniform(rng, 0.97, 1.03))
        x, y = _next_centre(rng, stage, layout, placed, major, attempt).tolist()
        outline = Ellipse(x, y, major, minor, layout.tilt_angle)
        if stage.is_in_view(outline) and _is_apart(outline, placed, layout):
            placed.append(outline)
    return placed


def _next_centre(
    rng: Rng, stage: Stage, layout: Layout, placed: list[Ellipse], major: float, attempt: int
) -> NDArray[np.float64]:
    if layout.kind == "free":
        free: NDArray[np.float64] = rng.uniform(-0.02, 1.02, 2) * [stage.width, stage.height]
        return free
    if layout.kind == "rows":
        column, row = attempt % layout.per_row, attempt // layout.per_row
        along = np.array([math.cos(layout.row_angle), math.sin(layout.row_angle)])
        across = np.array([-along[1], along[0]]) * (layout.tilt if abs(layout.row_angle) < SLANTED else 1)
        step = layout.diameter_px * layout.row_gap
        jitter = rng.normal(0, layout.diameter_px * 0.05, 2)
        in_row: NDArray[np.float64] = layout.start + along * column * step + across * row * step + jitter
        return in_row
    if not placed:
        return layout.start
    neighbour = placed[int(rng.integers(len(placed)))]
    turn = uniform(rng, 0, 2 * math.pi)
    low, high = {"touch": (0.97, 1.15), "overlap": (0.3, 1.0), "heap": (0.3, 0.9)}[layout.kind]
    distance = (major + neighbour.major) * uniform(rng, low, high)
    offset = np.array([math.cos(turn) * distance, math.sin(turn) * distance * layout.tilt])
    beside: NDArray[np.float64] = np.array([neighbour.cx, neighbour.cy]) + rotation(layout.tilt_angle) @ offset
    return beside


def _is_apart(outline: Ellipse, placed: list[Ellipse], layout: Layout) -> bool:
    if layout.kind == "rows":
        return True
    least = {"overlap": 0.27, "heap": 0.27}.get(layout.kind, 0.88)
    back = rotation(-layout.tilt_angle)
    for other in placed:
        across, down = back @ np.array([outline.cx - other.cx, outline.cy - other.cy])
        if math.hypot(across, down / max(0.4, layout.tilt)) < least * (outline.major + other.major):
            return False
    return True


def camouflage_colour(rng: Rng, stage: Stage, outline: Ellipse) -> FloatImage:
    """Return a colour, (3,) float32, close to what lies under the outline."""
    window = window_around(outline, stage.canvas.shape, 0)
    if window.is_empty:
        return any_colour(rng)
    under = stage.canvas[window.slices].mean((0, 1))
    alike = under * uniform(rng, 0.75, 1.3) + rng.normal(0, 8, 3)
    return np.asarray(np.clip(alike, 5, 250), np.float32)


def hole_of(rng: Rng, style: str) -> float:
    """Return the radius of a thing's hole as a share of its own, 0 = none."""
    if style == "washer":
        return uniform(rng, 0.25, 0.72)
    if style == "ring":
        return uniform(rng, 0.72, 0.95)
    return uniform(rng, 0.12, 0.28) if style == "coin" and chance(rng, 0.09) else 0.0


def coins_scene(rng: Rng, side: int) -> Stage:
    """Coins, discs, balls and the like, lying free, touching, overlapping, in rows or in a heap."""
    stage = ground(rng, side)
    layout = draw_layout(rng, side, counts=HEAP_COUNTS, smallest=0.055, kinds=LAYOUTS)
    style, is_mixed, is_camouflaged = pick(rng, STYLES), chance(rng, 0.25), chance(rng, 0.18)
    thick = uniform(rng, 0.03, 0.14) * (1.0 if layout.tilt < LEANING else 0.4) if chance(rng, 0.4) else 0.0
    look = Look(has_shadow=chance(rng, 0.75), wall_angle=layout.tilt_angle + math.pi / 2 + uniform(rng, -0.1, 0.1))
    light, shared_base = uniform(rng, 0, 2 * math.pi), metal_colour(rng) if chance(rng, 0.3) else None
    for outline in place_outlines(rng, stage, layout):
        own = pick(rng, {"coin": 0.6, "disc": 0.25, "washer": 0.15}) if is_mixed else style
        base = camouflage_colour(rng, stage, outline) if is_camouflaged else shared_base
        flat = own == "ring" or layout.kind == "heap"
        stage.lay(
            rng,
            outline,
            replace(
                look,
                style="washer" if own == "ring" else own,
                base=base,
                hole=hole_of(rng, own),
                thick_px=0.0 if flat or own in ("ball", "washer") else thick * 2 * outline.major,
                light_angle=light + uniform(rng, -0.2, 0.2),
                wavy=random_wave(rng) if own == "coin" else (0, 0.0),
            ),
        )
    _hide_some(rng, stage)
    return stage


def _hide_some(rng: Rng, stage: Stage) -> None:
    if chance(rng, 0.15):
        lay_distractor(rng, stage)
    if chance(rng, 0.1) and stage.things:
        outline = stage.things[int(rng.integers(len(stage.things)))].outline
        turn = uniform(rng, 0, 2 * math.pi)
        tip = np.array([outline.cx, outline.cy]) + np.array([math.cos(turn), math.sin(turn)]) * outline.major * uniform(
            rng, 0.6, 1.3
        )
        lay_finger(rng, stage, tip, max(6.0, outline.major * uniform(rng, 0.5, 1.6)))


def washers_scene(rng: Rng, side: int) -> Stage:
    """Flat rings of metal, rubber or plastic; what lies below is seen through the hole."""
    stage = ground(rng, side)
    counts = {1: 0.12, 2: 0.14, 4: 0.2, 6: 0.18, 9: 0.16, 14: 0.12, 22: 0.08}
    layout = draw_layout(
        rng, side, counts=counts, smallest=0.06, kinds={"free": 0.35, "touch": 0.15, "overlap": 0.3, "rows": 0.2}
    )
    is_rubber, base, hole, light = (
        chance(rng, 0.2),
        metal_colour(rng),
        uniform(rng, 0.25, 0.72),
        uniform(rng, 0, 2 * math.pi),
    )
    is_set, is_camouflaged = chance(rng, 0.5), chance(rng, 0.12)
    for outline in place_outlines(rng, stage, layout):
        own_base = np.full(3, uniform(rng, 10, 60), np.float32) if is_rubber else base if is_set else metal_colour(rng)
        if is_camouflaged:
            own_base = camouflage_colour(rng, stage, outline)
        own_hole = uniform(rng, 0.65, 0.88) if is_rubber else hole if is_set else uniform(rng, 0.25, 0.75)
        stage.lay(
            rng,
            outline,
            Look(style="washer", base=own_base, hole=own_hole, light_angle=light, has_shadow=chance(rng, 0.85)),
        )
    if chance(rng, 0.12):
        lay_distractor(rng, stage)
    return stage


def empty_scene(rng: Rng, side: int) -> Stage:
    """Nothing round: wood with knots, paper corners, fingertips, text, polygons, up to ten of them."""
    shares = dict(BACKGROUND_SHARES) | {"wood": 0.4, "skin": 0.12}
    stage = ground(rng, side, shares)
    theme = pick(rng, {"knot": 0.2, "corner": 0.15, "finger": 0.2, "text": 0.15, "polygon": 0.15, "any": 0.15})
    weights = dict(DISTRACTOR_SHARES) if theme == "any" else dict(DISTRACTOR_SHARES) | {theme: 1.5}
    for _ in range(int(rng.integers(1, 11))):
        lay_distractor(rng, stage, shares=weights)
    return stage
