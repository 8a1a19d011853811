"""Drawing what was found onto the picture: boxes, circles, tags, and a panel of labels."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.vision.arrays import RgbImage
from saccade.vision.layout import lay_out, lay_out_labels
from saccade.vision.marks import Mark
from saccade.vision.paint import painted


def annotate(image: RgbImage, marks: Sequence[Mark]) -> RgbImage:
    """Draw boxes, circles and tags; ``lay_out`` says which of them go where.

    Args:
        image: (H, W, 3) uint8, RGB, 0..255, origin top left; left as it is.
        marks: What to draw, in any order.

    Returns:
        (H, W, 3) uint8, RGB, 0..255: a new picture of the same size.
    """
    height_px, width_px = image.shape[:2]
    return painted(image, lay_out(marks, width_px=width_px, height_px=height_px))


def annotate_labels(image: RgbImage, labels: Sequence[tuple[str, float]]) -> RgbImage:
    """Draw a small panel with labels, scores and their bars into the top left corner.

    Args:
        image: (H, W, 3) uint8, RGB, 0..255, origin top left; left as it is.
        labels: Label and score 0..1, best first; what does not fit is left out from the end.

    Returns:
        (H, W, 3) uint8, RGB, 0..255: a new picture of the same size.
    """
    height_px, width_px = image.shape[:2]
    return painted(image, lay_out_labels(labels, width_px=width_px, height_px=height_px))
