"""Sample pictures for demonstrations, and the package's reference pictures; training never sees their states."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.training.circles.generator import make_picture

#: File name → kind of scene and random state.
SAMPLES: dict[str, tuple[str, int]] = {
    "coins.jpg": ("coins", 4_000_022),
    "wells.jpg": ("wells", 4_100_002),
    "petri.jpg": ("petri", 4_200_003),
    "washers.jpg": ("washers", 4_300_004),
    "particles.jpg": ("particles", 4_400_013),
    "nothing-round.jpg": ("empty", 4_500_004),
}
REFERENCES: dict[str, tuple[str, int]] = {
    "coins.jpg": ("coins", 4_600_001),
    "wells.jpg": ("wells", 4_700_001),
}
SAMPLE_SIZE = (640, 480)
SAMPLE_MAX_BYTES = 120_000
REFERENCE_SIZE = (400, 300)
REFERENCE_MAX_BYTES = 60_000
QUALITIES = (90, 85, 80, 70, 60, 50, 40, 30)


def draw_sample(kind: str, random_state: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the middle (height, width, 3) uint8 RGB of a scene that is drawn as wide as ``size`` (width, height)."""
    width, height = size
    image = make_picture(random_state, kind=kind, side=width).image
    top = (width - height) // 2
    return image[top : top + height]


def write_jpeg(image: NDArray[np.uint8], path: Path, max_bytes: int) -> None:
    """Store a picture as the best JPEG of at most ``max_bytes``.

    Raises:
        ValueError: It is larger even at the lowest quality.
    """
    for quality in QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= max_bytes:
            path.write_bytes(buffer.getvalue())
            return
    raise ValueError(f"{path.name} does not fit into {max_bytes} bytes")


def write_samples(folder: Path) -> None:
    """Write the sample pictures into a folder."""
    _write(folder, SAMPLES, SAMPLE_SIZE, SAMPLE_MAX_BYTES)


def write_references(folder: Path) -> None:
    """Write the package's reference pictures into a folder."""
    _write(folder, REFERENCES, REFERENCE_SIZE, REFERENCE_MAX_BYTES)


def _write(folder: Path, wanted: dict[str, tuple[str, int]], size: tuple[int, int], max_bytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (kind, state) in wanted.items():
        write_jpeg(draw_sample(kind, state, size), folder / name, max_bytes)
