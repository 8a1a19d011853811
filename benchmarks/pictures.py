"""Stand-ins for photographs: 500 by 375 px JPEGs with structure at every scale, so that they cost what photos cost."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def jpegs(count: int = 64, *, width_px: int = 500, height_px: int = 375) -> list[bytes]:
    """Return encoded pictures, the same ones every time."""
    random = np.random.default_rng(1)
    encoded = []
    for _ in range(count):
        canvas = np.zeros((height_px, width_px, 3), np.float32)
        for cells in (4, 12, 40, 120):
            coarse = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
            layer = Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC)
            canvas += np.asarray(layer, np.float32) / cells**0.3
        canvas = 255 * (canvas - canvas.min()) / (canvas.max() - canvas.min())
        buffer = io.BytesIO()
        Image.fromarray(canvas.astype(np.uint8)).save(buffer, "JPEG", quality=88)
        encoded.append(buffer.getvalue())
    return encoded
