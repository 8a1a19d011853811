"""Tips: one or a few sharp points against a background: etched wires, probes on cantilevers, cones."""

import numpy as np
from numpy.random import Generator

from saccade.training.sem_textures.canvas import Field, Shape, as_field, blur, draw_polygon, rotated
from saccade.training.sem_textures.draws import between, chance, log_between, pick_weighted, whole
from saccade.training.sem_textures.relief import fractal_noise, smooth_noise


def draw(rng: Generator, shape: Shape) -> Field:
    """Return a scene of sharp tips, (H, W) float32 brightness."""
    kind = pick_weighted(rng, ((0.4, _needle), (0.2, _apex), (0.25, _cantilever), (0.15, _several)))
    return kind(rng, shape)


def _background(rng: Generator, shape: Shape) -> Field:
    """Return what lies far behind a tip: black, a soft gradient, or a blurred stage."""
    slant = np.linspace(between(rng, -1.0, 1.0), between(rng, -1.0, 1.0), shape[1], dtype=np.float32)[None, :]
    level = between(rng, 0.02, 0.3) + slant * np.float32(between(rng, 0.0, 0.06))
    haze = fractal_noise(rng, shape, grain_px=shape[1] * between(rng, 0.15, 0.6)) * np.float32(between(rng, 0.0, 0.05))
    return np.asarray(level + haze, dtype=np.float32)


def _turned_solid(
    rng: Generator, shape: Shape, *, half_width: Field, axis: Field, body: float, rim: float, texture: float
) -> tuple[Field, Field]:
    """Return brightness and cover of a body of revolution that stands along y.

    Args:
        rng: The picture's own generator.
        shape: Size of the picture.
        half_width: (H,) float32, the body's radius at each row in px; 0 and less mean none.
        axis: (H,) float32, x of the body's axis at each row in px.
        body: Brightness of the middle.
        rim: Brightness added at the outline.
        texture: Strength of the grooves along the body and of its roughness.
    """
    across = np.arange(shape[1], dtype=np.float32)[None, :] - axis[:, None]
    width = np.maximum(half_width, 0.3)[:, None]
    u = across / width
    cover = np.clip((half_width[:, None] - np.abs(across)) + 0.5, 0.0, 1.0)
    round_off = np.sqrt(np.clip(1.0 - u * u, 0.0, 1.0))
    lit = between(rng, -0.25, 0.25)
    rough = fractal_noise(rng, shape, grain_px=shape[1] * log_between(rng, 0.01, 0.08)) * np.float32(texture)
    grooves = smooth_noise(rng, (2, 256), grain_px=1.0)[0]
    index = np.clip((u * 0.5 + 0.5) * 255.0, 0, 255).astype(np.intp)
    light = body + rim * (1.0 - round_off) ** 1.5 + lit * u + rough + grooves[index] * np.float32(texture * 0.5)
    return np.asarray(light, dtype=np.float32), np.asarray(cover, dtype=np.float32)


def _along(shape: Shape) -> Field:
    """Return the row of each row, (H,) float32 px."""
    return np.arange(shape[0], dtype=np.float32)


def _any_way(rng: Generator, light: Field, *, cover: Field, background: Field) -> Field:
    """Return the body laid over its background, turned so that the tip points anywhere, with a bright outline."""
    turn = between(rng, -25.0, 25.0) + 90.0 * whole(rng, 0, 3)
    halo = blur(cover, light.shape[1] * 0.012) * (1.0 - cover) * np.float32(between(rng, 0.0, 0.25))
    cover_turned = np.clip(rotated(cover, degrees=turn), 0.0, 1.0)
    light_turned = rotated(light, degrees=turn)
    return np.asarray(
        cover_turned * light_turned + (1.0 - cover_turned) * background + rotated(halo, degrees=turn), dtype=np.float32
    )


def _tall(shape: Shape) -> Shape:
    """Return a square large enough to be turned without its corners coming into the picture."""
    side = int(np.hypot(*shape)) + 2
    return (side, side)


def _cropped(field: Field, shape: Shape) -> Field:
    """Return the middle of a larger field."""
    top, left = (field.shape[0] - shape[0]) // 2, (field.shape[1] - shape[1]) // 2
    return field[top : top + shape[0], left : left + shape[1]]


def _needle(rng: Generator, shape: Shape) -> Field:
    """Return an etched wire or a drawn pipette: a shaft that narrows to a sharp point."""
    large = _tall(shape)
    side = large[0]
    y = _along(large)
    top = side * between(rng, 0.3, 0.52)
    shaft = shape[0] * between(rng, 0.06, 0.4)
    length = shape[0] * between(rng, 0.3, 1.1)
    t = np.clip((y - top) / np.float32(length), 0.0, 1.0)
    power = between(rng, 0.8, 2.2)
    half = np.where(y > top, np.float32(shaft) * t**power + np.float32(shape[0] * between(rng, 0.001, 0.012)), -1.0)
    half = half * (
        1.0 + smooth_noise(rng, (2, side), grain_px=side * 0.06)[0][:side] * np.float32(between(rng, 0.0, 0.03))
    )
    bend = between(rng, -0.04, 0.04) * side * ((y - top) / side) ** 2
    axis = side / 2 + between(rng, -0.12, 0.12) * shape[1] + bend
    light, cover = _turned_solid(
        rng, large, half_width=half.astype(np.float32), axis=axis.astype(np.float32), body=between(rng, 0.35, 0.6),
        rim=between(rng, 0.2, 0.6), texture=between(rng, 0.0, 0.05),
    )  # fmt: skip
    return _cropped(_any_way(rng, light, cover=cover, background=_background(rng, large)), shape)


def _apex(rng: Generator, shape: Shape) -> Field:
    """Return the end of a tip at high magnification: a rounded cone that fills much of the picture."""
    large = _tall(shape)
    y = _along(large)
    top = large[0] * between(rng, 0.3, 0.45)
    radius = shape[0] * log_between(rng, 0.02, 0.16)
    opening = between(rng, 0.12, 0.7)
    below = np.maximum(y - np.float32(top), 0.0)
    ball = np.sqrt(np.maximum(2.0 * radius * below - below**2, 0.0))
    cone = np.float32(radius) + (below - np.float32(radius)) * np.float32(opening)
    half = np.where(y <= top, -1.0, np.where(below < radius, ball, cone))
    light, cover = _turned_solid(
        rng, large, half_width=half.astype(np.float32), axis=np.full(large[0], large[0] / 2, dtype=np.float32),
        body=between(rng, 0.35, 0.6), rim=between(rng, 0.25, 0.6), texture=between(rng, 0.01, 0.08),
    )  # fmt: skip
    return _cropped(_any_way(rng, light, cover=cover, background=_background(rng, large)), shape)


def _several(rng: Generator, shape: Shape) -> Field:
    """Return two to six cones side by side on a base, as field emitters or a probe array."""
    rows, columns = shape
    light = _background(rng, shape)
    count = whole(rng, 2, 6)
    base = rows * between(rng, 0.7, 0.95)
    tall = rows * between(rng, 0.25, 0.6)
    spread = min(tall * between(rng, 0.12, 0.4), columns / count * 0.46)
    y = _along(shape)
    power = between(rng, 0.9, 1.8)
    body, rim = between(rng, 0.35, 0.55), between(rng, 0.25, 0.5)
    for index in range(count):
        own = tall * between(rng, 0.92, 1.08)
        t = np.clip((y - (base - own)) / np.float32(own), 0.0, 1.0)
        half = np.where((t > 0) & (y <= base), np.float32(spread) * t**power + 1.0, -1.0)
        middle = columns * (index + 0.5) / count + between(rng, -0.02, 0.02) * columns
        axis = np.full(rows, middle, dtype=np.float32)
        cone, cover = _turned_solid(
            rng, shape, half_width=half.astype(np.float32), axis=axis, body=body, rim=rim, texture=0.02
        )
        light = light * (1.0 - cover) + cone * cover
    floor = between(rng, 0.25, 0.5) + fractal_noise(rng, shape, grain_px=columns * 0.05) * np.float32(0.02)
    cover = np.clip(y - base, 0.0, 1.0)[:, None]
    scene = np.asarray(light * (1.0 - cover) + floor * cover, dtype=np.float32)
    return rotated(scene, degrees=180.0) if chance(rng, 0.1) else scene


def _cantilever(rng: Generator, shape: Shape) -> Field:
    """Return a probe for force microscopy: a beam that enters from a side and a pyramid at its end."""
    large = _tall(shape)
    side = large[0]
    light = _background(rng, large)
    beam = np.zeros(large, dtype=np.uint8)
    half = shape[0] * between(rng, 0.08, 0.24)
    end = side * between(rng, 0.36, 0.5)
    nose = half * between(rng, 0.3, 1.6)
    middle = side / 2
    outline = [
        [middle - half, side],
        [middle - half, end + nose],
        [middle, end],
        [middle + half, end + nose],
        [middle + half, side],
    ]
    draw_polygon(beam, np.array(outline, dtype=np.float32))
    wall = np.zeros(large, dtype=np.uint8)
    thick = half * between(rng, 0.04, 0.2)
    draw_polygon(wall, np.array(outline, dtype=np.float32) + np.array([thick, thick * 0.5], dtype=np.float32))
    grey = between(rng, 0.3, 0.55)
    for mask, level in ((as_field(wall), grey * 1.5), (as_field(beam), grey)):
        light = light * (1.0 - mask) + mask * np.float32(level)
    rim = np.abs(as_field(beam) - blur(as_field(beam), 1.5)) * np.float32(between(rng, 0.3, 0.9))
    size = half * between(rng, 0.35, 0.75)
    centre = np.array(
        [middle + between(rng, -0.1, 0.1) * half, end + nose * between(rng, 0.7, 1.2) + size * 0.3], dtype=np.float32
    )
    point = centre + np.array([between(rng, -0.5, 0.5) * size, -size * between(rng, 0.3, 2.2)], dtype=np.float32)
    corners = np.array([(-0.7, 0.25), (0.0, 0.6), (0.7, 0.25), (0.0, -0.2)], dtype=np.float32)
    feet = centre + corners * np.float32(size)
    faces = ((3, 0), (2, 3), (0, 1), (1, 2)) if chance(rng, 0.5) else ((3, 0), (2, 3), (1, 2), (0, 1))
    for first, second in faces:
        face = np.zeros(large, dtype=np.uint8)
        draw_polygon(face, np.stack([feet[first], feet[second], point]).astype(np.float32))
        cover = as_field(face)
        light = light * (1.0 - cover) + cover * np.float32(between(rng, 0.4, 0.95))
    scene = np.asarray(light + rim + smooth_noise(rng, large, grain_px=2.0) * np.float32(0.008), dtype=np.float32)
    turned = rotated(scene, degrees=between(rng, -25.0, 25.0) + 90.0 * whole(rng, 0, 3))
    return _cropped(turned, shape)
