"""A drawing as data: what lies where, in px of the picture, before it becomes pixels or vectors.

Lists run from the bottom to the top: what comes later lies above.
"""

from __future__ import annotations

from dataclasses import dataclass

from saccade.vision.lettering import Lettering
from saccade.vision.marks import Circle
from saccade.vision.palette import Paint
from saccade.vision.tags import Rect


def tag_text(label: str, score: str) -> str:
    """Return what a tag says."""
    return f"{label}  {score}" if label else score


@dataclass(frozen=True, slots=True)
class Ring:
    """The outline of a round thing, with a black seam outside and a white one inside.

    Attributes:
        said: What it is, for whoever cannot see it.
        circle: The middle of the line.
        line_px: Width of the coloured line.
        seam_px: Width of each seam.
        dot_px: Radius of the dot in its centre; 0 for none.
        paint: How it is drawn.
    """

    said: str
    circle: Circle
    line_px: float
    seam_px: int
    dot_px: int
    paint: Paint


@dataclass(frozen=True, slots=True)
class Frame:
    """The outline of a box; the coloured line lies inside of ``place``, the black seam outside, the white one within.

    Attributes:
        said: What it is, for whoever cannot see it.
        place: The box, inside the picture.
        line_px: Width of the coloured line.
        seam_px: Width of each seam.
        paint: How it is drawn.
    """

    said: str
    place: Rect
    line_px: int
    seam_px: int
    paint: Paint


@dataclass(frozen=True, slots=True)
class Tag:
    """A label at its box: text in the colour's contrast on the colour.

    Attributes:
        label: As it is shown; empty where there is room for the score alone.
        score: As it is written.
        place: With its edge.
        edge_px: Width of its edge, in the contrast.
        paint: How it is drawn.
    """

    label: str
    score: str
    place: Rect
    edge_px: int
    paint: Paint

    @property
    def text(self) -> str:
        """Label and score on one line."""
        return tag_text(self.label, self.score)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a panel: a text on the left, a number on the right, and a bar below them.

    Attributes:
        text: Cut to the room there is; empty where there is none.
        number: As it is written.
        place: Of the whole row; text stands at its top.
        bar: Of the whole bar.
        filled: The part of the bar that is coloured; may be without width.
        paint: How it is drawn.
    """

    text: str
    number: str
    place: Rect
    bar: Rect
    filled: Rect
    paint: Paint


@dataclass(frozen=True, slots=True)
class Panel:
    """A dark field with rows."""

    place: Rect
    rows: tuple[Row, ...]
    lettering: Lettering


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is drawn onto one picture.

    Attributes:
        width_px: Of the picture.
        height_px: Of the picture.
        said: What there is to see, in a few words.
        lettering: Of the tags.
        frames: Below the rings, so that a circle is whole.
        rings: Below the tags.
        tags: Above all else.
        panel: Where labels are listed instead of tagged.
    """

    width_px: int
    height_px: int
    said: str
    lettering: Lettering
    frames: tuple[Frame, ...] = ()
    rings: tuple[Ring, ...] = ()
    tags: tuple[Tag, ...] = ()
    panel: Panel | None = None
