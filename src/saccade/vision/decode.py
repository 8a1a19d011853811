"""From decoded samples to an upright 8-bit RGB array: stretch, lay over white, turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.vision.arrays import RgbImage, Tensor

# Rows are worked on in strips of about this many samples, so that a picture near the limit needs no second copy.
STRIP_SAMPLES = 1 << 20
LOW_SHARE = 0.005
HIGH_SHARE = 0.995
MID_GREY = 128


def grey_to_rgb(grey: NDArray[np.uint8]) -> RgbImage:
    """Return a grey picture with three equal channels.

    Args:
        grey: (H, W) uint8, 0..255, origin top left.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    rgb: RgbImage = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    return rgb


def over_white(rgba: NDArray[np.uint8]) -> RgbImage:
    """Lay a picture with straight (not premultiplied) alpha over white.

    Args:
        rgba: (H, W, 4) uint8, R G B A, 0..255, origin top left.

    Returns:
        (H, W, 3) uint8; each sample is ``colour * alpha + 255 * (1 - alpha)``, rounded to nearest.
    """
    alpha = rgba[:, :, 3:].astype(np.uint32)
    weighted = rgba[:, :, :3] * alpha + 255 * (255 - alpha)
    return ((weighted + 127) // 255).astype(np.uint8)


def stretch(samples: Tensor) -> NDArray[np.uint8]:
    """Map samples deeper than 8 bits onto 0..255 by their own 0.5 and 99.5 percentiles.

    The two percentiles (nearest rank, over all channels together, so that colours stay) become 0 and 255, what lies
    between is linear, and only the half percent beyond either end saturates. A detector's 12 bits in a 16-bit file so
    come out as a picture and not as black. Where the two percentiles coincide the extremes take their place; a
    constant picture becomes mid grey. Of floats, NaN and minus infinity become 0, plus infinity becomes 255.

    Args:
        samples: (H, W) or (H, W, C), integers or floats of any byte order and range.

    Returns:
        The same shape, uint8, 0..255.

    Cost:
        O(N) time; 16-bit samples need one histogram, others one copy.
    """
    if samples.dtype.kind == "u" and samples.dtype.itemsize == 2:  # noqa: PLR2004 - two bytes are 16 bits
        return _stretched_by_table(samples.astype(np.uint16, copy=False))
    finite = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples.ravel()
    if finite.size == 0:
        return np.full(samples.shape, MID_GREY, np.uint8)
    low, high = _ends_of(finite)
    stretched = np.empty(samples.shape, np.uint8)
    rows = max(1, STRIP_SAMPLES // max(1, samples[0].size))
    for top in range(0, samples.shape[0], rows):
        stretched[top : top + rows] = _mapped(samples[top : top + rows].astype(np.float64), low=low, high=high)
    return stretched


def _ends_of(values: Tensor) -> tuple[float, float]:
    """Return the two values that become 0 and 255."""
    last = values.size - 1
    low_rank, high_rank = int(LOW_SHARE * last), last - int((1 - HIGH_SHARE) * last)
    ranked = np.partition(values, sorted({0, low_rank, high_rank, last}))
    low, high = float(ranked[low_rank]), float(ranked[high_rank])
    if low < high:
        return low, high
    return float(ranked[0]), float(ranked[last])


def _stretched_by_table(samples: NDArray[np.uint16]) -> NDArray[np.uint8]:
    counts = np.zeros(1 << 16, np.int64)
    rows = max(1, STRIP_SAMPLES // max(1, samples[0].size))
    for top in range(0, samples.shape[0], rows):
        counts += np.bincount(samples[top : top + rows].ravel(), minlength=1 << 16)
    last = samples.size - 1
    below = np.cumsum(counts)
    ranks = np.array([0, int(LOW_SHARE * last), last - int((1 - HIGH_SHARE) * last), last])
    least, low, high, most = (float(value) for value in np.searchsorted(below, ranks, side="right"))
    if low >= high:
        low, high = least, most
    table = _mapped(np.arange(1 << 16, dtype=np.float64), low=low, high=high)
    return table[samples]


def _mapped(values: NDArray[np.float64], *, low: float, high: float) -> NDArray[np.uint8]:
    """Return ``values`` with ``low`` at 0 and ``high`` at 255, rounded, saturated."""
    if low >= high:
        return np.full(values.shape, MID_GREY, np.uint8)
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) * (255.0 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def upright(rgb: RgbImage, orientation: int) -> RgbImage:
    """Undo the orientation that a camera wrote beside the picture.

    Args:
        rgb: (H, W, 3) uint8, as stored.
        orientation: EXIF's 1..8; anything else means 1, as stored.

    Returns:
        (H, W, 3) or, for 5..8, (W, H, 3) uint8, C-contiguous; ``rgb`` itself where nothing is to do.
    """
    across = rgb.transpose(1, 0, 2)
    turned = {
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: across,
        6: across[:, ::-1],
        7: across[::-1, ::-1],
        8: across[::-1],
    }.get(orientation, rgb)
    return np.ascontiguousarray(turned)
