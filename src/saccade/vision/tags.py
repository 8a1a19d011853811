"""Where the tags of boxes go: inside the picture, at their box, off each other, and not upon what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.vision.arrays import BoxesXyxy
from saccade.vision.boxes import area, intersection

#: A tag may lie on another box, but not on more than this part of it.
MAX_HIDDEN = 0.4


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of whole pixels, origin top left; right and bottom are the first pixels outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width in px."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height in px."""
        return self.bottom - self.top

    def grown(self, by_px: int) -> Rect:
        """Return the rectangle with so many px more on every side."""
        return Rect(self.left - by_px, self.top - by_px, self.right + by_px, self.bottom + by_px)

    def within(self, other: Rect) -> Rect:
        """Return what both have in common; without width or height if that is nothing."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Rect(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))


def as_boxes(rects: Sequence[Rect]) -> BoxesXyxy:
    """Return rectangles as an array.

    Returns:
        (K, 4) float32, x1 y1 x2 y2 in px, origin top left.
    """
    corners = [(rect.left, rect.top, rect.right, rect.bottom) for rect in rects]
    return np.array(corners, np.float32).reshape(-1, 4)


def free_place(
    width_px: int,
    height_px: int,
    *,
    box: Rect,
    picture: Rect,
    taken: Sequence[Rect],
    finds: BoxesXyxy,
    may_hide_own: bool = True,
) -> Rect | None:
    """Return the best place for a tag that covers no other tag and hides no find.

    Best is above or below the box where nothing else lies; then any place at the box or in it.

    Args:
        width_px: Width of the tag.
        height_px: Height of the tag.
        box: What the tag belongs to.
        picture: The whole picture.
        taken: The tags that stand already.
        finds: (K, 4) float32, x1 y1 x2 y2 in px: every box of the picture, the tag's own among them.
        may_hide_own: Whether the tag may lie all over its own box: better a tiny find under its name than one without,
            where the picture is large enough to be looked at without the tags.

    Returns:
        The place, inside the picture, or None.
    """
    places = list(_places(width_px, height_px, box, picture))
    spots = as_boxes(places)
    on_tags = intersection(spots, as_boxes(taken)).any(axis=1)
    on_finds = intersection(spots, finds)
    guarded = (finds != as_boxes([box])).any(axis=1) if may_hide_own else np.ones(len(finds), np.bool_)
    hides = (on_finds > MAX_HIDDEN * area(finds))[:, guarded].any(axis=1)
    allowed = np.flatnonzero(~on_tags & ~hides)
    clear = allowed[~on_finds[allowed].any(axis=1)]
    best = [*clear.tolist(), *allowed.tolist()]
    return places[best[0]] if best else None


def _places(width_px: int, height_px: int, box: Rect, picture: Rect) -> Iterator[Rect]:
    if width_px > picture.width or height_px > picture.height:
        return
    above, below = box.top - height_px, box.bottom
    inside_top, inside_bottom = box.top, box.bottom - height_px
    lefts = (box.left, box.right - width_px)
    for top in (above, inside_top, below, inside_bottom):
        for left in lefts:
            place = _pushed_in(Rect(left, top, left + width_px, top + height_px), picture)
            if place.top == top:
                yield place
    # A box that is flatter than its tag and lies at an edge may leave none of those.
    yield _pushed_in(Rect(box.left, above, box.left + width_px, above + height_px), picture)


def _pushed_in(place: Rect, picture: Rect) -> Rect:
    left = max(picture.left, min(place.left, picture.right - place.width))
    top = max(picture.top, min(place.top, picture.bottom - place.height))
    return Rect(left, top, left + place.width, top + place.height)
