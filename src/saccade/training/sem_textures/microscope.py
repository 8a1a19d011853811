"""What the microscope adds to a scene: focus, charging, scan faults, contrast and noise."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from saccade.training.sem_textures.canvas import Field, Shape, blur, sampled, smear, through_jpeg
from saccade.training.sem_textures.draws import between, chance, log_between, whole
from saccade.training.sem_textures.relief import smooth_noise


def photograph(scene: Field, *, rng: Generator) -> NDArray[np.uint8]:
    """Return the picture that a microscope would take of a scene.

    Args:
        scene: (H, W) float32, brightness, usually 0..1.
        rng: The picture's own generator.

    Returns:
        (H, W) uint8, grey.
    """
    width = scene.shape[1]
    light = scene
    if chance(rng, 0.5):
        light = light + between(rng, 0.02, 0.12) * _glow(light, reach_px=width * between(rng, 0.01, 0.05))
    if chance(rng, 0.25):
        light = _charged(light, rng=rng)
    light = _focused(light, rng=rng)
    if chance(rng, 0.3):
        light = _scanned(light, rng=rng)
    if chance(rng, 0.6):
        light = light * _shading((light.shape[0], light.shape[1]), rng=rng)
    light = _adjusted(light, rng=rng)
    light = _counted(light, rng=rng)
    image = np.asarray(np.clip(light * 255.0 + 0.5, 0.0, 255.0), dtype=np.uint8)
    return through_jpeg(image, quality=whole(rng, 35, 95)) if chance(rng, 0.4) else image


def _glow(light: Field, *, reach_px: float) -> Field:
    """Return the soft halo about the brightest parts."""
    bright = np.maximum(light - np.float32(np.percentile(light[::4, ::4], 85)), 0.0).astype(np.float32)
    return blur(bright, reach_px) * np.float32(4.0)


def _charged(light: Field, *, rng: Generator) -> Field:
    """Return the scene with streaks along the scan lines beside bright places, and a few uneven rows."""
    rows, columns = light.shape
    bright = np.maximum(light - np.float32(np.percentile(light[::4, ::4], 92)), 0.0).astype(np.float32)
    streak = blur(bright, columns * between(rng, 0.05, 0.25), sigma_y_px=0.6)
    result = light - np.float32(between(rng, -1.5, 3.0)) * streak
    if chance(rng, 0.5):
        bands = smooth_noise(rng, (rows, 2), grain_px=1.0)[:, :1]
        result = result + bands * np.float32(between(rng, 0.005, 0.03))
    if chance(rng, 0.4):
        start = whole(rng, 0, rows - 1)
        result[start : start + whole(rng, 1, max(rows // 8, 2))] += np.float32(between(rng, -0.12, 0.15))
    return np.asarray(result, dtype=np.float32)


def _focused(light: Field, *, rng: Generator) -> Field:
    """Return the scene blurred by the beam's size: mostly sharp, sometimes badly focused or astigmatic."""
    scale = light.shape[1] / 384.0
    sigma = between(rng, 0.3, 0.8) if chance(rng, 0.75) else log_between(rng, 0.8, 2.2)
    if chance(rng, 0.1):
        turn = between(rng, 0.0, 180.0)
        return smear(light, sigma * scale * 2.0, sigma_across_px=max(sigma * scale * 0.5, 0.2), degrees=turn)
    return blur(light, sigma * scale)


def _scanned(light: Field, *, rng: Generator) -> Field:
    """Return the scene with lines that start a little early or late, and with slow drift."""
    rows, columns = light.shape
    place_y = np.repeat(np.arange(rows, dtype=np.float32)[:, None], columns, axis=1)
    place_x = np.repeat(np.arange(columns, dtype=np.float32)[None, :], rows, axis=0)
    jitter = smooth_noise(rng, (rows, 2), grain_px=1.0)[:, :1] * np.float32(between(rng, 0.0, 0.8))
    sway = np.sin(place_y[:, :1] * np.float32(2.0 * np.pi / (rows * between(rng, 0.02, 1.5)))) * np.float32(
        between(rng, 0.0, 1.0)
    )
    drift = (place_y[:, :1] - rows / 2.0) * np.float32(between(rng, -0.03, 0.03))
    moved = (place_x + jitter + sway + drift).astype(np.float32)
    return sampled(light, moved, place_y)


def _shading(shape: Shape, *, rng: Generator) -> Field:
    """Return a factor that falls off towards one side and towards the corners."""
    down = np.linspace(-1.0, 1.0, shape[0], dtype=np.float32)[:, None]
    across = np.linspace(-1.0, 1.0, shape[1], dtype=np.float32)[None, :]
    azimuth = between(rng, 0.0, 2.0 * np.pi)
    lean = across * np.float32(np.cos(azimuth)) + down * np.float32(np.sin(azimuth))
    factor = 1.0 + between(rng, 0.0, 0.2) * lean - between(rng, 0.0, 0.18) * (across * across + down * down)
    return np.asarray(factor, dtype=np.float32)


def _adjusted(light: Field, *, rng: Generator) -> Field:
    """Return the scene with the operator's brightness and contrast, rarely inverted (a back-scatter look)."""
    low, high = (float(v) for v in np.percentile(light[::3, ::3], (1.0, 99.3)))
    spread = max(high - low, 0.08)
    black = between(rng, 0.0, 0.22)
    white = between(rng, 0.68, 1.05)
    level = np.clip((light - np.float32(low)) / np.float32(spread), 0.0, 1.6)
    if chance(rng, 0.02):
        level = 1.0 - np.clip(level, 0.0, 1.0)
    level = np.power(level, np.float32(log_between(rng, 0.65, 1.5)))
    return np.asarray(black + level * np.float32(max(white - black, 0.3)), dtype=np.float32)


def _counted(light: Field, *, rng: Generator) -> Field:
    """Return the picture as counted electrons (Poisson), with the amplifier's own even noise."""
    dose = log_between(rng, 25.0, 1500.0)
    counted = rng.poisson(np.maximum(light, 0.0) * np.float32(dose)).astype(np.float32) / np.float32(dose)
    if chance(rng, 0.3):
        counted = blur(counted, between(rng, 0.3, 0.6))
    hum = rng.standard_normal(light.shape, dtype=np.float32) * np.float32(between(rng, 0.0, 0.02))
    return np.asarray(counted + hum, dtype=np.float32)
