"""Patterned surfaces: periodic arrays made by lithography, from above or at a tilt."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import (
    Field,
    Mask,
    Shape,
    as_field,
    blur,
    draw_ellipse,
    draw_polygon,
    seen_from_corners,
)
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import fractal_noise, shade, smooth_noise


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of a periodic pattern, (H, W) float32 brightness."""
    kind = pick_weighted(rng, ((0.5, _lattice), (0.26, _grating), (0.24, _pillars)))
    return kind(rng, shape)


@dataclass(frozen=True)
class _Lattice:
    """Where each px lies in its cell of a lattice: u and v in -1..1, and the cell's own number in 0..1."""

    u: Field
    v: Field
    cell: Field


def _laid(rng: Generator, shape: Shape, *, pitch_px: float) -> _Lattice:
    """Return a square, oblong or staggered lattice at a small or any turn."""
    turn = between(rng, -0.12, 0.12) if chance(rng, 0.6) else between(rng, 0.0, np.pi)
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    columns = np.arange(shape[1], dtype=np.float32)[None, :]
    x = (columns * np.cos(turn) + rows * np.sin(turn)) / pitch_px + rng.random()
    stretch = 1.0 if chance(rng, 0.6) else between(rng, 0.6, 1.6)
    staggered = chance(rng, 0.4)
    y = (rows * np.cos(turn) - columns * np.sin(turn)) / (pitch_px * (0.866 if staggered else stretch)) + rng.random()
    row = np.floor(y)
    if staggered:
        x = x + 0.5 * (row % 2)
    column = np.floor(x)
    table = rng.random((64, 64), dtype=np.float32)
    number = table[row.astype(np.intp) % 64, column.astype(np.intp) % 64]
    u = ((x - column) * 2.0 - 1.0).astype(np.float32)
    v = ((y - row) * 2.0 - 1.0).astype(np.float32)
    return _Lattice(u, v, number)


def _disc(lattice: _Lattice, size: float) -> Field:
    """Return how far inside a disc each px lies, in half pitches."""
    return np.asarray(size - np.sqrt(lattice.u**2 + lattice.v**2), dtype=np.float32)


def _square(lattice: _Lattice, size: float) -> Field:
    """Return how far inside a square each px lies, in half pitches."""
    return np.asarray(size - np.maximum(np.abs(lattice.u), np.abs(lattice.v)), dtype=np.float32)


def _diamond(lattice: _Lattice, size: float) -> Field:
    """Return how far inside a square on its corner each px lies, in half pitches."""
    return np.asarray(size - (np.abs(lattice.u) + np.abs(lattice.v)) * np.float32(0.8), dtype=np.float32)


def _ring(lattice: _Lattice, size: float) -> Field:
    """Return how far inside a ring each px lies, in half pitches."""
    away = np.sqrt(lattice.u**2 + lattice.v**2)
    return np.asarray(np.float32(0.3 * size) - np.abs(away - np.float32(0.7 * size)), dtype=np.float32)


def _cross(lattice: _Lattice, size: float) -> Field:
    """Return how far inside a cross each px lies, in half pitches."""
    arm = np.float32(size * 0.35)
    one = np.minimum(arm - np.abs(lattice.u), size - np.abs(lattice.v))
    other = np.minimum(arm - np.abs(lattice.v), size - np.abs(lattice.u))
    return np.maximum(one, other)


def _split_ring(lattice: _Lattice, size: float) -> Field:
    """Return how far inside an open square ring each px lies, in half pitches."""
    side = np.maximum(np.abs(lattice.u), np.abs(lattice.v))
    band = np.float32(0.25 * size) - np.abs(side - np.float32(0.7 * size))
    gap = np.maximum(np.abs(lattice.u) - np.float32(0.2 * size), -lattice.v)
    return np.minimum(band, gap)


def _bar(lattice: _Lattice, size: float) -> Field:
    """Return how far inside a short bar each px lies, in half pitches."""
    return np.minimum(size - np.abs(lattice.u), np.float32(size * 0.4) - np.abs(lattice.v))


_MOTIFS = (
    (0.36, _disc),
    (0.2, _square),
    (0.08, _diamond),
    (0.1, _ring),
    (0.1, _cross),
    (0.08, _split_ring),
    (0.08, _bar),
)


def _tilted(rng: Generator, light: Field) -> Field:
    """Return the picture as seen from the side: far rows closer together and narrower."""
    rows, columns = light.shape
    lean = between(rng, 0.0, 0.22)
    top = rows * between(rng, 0.0, 0.2)
    corners = [[0, top], [columns, top], [columns * (1 - lean), rows], [columns * lean, rows]]
    return seen_from_corners(light, np.array(corners, dtype=np.float32), shape=(rows, columns))


def _lattice(rng: Generator, shape: Shape) -> Field:
    """Return an array of one motif, raised or sunk, a few of them missing, sometimes ending within the picture."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.035, 0.26)
    lattice = _laid(rng, shape, pitch_px=pitch)
    motif = pick_weighted(rng, _MOTIFS)
    inside = motif(lattice, between(rng, 0.45, 0.82)) * np.float32(pitch / 2.0)
    inside = inside + smooth_noise(rng, shape, grain_px=2.5) * np.float32(between(rng, 0.0, 0.3))
    inside = np.where(lattice.cell < between(rng, 0.0, 0.02), np.float32(-pitch), inside)
    if chance(rng, 0.18):
        line = np.arange(columns, dtype=np.float32)[None, :] * np.cos(0.3) + np.arange(shape[0], dtype=np.float32)[
            :, None
        ] * np.sin(0.3)
        inside = np.where(line > columns * between(rng, 0.6, 0.9), np.float32(-pitch), inside)
    wall = between(rng, 0.8, 1.0 + pitch * 0.12)
    step = np.clip(inside / np.float32(wall), -0.5, 0.5) * np.float32(pitch * between(rng, 0.08, 0.3))
    raised = 1.0 if chance(rng, 0.5) else -1.0
    height = blur(step.astype(np.float32), between(rng, 0.5, 1.2)) * np.float32(raised)
    light = shade(
        height, rng=rng, edge=between(rng, 0.3, 0.8), side=between(rng, 0.05, 0.4), depth=0.4, reach_px=pitch * 0.3
    )
    light = light + np.clip(inside, -1.0, 1.0) * np.float32(raised * between(rng, -0.02, 0.2))
    light = light + fractal_noise(rng, shape, grain_px=columns * between(rng, 0.01, 0.2)) * np.float32(
        between(rng, 0.0, 0.03)
    )
    return (
        _tilted(rng, np.asarray(light, dtype=np.float32)) if chance(rng, 0.35) else np.asarray(light, dtype=np.float32)
    )


def _grating(rng: Generator, shape: Shape) -> Field:
    """Return parallel lines with bright edges and a little line-edge roughness, straight or crossed."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.022, 0.18)
    rough = fractal_noise(rng, shape, grain_px=pitch * 0.4) * np.float32(between(rng, 0.0, 0.05))
    turn = between(rng, -0.1, 0.1) + np.pi / 2 * whole(rng, 0, 1) if chance(rng, 0.7) else between(rng, 0.0, np.pi)
    rows_px = np.arange(shape[0], dtype=np.float32)[:, None]
    columns_px = np.arange(columns, dtype=np.float32)[None, :]
    x = (columns_px * np.cos(turn) + rows_px * np.sin(turn)) / pitch
    duty = between(rng, 0.3, 0.7)
    inside = duty - np.abs(((x + rough) % 1.0) * 2.0 - 1.0)
    if chance(rng, 0.2):
        y = (rows_px * np.cos(turn) - columns_px * np.sin(turn)) / pitch
        inside = np.maximum(inside, duty * 0.8 - np.abs(((y + rough) % 1.0) * 2.0 - 1.0))
    wall = between(rng, 0.8, 1.0 + pitch * 0.1)
    step = np.clip(inside * np.float32(pitch / 2.0 / wall), -0.5, 0.5) * np.float32(pitch * between(rng, 0.1, 0.35))
    light = shade(
        blur(step.astype(np.float32), 0.7),
        rng=rng,
        edge=between(rng, 0.3, 0.9),
        side=0.2,
        depth=0.5,
        reach_px=pitch * 0.3,
    )
    light = light + np.clip(inside * 20.0, -1.0, 1.0) * np.float32(between(rng, -0.1, 0.2))
    return (
        _tilted(rng, np.asarray(light, dtype=np.float32)) if chance(rng, 0.3) else np.asarray(light, dtype=np.float32)
    )


def _post(
    sheet: Mask,
    foot: tuple[float, float],
    *,
    radius_px: float,
    tall_px: float,
    round_post: bool,
    greys: tuple[int, int],
) -> None:
    """Paint one upright post: its side, then its top, brighter along the rim."""
    x, y = foot
    flat = radius_px * 0.5
    side, top = greys
    left, right = x - radius_px, x + radius_px
    draw_ellipse(sheet, (x + radius_px * 0.3, y + flat * 0.3), (radius_px * 1.25, flat * 1.2), value=side // 3)
    wall = np.array([[left, y], [right, y], [right, y - tall_px], [left, y - tall_px]], dtype=np.float32)
    if round_post:
        draw_ellipse(sheet, (x, y), (radius_px, flat), value=side)
        draw_polygon(sheet, wall, value=side)
        draw_polygon(
            sheet,
            wall * np.array([0.45, 1.0], dtype=np.float32) + np.array([x * 0.55, 0.0], dtype=np.float32),
            value=int(side * 0.8),
        )
        draw_ellipse(sheet, (x, y - tall_px), (radius_px, flat), value=min(top + 40, 255))
        draw_ellipse(sheet, (x, y - tall_px), (radius_px * 0.85, flat * 0.8), value=top)
        return
    draw_polygon(sheet, wall, value=side)
    back = radius_px * 0.35
    roof = np.array(
        [
            [left, y - tall_px],
            [right, y - tall_px],
            [right + back, y - tall_px - flat * 1.6],
            [left + back, y - tall_px - flat * 1.6],
        ]
    )
    draw_polygon(sheet, roof.astype(np.float32), value=top)


def _pillars(rng: Generator, shape: Shape) -> Field:
    """Return rows of equal posts seen at a tilt, the near ones larger and before the far ones."""
    rows, columns = shape
    ground = whole(rng, 40, 110)
    sheet = np.full(shape, ground, dtype=np.uint8)
    pitch = columns * log_between(rng, 0.05, 0.2)
    radius = pitch * between(rng, 0.2, 0.36)
    tall = pitch * between(rng, 0.2, 1.3)
    round_post = chance(rng, 0.65)
    greys = (whole(rng, 110, 190), whole(rng, 130, 235))
    nearness = between(rng, 0.0, 0.4)
    stagger = 0.5 if chance(rng, 0.4) else 0.0
    y, row = -rows * 0.15, 0
    skew = between(rng, -0.3, 0.3)
    while y < rows * 1.15 + tall:
        share = 1.0 - nearness * (1.0 - min(max(y / rows, 0.0), 1.3))
        offset = columns / 2 + (row % 2) * stagger * pitch * share + skew * y
        reach = int(columns / (pitch * share)) + 4
        for index in range(-reach, reach + 1):
            foot = (offset + index * pitch * share, y)
            if -pitch < foot[0] < columns + pitch:
                _post(sheet, foot, radius_px=radius * share, tall_px=tall * share, round_post=round_post, greys=greys)
        y += pitch * share * (0.8 if stagger else 0.6)
        row += 1
    light = as_field(sheet)
    edges = np.abs(light - blur(light, 1.2)) * np.float32(between(rng, 0.5, 1.5))
    return np.asarray(light + edges + smooth_noise(rng, shape, grain_px=2.0) * np.float32(0.01), dtype=np.float32)
