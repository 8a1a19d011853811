"""Powder: packed grains that fill the picture, angular, round, flaky or caked."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape, blur
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import (
    crystal,
    dome,
    fractal_noise,
    random_points,
    shade,
    smooth_noise,
    stamp_highest,
)


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of powder, (H, W) float32 brightness."""
    kind = pick_weighted(rng, ((0.34, _angular), (0.2, _round), (0.22, _caked), (0.24, _flakes)))
    return kind(rng, shape)


def _lit(rng: Generator, height: Field, *, grain_px: float) -> Field:
    """Return the brightness of a heap whose grains are about ``grain_px`` wide."""
    return shade(
        blur(height, 0.5),
        rng=rng,
        edge=between(rng, 0.3, 0.7),
        side=between(rng, 0.25, 0.7),
        depth=between(rng, 0.4, 0.7),
        reach_px=grain_px * between(rng, 0.6, 1.2),
    )


def _dust(rng: Generator, height: Field, *, grain_px: float) -> None:
    """Put fine crumbs of the same powder upon its grains."""
    shape = (height.shape[0], height.shape[1])
    for x, y in random_points(rng, shape, count=whole(rng, 30, 250)):
        own = max(grain_px * between(rng, 0.04, 0.18), 1.5)
        ground = height[int(min(y, shape[0] - 1)), int(min(x, shape[1] - 1))]
        stamp_highest(height, crystal(rng, own, facets=7, sharpness=1.2) + ground, centre=(float(x), float(y)))


def _angular(rng: Generator, shape: Shape) -> Field:
    """Return broken, angular grains of many sizes heaped on each other."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.014, 0.1)
    count = int(np.clip(2.6 * shape[0] * columns / (np.pi * radius**2), 40, 900))
    height = fractal_noise(rng, shape, grain_px=radius * 3.0) * np.float32(radius * 0.4) - np.float32(radius)
    spread = between(rng, 0.1, 0.5)
    sharpness = between(rng, 0.5, 1.2)
    for x, y in random_points(rng, shape, count=count):
        own = float(np.clip(radius * np.exp(rng.normal(0.0, spread)), 2.0, columns * 0.16))
        bump = crystal(rng, own * 1.3, facets=whole(rng, 7, 12), sharpness=sharpness) + np.float32(
            between(rng, -0.6, 0.6) * radius
        )
        stamp_highest(height, bump, centre=(float(x), float(y)))
    if chance(rng, 0.5):
        _dust(rng, height, grain_px=radius)
    texture = fractal_noise(rng, shape, grain_px=max(radius * 0.3, 2.0)) * np.float32(radius * between(rng, 0.0, 0.04))
    return _lit(rng, height + texture, grain_px=radius)


def _round(rng: Generator, shape: Shape) -> Field:
    """Return a packing of balls of many sizes, several layers deep, some with satellites, as in metal powder."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.016, 0.085)
    count = int(np.clip(3.2 * shape[0] * columns / (np.pi * radius**2), 40, 800))
    height = np.full(shape, -3.0 * radius, dtype=np.float32)
    spread = between(rng, 0.08, 0.5)
    for x, y in random_points(rng, shape, count=count):
        own = float(np.clip(radius * np.exp(rng.normal(0.0, spread)), 2.0, columns * 0.14))
        bump = dome(own, stretch=between(rng, 0.75, 1.0), degrees=between(rng, 0.0, 180.0))
        stamp_highest(height, bump + np.float32(between(rng, -2.4, 0.4) * radius), centre=(float(x), float(y)))
    if chance(rng, 0.6):
        _dust(rng, height, grain_px=radius)
    texture = smooth_noise(rng, shape, grain_px=max(radius * 0.12, 1.5)) * np.float32(radius * between(rng, 0.0, 0.025))
    return _lit(rng, height + texture, grain_px=radius)


def _caked(rng: Generator, shape: Shape) -> Field:
    """Return fine rounded grains caked into lumps like cauliflower, with dark clefts between the lumps."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.0085, 0.02)
    lump = radius * between(rng, 4.0, 14.0)
    ground = fractal_noise(rng, shape, grain_px=lump, gain=0.6) * np.float32(lump * between(rng, 0.25, 0.55))
    crumbs = smooth_noise(rng, shape, grain_px=radius) * np.float32(radius * 0.4)
    height = ground + crumbs - np.float32(radius * 0.5)
    count = int(np.clip(2.2 * shape[0] * columns / (np.pi * radius**2), 200, 2200))
    for x, y in random_points(rng, shape, count=count):
        own = max(radius * float(np.exp(rng.normal(0.0, 0.25))), 1.6)
        base = ground[int(min(y, shape[0] - 1)), int(min(x, columns - 1))]
        stamp_highest(
            height,
            dome(own, stretch=between(rng, 0.6, 1.0), degrees=between(rng, 0.0, 180.0)) + base,
            centre=(float(x), float(y)),
        )
    rough = smooth_noise(rng, shape, grain_px=1.5) * np.float32(0.25)
    return _lit(rng, height + rough, grain_px=lump * 0.5)


def _flakes(rng: Generator, shape: Shape) -> Field:
    """Return plates and flakes lying in all directions, thin bright edges over flat faces."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.02, 0.11)
    count = int(np.clip(3.0 * shape[0] * columns / (np.pi * radius**2), 40, 600))
    height = np.full(shape, -2.0 * radius, dtype=np.float32)
    steep = between(rng, 0.15, 0.8)
    for x, y in random_points(rng, shape, count=count):
        own = float(np.clip(radius * np.exp(rng.normal(0.0, 0.35)), 3.0, columns * 0.18))
        outline = crystal(rng, own * 1.2, facets=whole(rng, 5, 9), sharpness=4.0)
        reach = outline.shape[0] // 2
        line = np.arange(-reach, reach + 1, dtype=np.float32)
        turn = between(rng, 0.0, 2.0 * np.pi)
        tilt = between(rng, 0.0, steep)
        face = (line[None, :] * np.float32(np.cos(turn)) + line[:, None] * np.float32(np.sin(turn))) * np.float32(tilt)
        level = np.float32(between(rng, -1.2, 0.4) * radius)
        flake = np.where(outline > 0.0, face + level, outline).astype(np.float32)
        stamp_highest(height, flake, centre=(float(x), float(y)))
    return _lit(rng, height, grain_px=radius)
