"""Particles: spheres, clusters, cubes and plates lying apart on a substrate."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape, blur
from saccade.training.sem_textures.draws import between, chance, log_between, pick, pick_weighted, whole
from saccade.training.sem_textures.relief import (
    NOTHING,
    crystal,
    dome,
    fractal_noise,
    grid_about_centre,
    random_points,
    shade,
    smooth_noise,
    stamp_highest,
)


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of separate particles, (H, W) float32 brightness."""
    kind = pick_weighted(rng, ((0.3, _spheres), (0.2, _clusters), (0.25, _shapes), (0.25, _dots)))
    return kind(rng, shape)


def _ground(rng: Generator, shape: Shape) -> Field:
    """Return a substrate's height: polished, slightly rough or wavy."""
    rough = pick(rng, (0.0, 0.05, 0.15, 0.35))
    grain = shape[1] * log_between(rng, 0.006, 0.1)
    return fractal_noise(rng, shape, grain_px=grain) * np.float32(rough * grain * 0.12)


def _lit(rng: Generator, shape: Shape, particles: Field, *, radius_px: float) -> Field:
    """Return the brightness of particles on a ground: they shine more than the ground does."""
    ground = _ground(rng, shape)
    there = particles > NOTHING / 2
    cover = blur(there.astype(np.float32), 0.6)
    height = np.where(there, particles, ground).astype(np.float32)
    light = shade(
        blur(height, 0.5),
        rng=rng,
        edge=between(rng, 0.35, 0.8),
        side=between(rng, 0.1, 0.4),
        depth=0.3,
        reach_px=radius_px * 1.5,
    )
    dark_ground = between(rng, 0.05, 0.28) if chance(rng, 0.75) else between(rng, 0.28, 0.42)
    shadow = blur(cover, radius_px * 0.8) * np.float32(0.1)
    return np.asarray(
        cover * (light + between(rng, 0.1, 0.35)) + (1.0 - cover) * (light - 0.4 + dark_ground - shadow),
        dtype=np.float32,
    )


def _spheres(rng: Generator, shape: Shape) -> Field:
    """Return spheres or ellipsoids, of one size or many, scattered over the substrate."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.008, 0.09)
    spread = between(rng, 0.03, 0.1) if chance(rng, 0.5) else between(rng, 0.25, 0.55)
    cover = between(rng, 0.04, 0.32)
    count = int(np.clip(cover * shape[0] * columns / (np.pi * radius**2), 4, 380))
    particles = np.full(shape, NOTHING, dtype=np.float32)
    stretch = 1.0 if chance(rng, 0.75) else between(rng, 0.5, 0.9)
    for x, y in random_points(rng, shape, count=count):
        own = min(radius * float(np.exp(rng.normal(0.0, spread))), columns * 0.14)
        bump = dome(max(own, 1.5), flatness=0.9, stretch=stretch, degrees=between(rng, 0.0, 180.0))
        stamp_highest(particles, bump + np.float32(own * 0.1), centre=(float(x), float(y)))
    if chance(rng, 0.3):
        particles = particles + smooth_noise(rng, shape, grain_px=max(radius * 0.15, 1.0)) * np.float32(radius * 0.03)
    return _lit(rng, shape, particles, radius_px=radius)


def _clusters(rng: Generator, shape: Shape) -> Field:
    """Return a few heaps of small particles with bare substrate between them."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.007, 0.03)
    particles = np.full(shape, NOTHING, dtype=np.float32)
    angular = chance(rng, 0.35)
    for x, y in random_points(rng, shape, count=whole(rng, 2, 14)):
        members = whole(rng, 4, 60)
        reach = radius * np.sqrt(members) * between(rng, 0.6, 1.1)
        for across, down in rng.normal(0.0, reach * 0.6, (members, 2)):
            own = radius * between(rng, 0.65, 1.3)
            lift = max(reach * 0.6 - float(np.hypot(across, down)) * 0.5, 0.0)
            bump = crystal(rng, own * 1.3, facets=9, sharpness=1.0) if angular else dome(own)
            stamp_highest(particles, bump + np.float32(lift), centre=(x + across, y + down))
    for x, y in random_points(rng, shape, count=whole(rng, 0, 40)):
        stamp_highest(particles, dome(radius * between(rng, 0.6, 1.1)), centre=(float(x), float(y)))
    return _lit(rng, shape, particles, radius_px=radius * 1.5)


def _plate(rng: Generator, radius_px: float, *, corners: int, slope: float) -> Field:
    """Return a regular polygon with a flat top as a bump; a steep ``slope`` makes a prism, a gentle one a pyramid."""
    across, down = grid_about_centre(radius_px * 1.45)
    first = between(rng, 0.0, 2.0 * np.pi)
    edge = np.full(across.shape, np.float32(radius_px), dtype=np.float32)
    for side in range(corners):
        turn = first + 2.0 * np.pi * side / corners
        np.minimum(
            edge,
            np.float32(radius_px * 0.8) - (across * np.float32(np.cos(turn)) + down * np.float32(np.sin(turn))),
            out=edge,
        )
    body = np.minimum(edge * np.float32(slope), np.float32(radius_px * 0.5))
    return np.where(edge > 0, body, NOTHING).astype(np.float32)


def _shapes(rng: Generator, shape: Shape) -> Field:
    """Return faceted particles: cubes, hexagonal plates, triangles, octahedra or broken grains."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.014, 0.11)
    cover = between(rng, 0.05, 0.3)
    count = int(np.clip(cover * shape[0] * columns / (3.0 * radius**2), 3, 220))
    corners = pick(rng, (0, 3, 4, 4, 6, 6, 5))
    slope = pick(rng, (0.7, 1.2, 3.0))
    particles = np.full(shape, NOTHING, dtype=np.float32)
    for x, y in random_points(rng, shape, count=count):
        own = radius * between(rng, 0.7, 1.3)
        bump = (
            _plate(rng, own, corners=corners, slope=slope)
            if corners
            else crystal(rng, own * 1.2, facets=8, sharpness=1.0)
        )
        stamp_highest(particles, bump, centre=(float(x), float(y)))
    return _lit(rng, shape, particles, radius_px=radius)


def _dots(rng: Generator, shape: Shape) -> Field:
    """Return very many small bright particles on a flat or grainy support, a few grown together."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.003, 0.011)
    count = int(np.clip(between(rng, 0.02, 0.16) * shape[0] * columns / (np.pi * radius**2), 60, 900))
    particles = np.full(shape, NOTHING, dtype=np.float32)
    crowd = fractal_noise(rng, shape, grain_px=columns * between(rng, 0.06, 0.3)) if chance(rng, 0.4) else None
    for x, y in random_points(rng, shape, count=count):
        if crowd is not None and crowd[int(min(y, shape[0] - 1)), int(min(x, columns - 1))] < 0:
            continue
        own = max(radius * float(np.exp(rng.normal(0.0, 0.3))), 1.2)
        stamp_highest(particles, dome(own, flatness=1.3), centre=(float(x), float(y)))
    return _lit(rng, shape, particles, radius_px=radius * 2.0)
