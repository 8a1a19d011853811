"""Fibres: spun mats, woven cloth, bundles of thick threads, felt with beads."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape, as_field, blur, rotated
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import fractal_noise, shade, smooth_noise
from saccade.training.sem_textures.scenes.tubes import bent_path, crossing_path, paint_beads, paint_tube


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of fibres, (H, W) float32 brightness."""
    kind = pick_weighted(rng, ((0.42, _mat), (0.2, _cloth), (0.23, _bundle), (0.15, _few)))
    return kind(rng, shape)


def _mat(rng: Generator, shape: Shape) -> Field:
    """Return a mat of long thick threads in many layers, the lower ones darker."""
    sheet = np.full(shape, whole(rng, 8, 35), dtype=np.uint8)
    width = shape[1] * log_between(rng, 0.012, 0.06)
    count = int(np.clip(between(rng, 2.2, 4.5) * shape[1] / width, 40, 190))
    bend = between(rng, 0.1, 1.1)
    main = between(rng, 0.0, 180.0)
    spread = 90.0 if chance(rng, 0.65) else between(rng, 12.0, 45.0)
    variety = between(rng, 0.05, 0.5)
    beaded = chance(rng, 0.25) and width < 0.025 * shape[1]
    for index in range(count):
        depth = 0.25 + 0.75 * (index / count) ** 0.9
        path = crossing_path(rng, shape, degrees=main + between(rng, -spread, spread), bend=bend)
        own = width * float(np.exp(rng.normal(0.0, variety)))
        body = depth * between(rng, 0.42, 0.62)
        paint_tube(sheet, path, width_px=max(own, 2.0), body=body, rim=depth * between(rng, 0.7, 0.98), lit=(0.3, 0.4))
        if beaded:
            paint_beads(sheet, path, width_px=own, body=body, rng=rng)
    grain = fractal_noise(rng, shape, grain_px=shape[1] * 0.02) * between(rng, 0.0, 0.03)
    return as_field(sheet) + grain.astype(np.float32)


def _yarn_height(u: Field, v: Field, *, over: Field, filaments: float, twist: float) -> Field:
    """Return a yarn's height over one period: u across and v along, both -1..1; ``over`` is +1 on top and -1 below."""
    body = np.sqrt(np.maximum(1.0 - (u / 0.92) ** 2, 0.0))
    ripple = 0.12 * np.cos((u + twist * v) * filaments * np.pi) ** 2
    wave = over * np.cos(v * np.pi / 2.0)
    return np.asarray(np.where(np.abs(u) < 0.92, body * 0.6 + ripple * body + wave * 0.7, -1.0), dtype=np.float32)  # noqa: PLR2004


def _cloth(rng: Generator, shape: Shape) -> Field:
    """Return woven cloth: yarns of many filaments going over and under each other."""
    pitch = shape[1] * log_between(rng, 0.09, 0.35)
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    columns = np.arange(shape[1], dtype=np.float32)[None, :]
    sway = fractal_noise(rng, shape, grain_px=pitch * 1.5) * np.float32(pitch * between(rng, 0.02, 0.09))
    turn = between(rng, -0.8, 0.8)
    x = (columns * np.cos(turn) + rows * np.sin(turn) + sway) / pitch
    y = (rows * np.cos(turn) - columns * np.sin(turn) - sway) / (pitch * between(rng, 0.75, 1.3))
    step = whole(rng, 1, 2)
    parity = ((np.floor(x) + step * np.floor(y)) % 2) if step == 1 else ((np.floor(x) + np.floor(y)) % 3 > 0)
    over = np.where(parity > 0, 1.0, -1.0).astype(np.float32)
    u = ((x % 1.0) * 2.0 - 1.0).astype(np.float32)
    v = ((y % 1.0) * 2.0 - 1.0).astype(np.float32)
    filaments = between(rng, 3.0, 8.0)
    twist = between(rng, -0.3, 0.3)
    warp = _yarn_height(u, v, over=over, filaments=filaments, twist=twist)
    weft = _yarn_height(v, u, over=-over, filaments=filaments, twist=-twist)
    height = np.maximum(warp, weft) * np.float32(pitch * 0.35)
    height = height + smooth_noise(rng, shape, grain_px=3.0) * np.float32(0.25)
    return shade(blur(height, 0.7), rng=rng, edge=0.55, side=0.5, depth=0.5, reach_px=pitch * 0.4)


def _bundle(rng: Generator, shape: Shape) -> Field:
    """Return parallel thick threads side by side, as in carbon fibre, hair or a torn composite."""
    sheet = np.full(shape, whole(rng, 5, 40), dtype=np.uint8)
    width = shape[1] * log_between(rng, 0.04, 0.16)
    main = between(rng, 0.0, 180.0)
    count = int(np.clip(2.6 * shape[1] / width, 16, 70))
    bend = between(rng, 0.0, 0.18)
    for index in range(count):
        depth = 0.4 + 0.6 * index / count
        stray = between(rng, -25.0, 25.0) if chance(rng, 0.08) else between(rng, -4.0, 4.0)
        path = crossing_path(rng, shape, degrees=main + stray, bend=bend)
        own = width * between(rng, 0.85, 1.15)
        paint_tube(
            sheet,
            path,
            width_px=own,
            body=depth * between(rng, 0.4, 0.6),
            rim=depth * between(rng, 0.75, 1.0),
            lit=(0.5, 0.2),
        )
    light = as_field(sheet)
    lengthwise = rotated(_grooves(rng, shape), degrees=-main)
    return np.asarray(light * (1.0 + lengthwise * np.float32(between(rng, 0.02, 0.12))), dtype=np.float32)


def _grooves(rng: Generator, shape: Shape) -> Field:
    """Return lines of noise along x, as on drawn or grooved threads."""
    return blur(smooth_noise(rng, shape, grain_px=1.0), shape[1] * 0.06, sigma_y_px=0.7) * np.float32(6.0)


def _few(rng: Generator, shape: Shape) -> Field:
    """Return a few loose threads far above a dark or rough ground, some with scales like hair or wool."""
    ground = 0.16 + 0.05 * fractal_noise(rng, shape, grain_px=shape[1] * between(rng, 0.03, 0.3))
    sheet = np.zeros(shape, dtype=np.uint8)
    width = shape[1] * log_between(rng, 0.03, 0.2)
    count = int(np.clip(between(rng, 0.8, 1.6) * shape[1] / width, 3, 26))
    bend = between(rng, 0.1, 0.9)
    for _ in range(count):
        degrees = between(rng, 0.0, 180.0)
        own = width * between(rng, 0.6, 1.3)
        path = crossing_path(rng, shape, degrees=degrees, bend=bend)
        if chance(rng, 0.25):
            middle = (between(rng, 0.0, 1.0) * shape[1], between(rng, 0.0, 1.0) * shape[0])
            path = bent_path(rng, middle, degrees=degrees, length_px=shape[1] * between(rng, 0.5, 1.2), bend=bend)
        paint_tube(
            sheet, path, width_px=own, body=between(rng, 0.42, 0.6), rim=between(rng, 0.75, 0.95), lit=(0.3, -0.4)
        )
    threads = as_field(sheet)
    scales = fractal_noise(rng, shape, grain_px=width * 0.3) * np.float32(between(rng, 0.01, 0.05))
    cover = np.clip(threads * 12.0, 0.0, 1.0)
    return np.asarray(cover * (threads + scales) + (1.0 - cover) * ground, dtype=np.float32)
