"""The perceptual hash: 64 bits of a picture that hardly change when it is made smaller, or compressed again.

What is kept are the coarsest waves of a small grey copy: of each, whether it is stronger than half of the others.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.vision.arrays import RgbImage

_SIDE_PX = 32
_WAVES = 8
#: Cosines are whole multiples of 2**-40, so that every sum is exact and in no order of terms differs by a bit; the
#: first of the two sums stays below 2**63.
_STEPS = 1 << 40


def _basis() -> NDArray[np.int64]:
    """Return the lowest waves of the discrete cosine transform (type II).

    Returns:
        (8, 32) int64, cosines times 2**40.
    """
    quarter = [round(math.cos(math.pi * step / (2 * _SIDE_PX)) * _STEPS) for step in range(_SIDE_PX)] + [0]
    half = quarter + [-value for value in quarter[-2::-1]]
    full = half + half[-2:0:-1]
    places = [[(2 * column + 1) * wave % len(full) for column in range(_SIDE_PX)] for wave in range(_WAVES)]
    return np.take(np.array(full, np.int64), np.array(places))


_BASIS = _basis()


def phash(rgb: RgbImage) -> int:
    """Return the perceptual hash of a picture.

    It is that of the library imagehash: a grey copy of 32 x 32 px, its 8 x 8 coarsest waves, and one bit each, set
    where the wave is stronger than the median; the coarsest wave is the highest bit. imagehash transforms in floating
    point, so where a wave equals the median (pictures without any, or that mirror themselves) its bits are noise of
    that machine. Here all is computed in whole numbers: a wave that equals the median has no bit, on every machine.

    Args:
        rgb: (H, W, 3) uint8, RGB, 0..255, upright.

    Returns:
        0..2**64-1.

    Source:
        Neal Krawetz, "Looks Like It", hackerfactor.com, 2011; the median as in imagehash 4.
    """
    grey = Image.fromarray(rgb).convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    columns = _BASIS @ np.asarray(grey, np.int64)
    waves = columns.astype(object) @ _BASIS.T.astype(object)  # beyond 64 bits, so in Python's numbers
    strengths: list[int] = waves.ravel().tolist()
    # The median is the mean of the two in the middle: stronger than it is whoever is stronger than the lower one.
    middle = sorted(strengths)[len(strengths) // 2 - 1]
    bits = 0
    for strength in strengths:
        bits = bits << 1 | (strength > middle)
    return bits


def distance(first: int, second: int) -> int:
    """Return in how many bits two hashes differ, 0..64; up to about 8 of them, pictures look alike."""
    return (first ^ second).bit_count()
