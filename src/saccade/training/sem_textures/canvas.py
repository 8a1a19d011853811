"""Typed doors to OpenCV: everything the scenes draw with, and nothing else.

OpenCV's own signatures are loose. Here each result is turned into an array of a stated
type, so that the scenes are checked like the rest of the code.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, int]
"""(rows, columns) in px."""
Field: TypeAlias = NDArray[np.float32]
"""(H, W) float32, any range: a height in px or a brightness where 0..1 is the usual range."""
Mask: TypeAlias = NDArray[np.uint8]
"""(H, W) uint8, 0..255: how much of each px a drawn shape covers."""
Points: TypeAlias = NDArray[np.float32]
"""(N, 2) float32, x then y in px, origin at the top left."""

_SUBPIXEL_BITS = 4
_SUBPIXEL = 1 << _SUBPIXEL_BITS


def blur(field: Field, sigma_px: float, *, sigma_y_px: float | None = None) -> Field:
    """Return ``field`` smoothed by a Gaussian; a sigma under 0.05 px changes nothing.

    Wide Gaussians are taken on a smaller copy, whose result differs by less than the eye
    or the network can see and costs a small part of the time.
    """
    other = sigma_px if sigma_y_px is None else sigma_y_px
    narrow = min(sigma_px, other)
    if max(sigma_px, other) < 0.05:  # noqa: PLR2004
        return field
    factor = int(narrow // 4)
    if factor > 1:
        small_shape = (max(field.shape[0] // factor, 2), max(field.shape[1] // factor, 2))
        small = np.asarray(cv2.resize(field, small_shape[::-1], interpolation=cv2.INTER_AREA), dtype=np.float32)
        return resize(blur(small, sigma_px / factor, sigma_y_px=other / factor), (field.shape[0], field.shape[1]))
    result = cv2.GaussianBlur(
        field, (0, 0), max(sigma_px, 0.05), sigmaY=max(other, 0.05), borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(result, dtype=np.float32)


def smear(field: Field, sigma_px: float, *, sigma_across_px: float, degrees: float) -> Field:
    """Return ``field`` smoothed more along one direction than across it, as an astigmatic beam does."""
    reach = int(np.ceil(2.5 * max(sigma_px, sigma_across_px)))
    line = np.arange(-reach, reach + 1, dtype=np.float32)
    turn = np.float32(np.deg2rad(degrees))
    along = line[None, :] * np.cos(turn) + line[:, None] * np.sin(turn)
    across = line[:, None] * np.cos(turn) - line[None, :] * np.sin(turn)
    kernel = np.exp(-((along / sigma_px) ** 2 + (across / sigma_across_px) ** 2) / 2.0).astype(np.float32)
    result = cv2.filter2D(field, cv2.CV_32F, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return np.asarray(result, dtype=np.float32)


def resize(field: Field, shape: Shape) -> Field:
    """Return ``field`` stretched to ``shape`` with cubic interpolation."""
    result = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(result, dtype=np.float32)


def slopes(field: Field) -> tuple[Field, Field]:
    """Return the slope of ``field`` along x and along y, in its unit per px."""
    along_x = cv2.Scharr(field, cv2.CV_32F, 1, 0, scale=1.0 / 32.0)
    along_y = cv2.Scharr(field, cv2.CV_32F, 0, 1, scale=1.0 / 32.0)
    return np.asarray(along_x, dtype=np.float32), np.asarray(along_y, dtype=np.float32)


def rotated(field: Field, *, degrees: float, zoom: float = 1.0) -> Field:
    """Return ``field`` turned about its centre and magnified; what comes in from outside is mirrored."""
    rows, columns = field.shape
    matrix = cv2.getRotationMatrix2D((columns / 2.0, rows / 2.0), degrees, zoom)
    result = cv2.warpAffine(field, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(result, dtype=np.float32)


def seen_from_corners(field: Field, corners: Points, *, shape: Shape) -> Field:
    """Return the part of ``field`` between four corners, stretched to fill a picture of ``shape``.

    Args:
        field: (H, W) float32.
        corners: (4, 2) float32, x y in px of ``field``: top left, top right, bottom right, bottom left.
        shape: Size of the result.
    """
    rows, columns = shape
    target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    result = cv2.warpPerspective(field, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(result, dtype=np.float32)


def sampled(field: Field, columns_px: Field, rows_px: Field) -> Field:
    """Return ``field`` read at the given places, (H, W) x and y in px; outside it is mirrored."""
    result = cv2.remap(field, columns_px, rows_px, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(result, dtype=np.float32)


def draw_polygon(mask: Mask, points: Points, *, value: int = 255) -> None:
    """Fill a polygon of any form into ``mask``, edges anti-aliased."""
    cv2.fillPoly(mask, [_subpixels(points)], value, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)


def draw_line(mask: Mask, points: Points, *, width_px: float, value: int = 255) -> None:
    """Draw an open line through ``points`` into ``mask``, edges anti-aliased; at least 1 px wide."""
    width = max(round(width_px), 1)
    cv2.polylines(
        mask,
        [_subpixels(points)],
        isClosed=False,
        color=value,
        thickness=width,
        lineType=cv2.LINE_AA,
        shift=_SUBPIXEL_BITS,
    )


def draw_ellipse(
    mask: Mask, centre: tuple[float, float], radii: tuple[float, float], *, degrees: float = 0.0, value: int = 255
) -> None:
    """Fill an ellipse into ``mask``: centre and radii as x y in px, edges anti-aliased."""
    place = (round(centre[0] * _SUBPIXEL), round(centre[1] * _SUBPIXEL))
    size = (max(round(radii[0] * _SUBPIXEL), 1), max(round(radii[1] * _SUBPIXEL), 1))
    cv2.ellipse(mask, place, size, degrees, 0, 360, value, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def draw_ring(mask: Mask, centre: tuple[float, float], radius_px: float, *, width_px: float, value: int = 255) -> None:
    """Draw a circle's line into ``mask``, edges anti-aliased."""
    place = (round(centre[0] * _SUBPIXEL), round(centre[1] * _SUBPIXEL))
    width = max(round(width_px), 1)
    cv2.circle(mask, place, max(round(radius_px * _SUBPIXEL), 1), value, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def as_field(mask: Mask) -> Field:
    """Return ``mask`` as float32 in 0..1."""
    return mask.astype(np.float32) / np.float32(255.0)


def distance_inside(inside: NDArray[np.bool_]) -> Field:
    """Return for each px inside its distance in px to the nearest px outside; 0 outside."""
    result = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(result, dtype=np.float32)


def nearest_point(points: Points, shape: Shape) -> tuple[NDArray[np.int32], Field]:
    """Return for each px which point is nearest, and how far it is in px.

    Args:
        points: (N, 2) float32, x y in px; those outside the picture are left out.
        shape: Size of the picture.

    Returns:
        (H, W) int32 in 1..N, an arbitrary but fixed number a cell, and (H, W) float32 distance in px.
    """
    seeds = np.ones(shape, dtype=np.uint8)
    columns = np.floor(points[:, 0]).astype(np.intp)
    rows = np.floor(points[:, 1]).astype(np.intp)
    kept = (columns >= 0) & (rows >= 0) & (columns < shape[1]) & (rows < shape[0])
    seeds[rows[kept], columns[kept]] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    return np.asarray(labels, dtype=np.int32), np.asarray(distance, dtype=np.float32)


def swept(mask: Mask, *, length_px: int) -> Mask:
    """Return ``mask`` smeared downwards by a length: the wall below an edge that is seen at a tilt."""
    kernel = np.ones((max(length_px, 1), 1), dtype=np.uint8)
    result = cv2.dilate(mask, kernel, anchor=(0, max(length_px, 1) - 1))
    return np.asarray(result, dtype=np.uint8)


def through_jpeg(image: NDArray[np.uint8], *, quality: int) -> NDArray[np.uint8]:
    """Return a grey picture as it comes back from a JPEG file of the given quality, 1..100."""
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def use_one_thread() -> None:
    """Keep OpenCV to the calling thread: its pool costs more than it saves at these sizes."""
    cv2.setNumThreads(1)


def _subpixels(points: Points) -> NDArray[np.int32]:
    """Return ``points`` in sixteenths of a px, kept in a range that OpenCV can clip."""
    limited = np.clip(points, -8000.0, 8000.0)
    return np.asarray(np.round(limited * _SUBPIXEL), dtype=np.int32).reshape(-1, 1, 2)
