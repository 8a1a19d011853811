"""How a picture becomes the network's input: the same steps, by the same library, as when it is served."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONG_SIDE_PX = 448
MULTIPLE_PX = 32


def fit(image: NDArray[np.uint8], long_side_px: int = LONG_SIDE_PX) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 made smaller or larger so that its longer side is ``long_side_px``; Pillow's bilinear."""
    height, width = image.shape[:2]
    longer = max(height, width)
    size = (max(1, round(width * long_side_px / longer)), max(1, round(height * long_side_px / longer)))
    return resize(image, size)


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the image scaled to (width, height) px, antialiased."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def pad(image: NDArray[np.uint8], multiple_px: int = MULTIPLE_PX) -> NDArray[np.uint8]:
    """Return the image with its right and bottom edge repeated up to a multiple of ``multiple_px``."""
    down, right = -image.shape[0] % multiple_px, -image.shape[1] % multiple_px
    return np.pad(image, ((0, down), (0, right), (0, 0)), mode="edge")


def network_input(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Return the network's input and the scale back to the picture.

    Args:
        image: (H, W, 3) uint8, RGB, 0..255, upright.

    Returns:
        (1, 3, H', W') float32 RGB 0..1, and (x, y) factors from px of the input to px of the picture.
    """
    fitted = fit(image)
    pixels = pad(fitted).astype(np.float32).transpose(2, 0, 1)[None] * np.float32(1 / 255)
    scale = (image.shape[1] / fitted.shape[1], image.shape[0] / fitted.shape[0])
    return np.ascontiguousarray(pixels), scale
