"""From shape to brightness: noise fields, bumps and the look of secondary electrons.

A detector of secondary electrons sees steep slopes and edges bright, pits dark, and the
side that faces it a little brighter. Heights are in px, the unit of x and y, so that slopes
are true whatever the size of the picture.
"""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Points, Shape, blur, nearest_point, resize, slopes
from saccade.training.sem_textures.draws import between


def smooth_noise(rng: Generator, shape: Shape, *, grain_px: float) -> Field:
    """Return noise with grains of about ``grain_px``, mean near 0 and deviation near 1."""
    rows = max(int(np.ceil(shape[0] / max(grain_px, 1.0))) + 1, 2)
    columns = max(int(np.ceil(shape[1] / max(grain_px, 1.0))) + 1, 2)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return coarse[: shape[0], : shape[1]] if grain_px <= 1.0 else resize(coarse, shape)


def fractal_noise(rng: Generator, shape: Shape, *, grain_px: float, gain: float = 0.5, octaves: int = 4) -> Field:
    """Return a sum of noises, each half as coarse and ``gain`` times as strong, scaled to deviation 1."""
    total = np.zeros(shape, dtype=np.float32)
    strength = 1.0
    for octave in range(octaves):
        grain = grain_px / 2.0**octave
        if grain < 1.0:
            break
        total += np.float32(strength) * smooth_noise(rng, shape, grain_px=grain)
        strength *= gain
    return total / np.float32(max(float(total.std()), 1e-6))


def shade(
    height: Field, *, rng: Generator, edge: float = 0.5, side: float = 0.35, depth: float = 0.4, reach_px: float = 8.0
) -> Field:
    """Return the brightness of a surface under the beam, usually within 0..1.

    Args:
        height: (H, W) float32, px.
        rng: Draws where the detector stands.
        edge: How strongly steep slopes shine.
        side: How strongly slopes towards the detector shine.
        depth: How dark pits and how bright summits are.
        reach_px: How far a summit shields its surroundings.

    Returns:
        (H, W) float32, about 0.4 on flat ground.
    """
    along_x, along_y = slopes(height)
    steepness = np.sqrt(1.0 + along_x * along_x + along_y * along_y)
    azimuth = between(rng, 0.0, 2.0 * np.pi)
    towards = (along_x * np.float32(np.cos(azimuth)) + along_y * np.float32(np.sin(azimuth))) / steepness
    glow = 1.0 - 1.0 / steepness
    stand_out = height - blur(height, reach_px)
    exposed = np.tanh(stand_out / np.float32(max(reach_px, 1.0)))
    light = 0.4 + edge * glow + side * towards * 0.5 + depth * exposed
    return np.asarray(light, dtype=np.float32)


def random_points(rng: Generator, shape: Shape, *, count: int) -> Points:
    """Return ``count`` places anywhere in the picture, (N, 2) float32 x y in px."""
    unit = rng.random((count, 2), dtype=np.float32)
    return unit * np.array([shape[1], shape[0]], dtype=np.float32)


def spread_points(rng: Generator, shape: Shape, *, pitch_px: float, disorder: float) -> Points:
    """Return places on a hexagonal lattice, each moved by up to ``disorder`` pitches: even, yet not regular.

    The lattice reaches two pitches beyond the picture on every side.
    """
    columns = np.arange(-2.0, shape[1] / pitch_px + 3.0)
    rows = np.arange(-2.0, shape[0] / (pitch_px * 0.866) + 3.0)
    grid_x, grid_y = np.meshgrid(columns, rows)
    grid_x = grid_x + 0.5 * (np.arange(len(rows))[:, None] % 2)
    places = np.stack([grid_x.ravel() * pitch_px, grid_y.ravel() * pitch_px * 0.866], axis=1)
    places += rng.uniform(-disorder, disorder, places.shape) * pitch_px
    return places.astype(np.float32)


def cells(rng: Generator, shape: Shape, *, pitch_px: float, disorder: float = 0.5) -> tuple[Field, Field]:
    """Return a random mosaic: each cell's own number in 0..1, and each px's distance in px to its cell's border."""
    points = spread_points(rng, shape, pitch_px=pitch_px, disorder=disorder)
    margin = int(pitch_px) + 2
    framed = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    labels, _ = nearest_point(points + np.float32(margin), framed)
    values = rng.random(int(labels.max()) + 1, dtype=np.float32)
    border = np.zeros(framed, dtype=np.bool_)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:, :] |= labels[1:, :] != labels[:-1, :]
    rows, columns = np.nonzero(border)
    seeds = np.stack([columns, rows], axis=1).astype(np.float32)
    _, distance = nearest_point(seeds, framed)
    inner = (slice(margin, margin + shape[0]), slice(margin, margin + shape[1]))
    return values[labels[inner]], distance[inner]


def stamp_highest(height: Field, bump: Field, *, centre: tuple[float, float]) -> None:
    """Put ``bump`` (side 2 r + 1) onto ``height`` at x y in px, keeping the higher of both."""
    radius = bump.shape[0] // 2
    column, row = round(centre[0]) - radius, round(centre[1]) - radius
    top, left = max(row, 0), max(column, 0)
    bottom = min(row + bump.shape[0], height.shape[0])
    right = min(column + bump.shape[1], height.shape[1])
    if bottom <= top or right <= left:
        return
    window = height[top:bottom, left:right]
    np.maximum(window, bump[top - row : bottom - row, left - column : right - column], out=window)


def grid_about_centre(radius_px: float) -> tuple[Field, Field]:
    """Return x and y in px about the middle of a square that holds a disc of the radius."""
    reach = int(np.ceil(radius_px)) + 1
    line = np.arange(-reach, reach + 1, dtype=np.float32)
    return line[None, :] * np.ones_like(line)[:, None], line[:, None] * np.ones_like(line)[None, :]


NOTHING = np.float32(-1e4)
"""Height that stands for "nothing here" in a bump."""


def dome(radius_px: float, *, flatness: float = 1.0, stretch: float = 1.0, degrees: float = 0.0) -> Field:
    """Return an ellipsoid's upper half as a bump.

    Args:
        radius_px: The long radius.
        flatness: Height over the short radius.
        stretch: Short over long radius, 0..1.
        degrees: Where the long axis points.
    """
    across, down = grid_about_centre(radius_px)
    turn = np.float32(np.deg2rad(degrees))
    along = (across * np.cos(turn) + down * np.sin(turn)) / np.float32(radius_px)
    beside = (down * np.cos(turn) - across * np.sin(turn)) / np.float32(radius_px * stretch)
    inside = 1.0 - along * along - beside * beside
    body = np.float32(radius_px * stretch * flatness) * np.sqrt(np.maximum(inside, 0.0))
    return np.where(inside > 0.0, body, NOTHING).astype(np.float32)


def crystal(rng: Generator, radius_px: float, *, facets: int, sharpness: float) -> Field:
    """Return a convex grain with flat faces as a bump: the lowest of several random planes."""
    across, down = grid_about_centre(radius_px)
    directions = rng.uniform(0.0, 2.0 * np.pi, facets) + np.arange(facets)
    tilts = rng.uniform(0.3, 3.0, facets) * sharpness
    tops = rng.uniform(0.5, 1.0, facets) * radius_px * np.maximum(tilts, 0.6)
    body = np.full(across.shape, np.float32(radius_px * between(rng, 0.5, 1.0)), dtype=np.float32)
    for direction, tilt, top in zip(directions, tilts, tops, strict=True):
        slope = np.float32(np.cos(direction)) * across + np.float32(np.sin(direction)) * down
        np.minimum(body, np.float32(top) - np.float32(tilt) * slope, out=body)
    within = across * across + down * down <= np.float32(radius_px * radius_px)
    return np.where((body > 0.0) & within, body, NOTHING).astype(np.float32)
