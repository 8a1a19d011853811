"""What a detector said of a picture drawn over what is there: finds red and solid, truth green and dashed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from saccade.models.prediction import Box
from saccade.vision.arrays import RgbImage

Edges: TypeAlias = "tuple[float, float, float, float]"

RED = (226, 42, 30)
GREEN = (40, 196, 88)
_BLACK = (12, 12, 12)
_WHITE = (255, 255, 255)
#: Width and height that a drawn picture fits in.
MOST_PX = (640, 480)
_QUALITY = 80
#: Sizes of letters, the first that leaves enough of the picture free.
_FONTS_PX = (20, 15)
_MOST_COVERED = 0.12
_PAD_PX = 4
_MOST_LETTERS = 24


class Kind(Enum):
    """What a box in the picture is."""

    FOUND = "found"
    MISSED = "missed"
    RIGHT = "right"
    FALSE = "false"

    @property
    def is_truth(self) -> bool:
        """Whether it is an object that is there, and not something said."""
        return self in {Kind.FOUND, Kind.MISSED}

    @property
    def is_mistake(self) -> bool:
        """Whether it is drawn thick and with its name."""
        return self in {Kind.MISSED, Kind.FALSE}


@dataclass(frozen=True, slots=True)
class Outline:
    """A box to be drawn.

    Attributes:
        kind: What it is.
        box: In px of the picture, origin top left.
        words: What is written at it, if it is a mistake.
    """

    kind: Kind
    box: Box
    words: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as it stands in a file."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int


def drawn(pixels: RgbImage, outlines: Sequence[Outline], *, most_px: tuple[int, int] = MOST_PX) -> Encoded:
    """Return a picture with boxes, small enough to stand in a page.

    Truth is drawn first and finds over it, what is right before mistakes, so that no mistake is hidden.

    Args:
        pixels: (H, W, 3) uint8, RGB, upright.
        outlines: Boxes in px of ``pixels``.
        most_px: Width and height that what comes out fits in.
    """
    image = _resized(Image.fromarray(pixels), most_px, has_boxes=bool(outlines))
    scale_x, scale_y = image.width / pixels.shape[1], image.height / pixels.shape[0]
    pen = ImageDraw.Draw(image)
    order = (Kind.FOUND, Kind.MISSED, Kind.RIGHT, Kind.FALSE)
    scaled = [
        (each, _scaled(each.box, scale_x, scale_y, image.size))
        for each in sorted(outlines, key=lambda each: order.index(each.kind))
    ]
    for each, edges in scaled:
        _outline(pen, each.kind, edges)
    _write_words(pen, [(each, edges) for each, edges in scaled if each.kind.is_mistake and each.words], image.size)
    file = io.BytesIO()
    # Chroma at full size: thin red lines would smear at half of it.
    image.save(file, "JPEG", quality=_QUALITY, subsampling=0, optimize=True, progressive=True)
    return Encoded(file.getvalue(), "image/jpeg", image.width, image.height)


def _resized(image: Image.Image, most_px: tuple[int, int], *, has_boxes: bool) -> Image.Image:
    """Return a picture that fits; with boxes it fills the room, so that words are as large in every picture."""
    scale = min(most_px[0] / image.width, most_px[1] / image.height)
    if scale >= 1 and not has_boxes:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _scaled(box: Box, scale_x: float, scale_y: float, size: tuple[int, int]) -> Edges:
    """Return the edges within the picture, so that a box that reaches beyond still has all four sides."""
    right, bottom = size[0] - 1, size[1] - 1
    return (
        min(max(box.x_min * scale_x, 0), right),
        min(max(box.y_min * scale_y, 0), bottom),
        min(max(box.x_max * scale_x - 1, 0), right),
        min(max(box.y_max * scale_y - 1, 0), bottom),
    )


def _outline(pen: ImageDraw.ImageDraw, kind: Kind, edges: Edges) -> None:
    width = 6 if kind.is_mistake else 3
    # A dark seam below keeps both colours apart from whatever the picture has there.
    for x0, y0, x1, y1 in _sides(edges):
        pen.line((x0, y0, x1, y1), fill=_BLACK, width=width + 2)
    for x0, y0, x1, y1 in _sides(edges):
        if kind.is_truth:
            for dash in _dashes(x0, y0, x1, y1):
                pen.line(dash, fill=GREEN, width=width)
        else:
            pen.line((x0, y0, x1, y1), fill=RED, width=width)


def _sides(edges: Edges) -> Iterator[Edges]:
    left, top, right, bottom = edges
    yield left, top, right, top
    yield right, top, right, bottom
    yield left, bottom, right, bottom
    yield left, top, left, bottom


def _dashes(x0: float, y0: float, x1: float, y1: float) -> Iterator[Edges]:
    """Yield dashes such that both corners are drawn."""
    length = max(abs(x1 - x0), abs(y1 - y0))
    if length < 1:
        yield x0, y0, x1, y1
        return
    # An odd number of equal parts, of which every other one is drawn.
    parts = max(1, 2 * round(length / 20) + 1)
    for number in range(0, parts, 2):
        begin, end = number / parts, (number + 1) / parts
        yield x0 + (x1 - x0) * begin, y0 + (y1 - y0) * begin, x0 + (x1 - x0) * end, y0 + (y1 - y0) * end


def _write_words(pen: ImageDraw.ImageDraw, mistakes: Sequence[tuple[Outline, Edges]], size: tuple[int, int]) -> None:
    """Write at each mistake what it is, small where there are many; where even that hides too much, lines must do."""
    for font_px in _FONTS_PX:
        font = ImageFont.load_default(font_px)
        tags = [(outline, edges, _tag_of(pen, outline, font)) for outline, edges in mistakes]
        if sum(tag.width * tag.height for _, _, tag in tags) <= _MOST_COVERED * size[0] * size[1]:
            break
    else:
        return
    taken: list[Edges] = []
    for outline, edges, tag in tags:
        place = next(_free_places(edges, tag, size, taken), None)
        if place is None:
            continue
        taken.append(place)
        color, ink = (GREEN, _BLACK) if outline.kind.is_truth else (RED, _WHITE)
        pen.rectangle(place, fill=color, outline=_BLACK)
        middle = (place[1] + place[3]) / 2
        pen.text((place[0] + _PAD_PX, middle), tag.words, fill=ink, font=font, anchor="lm")


@dataclass(frozen=True, slots=True)
class _Tag:
    """Words and the room they need, in px."""

    words: str
    width: float
    height: float


def _tag_of(pen: ImageDraw.ImageDraw, outline: Outline, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> _Tag:
    words = outline.words if len(outline.words) <= _MOST_LETTERS else f"{outline.words[: _MOST_LETTERS - 1]}…"
    left, _, right, _ = pen.textbbox((0, 0), words, font, anchor="lm")
    _, top, _, bottom = pen.textbbox((0, 0), "Hg", font, anchor="lm")
    return _Tag(words, right - left + 2 * _PAD_PX, bottom - top + 2 * _PAD_PX)


def _free_places(edges: Edges, tag: _Tag, size: tuple[int, int], taken: Sequence[Edges]) -> Iterator[Edges]:
    """Yield where words may stand: above the box, below it, inside it; never over other words."""
    left, top, _, bottom = edges
    x = max(0.0, min(left - 1, size[0] - tag.width))
    for y in (top - tag.height, bottom + 1, top + 3, bottom - tag.height - 2):
        place = (x, y, x + tag.width, y + tag.height)
        if y >= 0 and place[3] <= size[1] and not any(_meet(place, other) for other in taken):
            yield place


def _meet(one: Edges, other: Edges) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
