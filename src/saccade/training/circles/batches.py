"""Training batches: pictures from shards, changed at random, with the maps the network is asked for.

Batch ``k`` of a plan depends on nothing but the plan's random state and ``k``, whichever thread makes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.drawing import Rng, chance, uniform
from saccade.training.circles.net import BOX_UNIT_PX, GEOMETRY_CHANNELS, OFFSET_UNIT_PX, RADIUS_UNIT_PX, STRIDE_PX
from saccade.training.circles.preprocess import pad, resize
from saccade.training.circles.shards import ShardReader
from saccade.training.circles.stage import MIN_SIDE_PX, MIN_VISIBLE, Labels

SIGMA_BY_SIDE = 0.09
MIN_SIGMA_CELLS = 0.7
#: A wide bump at the middle of a dish would hide the colonies that lie there.
MAX_SIGMA_CELLS = 4.0
REACH_SIGMAS = 3.5
GEOMETRY_HEAT = 0.3
PREFETCH = 4
LEAST_SIDE_PX = 5.0
LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of training needs; h and w count cells of 4 px.

    Attributes:
        pixels: (B, 3, H, W) float32, RGB, 0..1.
        heat: (B, 1, h, w) float32, 0..1, 1 at the cell that holds the middle of a box.
        geometry: (B, 7, h, w) float32, as the network's, where ``heat`` is high.
        counts: (B, 1, h, w) float32, 0 where a thing is to be ignored, else 1.
    """

    pixels: NDArray[np.float32]
    heat: NDArray[np.float32]
    geometry: NDArray[np.float32]
    counts: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of training: iterations at sizes (px) drawn from ``sizes``, each batch of about ``batch_px`` pixels."""

    iterations: int
    sizes: tuple[int, ...]
    batch_px: int = 16 * 288 * 288

    def batch_size(self, side: int, workers: int = 1) -> int:
        """Return how many pictures of ``side`` px each of some workers takes for its part of a batch."""
        return max(2, min(32, round(self.batch_px / side**2 / workers)))


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of every batch is wanted: that of worker ``rank`` of ``workers``."""

    rank: int = 0
    workers: int = 1


def flip(image: NDArray[np.uint8], labels: Labels) -> tuple[NDArray[np.uint8], Labels]:
    """Return picture and labels mirrored left to right."""
    width = image.shape[1]
    mirrored = labels.copy()
    mirrored[:, [0, 2]] = width - labels[:, [2, 0]]
    mirrored[:, 4] = width - labels[:, 4]
    return image[:, ::-1], mirrored


def quarter_turn(image: NDArray[np.uint8], labels: Labels) -> tuple[NDArray[np.uint8], Labels]:
    """Return picture and labels turned a quarter anticlockwise."""
    width = image.shape[1]
    turned = labels.copy()
    turned[:, 0], turned[:, 1] = labels[:, 1], width - labels[:, 2]
    turned[:, 2], turned[:, 3] = labels[:, 3], width - labels[:, 0]
    turned[:, 4], turned[:, 5] = labels[:, 5], width - labels[:, 4]
    return np.rot90(image), turned


def crop(
    image: NDArray[np.uint8], labels: Labels, left: int, top: int, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Labels]:
    """Return a part of a picture, (width, height) px large; things that are mostly outside are no longer counted."""
    width, height = size
    cut = labels.copy()
    cut[:, [0, 2, 4]] -= left
    cut[:, [1, 3, 5]] -= top
    before = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1])
    cut[:, [0, 2]] = cut[:, [0, 2]].clip(0, width)
    cut[:, [1, 3]] = cut[:, [1, 3]].clip(0, height)
    after = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1])
    share = after / np.maximum(before, 1e-6)
    cut[share < MIN_VISIBLE, 7] = 0
    return image[top : top + height, left : left + width], cut[share > LEAST_SHARE]


def vary(rng: Rng, image: NDArray[np.uint8], labels: Labels, side: int) -> tuple[NDArray[np.float32], Labels]:
    """Return a random variant of a picture as (side, side, 3) float32 RGB 0..1, and its labels in px of it."""
    if chance(rng, 0.5):
        image, labels = flip(image, labels)
    for _ in range(int(rng.integers(4))):
        image, labels = quarter_turn(image, labels)
    if chance(rng, 0.3):
        kept = int(uniform(rng, 0.55, 1) * image.shape[1]), int(uniform(rng, 0.55, 1) * image.shape[0])
        left, top = int(rng.integers(image.shape[1] - kept[0] + 1)), int(rng.integers(image.shape[0] - kept[1] + 1))
        image, labels = crop(image, labels, left, top, kept)
    content = side - (int(rng.integers(32)) if chance(rng, 0.4) else 0)
    scale = content / max(image.shape[:2])
    size = max(16, round(image.shape[1] * scale)), max(16, round(image.shape[0] * scale))
    moved = labels.copy()
    moved[:, [0, 2, 4]] *= size[0] / image.shape[1]
    moved[:, [1, 3, 5]] *= size[1] / image.shape[0]
    moved[:, 6] *= (size[0] / image.shape[1] + size[1] / image.shape[0]) / 2
    too_small = np.minimum(moved[:, 2] - moved[:, 0], moved[:, 3] - moved[:, 1]) < np.clip(
        0.022 * side, LEAST_SIDE_PX, MIN_SIDE_PX
    )
    moved[too_small, 7] = 0
    small = pad(resize(np.ascontiguousarray(image), size), side)
    return recolour(rng, small.astype(np.float32) * np.float32(1 / 255)), moved


def recolour(rng: Rng, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the picture in another tint and brightness, with swapped channels or in grey, each by chance."""
    if chance(rng, 0.3):
        pixels = pixels[..., rng.permutation(3)]
    if chance(rng, 0.12):
        pixels = np.repeat(pixels.mean(2, keepdims=True), 3, axis=2)
    gain = (1 + rng.normal(0, 0.08, 3)) * (1 + rng.normal(0, 0.12))
    varied: NDArray[np.float32] = np.clip(pixels * gain.astype(np.float32) + np.float32(rng.normal(0, 0.05)), 0, 1)
    return varied


def draw_maps(labels: Labels, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the heat (1, h, w), geometry (7, h, w) and counted (1, h, w) maps, float32, of one picture's labels."""
    cells = side // STRIDE_PX
    heat = np.zeros((cells, cells), np.float32)
    geometry = np.zeros((GEOMETRY_CHANNELS, cells, cells), np.float32)
    counts = np.ones((cells, cells), np.float32)
    for row in labels[labels[:, 7] == 0]:
        x1, y1, x2, y2 = np.clip((row[:4] / STRIDE_PX).astype(int), 0, cells - 1)
        counts[y1 : y2 + 1, x1 : x2 + 1] = 0
    things = labels[labels[:, 7] == 1]
    sides = np.maximum(things[:, 2] - things[:, 0], things[:, 3] - things[:, 1])
    for row in things[np.argsort(-sides, kind="stable")]:
        _draw_thing(row, heat, geometry)
    counts = np.maximum(counts, (heat > GEOMETRY_HEAT).astype(np.float32))
    return heat[None], geometry, counts[None]


def _draw_thing(row: NDArray[np.float32], heat: NDArray[np.float32], geometry: NDArray[np.float32]) -> None:
    x1, y1, x2, y2, cx, cy, radius = (float(value) for value in row[:7])
    cells = heat.shape[0]
    middle = ((x1 + x2) / 2 / STRIDE_PX - 0.5, (y1 + y2) / 2 / STRIDE_PX - 0.5)
    sigma = [
        min(MAX_SIGMA_CELLS, max(MIN_SIGMA_CELLS, side / STRIDE_PX * SIGMA_BY_SIDE)) for side in (x2 - x1, y2 - y1)
    ]
    low = [max(0, math.floor(m - REACH_SIGMAS * s)) for m, s in zip(middle, sigma, strict=True)]
    high = [min(cells, math.ceil(m + REACH_SIGMAS * s) + 1) for m, s in zip(middle, sigma, strict=True)]
    xs = np.arange(low[0], high[0], dtype=np.float32)[None, :]
    ys = np.arange(low[1], high[1], dtype=np.float32)[:, None]
    bump = np.exp(-((xs - middle[0]) ** 2) / (2 * sigma[0] ** 2) - (ys - middle[1]) ** 2 / (2 * sigma[1] ** 2)).astype(
        np.float32
    )
    peak = [min(cells - 1, max(0, round(m))) for m in middle]
    bump[peak[1] - low[1], peak[0] - low[0]] = 1
    window = slice(low[1], high[1]), slice(low[0], high[0])
    # Larger things come first: where a smaller one lies at their middle, the cells that describe it are its own.
    is_nearest = bump > np.minimum(heat[window], GEOMETRY_HEAT)
    heat[window] = np.maximum(heat[window], bump)
    unit = STRIDE_PX / OFFSET_UNIT_PX
    planes = (
        (middle[0] - xs) * unit + 0 * ys,
        (middle[1] - ys) * unit + 0 * xs,
        math.log(max(x2 - x1, 1) / BOX_UNIT_PX),
        math.log(max(y2 - y1, 1) / BOX_UNIT_PX),
        (cx / STRIDE_PX - 0.5 - xs) * unit + 0 * ys,
        (cy / STRIDE_PX - 0.5 - ys) * unit + 0 * xs,
        math.log(max(radius, 1) / RADIUS_UNIT_PX),
    )
    for channel, plane in enumerate(planes):
        part = geometry[channel][window]
        part[is_nearest] = plane[is_nearest] if isinstance(plane, np.ndarray) else plane


def make_batch(reader: ShardReader, phase: Phase, random_state: int, number: int, share: Share) -> Batch:
    """Return a worker's share of batch ``number``: pictures drawn from the reader, varied, with their maps."""
    side = int(np.random.default_rng([random_state, number]).choice(phase.sizes))
    rng = np.random.default_rng([random_state, number, share.rank])
    pixels, maps = [], []
    for index in rng.integers(0, len(reader), phase.batch_size(side, share.workers)):
        varied, labels = vary(rng, reader.image(int(index)), reader.labels[int(index)], side)
        pixels.append(varied.transpose(2, 0, 1))
        maps.append(draw_maps(labels, side))
    heat, geometry, counts = (np.stack(part) for part in zip(*maps, strict=True))
    return Batch(np.stack(pixels), heat, geometry, counts)


def phase_of(phases: tuple[Phase, ...], number: int) -> Phase:
    """Return the phase that iteration ``number`` (from 0) belongs to."""
    for phase in phases:
        if number < phase.iterations:
            return phase
        number -= phase.iterations
    return phases[-1]


def batches(reader: ShardReader, phases: tuple[Phase, ...], random_state: int, share: Share) -> Iterator[Batch]:
    """Yield a worker's share of the batches of all phases in order, made ahead on one thread."""
    total = sum(phase.iterations for phase in phases)
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: list[Future[Batch]] = []
        for number in range(total):
            waiting.append(pool.submit(make_batch, reader, phase_of(phases, number), random_state, number, share))
            if len(waiting) > PREFETCH:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
