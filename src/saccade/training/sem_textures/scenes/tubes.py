"""Round threads seen from above, painted one over the other: fibres, wires, hairs and struts."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Mask, Points, draw_line
from saccade.training.sem_textures.draws import between, chance


def bent_path(rng: Generator, start: tuple[float, float], *, degrees: float, length_px: float, bend: float) -> Points:
    """Return a smooth path of 24 places from ``start``; ``bend`` is the usual turn over its length, in radians."""
    steps = 24
    turning = np.cumsum(rng.standard_normal(steps)) * bend / np.sqrt(steps) * 0.7
    turning += np.linspace(0.0, 1.0, steps) * rng.standard_normal() * bend
    heading = np.deg2rad(degrees) + turning
    stride = length_px / steps
    places = np.stack(
        [start[0] + np.cumsum(np.cos(heading)) * stride, start[1] + np.cumsum(np.sin(heading)) * stride], axis=1
    )
    return places.astype(np.float32)


def crossing_path(rng: Generator, shape: tuple[int, int], *, degrees: float, bend: float) -> Points:
    """Return a path that crosses the whole picture through a random place in about the given direction."""
    middle = np.array([rng.uniform(-0.1, 1.1) * shape[1], rng.uniform(-0.1, 1.1) * shape[0]])
    length = 2.4 * float(np.hypot(*shape))
    path = bent_path(rng, (0.0, 0.0), degrees=degrees, length_px=length, bend=bend)
    return np.asarray(path - path[len(path) // 2] + middle, dtype=np.float32)


def paint_tube(
    sheet: Mask, path: Points, *, width_px: float, body: float, rim: float, lit: tuple[float, float] = (0.0, 0.0)
) -> None:
    """Paint a round thread onto a grey sheet: dark contact shadow, bright rims, calmer middle.

    Args:
        sheet: (H, W) uint8, painted in place.
        path: (N, 2) float32, x y in px.
        width_px: The thread's diameter.
        body: Grey of the middle, 0..1.
        rim: Grey of the rims, 0..1.
        lit: x y direction of the brighter side, length 0..1.
    """
    if width_px > 2.5:  # noqa: PLR2004
        draw_line(sheet, path, width_px=width_px * 1.25 + 1.0, value=int(70 * body))
    rings = int(np.clip(width_px / 1.5, 1, 7))
    for ring in range(rings):
        inner = ring / max(rings, 1)
        blend = float(np.sqrt(1.0 - (1.0 - inner) ** 2)) if rings > 1 else 0.3
        grey = int(np.clip(255.0 * (rim + (body - rim) * blend), 0, 255))
        shift = np.array(lit, dtype=np.float32) * np.float32(width_px * 0.22 * inner)
        draw_line(sheet, path - shift, width_px=width_px * (1.0 - inner), value=grey)


def paint_beads(sheet: Mask, path: Points, *, width_px: float, body: float, rng: Generator) -> None:
    """Paint a few swellings along a thread, as electrospinning leaves them."""
    for index in range(2, len(path) - 3):
        if chance(rng, 0.06):
            thick = width_px * between(rng, 1.8, 2.8)
            stride = path[index + 1] - path[index]
            along = stride / np.float32(max(float(np.hypot(*stride)), 1e-3)) * np.float32(thick)
            for part in (1.0, 0.8, 0.5, 0.2):
                ends = np.stack([path[index] - along * np.float32(part), path[index] + along * np.float32(part)])
                paint_tube(sheet, ends, width_px=thick * (1.15 - 0.55 * part**1.5), body=body, rim=min(body + 0.2, 1.0))
