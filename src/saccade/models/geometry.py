"""How a place in the network's input maps back to the original picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.vision.arrays import BoxesXyxy


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of the original and of the input, and the affine map between them.

    ``input = original * scale + offset`` on each axis, in px, origin top left.
    """

    original_width_px: int
    original_height_px: int
    input_width_px: int
    input_height_px: int
    scale_x: float = 1.0
    scale_y: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0

    def to_original(self, boxes: BoxesXyxy) -> BoxesXyxy:
        """Map boxes from input px to original px and clip them to the picture.

        Args:
            boxes: (K, 4) float, x1 y1 x2 y2 in px of the network's input.

        Returns:
            (K, 4) float32, x1 y1 x2 y2 in px of the original, inside the picture.
        """
        xs = (boxes[:, 0::2] - self.offset_x) / self.scale_x
        ys = (boxes[:, 1::2] - self.offset_y) / self.scale_y
        mapped = np.empty(boxes.shape, np.float32)
        mapped[:, 0::2] = np.clip(xs, 0, self.original_width_px)
        mapped[:, 1::2] = np.clip(ys, 0, self.original_height_px)
        return mapped
