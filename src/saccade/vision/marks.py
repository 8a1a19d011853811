"""What can be drawn onto a picture: marks, each a box with its label and score and perhaps a circle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle in px of the picture, origin top left; it may reach beyond the edges."""

    center_x_px: float
    center_y_px: float
    radius_px: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing to draw.

    Attributes:
        label: What it is.
        score: How sure the model is, 0..1.
        box: x_min, y_min, x_max, y_max in px of the picture, origin top left.
        circle: For round things, drawn thin inside the box.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]
    circle: Circle | None = None
