"""Drawing what was found onto the picture: boxes, circles, tags, and a panel of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from saccade.vision.arrays import BoxesXyxy, RgbImage
from saccade.vision.palette import BLACK, WHITE, Paint, Rgb, paints_for
from saccade.vision.rings import paint_ring
from saccade.vision.tags import Rect, as_boxes, free_place

PANEL_OPACITY = 205
MIN_FONT_PX = 10
#: Tags that would cover more than this part of the picture are made smaller, and left out where that is not enough.
MAX_TAGGED = 0.12


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


@dataclass(frozen=True, slots=True)
class _Style:
    """Sizes that grow with the picture, so that it looks the same when it is shown in the same space."""

    line_px: int
    seam_px: int
    font: ImageFont.FreeTypeFont
    ascent_px: int
    text_height_px: int
    padding_px: int


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    score: float
    paint: Paint


@dataclass(frozen=True, slots=True)
class _Tag:
    text: str
    place: Rect
    paint: Paint


def annotate(image: RgbImage, marks: Sequence[Mark]) -> RgbImage:
    """Draw boxes, circles and tags.

    Tags show label and score, where there is no room for both the score alone, and where there is none at all the
    colour must do: tags never hide other tags or finds. The surest marks choose their place first. Lines and text scale
    with the picture, and text shrinks in a crowd; every label has its colour (see ``paints_for``). Where tags would
    still cover the picture, a panel counts each label instead and shows its median score.

    Args:
        image: (H, W, 3) uint8, RGB, 0..255, origin top left; left as it is.
        marks: What to draw, in any order.

    Returns:
        (H, W, 3) uint8, RGB, 0..255: a new picture of the same size.
    """
    canvas = np.array(image)
    style = _style_for(canvas, marks)
    paints = paints_for(mark.label for mark in marks)
    surest_first = sorted(marks, key=lambda mark: -mark.score)
    for mark in reversed(surest_first):
        if mark.circle is not None:
            _draw_circle(canvas, mark.circle, paints[mark.label], style)
    drawn = Image.fromarray(canvas)
    draw = ImageDraw.Draw(drawn, "RGBA")
    for mark in reversed(surest_first):
        line_px = style.line_px if mark.circle is None else (style.line_px + 1) // 2
        _draw_box(draw, _pixels_of(mark, canvas), paints[mark.label], line_px=line_px, seam_px=style.seam_px)
    if _tagged_px(marks, canvas, style) > MAX_TAGGED * drawn.height * drawn.width:
        # The panel is read like any text, so it does not shrink with the crowd.
        _draw_panel(drawn, _counted(marks, paints), _style_for(canvas))
    else:
        for tag in reversed(_placed(surest_first, canvas, paints, style)):
            _draw_tag(drawn, tag, style)
    return np.asarray(drawn)


def annotate_labels(image: RgbImage, labels: Sequence[tuple[str, float]]) -> RgbImage:
    """Draw a small panel with labels, scores and their bars into the top left corner.

    Args:
        image: (H, W, 3) uint8, RGB, 0..255, origin top left; left as it is.
        labels: Label and score 0..1, best first; what does not fit is left out from the end.

    Returns:
        (H, W, 3) uint8, RGB, 0..255: a new picture of the same size.
    """
    drawn = Image.fromarray(np.array(image))
    paints = paints_for(label for label, _ in labels)
    _draw_panel(drawn, [_Row(label, score, paints[label]) for label, score in labels], _style_for(image))
    return np.asarray(drawn)


def _counted(marks: Sequence[Mark], paints: Mapping[str, Paint]) -> list[_Row]:
    """Return a row for each label, the commonest first: how many there are, and their median score."""
    scores: dict[str, list[float]] = {}
    for mark in marks:
        scores.setdefault(mark.label, []).append(mark.score)
    commonest_first = sorted(scores, key=lambda label: (-len(scores[label]), label))
    return [_Row(f"{len(scores[label])} {label}", median(scores[label]), paints[label]) for label in commonest_first]


def _draw_panel(drawn: Image.Image, every_row: Sequence[_Row], style: _Style) -> None:
    """Draw a panel of rows into the top left corner; what does not fit is left out from the end."""
    margin = style.padding_px * 2
    row_px = round(style.text_height_px * 1.75)
    rows = every_row[: max(0, (drawn.height - 2 * margin - style.padding_px * 2) // row_px)]
    widest = max((_wide(f"{row.text}  {_number(row.score)}", style) for row in rows), default=0)
    room_px = drawn.width - 2 * margin - 4 * style.padding_px
    # Small beside the picture, but on a narrow one still wide enough for a word.
    inner_px = min(
        max(widest + margin, style.text_height_px * 8), max(drawn.width // 2, style.text_height_px * 10), room_px
    )
    if not rows or inner_px < _wide("0.00", style):
        return
    panel = Rect(
        margin, margin, margin + inner_px + 4 * style.padding_px, margin + len(rows) * row_px + style.padding_px
    )
    _fill_rounded(drawn, panel, WHITE, radius_px=2 * style.padding_px, opacity=70)
    _fill_rounded(drawn, panel.grown(-1), BLACK, radius_px=2 * style.padding_px - 1, opacity=PANEL_OPACITY)
    draw = ImageDraw.Draw(drawn, "RGBA")
    left, right = panel.left + 2 * style.padding_px, panel.right - 2 * style.padding_px
    for number, row in enumerate(rows):
        top = panel.top + style.padding_px + number * row_px
        _draw_row(draw, Rect(left, top, right, top + row_px), row, style)


def _style_for(image: RgbImage, marks: Sequence[Mark] = ()) -> _Style:
    height_px, width_px = image.shape[:2]
    # The mean side, but never more than a panorama's short side can carry.
    side_px = min(math.sqrt(height_px * width_px), 2 * min(height_px, width_px))
    full = _style_of(side_px)
    tags_px = _tagged_px(marks, image, full)
    most_px = MAX_TAGGED * height_px * width_px
    if tags_px <= most_px:
        return full
    # In a crowd everything gets finer, down to half.
    return _style_of(side_px * max(0.5, math.sqrt(most_px / tags_px)))


def _tagged_px(marks: Sequence[Mark], image: RgbImage, style: _Style) -> int:
    """Return the area that the tags of all marks would cover."""
    return sum(_wide(_texts(mark, image, style)[0], style) for mark in marks) * style.text_height_px


def _style_of(side_px: float) -> _Style:
    font_px, line_px = max(MIN_FONT_PX, round(side_px * 0.028)), max(1, round(side_px * 0.005))
    # Pillow carries one scalable font; without FreeType it would fall back to a bitmap one of a fixed size.
    font = ImageFont.load_default(size=font_px)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101  Pillow's wheels always have FreeType
    ascent_px, descent_px = font.getmetrics()
    return _Style(
        line_px=line_px,
        seam_px=max(1, round(line_px * 0.4)),
        font=font,
        ascent_px=ascent_px,
        text_height_px=ascent_px + descent_px,
        padding_px=max(2, round(font_px * 0.3)),
    )


def _picture(image: RgbImage) -> Rect:
    return Rect(0, 0, image.shape[1], image.shape[0])


def _pixels_of(mark: Mark, image: RgbImage) -> Rect:
    left, top, right, bottom = (round(edge) for edge in mark.box)
    # At least one pixel, so that even the smallest find can be seen.
    return Rect(left, top, max(right, left + 1), max(bottom, top + 1)).within(_picture(image))


def _draw_circle(canvas: RgbImage, circle: Circle, paint: Paint, style: _Style) -> None:
    line_px = max(1.0, style.line_px * 0.6)
    center, radius_px = (circle.center_x_px, circle.center_y_px), circle.radius_px
    apart_px = (line_px + style.seam_px) / 2
    paint_ring(canvas, center, radius_px + apart_px, width_px=style.seam_px, color=BLACK)
    paint_ring(canvas, center, max(0.0, radius_px - apart_px), width_px=style.seam_px, color=WHITE)
    paint_ring(canvas, center, radius_px, width_px=line_px, color=paint.fill)
    if radius_px > 6 * style.line_px:
        dot_px = style.line_px
        paint_ring(canvas, center, 0, width_px=2 * (dot_px + style.seam_px), color=paint.contrast)
        paint_ring(canvas, center, 0, width_px=2 * dot_px, color=paint.fill)


def _draw_box(draw: ImageDraw.ImageDraw, box: Rect, paint: Paint, *, line_px: int, seam_px: int) -> None:
    if not box.width or not box.height:
        return
    # Small boxes get thinner lines, or nothing of what is in them would be left to see.
    line_px = max(1, min(line_px, min(box.width, box.height) // 8))
    seam_px = min(seam_px, line_px)
    # A black seam outside and a white one inside: one of the two stands out from any background, grey ones included.
    _outline(draw, box.grown(seam_px), width_px=seam_px, color=BLACK)
    _outline(draw, box.grown(-line_px), width_px=seam_px, color=WHITE)
    _outline(draw, box, width_px=line_px, color=paint.fill)


def _outline(draw: ImageDraw.ImageDraw, rect: Rect, *, width_px: int, color: Rgb) -> None:
    if rect.width <= 0 or rect.height <= 0:
        return
    draw.rectangle((rect.left, rect.top, rect.right - 1, rect.bottom - 1), outline=color, width=width_px)


def _placed(surest_first: Sequence[Mark], image: RgbImage, paints: dict[str, Paint], style: _Style) -> list[_Tag]:
    finds = as_boxes([_pixels_of(mark, image) for mark in surest_first])
    tags: list[_Tag] = []
    for mark in surest_first:
        tag = _tag_for(mark, image, paints[mark.label], style, [other.place for other in tags], finds)
        if tag is not None:
            tags.append(tag)
    return tags


def _tag_for(
    mark: Mark, image: RgbImage, paint: Paint, style: _Style, taken: list[Rect], finds: BoxesXyxy
) -> _Tag | None:
    picture, box = _picture(image), _pixels_of(mark, image)
    for text in _texts(mark, image, style):
        width_px, height_px = _wide(text, style) + 2 * style.padding_px, style.text_height_px + style.padding_px
        place = free_place(width_px, height_px, box=box, picture=picture, taken=taken, finds=finds)
        if place is not None:
            return _Tag(text, place, paint)
    return None


def _texts(mark: Mark, image: RgbImage, style: _Style) -> tuple[str, str]:
    score = _number(mark.score)
    return f"{_shortened(mark.label, image.shape[1] // 2, style)}  {score}", score


def _draw_tag(drawn: Image.Image, tag: _Tag, style: _Style) -> None:
    radius_px = style.padding_px
    _fill_rounded(drawn, tag.place, tag.paint.contrast, radius_px=radius_px)
    _fill_rounded(drawn, tag.place.grown(-style.seam_px), tag.paint.fill, radius_px=radius_px - style.seam_px)
    baseline = tag.place.top + style.padding_px // 2 + style.ascent_px
    place = (tag.place.left + style.padding_px, baseline)
    ImageDraw.Draw(drawn).text(place, tag.text, font=style.font, fill=tag.paint.contrast, anchor="ls")


def _draw_row(draw: ImageDraw.ImageDraw, place: Rect, row: _Row, style: _Style) -> None:
    number = _number(row.score)
    baseline = place.top + style.ascent_px
    room_px = place.width - _wide(number, style) - 2 * style.padding_px
    if room_px > style.text_height_px:
        draw.text(
            (place.left, baseline), _shortened(row.text, room_px, style), font=style.font, fill=WHITE, anchor="ls"
        )
    draw.text((place.right, baseline), number, font=style.font, fill=WHITE, anchor="rs")
    bar_px = max(1, round(style.text_height_px * 0.16))
    top = place.top + style.text_height_px + max(1, bar_px // 2)
    filled = place.left + round(place.width * min(max(row.score, 0.0), 1.0))
    draw.rectangle((place.left, top, place.right - 1, top + bar_px - 1), fill=(*WHITE, 50))
    if filled > place.left:
        draw.rectangle((place.left, top, filled - 1, top + bar_px - 1), fill=(*row.paint.fill, 255))


def _fill_rounded(drawn: Image.Image, rect: Rect, color: Rgb, *, radius_px: int, opacity: int = 255) -> None:
    if rect.width <= 0 or rect.height <= 0:
        return
    # Pillow draws hard edges; a mask four times as large, scaled down, has soft ones.
    fine = Image.new("L", (rect.width * 4, rect.height * 4), 0)
    corners = (0, 0, fine.width - 1, fine.height - 1)
    ImageDraw.Draw(fine).rounded_rectangle(corners, radius=max(0, radius_px) * 4, fill=opacity)
    drawn.paste(color, (rect.left, rect.top), fine.resize((rect.width, rect.height), Image.Resampling.BOX))


def _number(score: float) -> str:
    # A label that is listed with 0.00 looks like a mistake.
    return "<0.01" if 0 < score < 0.005 else f"{score:.2f}"  # noqa: PLR2004  what rounds to 0.00


def _wide(text: str, style: _Style) -> int:
    return math.ceil(style.font.getlength(text))


def _shortened(label: str, room_px: int, style: _Style) -> str:
    # Line breaks and other control characters would leave the tag.
    text = "".join(letter if letter.isprintable() else " " for letter in label)
    if _wide(text, style) <= room_px:
        return text
    length = len(text)
    while length > 1 and _wide(text[:length].rstrip() + "…", style) > room_px:
        length -= 1
    return text[:length].rstrip() + "…"
