"""Boxes as arrays: their notations, areas, overlaps, and what of them lies inside a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.vision.arrays import BoxesXyxy


def from_centers(centers: NDArray[np.float32]) -> BoxesXyxy:
    """Turn boxes given by centre and size into boxes given by corners.

    Args:
        centers: (K, 4) float32, cx cy w h, in any unit.

    Returns:
        (K, 4) float32, x1 y1 x2 y2 in the same unit.
    """
    half = centers[:, 2:] * np.float32(0.5)
    return np.concatenate([centers[:, :2] - half, centers[:, :2] + half], axis=1)


def from_diagonals(diagonals: NDArray[np.float32]) -> BoxesXyxy:
    """Turn boxes given by two opposite corners, in whatever order, into x1 <= x2 and y1 <= y2.

    Args:
        diagonals: (K, 4) float32, x y of one corner and x y of the opposite one, in any unit.

    Returns:
        (K, 4) float32, x1 y1 x2 y2 in the same unit.
    """
    first, second = diagonals[:, :2], diagonals[:, 2:]
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=1)


def clip(boxes: BoxesXyxy, *, width_px: int, height_px: int) -> BoxesXyxy:
    """Cut boxes off at the edges of the picture.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in px, origin top left.
        width_px: Width of the picture.
        height_px: Height of the picture.

    Returns:
        (K, 4) float32, x in 0..width_px and y in 0..height_px; a box that lay outside has no area left.
    """
    limits = np.array([width_px, height_px, width_px, height_px], np.float32)
    return np.clip(boxes, np.float32(0), limits)


def have_area(boxes: BoxesXyxy) -> NDArray[np.bool_]:
    """Say which boxes are wider and higher than nothing.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in any unit.

    Returns:
        (K,) bool; False for a line, a point, a box turned inside out, and for one with NaN in it.
    """
    wider = boxes[:, 2] > boxes[:, 0]
    return np.logical_and(wider, boxes[:, 3] > boxes[:, 1])


def area(boxes: BoxesXyxy) -> NDArray[np.float64]:
    """Return how much each box covers.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in any unit.

    Returns:
        (K,) float64 in that unit squared, so that even huge boxes do not overflow; 0 for a box turned inside out.
    """
    sides = np.maximum(boxes[:, 2:].astype(np.float64) - boxes[:, :2], 0)
    return np.multiply(sides[:, 0], sides[:, 1])


def intersection(first: BoxesXyxy, second: BoxesXyxy) -> NDArray[np.float64]:
    """Return how much each box of one set shares with each box of another.

    Args:
        first: (K, 4) float32, x1 y1 x2 y2 in any unit.
        second: (M, 4) float32, in the same unit.

    Returns:
        (K, M) float64 in that unit squared.
    """
    top_left = np.maximum(first[:, None, :2], second[None, :, :2]).astype(np.float64)
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    return np.multiply(sides[..., 0], sides[..., 1])


def iou(first: BoxesXyxy, second: BoxesXyxy) -> NDArray[np.float64]:
    """Return the shared area over the joint area (intersection over union) of each pair.

    Args:
        first: (K, 4) float32, x1 y1 x2 y2 in any unit.
        second: (M, 4) float32, in the same unit.

    Returns:
        (K, M) float64 in 0..1; 0 where neither box has an area.

    Example:
        >>> a = np.array([[0, 0, 10, 10]], np.float32)
        >>> b = np.array([[5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
        >>> iou(a, b).round(3).tolist()
        [[0.333, 0.0]]
    """
    shared = intersection(first, second)
    return _ratio(shared, area(first)[:, None] + area(second)[None, :] - shared)


def containment(first: BoxesXyxy, second: BoxesXyxy) -> NDArray[np.float64]:
    """Return which part of the smaller box of each pair lies inside the other.

    Args:
        first: (K, 4) float32, x1 y1 x2 y2 in any unit.
        second: (M, 4) float32, in the same unit.

    Returns:
        (K, M) float64 in 0..1, 1 where one box lies wholly inside the other; 0 where either has no area.
    """
    return _ratio(intersection(first, second), np.minimum(area(first)[:, None], area(second)[None, :]))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
