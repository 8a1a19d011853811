"""A picture made ready for a graph, together with the way back to the original."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.models.geometry import Geometry
from saccade.models.tokens import Words
from saccade.vision.arrays import FloatImage, PixelMask


@dataclass(frozen=True, slots=True)
class Prepared:
    """One picture's tensors, without a batch axis.

    Attributes:
        pixels: (C, H, W) float32, what the graph's image input takes.
        mask: (H, W) int64, 1 where there is picture; None where the graph takes no mask.
        geometry: The map between input px and original px.
        words: What to look for; None where the graph is not told.
    """

    pixels: FloatImage
    mask: PixelMask | None
    geometry: Geometry
    words: Words | None = None
