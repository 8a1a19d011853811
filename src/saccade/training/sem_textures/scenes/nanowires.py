"""Nanowires: meshes of thin straight wires, forests seen from the side or from above, arrays and urchins."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Mask, Shape, as_field, blur, draw_ellipse, draw_line
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import fractal_noise, random_points, smooth_noise, spread_points
from saccade.training.sem_textures.scenes.tubes import bent_path


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of nanowires, (H, W) float32 brightness."""
    kind = pick_weighted(
        rng, ((0.28, _mesh), (0.24, _forest_side), (0.2, _forest_top), (0.16, _upright_array), (0.12, _urchins))
    )
    return kind(rng, shape)


def _wire(sheet: Mask, ends: tuple[float, float, float, float], *, width_px: float, grey: float) -> None:
    """Paint one straight thin wire: a dark outline where it is wide enough, a bright line, a calmer core."""
    path = np.array([[ends[0], ends[1]], [ends[2], ends[3]]], dtype=np.float32)
    if width_px > 2.0:  # noqa: PLR2004
        draw_line(sheet, path, width_px=width_px + 2.0, value=int(60 * grey))
    draw_line(sheet, path, width_px=width_px, value=int(255 * grey))
    if width_px > 3.0:  # noqa: PLR2004
        draw_line(sheet, path, width_px=width_px * 0.5, value=int(195 * grey))


def _mesh(rng: Generator, shape: Shape) -> Field:
    """Return straight thin wires lying across each other on a flat ground, sparse or dense."""
    rows, columns = shape
    sheet = np.full(shape, whole(rng, 15, 70), dtype=np.uint8)
    width = columns * log_between(rng, 0.0026, 0.011)
    count = int(between(rng, 50, 340))
    length = columns * between(rng, 0.25, 0.9)
    main = between(rng, 0.0, np.pi)
    spread = np.pi / 2 if chance(rng, 0.75) else between(rng, 0.1, 0.5)
    for index, (x, y) in enumerate(random_points(rng, shape, count=count)):
        turn = main + between(rng, -spread, spread)
        half = length * between(rng, 0.25, 0.6)
        across, down = half * np.cos(turn), half * np.sin(turn)
        grey = 0.45 + 0.55 * index / count
        _wire(
            sheet,
            (x - across, y - down, x + across, y + down),
            width_px=width * between(rng, 0.7, 1.4),
            grey=grey * between(rng, 0.75, 1.0),
        )
    ground = fractal_noise(rng, (rows, columns), grain_px=columns * 0.1) * np.float32(between(rng, 0.0, 0.03))
    return as_field(sheet) + ground


def _forest_side(rng: Generator, shape: Shape) -> Field:
    """Return a dense forest from the side or at a tilt: near-parallel wires, bright tops, dark gaps, maybe a base."""
    rows, columns = shape
    sheet = np.full(shape, whole(rng, 5, 35), dtype=np.uint8)
    width = columns * log_between(rng, 0.003, 0.012)
    count = int(np.clip(columns / width * between(rng, 1.6, 3.0), 150, 520))
    skyline = rows * between(rng, -0.4, 0.5)
    base = rows * between(rng, 0.7, 1.4)
    lean = between(rng, -0.25, 0.25)
    scatter = between(rng, 0.04, 0.22)
    bend = between(rng, 0.0, 0.35)
    for index in range(count):
        depth = index / count
        foot = (between(rng, -0.15, 1.15) * columns, base - rows * 0.25 * (1.0 - depth))
        top = skyline + rows * (0.2 * depth + between(rng, -0.05, 0.12))
        degrees = -90.0 + np.rad2deg(lean + rng.normal(0.0, scatter))
        path = bent_path(rng, foot, degrees=degrees, length_px=max(foot[1] - top, rows * 0.1), bend=bend)
        grey = (0.3 + 0.6 * depth) * between(rng, 0.75, 1.1)
        draw_line(sheet, path, width_px=width + 1.6, value=int(70 * grey))
        draw_line(sheet, path, width_px=width * between(rng, 0.7, 1.2), value=int(min(255 * grey, 255)))
        draw_line(sheet, path[-3:], width_px=width, value=int(min(300 * grey, 255)))
    light = as_field(sheet)
    if base < rows:
        below = 0.33 + 0.03 * smooth_noise(rng, shape, grain_px=2.0)
        line = np.arange(rows, dtype=np.float32)[:, None] - base + fractal_noise(rng, (rows, columns), grain_px=9.0)
        light = np.where(line > 0, below, light)
    return np.asarray(light, dtype=np.float32)


def _forest_top(rng: Generator, shape: Shape) -> Field:
    """Return a forest from above: bright tips and short streaks that lean together in clumps over black gaps."""
    columns = shape[1]
    sheet = np.full(shape, whole(rng, 5, 30), dtype=np.uint8)
    pitch = columns * log_between(rng, 0.012, 0.035)
    clump = pitch * between(rng, 2.0, 6.0)
    pull_x = fractal_noise(rng, shape, grain_px=clump)
    pull_y = fractal_noise(rng, shape, grain_px=clump)
    length = pitch * between(rng, 0.6, 2.5)
    width = max(pitch * between(rng, 0.14, 0.3), 1.0)
    points = spread_points(rng, shape, pitch_px=pitch, disorder=between(rng, 0.2, 0.6))
    tips: list[tuple[float, float, float]] = []
    for index in rng.permutation(len(points)):
        x, y = points[index]
        row, column = int(np.clip(y, 0, shape[0] - 1)), int(np.clip(x, 0, columns - 1))
        end = (x + length * pull_x[row, column] * 0.7, y + length * pull_y[row, column] * 0.7)
        path = np.array([[x, y], end], dtype=np.float32)
        draw_line(sheet, path, width_px=width + 1.0, value=30)
        draw_line(sheet, path, width_px=width, value=whole(rng, 80, 150))
        tips.append((end[0], end[1], between(rng, 0.75, 1.0)))
    for x, y, grey in tips:
        draw_ellipse(sheet, (x, y), (width * 0.75, width * 0.75), value=int(255 * grey))
    return as_field(sheet)


def _upright_array(rng: Generator, shape: Shape) -> Field:
    """Return upright wires standing apart on a flat ground, seen at a tilt, often with a catalyst ball on top."""
    rows, columns = shape
    ground = whole(rng, 50, 95)
    sheet = np.full(shape, ground, dtype=np.uint8)
    near = columns * between(rng, 0.035, 0.1)
    width = near * between(rng, 0.06, 0.18)
    tall = near * between(rng, 1.5, 6.0)
    ordered = chance(rng, 0.4)
    lean = between(rng, -0.12, 0.12)
    y = -rows * 0.1
    while y < rows * 1.1 + tall:
        share = 0.55 + 0.45 * y / rows
        for x in np.arange(-near, columns + near, near * share):
            foot_x = x + (0.0 if ordered else between(rng, -0.6, 0.6) * near)
            foot_y = y + (0.0 if ordered else between(rng, -0.4, 0.4) * near)
            slant = (lean + (0.0 if ordered else rng.normal(0.0, 0.06))) * tall * share
            own = tall * share * (1.0 if ordered else between(rng, 0.6, 1.2))
            top = (foot_x + slant, foot_y - own)
            draw_ellipse(sheet, (foot_x, foot_y), (width * 1.3, width * 0.7), value=int(ground * 0.5))
            _wire(sheet, (foot_x, foot_y, *top), width_px=max(width * share, 1.2), grey=between(rng, 0.72, 0.95))
            draw_ellipse(sheet, top, (max(width * share * 0.7, 1.0), max(width * share * 0.6, 1.0)), value=255)
        y += near * share * 0.5
    return as_field(sheet) + fractal_noise(rng, shape, grain_px=columns * 0.2) * np.float32(0.02)


def _urchins(rng: Generator, shape: Shape) -> Field:
    """Return flowers or urchins: bundles of thin wires that radiate from a few centres."""
    columns = shape[1]
    sheet = np.full(shape, whole(rng, 10, 45), dtype=np.uint8)
    reach = columns * log_between(rng, 0.06, 0.3)
    width = max(reach * between(rng, 0.018, 0.05), 1.0)
    points = spread_points(rng, shape, pitch_px=reach * between(rng, 1.0, 1.7), disorder=0.4)
    for x, y in points[rng.permutation(len(points))]:
        count = whole(rng, 45, 110)
        radius = reach * between(rng, 0.7, 1.15)
        for index in range(count):
            turn = between(rng, 0.0, 2.0 * np.pi)
            foreshortened = radius * np.sqrt(1.0 - (index / count) ** 2 * 0.97)
            end = (x + foreshortened * np.cos(turn), y + foreshortened * np.sin(turn))
            grey = 0.35 + 0.6 * index / count
            _wire(sheet, (x, y, *end), width_px=width, grey=grey * between(rng, 0.8, 1.05))
    return blur(as_field(sheet), 0.4)
