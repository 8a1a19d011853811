"""Biological: cells, pollen, diatoms, bacteria, leaf and insect surfaces, folded tissue."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Points, Shape, as_field, blur
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import (
    NOTHING,
    cells,
    dome,
    fractal_noise,
    grid_about_centre,
    random_points,
    shade,
    smooth_noise,
    spread_points,
    stamp_highest,
)
from saccade.training.sem_textures.scenes.tubes import bent_path, paint_tube


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of living matter, (H, W) float32 brightness."""
    kinds = (
        (0.15, _blood),
        (0.19, _pollen),
        (0.15, _diatoms),
        (0.15, _bacteria),
        (0.14, _leaf),
        (0.11, _eye),
        (0.11, _tissue),
    )
    return pick_weighted(rng, kinds)(rng, shape)


def _blood(rng: Generator, shape: Shape) -> Field:
    """Return dimpled round cells that lie on and over each other on a soft ground."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.04, 0.16)
    height = fractal_noise(rng, shape, grain_px=radius) * np.float32(radius * 0.05)
    across, down = grid_about_centre(radius * 1.25)
    for x, y in random_points(
        rng, shape, count=int(np.clip(between(rng, 0.3, 1.4) * shape[0] * columns / (np.pi * radius**2), 4, 90))
    ):
        turn = between(rng, 0.0, np.pi)
        squeeze = between(rng, 0.75, 1.0)
        own = radius * between(rng, 0.85, 1.12)
        u = across * np.float32(np.cos(turn)) + down * np.float32(np.sin(turn))
        v = (down * np.float32(np.cos(turn)) - across * np.float32(np.sin(turn))) / np.float32(squeeze)
        away = np.sqrt(u * u + v * v) / np.float32(own)
        body = np.sqrt(np.clip(1.0 - away**2, 0.0, 1.0)) * 0.5 - np.float32(between(rng, 0.15, 0.42)) * np.exp(
            -((away / 0.45) ** 2)
        )
        tilt = u * np.float32(between(rng, -0.25, 0.25) / own) + np.float32(between(rng, 0.05, 0.3))
        stamp_highest(
            height, np.where(away < 1.0, (body + tilt) * own, NOTHING).astype(np.float32), centre=(float(x), float(y))
        )
    height = height + smooth_noise(rng, shape, grain_px=2.5) * np.float32(between(rng, 0.05, 0.25))
    return shade(blur(height, 0.8), rng=rng, edge=0.5, side=0.5, depth=0.45, reach_px=radius * 0.5)


def _grain(rng: Generator, radius_px: float, *, manner: int, detail: float) -> Field:
    """Return one pollen grain as a bump: spiny, netted, or furrowed."""
    across, down = grid_about_centre(radius_px * 1.3)
    away = np.sqrt(across**2 + down**2) / np.float32(radius_px)
    sphere = np.sqrt(np.clip(1.0 - away**2, 0.0, 1.0)) * np.float32(radius_px)
    size = (across.shape[0], across.shape[1])
    pitch = radius_px * detail
    if manner == 0:
        height = np.where(away < 1.0, sphere, NOTHING).astype(np.float32)
        centre = across.shape[1] / 2
        for x, y in spread_points(rng, size, pitch_px=pitch * 1.3, disorder=0.25):
            off = float(np.hypot(x - centre, y - centre)) / radius_px
            if off < 0.97:  # noqa: PLR2004
                lift = radius_px * float(np.sqrt(1.0 - off**2)) + pitch * 0.5
                outwards = 1.0 + 0.25 * off
                spine = dome(max(pitch * 0.3, 1.5), flatness=2.0)
                place = (centre + float(x - centre) * outwards, centre + float(y - centre) * outwards)
                stamp_highest(height, spine + np.float32(lift - pitch * 0.5), centre=place)
        return height
    if manner == 1:
        _, distance = cells(rng, size, pitch_px=pitch * 1.2, disorder=0.4)
        wall = np.exp(-((distance / np.float32(pitch * 0.18)) ** 2)) * np.float32(pitch * 0.3)
        return np.where(away < 1.0, sphere + wall, NOTHING).astype(np.float32)
    turn = between(rng, 0.0, np.pi)
    u = across * np.float32(np.cos(turn)) + down * np.float32(np.sin(turn))
    furrow = np.exp(-((u / np.float32(radius_px * 0.1)) ** 2)) * np.float32(radius_px * 0.3)
    grit = smooth_noise(rng, size, grain_px=max(pitch * 0.3, 1.5)) * np.float32(pitch * 0.08)
    squeeze = (
        u * u + ((across * np.float32(np.sin(turn)) - down * np.float32(np.cos(turn))) * 0.75) ** 2
    ) / np.float32(radius_px**2)
    body = np.sqrt(np.clip(1.0 - squeeze, 0.0, 1.0)) * np.float32(radius_px)
    return np.where(squeeze < 1.0, body - furrow + grit, NOTHING).astype(np.float32)


def _pollen(rng: Generator, shape: Shape) -> Field:
    """Return one to many pollen grains or spores of one species on a wrinkled or plain ground."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.07, 0.3)
    count = int(np.clip(between(rng, 0.25, 1.0) * shape[0] * columns / (np.pi * radius**2), 1, 16))
    height = fractal_noise(rng, shape, grain_px=columns * 0.1) * np.float32(
        columns * between(rng, 0.0, 0.01)
    ) - np.float32(radius * 0.6)
    manner, detail = whole(rng, 0, 2), between(rng, 0.14, 0.32)
    inset = np.array([columns * 0.1, shape[0] * 0.1], dtype=np.float32)
    for x, y in random_points(rng, shape, count=count) * np.float32(0.8) + inset:
        own = radius * between(rng, 0.85, 1.1)
        stamp_highest(height, _grain(rng, own, manner=manner, detail=detail), centre=(float(x), float(y)))
    return shade(blur(height, 0.8), rng=rng, edge=0.5, side=0.45, depth=0.5, reach_px=radius * 0.25)


def _diatom(rng: Generator, radius_px: float, *, slender: float, ribs: float) -> Field:
    """Return one diatom as a bump: a long or round shell with rows of pores and a seam."""
    across, down = grid_about_centre(radius_px)
    turn = np.float32(between(rng, 0.0, np.pi))
    u = (across * np.cos(turn) + down * np.sin(turn)) / np.float32(radius_px)
    v = (down * np.cos(turn) - across * np.sin(turn)) / np.float32(radius_px * slender)
    if slender > 0.8:  # noqa: PLR2004
        away = np.sqrt(u * u + v * v)
        spokes = np.arctan2(v, u) * np.float32(round(ribs * 2.0))
        pores = np.cos(spokes) * np.cos(away * np.float32(ribs * np.pi)) * (away > 0.12)  # noqa: PLR2004
        outline = 1.0 - away
    else:
        outline = 1.0 - np.abs(v) - np.abs(u) ** 2.5
        seam = np.abs(v) < 0.09  # noqa: PLR2004
        pores = np.cos(u * np.float32(ribs * np.pi * 1.6)) * np.where(
            chance(rng, 0.6), np.cos(v * np.float32(ribs * slender * 4.0)), 1.0
        )
        pores = np.where(seam, 1.6, pores)
    size = np.float32(radius_px * slender)
    body = np.sqrt(np.clip(outline, 0.0, 1.0)) * size * 0.4 + np.clip(pores, -1.0, 1.5) * np.float32(
        radius_px / ribs * 0.22
    )
    return np.where(outline > 0.0, body, NOTHING).astype(np.float32)


def _diatoms(rng: Generator, shape: Shape) -> Field:
    """Return shells of diatoms, whole and in fragments, on a filter or in sediment."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.1, 0.4)
    slender = between(rng, 0.9, 1.0) if chance(rng, 0.4) else between(rng, 0.15, 0.4)
    count = int(np.clip(between(rng, 0.3, 0.9) * shape[0] * columns / (np.pi * radius**2 * slender), 1, 14))
    height = fractal_noise(rng, shape, grain_px=columns * 0.05) * np.float32(
        columns * between(rng, 0.0, 0.005)
    ) - np.float32(radius * 0.1)
    ribs = between(rng, 6.0, 14.0)
    for x, y in random_points(rng, shape, count=count):
        own = radius * between(rng, 0.6, 1.1)
        stamp_highest(height, _diatom(rng, own, slender=slender, ribs=ribs), centre=(float(x), float(y)))
    return shade(blur(height, 0.6), rng=rng, edge=0.6, side=0.35, depth=0.5, reach_px=radius * 0.15)


def _rod(radius_px: float, length_px: float, degrees: float) -> Field:
    """Return a capsule as a bump."""
    across, down = grid_about_centre(radius_px + length_px / 2.0)
    turn = np.float32(np.deg2rad(degrees))
    u = across * np.cos(turn) + down * np.sin(turn)
    v = down * np.cos(turn) - across * np.sin(turn)
    beyond = np.maximum(np.abs(u) - np.float32(length_px / 2.0), 0.0)
    inside = np.float32(radius_px**2) - beyond**2 - v**2
    return np.where(inside > 0.0, np.sqrt(np.maximum(inside, 0.0)), NOTHING).astype(np.float32)


def _bacteria(rng: Generator, shape: Shape) -> Field:
    """Return rods or cocci in heaps and chains on a slimy or fibrous ground."""
    columns = shape[1]
    radius = columns * log_between(rng, 0.012, 0.04)
    slender = between(rng, 1.5, 5.0) if chance(rng, 0.7) else 0.2
    slime = fractal_noise(rng, shape, grain_px=radius * 4.0) * np.float32(radius * between(rng, 0.15, 0.6))
    height = slime.astype(np.float32)
    area = np.pi * radius**2 + 2.0 * radius**2 * slender
    count = int(np.clip(between(rng, 0.25, 1.5) * shape[0] * columns / area, 12, 420))
    crowd = fractal_noise(rng, shape, grain_px=columns * 0.25)
    floor = between(rng, -2.0, 0.2)
    for x, y in random_points(rng, shape, count=count):
        if crowd[int(min(y, shape[0] - 1)), int(min(x, columns - 1))] < floor:
            continue
        length = radius * slender * between(rng, 0.7, 1.3)
        degrees = between(rng, 0.0, 180.0)
        level = np.float32(between(rng, 0.0, 0.8) * radius)
        bump = _rod(radius * between(rng, 0.9, 1.1), length, degrees)
        stamp_highest(height, bump + level, centre=(float(x), float(y)))
        if chance(rng, 0.35):
            shift = (length + radius * 1.9) * np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
            stamp_highest(height, bump + level, centre=(float(x + shift[0]), float(y + shift[1])))
    skin = smooth_noise(rng, shape, grain_px=2.0) * np.float32(between(rng, 0.05, 0.2))
    return shade(blur(height, 0.7) + skin, rng=rng, edge=0.5, side=0.4, depth=0.4, reach_px=radius * 1.5)


def _leaf(rng: Generator, shape: Shape) -> Field:
    """Return a leaf's skin: puzzle-like cells, lens-shaped stomata, wax crystals, now and then hairs."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.07, 0.22)
    _, distance = cells(rng, shape, pitch_px=pitch, disorder=0.5)
    wavy = distance + fractal_noise(rng, shape, grain_px=pitch * 0.35) * np.float32(pitch * 0.06)
    height = np.sqrt(np.clip(wavy / np.float32(pitch * 0.5), 0.0, 1.0)) * np.float32(pitch * between(rng, 0.15, 0.4))
    ridges = np.sin(wavy * np.float32(2.0 * np.pi / (pitch * 0.12))) * np.float32(pitch * between(rng, 0.0, 0.012))
    height = np.asarray(height + ridges, dtype=np.float32)
    size = pitch * between(rng, 0.25, 0.45)
    for x, y in spread_points(rng, shape, pitch_px=pitch * between(rng, 1.4, 2.4), disorder=0.4):
        degrees = between(rng, 0.0, 180.0)
        lips = dome(size, flatness=0.8, stretch=0.65, degrees=degrees)
        slit = dome(size * 0.65, flatness=4.0, stretch=0.2, degrees=degrees)
        reach = (lips.shape[0] - slit.shape[0]) // 2
        lips[reach : reach + slit.shape[0], reach : reach + slit.shape[1]] -= np.maximum(slit, 0.0)
        raised = np.where(lips > NOTHING / 2, lips + np.float32(pitch * 0.3), NOTHING).astype(np.float32)
        stamp_highest(height, raised, centre=(float(x), float(y)))
    wax = smooth_noise(rng, shape, grain_px=1.5) * np.float32(between(rng, 0.05, 0.5))
    light = shade(blur(height, 0.8) + wax, rng=rng, edge=0.5, side=0.4, depth=0.5, reach_px=pitch * 0.25)
    return _with_hairs(rng, light, count=whole(rng, 2, 12)) if chance(rng, 0.3) else light


def _with_hairs(rng: Generator, light: Field, *, count: int) -> Field:
    """Return the surface with a few tapering hairs upon it."""
    shape = (light.shape[0], light.shape[1])
    sheet = np.zeros(shape, dtype=np.uint8)
    width = shape[1] * log_between(rng, 0.008, 0.03)
    heading = between(rng, 0.0, 360.0)
    for x, y in random_points(rng, shape, count=count):
        reach = shape[1] * between(rng, 0.12, 0.4)
        path: Points = bent_path(
            rng, (float(x), float(y)), degrees=heading + rng.normal(0.0, 25.0), length_px=reach, bend=0.5
        )
        for part in range(0, 20, 4):
            paint_tube(sheet, path[part : part + 5], width_px=max(width * (1.0 - part / 24.0), 1.0), body=0.6, rim=0.95)
    hairs = as_field(sheet)
    cover = np.clip(hairs * 8.0, 0.0, 1.0)
    return np.asarray(cover * hairs + (1.0 - cover) * light, dtype=np.float32)


def _eye(rng: Generator, shape: Shape) -> Field:
    """Return an insect's compound eye or scaled wing: close rows of domes or overlapping tiles, with bristles."""
    columns = shape[1]
    pitch = columns * log_between(rng, 0.04, 0.16)
    height = np.full(shape, -pitch * 0.3, dtype=np.float32)
    tiles = chance(rng, 0.4)
    stretch = between(rng, 0.45, 0.7) if tiles else 1.0
    heading = between(rng, 0.0, 180.0)
    bump = dome(pitch * (0.9 if tiles else 0.56), flatness=between(rng, 0.35, 0.9), stretch=stretch, degrees=heading)
    reach = bump.shape[0] // 2
    line = np.arange(-reach, reach + 1, dtype=np.float32) * np.float32(0.35 if tiles else 0.0)
    slope = line[None, :] * np.float32(np.cos(np.deg2rad(heading))) + line[:, None] * np.float32(
        np.sin(np.deg2rad(heading))
    )
    curve_x, curve_y = between(rng, 0.2, 0.8) * columns, between(rng, 0.2, 0.8) * shape[0]
    for x, y in spread_points(rng, shape, pitch_px=pitch, disorder=between(rng, 0.02, 0.1)):
        sag = -((x - curve_x) ** 2 + (y - curve_y) ** 2) / np.float32(columns * 2.5)
        stamp_highest(height, bump + slope + np.float32(sag), centre=(float(x), float(y)))
    if tiles:
        grooves = np.asarray(
            np.arange(columns, dtype=np.float32)[None, :] * np.sin(0.5) + np.arange(shape[0], dtype=np.float32)[:, None]
        )
        ripple = np.sin(grooves * np.float32(2.0 * np.pi / max(pitch * 0.08, 3.0))) * np.float32(0.3)
        height = np.asarray(height + ripple, dtype=np.float32)
    skin = smooth_noise(rng, shape, grain_px=2.0) * np.float32(between(rng, 0.02, 0.15))
    light = shade(blur(height, 0.7) + skin, rng=rng, edge=0.5, side=0.45, depth=0.5, reach_px=pitch * 0.4)
    return _with_hairs(rng, light, count=whole(rng, 3, 25)) if chance(rng, 0.65) else light


def _tissue(rng: Generator, shape: Shape) -> Field:
    """Return folded or shaggy tissue: winding folds, villi and small vesicles, with threads of mucus."""
    columns = shape[1]
    grain = columns * log_between(rng, 0.05, 0.16)
    first = fractal_noise(rng, shape, grain_px=grain, gain=0.45)
    folds = (1.0 - np.abs(first)) * np.float32(grain * between(rng, 0.3, 0.55))
    fine = fractal_noise(rng, shape, grain_px=grain * 0.2, gain=0.6) * np.float32(grain * between(rng, 0.015, 0.04))
    height = np.asarray(folds + fine, dtype=np.float32)
    size = grain * between(rng, 0.08, 0.2)
    for x, y in random_points(rng, shape, count=whole(rng, 0, 160)):
        base = height[int(min(y, shape[0] - 1)), int(min(x, columns - 1))]
        stamp_highest(height, dome(max(size * between(rng, 0.5, 1.3), 1.5)) + base, centre=(float(x), float(y)))
    light = shade(blur(height, 0.6), rng=rng, edge=0.5, side=0.5, depth=0.6, reach_px=grain * 0.5)
    return _with_hairs(rng, light, count=whole(rng, 4, 30)) if chance(rng, 0.4) else light
