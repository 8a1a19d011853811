"""Films and coated surfaces: grainy, cracked, scratched, blistered or wrinkled layers, and broken cross sections."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape, as_field, blur, draw_line, rotated
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import (
    cells,
    dome,
    fractal_noise,
    random_points,
    shade,
    smooth_noise,
    stamp_highest,
)
from saccade.training.sem_textures.scenes.tubes import crossing_path


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of a film, (H, W) float32 brightness."""
    kind = pick_weighted(
        rng, ((0.22, _grainy), (0.2, _cracked), (0.26, _cross_section), (0.2, _smooth), (0.12, _wrinkled))
    )
    return kind(rng, shape)


def _grainy(rng: Generator, shape: Shape) -> Field:
    """Return a closed layer of fine crystal grains, each a little lighter or darker, with narrow borders."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.012, 0.05)
    value, distance = cells(rng, shape, pitch_px=pitch, disorder=between(rng, 0.35, 0.6))
    roundness = between(rng, 0.15, 0.5)
    crown = np.sqrt(np.clip(distance / np.float32(pitch * 0.5), 0.0, 1.0)) * np.float32(pitch * roundness * 0.4)
    light = shade(
        crown + value * np.float32(pitch * 0.1), rng=rng, edge=0.25, side=0.4, depth=0.3, reach_px=pitch * 0.6
    )
    tone = (value - 0.5) * np.float32(between(rng, 0.03, 0.25))
    broad = fractal_noise(rng, shape, grain_px=columns * 0.25) * np.float32(between(rng, 0.0, 0.04))
    light = light + tone + broad
    return (
        _with_specks(rng, np.asarray(light, dtype=np.float32))
        if chance(rng, 0.3)
        else np.asarray(light, dtype=np.float32)
    )


def _cracked(rng: Generator, shape: Shape) -> Field:
    """Return a layer broken into plates by branching dark cracks with bright lips, like dried mud."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.09, 0.5)
    _, distance = cells(rng, shape, pitch_px=pitch, disorder=0.6)
    jag = fractal_noise(rng, shape, grain_px=pitch * 0.3, gain=0.6)
    distance = np.abs(distance + jag * np.float32(pitch * between(rng, 0.005, 0.025)))
    gap = columns * log_between(rng, 0.002, 0.014)
    inside = np.clip((distance - gap) / 1.5, 0.0, 1.0)
    curl = np.exp(-distance / np.float32(pitch * between(rng, 0.05, 0.25))) * np.float32(between(rng, 0.0, 0.25))
    lip = np.exp(-((distance - gap - 1.0) ** 2) / 3.0) * np.float32(between(rng, 0.05, 0.4))
    texture = fractal_noise(rng, shape, grain_px=columns * log_between(rng, 0.006, 0.05)) * np.float32(
        between(rng, 0.01, 0.05)
    )
    plate = 0.45 + curl + lip + texture
    return np.asarray(inside * plate + (1.0 - inside) * between(rng, 0.02, 0.16), dtype=np.float32)


def _layer(rng: Generator, shape: Shape, *, columnar: bool) -> Field:
    """Return the broken face of one layer: columns standing side by side, or a grainy or smooth fracture."""
    if columnar:
        streaks = blur(
            smooth_noise(rng, shape, grain_px=1.5), 1.0, sigma_y_px=shape[0] * between(rng, 0.03, 0.12)
        ) * np.float32(5.0)
        return streaks * np.float32(between(rng, 0.05, 0.16))
    grain = shape[1] * log_between(rng, 0.005, 0.06)
    return fractal_noise(rng, shape, grain_px=grain) * np.float32(between(rng, 0.01, 0.07))


def _cross_section(rng: Generator, shape: Shape) -> Field:
    """Return a broken edge: substrate below, one to four layers above it, the film's top or black vacuum on top."""
    rows, columns = shape
    down = np.repeat(np.arange(rows, dtype=np.float32)[:, None], columns, axis=1)
    down = down + smooth_noise(rng, (2, columns), grain_px=columns * 0.3)[:1] * np.float32(rows * 0.008)
    surface = rows * between(rng, 0.12, 0.45)
    vacuum = between(rng, 0.02, 0.1) + 0.0 * down
    above = 0.35 + _layer(rng, shape, columnar=False) if chance(rng, 0.4) else vacuum
    light = np.asarray(above, dtype=np.float32)
    edge = surface
    for _ in range(whole(rng, 1, 4)):
        rough = fractal_noise(rng, shape, grain_px=columns * between(rng, 0.01, 0.06)) * np.float32(
            rows * between(rng, 0.0, 0.008)
        )
        face = between(rng, 0.25, 0.85) + _layer(rng, shape, columnar=chance(rng, 0.4))
        cover = np.clip(down + rough - edge, 0.0, 1.0)
        lip = np.exp(-((down + rough - edge - 1.5) ** 2) / 4.0) * np.float32(between(rng, 0.0, 0.35))
        light = np.asarray(light * (1.0 - cover) + cover * face + lip, dtype=np.float32)
        edge += rows * log_between(rng, 0.04, 0.35)
    substrate = between(rng, 0.15, 0.5) + _layer(rng, shape, columnar=False) * np.float32(0.5)
    cover = np.clip(down - edge, 0.0, 1.0)
    light = np.asarray(light * (1.0 - cover) + cover * substrate, dtype=np.float32)
    return rotated(light, degrees=between(rng, -12.0, 12.0), zoom=1.28) if chance(rng, 0.6) else light


def _with_specks(rng: Generator, light: Field) -> Field:
    """Return the surface with a few specks of dust and pinholes."""
    shape = (light.shape[0], light.shape[1])
    specks = np.zeros(shape, dtype=np.float32)
    for x, y in random_points(rng, shape, count=whole(rng, 1, 14)):
        stamp_highest(specks, dome(shape[1] * log_between(rng, 0.004, 0.02)), centre=(float(x), float(y)))
    sign = between(rng, 0.15, 0.4) if chance(rng, 0.6) else -0.3
    return np.asarray(light + np.float32(sign) * np.clip(specks / 2.0, 0.0, 1.0), dtype=np.float32)


def _smooth(rng: Generator, shape: Shape) -> Field:
    """Return an almost smooth layer: faint waviness, scratches, blisters, pinholes or a region that has come off."""
    columns = shape[1]
    height = fractal_noise(rng, shape, grain_px=columns * between(rng, 0.1, 0.5)) * np.float32(
        columns * between(rng, 0.001, 0.008)
    )
    for x, y in random_points(rng, shape, count=whole(rng, 0, 5)):
        stamp_highest(height, dome(columns * log_between(rng, 0.015, 0.09), flatness=0.3), centre=(float(x), float(y)))
    fine = smooth_noise(rng, shape, grain_px=columns * log_between(rng, 0.003, 0.012)) * np.float32(
        between(rng, 0.02, 0.2)
    )
    light = shade(blur(height, 0.8) + fine, rng=rng, edge=0.4, side=0.45, depth=0.2, reach_px=columns * 0.03)
    scratches = np.zeros(shape, dtype=np.uint8)
    main = between(rng, 0.0, 180.0)
    for _ in range(whole(rng, 0, 18)):
        path = crossing_path(rng, shape, degrees=main + rng.normal(0.0, 12.0), bend=0.02)
        draw_line(scratches, path, width_px=between(rng, 1.0, 2.0), value=whole(rng, 30, 140))
    light = light + as_field(scratches) * np.float32(between(rng, -0.3, 0.3))
    if chance(rng, 0.35):
        shore = fractal_noise(rng, shape, grain_px=columns * 0.5, gain=0.6) - np.float32(between(rng, 0.3, 1.0))
        off = np.clip(shore * columns * 0.1, 0.0, 1.0)
        light = (
            light
            - off * np.float32(between(rng, 0.1, 0.25))
            + np.exp(-((shore * columns * 0.1) ** 2)) * np.float32(0.2)
        )
    return _with_specks(rng, np.asarray(light, dtype=np.float32))


def _wrinkled(rng: Generator, shape: Shape) -> Field:
    """Return a layer that has buckled into winding wrinkles or ripples."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.025, 0.12)
    heading = between(rng, 0.0, np.pi)
    rows_px = np.arange(shape[0], dtype=np.float32)[:, None]
    columns_px = np.arange(columns, dtype=np.float32)[None, :]
    sway = fractal_noise(rng, shape, grain_px=pitch * between(rng, 2.0, 5.0)) * np.float32(between(rng, 1.5, 4.5))
    phase = (columns_px * np.cos(heading) + rows_px * np.sin(heading)) * (2.0 * np.pi / pitch) + sway
    sharp = between(rng, 1.0, 4.0)
    crest = np.power(0.5 + 0.5 * np.sin(phase), sharp) * np.float32(pitch * between(rng, 0.06, 0.22))
    grain = smooth_noise(rng, shape, grain_px=2.0) * np.float32(between(rng, 0.02, 0.12))
    return shade(
        np.asarray(crest + grain, dtype=np.float32), rng=rng, edge=0.5, side=0.5, depth=0.3, reach_px=pitch * 0.4
    )
