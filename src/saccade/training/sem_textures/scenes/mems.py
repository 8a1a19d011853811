"""MEMS devices and electrodes: combs, pads with leads, suspended beams, coils, gears and channels."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import (
    Field,
    Mask,
    Points,
    Shape,
    as_field,
    blur,
    draw_ellipse,
    draw_line,
    draw_polygon,
    draw_ring,
    rotated,
    seen_from_corners,
    swept,
)
from saccade.training.sem_textures.draws import between, chance, log_between, pick, pick_weighted, whole
from saccade.training.sem_textures.relief import fractal_noise


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of a device, (H, W) float32 brightness."""
    kind = pick_weighted(
        rng, ((0.2, _combs), (0.26, _electrodes), (0.2, _beams), (0.14, _coil), (0.1, _gear), (0.1, _channels))
    )
    mask = np.zeros(shape, dtype=np.uint8)
    holes = kind(rng, mask)
    return _finished(rng, mask, holes)


def _box(mask: Mask, left: float, top: float, right: float, bottom: float, *, value: int = 255) -> None:
    """Fill an upright rectangle, its sides in px."""
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    draw_polygon(mask, np.array(corners, dtype=np.float32), value=value)


def _finished(rng: Generator, mask: Mask, holes: Mask) -> Field:
    """Return the brightness of a device: layer over ground, walls at its edges, bright outlines, then the view."""
    rows, columns = mask.shape
    shape = (rows, columns)
    layer, sunk = as_field(mask), as_field(holes)
    ground = between(rng, 0.1, 0.5)
    top = ground + pick(rng, (-1.0, 1.0, 1.0)) * between(rng, 0.12, 0.45)
    top = float(np.clip(top, 0.08, 0.9))
    light = ground + fractal_noise(rng, shape, grain_px=columns * between(rng, 0.005, 0.2)) * np.float32(
        between(rng, 0.0, 0.03)
    )
    if chance(rng, 0.5):
        depth = max(round(columns * log_between(rng, 0.004, 0.03)), 1)
        wall = as_field(swept(mask, length_px=depth))
        light = light * (1.0 - wall) + wall * np.float32(between(rng, 0.05, 0.9))
    surface = top + fractal_noise(rng, shape, grain_px=columns * log_between(rng, 0.004, 0.1)) * np.float32(
        between(rng, 0.0, 0.035)
    )
    light = light * (1.0 - layer) + layer * surface
    light = light * (1.0 - sunk) + sunk * np.float32(between(rng, 0.02, 0.25))
    rim = np.abs(layer - blur(layer, between(rng, 0.6, 1.4))) + np.abs(sunk - blur(sunk, 1.0))
    light = np.asarray(light + rim * np.float32(between(rng, 0.2, 1.2)), dtype=np.float32)
    return _viewed(rng, light)


def _viewed(rng: Generator, light: Field) -> Field:
    """Return the device from straight above, turned a little, or from the side in perspective."""
    rows, columns = light.shape
    manner = whole(rng, 0, 3)
    if manner == 0:
        return light
    if manner == 1:
        return rotated(
            light, degrees=pick(rng, (0.0, 45.0, 90.0)) + between(rng, -8.0, 8.0), zoom=between(rng, 1.3, 1.65)
        )
    lean, shift = between(rng, 0.02, 0.2) * columns, between(rng, -0.06, 0.06) * columns
    top = rows * between(rng, 0.0, 0.1)
    corners = [[shift, top], [columns + shift, top], [columns - lean, rows], [lean, rows]]
    return seen_from_corners(light, np.array(corners, dtype=np.float32), shape=(rows, columns))


def _combs(rng: Generator, mask: Mask) -> Mask:
    """Draw two combs whose fingers stand between each other, with bus bars and sometimes release holes."""
    rows, columns = mask.shape
    holes = np.zeros_like(mask)
    pitch = columns * log_between(rng, 0.035, 0.14)
    finger = pitch * between(rng, 0.25, 0.42)
    blocks = whole(rng, 1, 2)
    tall = rows / blocks
    for block in range(blocks):
        top = block * tall + tall * between(rng, 0.02, 0.12)
        bottom = (block + 1) * tall - tall * between(rng, 0.02, 0.12)
        bus = tall * between(rng, 0.06, 0.2)
        left, right = columns * between(rng, -0.2, 0.15), columns * between(rng, 0.85, 1.2)
        _box(mask, left, top, right, top + bus)
        _box(mask, left, bottom - bus, right, bottom)
        gap = tall * between(rng, 0.03, 0.2)
        for index in range(int((right - left) / pitch) + 1):
            x = left + index * pitch
            _box(mask, x, top + bus * 0.5, x + finger, bottom - bus - gap)
            _box(mask, x + pitch / 2, top + bus + gap, x + pitch / 2 + finger, bottom - bus * 0.5)
        if chance(rng, 0.4):
            _hole_row(holes, left, right, top + bus / 2, size=bus * 0.25)
            _hole_row(holes, left, right, bottom - bus / 2, size=bus * 0.25)
    return holes


def _hole_row(holes: Mask, left: float, right: float, y: float, *, size: float) -> None:
    """Draw a row of square release holes."""
    for x in np.arange(left + size * 2, right - size * 2, size * 4):
        _box(holes, x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def _lead(start: tuple[float, float], pad: tuple[float, float], *, bend: float) -> Points:
    """Return a lead that leaves ``start`` straight and turns once towards ``pad``."""
    along_y = (pad[0], start[1] + (pad[1] - start[1]) * (1 - bend))
    along_x = (start[0] + (pad[0] - start[0]) * bend, pad[1])
    corner = along_x if bend < 0.5 else along_y  # noqa: PLR2004
    return np.array([start, corner, pad], dtype=np.float32)


def _electrodes(rng: Generator, mask: Mask) -> Mask:
    """Draw contact pads with leads that narrow towards a small middle, with a gap, a bar or a channel there."""
    rows, columns = mask.shape
    holes = np.zeros_like(mask)
    middle = np.array([columns * between(rng, 0.4, 0.6), rows * between(rng, 0.4, 0.6)])
    count = pick(rng, (2, 4, 4, 6, 8))
    thin = columns * log_between(rng, 0.006, 0.04)
    pad = columns * between(rng, 0.06, 0.14)
    radius = columns * between(rng, 0.02, 0.1)
    straight = chance(rng, 0.45)
    for index in range(count):
        turn = 2.0 * np.pi * (index + 0.5) / count
        direction = np.array([np.cos(turn), np.sin(turn)])
        start = middle + direction * radius
        end = middle + direction * np.array([columns, rows]) * between(rng, 0.4, 0.52)
        if straight:
            side = np.array([-direction[1], direction[0]])
            wide = thin * between(rng, 2.0, 8.0)
            trapezium = [start + side * thin / 2, start - side * thin / 2, end - side * wide, end + side * wide]
            draw_polygon(mask, np.array(trapezium, dtype=np.float32))
        else:
            draw_line(mask, _lead((start[0], start[1]), (end[0], end[1]), bend=between(rng, 0.0, 1.0)), width_px=thin)
        _box(mask, end[0] - pad, end[1] - pad * 0.8, end[0] + pad, end[1] + pad * 0.8, value=whole(rng, 215, 255))
    if chance(rng, 0.5):
        _box(mask, middle[0] - radius, middle[1] - thin / 2, middle[0] + radius, middle[1] + thin / 2, value=200)
    if chance(rng, 0.4):
        arm = columns * between(rng, 0.02, 0.05)
        for x, y in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.85), (0.9, 0.85)):
            _box(mask, columns * x - arm, rows * y - arm / 4, columns * x + arm, rows * y + arm / 4)
            _box(mask, columns * x - arm / 4, rows * y - arm, columns * x + arm / 4, rows * y + arm)
    return holes


def _beams(rng: Generator, mask: Mask) -> Mask:
    """Draw a frame over an etched pit, with cantilevers, bridges or a suspended plate full of holes."""
    rows, columns = mask.shape
    holes = np.zeros_like(mask)
    mask[:] = 255
    left, right = columns * between(rng, 0.05, 0.25), columns * between(rng, 0.75, 0.95)
    top, bottom = rows * between(rng, 0.05, 0.25), rows * between(rng, 0.7, 0.95)
    _box(holes, left, top, right, bottom)
    manner = whole(rng, 0, 2)
    if manner == 0:
        count = whole(rng, 1, 7)
        wide = (right - left) / count * between(rng, 0.3, 0.65)
        for index in range(count):
            x = left + (right - left) * (index + 0.5) / count
            reach = (bottom - top) * between(rng, 0.45, 0.9) if chance(rng, 0.7) else (bottom - top) + 2
            _box(holes, x - wide / 2, top - 2, x + wide / 2, top + reach, value=0)
        return holes
    inset_x, inset_y = (right - left) * between(rng, 0.15, 0.3), (bottom - top) * between(rng, 0.15, 0.3)
    _box(holes, left + inset_x, top + inset_y, right - inset_x, bottom - inset_y, value=0)
    arm = columns * between(rng, 0.01, 0.04)
    for x in (left + inset_x + arm, right - inset_x - arm):
        _box(holes, x - arm / 2, top - 2, x + arm / 2, bottom + 2, value=0)
    if manner == 1:
        size = min(inset_x, inset_y) * between(rng, 0.12, 0.25)
        for y in np.arange(top + inset_y + size * 2, bottom - inset_y - size, size * 4):
            _hole_row(holes, left + inset_x, right - inset_x, float(y), size=size)
    else:
        radius = min(right - left - 2 * inset_x, bottom - top - 2 * inset_y) * between(rng, 0.2, 0.4)
        draw_ellipse(mask, ((left + right) / 2, (top + bottom) / 2), (radius, radius), value=190)
    return holes


def _coil(rng: Generator, mask: Mask) -> Mask:
    """Draw a meander or a square or round spiral of one track, with a pad at its end."""
    rows, columns = mask.shape
    track = columns * log_between(rng, 0.01, 0.035)
    step = track * between(rng, 1.7, 3.0)
    x, y = columns / 2, rows / 2
    manner = whole(rng, 0, 2)
    places: list[tuple[float, float]] = []
    if manner == 0:
        left, right = columns * between(rng, 0.05, 0.25), columns * between(rng, 0.75, 0.95)
        for index, line in enumerate(np.arange(rows * 0.1, rows * 0.9, step)):
            ends = (left, right) if index % 2 == 0 else (right, left)
            places += [(ends[0], float(line)), (ends[1], float(line))]
    elif manner == 1:
        for index in range(2, whole(rng, 14, 30)):
            direction = ((1, 0), (0, 1), (-1, 0), (0, -1))[index % 4]
            places.append((x, y))
            x, y = x + direction[0] * step * (index // 2), y + direction[1] * step * (index // 2)
    else:
        turns = np.linspace(0.0, 2.0 * np.pi * between(rng, 3.0, 7.0), 240)
        radius = step * (0.5 + turns / (2.0 * np.pi))
        places = list(zip((x + radius * np.cos(turns)).tolist(), (y + radius * np.sin(turns)).tolist(), strict=True))
    draw_line(mask, np.array(places, dtype=np.float32), width_px=track)
    for place in (places[0], places[-1]):
        _box(mask, place[0] - track * 2, place[1] - track * 2, place[0] + track * 2, place[1] + track * 2)
    return np.zeros_like(mask)


def _gear(rng: Generator, mask: Mask) -> Mask:
    """Draw one or two toothed wheels with hub, spokes or holes."""
    rows, columns = mask.shape
    holes = np.zeros_like(mask)
    radius = columns * between(rng, 0.14, 0.32)
    x, y = columns * between(rng, 0.3, 0.7), rows * between(rng, 0.35, 0.65)
    for wheel in range(whole(rng, 1, 2)):
        teeth = whole(rng, 12, 36)
        turn = np.linspace(0.0, 2.0 * np.pi, teeth * 8, endpoint=False)
        rim = radius * (1.0 + 0.09 * np.clip(3.0 * np.sin(turn * teeth), -1.0, 1.0))
        draw_polygon(
            mask,
            np.stack([x + rim * np.cos(turn), y + rim * np.sin(turn)], axis=1).astype(np.float32),
            value=255 - 40 * wheel,
        )
        draw_ellipse(holes, (x, y), (radius * 0.12, radius * 0.12))
        draw_ring(mask, (x, y), radius * 0.22, width_px=radius * 0.06, value=150)
        spokes = whole(rng, 3, 8)
        for index in range(spokes):
            angle = 2.0 * np.pi * index / spokes
            place = (x + radius * 0.58 * np.cos(angle), y + radius * 0.58 * np.sin(angle))
            draw_ellipse(holes, place, (radius * 0.18, radius * 0.18))
        x, radius = x + radius * 1.7, radius * between(rng, 0.5, 0.8)
    return holes


def _channels(rng: Generator, mask: Mask) -> Mask:
    """Draw chambers joined by channels sunk into a flat chip, with inlets and a mixing section."""
    rows, columns = mask.shape
    holes = np.zeros_like(mask)
    mask[:] = 255
    wide = columns * log_between(rng, 0.015, 0.06)
    y = rows * between(rng, 0.35, 0.65)
    draw_line(holes, np.array([[0.0, y], [columns, y]], dtype=np.float32), width_px=wide)
    for _ in range(whole(rng, 1, 3)):
        x = columns * between(rng, 0.15, 0.85)
        end = (x + columns * between(rng, -0.3, 0.3), pick(rng, (-2.0, rows + 2.0)))
        draw_line(holes, np.array([[x, y], end], dtype=np.float32), width_px=wide * between(rng, 0.5, 1.2))
        draw_ellipse(holes, (x, y), (wide * between(rng, 0.8, 2.5), wide * between(rng, 0.8, 2.0)))
    size = wide * 0.35
    if chance(rng, 0.6):
        for x in np.arange(columns * 0.55, columns * 0.8, size * 3):
            _box(holes, x, y - size * 0.5, x + size, y + size * 0.5, value=0)
    return holes
