"""What may happen to a picture before a user sends it: crops, turns, other contrast, JPEG."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from saccade.training.sem_textures.canvas import through_jpeg
from saccade.training.sem_textures.draws import between, chance, log_between, whole
from saccade.training.sem_textures.recipe import INPUT_PX, NORMAL_DEVIATION, NORMAL_MEAN


def warped_to_square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the whole picture warped to the network's square exactly as serving does: Pillow, bilinear, antialiased.

    Args:
        image: (H, W) uint8, grey.

    Returns:
        (S, S) uint8, grey, S = ``INPUT_PX``.
    """
    square = Image.fromarray(image).resize((INPUT_PX, INPUT_PX), Image.Resampling.BILINEAR)
    return np.asarray(square, dtype=np.uint8)


def as_pixel_values(squares: NDArray[np.uint8], *, channels: int = 3) -> NDArray[np.float32]:
    """Return the network's input.

    Args:
        squares: (N, S, S) uint8, grey.
        channels: How often the grey is repeated; the network takes the mean, so one is enough to train.

    Returns:
        (N, channels, S, S) float32 in -1..1.
    """
    scaled = (squares.astype(np.float64) * (1.0 / 255.0)).astype(np.float32)
    normal = (scaled - np.float32(NORMAL_MEAN)) / np.float32(NORMAL_DEVIATION)
    return np.repeat(normal[:, None], channels, axis=1)


def augmented(image: NDArray[np.uint8], *, rng: Generator) -> NDArray[np.uint8]:
    """Return a varied copy of a training picture, warped to the network's square.

    Args:
        image: (H, W) uint8, grey.
        rng: Draws the variation.

    Returns:
        (S, S) uint8, grey.
    """
    varied = _cropped(image, rng=rng) if chance(rng, 0.6) else image
    if chance(rng, 0.5):
        varied = varied[:, ::-1]
    if chance(rng, 0.3):
        varied = varied[::-1]
    if chance(rng, 0.25):
        varied = np.rot90(varied)
    if chance(rng, 0.1):
        varied = through_jpeg(np.ascontiguousarray(varied), quality=whole(rng, 20, 80))
    square = warped_to_square(np.ascontiguousarray(varied))
    return _recontrasted(square, rng=rng) if chance(rng, 0.5) else square


def _cropped(image: NDArray[np.uint8], *, rng: Generator) -> NDArray[np.uint8]:
    """Return a part of the picture at a random scale and aspect."""
    rows, columns = image.shape
    tall = int(rows * between(rng, 0.55, 1.0))
    wide = int(columns * between(rng, 0.55, 1.0))
    top, left = whole(rng, 0, rows - tall), whole(rng, 0, columns - wide)
    return image[top : top + tall, left : left + wide]


def _recontrasted(square: NDArray[np.uint8], *, rng: Generator) -> NDArray[np.uint8]:
    """Return the picture with another brightness, contrast and gamma; rarely inverted."""
    level = np.power(np.arange(256, dtype=np.float64) / 255.0, log_between(rng, 0.65, 1.5))
    level = (level - 0.5) * between(rng, 0.6, 1.3) + 0.5 + between(rng, -0.12, 0.12)
    if chance(rng, 0.03):
        level = 1.0 - level
    table = np.clip(level * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
    return table[square]
