"""Porous sponge: open foams, round-holed swiss cheese, coral-like networks and inverse opals."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape, blur, nearest_point, slopes
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import cells, fractal_noise, random_points, shade, smooth_noise, spread_points


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of a porous body, (H, W) float32 brightness."""
    kind = pick_weighted(rng, ((0.33, _foam), (0.27, _cheese), (0.22, _network), (0.18, _inverse_opal)))
    return kind(rng, shape)


def _foam(rng: Generator, shape: Shape) -> Field:
    """Return an open foam: struts about large cells, with two deeper and darker layers seen through the windows."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.05, 0.26)
    strut = between(rng, 0.1, 0.22)
    layers = whole(rng, 2, 3)
    light = np.full(shape, 0.03, dtype=np.float32)
    disorder = between(rng, 0.3, 0.6)
    for layer in range(layers):
        depth = (layer + 1) / layers
        _, distance = cells(rng, shape, pitch_px=pitch * (0.65 + 0.35 * depth), disorder=disorder)
        wobble = fractal_noise(rng, shape, grain_px=pitch * 0.3) * np.float32(pitch * 0.025)
        half = np.float32(pitch * strut * (0.7 + 0.3 * depth))
        inside = np.clip(1.0 - (distance + wobble) / half, -1.0, 1.0)
        wall = np.sqrt(np.clip(inside, 0.0, 1.0)) * half
        own = shade(wall.astype(np.float32), rng=rng, edge=0.45, side=0.5, depth=0.25, reach_px=float(half))
        cover = blur((inside > 0.0).astype(np.float32), 0.6)
        strength = np.float32(0.25 + 0.75 * depth**1.5)
        light = np.asarray(light * (1.0 - cover * 0.98) * np.float32(0.75) + cover * (own + 0.1) * strength)
    rough = fractal_noise(rng, shape, grain_px=pitch * 0.12) * np.float32(between(rng, 0.0, 0.05))
    return np.asarray(light + rough * light, dtype=np.float32)


def _cheese(rng: Generator, shape: Shape) -> Field:
    """Return a body with rounded holes of many sizes, bright rims, and smaller holes inside the large ones."""
    rows, columns = shape
    height = fractal_noise(rng, shape, grain_px=columns * 0.08) * np.float32(columns * between(rng, 0.001, 0.006))
    radius = columns * log_between(rng, 0.015, 0.1)
    spread = between(rng, 0.1, 0.5)
    level = np.zeros(shape, dtype=np.float32)
    pitch = radius * between(rng, 1.7, 2.4)
    place_y = np.arange(rows, dtype=np.float32)[:, None]
    place_x = np.arange(columns, dtype=np.float32)[None, :]
    for x, y in spread_points(rng, shape, pitch_px=pitch, disorder=0.55):
        own = min(radius * float(np.exp(rng.normal(0.0, spread))), columns * 0.14)
        top, left = max(int(y - own), 0), max(int(x - own), 0)
        window = (slice(top, int(max(y + own + 2, 0))), slice(left, int(max(x + own + 2, 0))))
        away = (
            (place_x[:, window[1]] - x) ** 2 + ((place_y[window[0]] - y) / np.float32(between(rng, 0.75, 1.0))) ** 2
        ) / np.float32(own * own)
        hole = -np.sqrt(np.maximum(1.0 - away, 0.0)) * np.float32(own * 1.3)
        np.minimum(level[window], hole, out=level[window])
    inner = fractal_noise(rng, shape, grain_px=max(radius * 0.5, 2.0)) * np.float32(radius * 0.06)
    throat = fractal_noise(rng, shape, grain_px=radius * 0.9)
    open_below = (level < -0.75 * radius) & (throat > between(rng, 0.2, 0.9))
    body = height + level + inner
    light = shade(blur(body, 0.6), rng=rng, edge=between(rng, 0.4, 0.7), side=0.35, depth=0.75, reach_px=radius * 0.9)
    light = light + np.float32(0.25) * np.clip(level / np.float32(radius), -1.0, 0.0)
    return np.asarray(light * (1.0 - 0.85 * blur(open_below.astype(np.float32), 0.8)), dtype=np.float32)


def _network(rng: Generator, shape: Shape) -> Field:
    """Return a two-way connected network of rounded ligaments and pores, as in nanoporous metal, coral or gel."""
    columns = shape[1]
    grain = columns * log_between(rng, 0.018, 0.08)
    light = np.full(shape, 0.04, dtype=np.float32)
    for layer in range(2):
        wave = smooth_noise(rng, shape, grain_px=grain) + 0.5 * smooth_noise(rng, shape, grain_px=grain * 0.6)
        ridge = between(rng, 0.35, 0.6) - np.abs(wave) if chance(rng, 0.5) else wave + between(rng, -0.15, 0.25)
        solid = np.clip(ridge, 0.0, None)
        body = np.sqrt(solid) * np.float32(grain * 0.7)
        own = shade(body.astype(np.float32), rng=rng, edge=0.5, side=0.4, depth=0.35, reach_px=grain * 0.4)
        cover = blur((ridge > 0.0).astype(np.float32), 0.7)
        strength = 0.4 if layer == 0 else 1.0
        light = light * (1.0 - cover) * np.float32(0.8) + cover * own * np.float32(strength)
    fine = fractal_noise(rng, shape, grain_px=grain * 0.3) * np.float32(between(rng, 0.0, 0.06))
    return np.asarray(light * (1.0 + fine), dtype=np.float32)


def _inverse_opal(rng: Generator, shape: Shape) -> Field:
    """Return close rows of round cavities with thin bright walls and dark throats, as in an inverse opal."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.035, 0.13)
    points = spread_points(rng, shape, pitch_px=pitch, disorder=between(rng, 0.12, 0.3))
    keep = rng.random(len(points)) > between(rng, 0.0, 0.12)
    margin = np.float32(pitch * 2.0)
    framed = (shape[0] + int(4 * pitch), columns + int(4 * pitch))
    _, distance = nearest_point(points[keep] + margin, framed)
    start = int(2 * pitch)
    distance = distance[start : start + shape[0], start : start + columns]
    ratio = np.clip(distance / np.float32(pitch * between(rng, 0.42, 0.5)), 0.0, 1.2)
    ratio = ratio + fractal_noise(rng, shape, grain_px=pitch * 0.4) * np.float32(between(rng, 0.02, 0.09))
    bowl = -np.sqrt(np.clip(1.0 - ratio * ratio, 0.0, 1.0)) * np.float32(pitch * 0.5)
    along_x, along_y = slopes(blur(bowl.astype(np.float32), 0.5))
    glow = np.sqrt(along_x * along_x + along_y * along_y)
    light = 0.75 + bowl / np.float32(pitch) + 0.12 * np.tanh(glow) + 0.15 * along_x
    for dx, dy in random_points(rng, (100, 100), count=whole(rng, 0, 3)) / np.float32(100.0):
        throat = ratio + 0.4 * np.sin(dx * 6.0 + smooth_noise(rng, shape, grain_px=pitch * 0.7)) * dy
        light = light * (1.0 - 0.7 * blur((throat < between(rng, 0.2, 0.35)).astype(np.float32), 0.6))
    broad = fractal_noise(rng, shape, grain_px=columns * 0.3) * np.float32(0.05)
    return np.asarray(light + broad, dtype=np.float32)
