"""Synthetic pictures of round things with their labels: one random state, one picture, always the same.

``make_picture`` draws a scene, then does to it what cameras and files do: light, colour, blur, noise.
``encode_picture`` also stores it as a JPEG, whose loss is part of what a detector has to live with.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.drawing import FloatImage, Rng, blur, chance, grain, pick, smooth_noise, uniform
from saccade.training.circles.lab_scenes import particles_scene, petri_scene, wells_scene
from saccade.training.circles.scenes import coins_scene, empty_scene, washers_scene
from saccade.training.circles.stage import Labels, Stage

PICTURE_PX = 384
SCENES: dict[str, Callable[[Rng, int], Stage]] = {
    "coins": coins_scene,
    "wells": wells_scene,
    "particles": particles_scene,
    "petri": petri_scene,
    "washers": washers_scene,
    "empty": empty_scene,
}
MIXTURE = {"coins": 0.52, "wells": 0.08, "particles": 0.11, "petri": 0.08, "washers": 0.08, "empty": 0.13}
MIXED = "mixed"
DARKEST_HIGHLIGHT = 75.0
BRIGHTEST_SHADOW = 205.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what is on it.

    Attributes:
        image: (H, W, 3) uint8, RGB, 0..255.
        labels: (N, 8) float32, columns x1 y1 x2 y2 cx cy radius is_counted, in px, origin at the outer corner of the
            top left pixel.
        kind: Which scene it shows.
    """

    image: NDArray[np.uint8]
    labels: Labels
    kind: str


def make_picture(random_state: int, *, kind: str = MIXED, side: int = PICTURE_PX) -> Picture:
    """Return the picture of this random state.

    Args:
        random_state: Any int from 0; the same state, kind and side give the same picture and labels.
        kind: A name of SCENES, or "mixed" to draw one in the proportions of MIXTURE.
        side: Width and height, px.

    Returns:
        The picture and its labels.

    Raises:
        ValueError: There is no such kind of scene.
    """
    if kind != MIXED and kind not in SCENES:
        raise ValueError(f"no scene is named {kind!r}; known: {', '.join([MIXED, *SCENES])}")
    rng = np.random.default_rng(random_state)
    drawn = pick(rng, MIXTURE) if kind == MIXED else kind
    stage = SCENES[drawn](rng, side)
    if chance(rng, 0.06):
        _letterbox(rng, stage)
    image = photograph(rng, stage.canvas)
    return Picture(image, stage.labels(image), drawn)


def _letterbox(rng: Rng, stage: Stage) -> None:
    """Hide the top behind an even bar, as frames of films and screen shots have."""
    bar_px = int(uniform(rng, 0.015, 0.12) * stage.height)
    stage.canvas[:bar_px] = float(rng.choice([0, 128, 255]))
    bar = np.zeros(stage.owner.shape, np.bool_)
    bar[:bar_px] = True
    stage.cover(bar)


def photograph(rng: Rng, canvas: FloatImage) -> NDArray[np.uint8]:
    """Return the canvas as a camera may give it: uneven light, tint, tone, blur, noise; (H, W, 3) uint8 RGB."""
    image = _light_unevenly(rng, canvas)
    image = image * rng.normal(1, 0.07, 3).astype(np.float32)
    if chance(rng, 0.15):
        image = image + (image.mean(2, keepdims=True) - image) * np.float32(uniform(rng, 0.5, 1))
    curved = 255 * (np.clip(image, 0, 255) / 255) ** np.float32(math.exp(uniform(rng, -0.45, 0.45)))
    image = np.asarray(curved, np.float32)
    image = (image - 128) * np.float32(uniform(rng, 0.65, 1.3)) + np.float32(128 + uniform(rng, -25, 25))
    image = _blur_somehow(rng, _expose(image))
    if chance(rng, 0.6):
        image = image + grain(rng, image.shape) * np.float32(uniform(rng, 1, 12))
    clipped: NDArray[np.uint8] = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    return clipped


def _expose(image: FloatImage) -> FloatImage:
    """Lift a picture that is almost black and lower one that is almost white, as a camera's meter does."""
    low, high = np.percentile(image[::8, ::8].mean(2), (4, 96))
    if high < DARKEST_HIGHLIGHT:
        return image * np.float32(DARKEST_HIGHLIGHT / max(float(high), 8.0))
    if low > BRIGHTEST_SHADOW:
        return image * np.float32(BRIGHTEST_SHADOW / float(low))
    return image


def _light_unevenly(rng: Rng, canvas: FloatImage) -> FloatImage:
    height, width = canvas.shape[:2]
    gain = np.ones((height, width), np.float32)
    if chance(rng, 0.7):
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
        direction = uniform(rng, 0, 2 * math.pi)
        gain += np.float32(uniform(rng, 0, 0.7)) * (
            x * np.float32(math.cos(direction)) + y * np.float32(math.sin(direction))
        )
        if chance(rng, 0.5):
            gain *= 1 - np.float32(uniform(rng, 0, 1.3)) * (
                (x - np.float32(uniform(rng, -0.3, 0.3))) ** 2 + (y - np.float32(uniform(rng, -0.3, 0.3))) ** 2
            )
    if chance(rng, 0.15):
        field = smooth_noise(rng, height, width, uniform(rng, 70, 240)) - np.float32(uniform(rng, -0.5, 0.7))
        gain *= 1 - np.float32(uniform(rng, 0.2, 0.7)) / (1 + np.exp(-field * np.float32(uniform(rng, 2, 25))))
    lit: FloatImage = canvas * np.clip(gain, 0.25, 3)[..., None]
    return lit


def _blur_somehow(rng: Rng, image: FloatImage) -> FloatImage:
    how = pick(rng, {"focus": 0.38, "motion": 0.08, "coarse": 0.10, "sharpen": 0.12, "none": 0.32})
    if how == "focus":
        return blur(image, uniform(rng, 0.3, 1.8))
    if how == "motion":
        length = int(rng.integers(3, 10))
        line = np.zeros((length, length), np.float32)
        line[length // 2] = 1
        matrix = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), uniform(rng, 0, 180), 1)
        turned = np.asarray(cv2.warpAffine(line, matrix, (length, length)), np.float32)
        kernel = np.asarray(turned / max(float(turned.sum()), 1e-3), np.float32)
        return np.asarray(cv2.filter2D(image, -1, kernel), np.float32)
    if how == "coarse":
        scale = uniform(rng, 0.3, 0.8)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (image.shape[1], image.shape[0])), np.float32)
    return image + np.float32(uniform(rng, 0.3, 1.2)) * (image - blur(image, 1.2)) if how == "sharpen" else image


def encode_picture(random_state: int, image: NDArray[np.uint8]) -> bytes:
    """Return the picture as a JPEG of a quality that depends on the random state: mostly 25..95, else 97."""
    rng = np.random.default_rng([random_state, 1])
    quality = int(uniform(rng, 25, 95)) if chance(rng, 0.7) else 97
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    encoded: bytes = data.tobytes()
    return encoded


def decode_picture(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture of a JPEG's bytes, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: They are not a picture.
    """
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError("a stored picture cannot be decoded")
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[..., ::-1])
