"""A scene painted onto the pixels of a picture."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from saccade.vision.arrays import RgbImage
from saccade.vision.dashes import closed_pattern, dashes, open_pattern
from saccade.vision.lettering import Lettering, drawable
from saccade.vision.palette import BLACK, WHITE, Rgb
from saccade.vision.rings import paint_ring
from saccade.vision.scene import Frame, Panel, Ring, Row, Scene, Tag
from saccade.vision.tags import Rect

PANEL_OPACITY = 205
#: Of the line around the panel, which sets it off from dark pictures, and of the unfilled part of bars.
EDGE_OPACITY = 70
TRACK_OPACITY = 50


def painted(image: RgbImage, scene: Scene) -> RgbImage:
    """Paint a scene.

    Args:
        image: (H, W, 3) uint8, RGB, 0..255, origin top left; left as it is.
        scene: Laid out for a picture of that size.

    Returns:
        (H, W, 3) uint8, RGB, 0..255: a new picture of the same size.
    """
    framed = Image.fromarray(image).copy()
    draw = ImageDraw.Draw(framed, "RGBA")
    for frame in scene.frames:
        _paint_frame(draw, frame)
    canvas = np.array(framed)
    for ring in scene.rings:
        _paint_ring(canvas, ring)
    drawn = Image.fromarray(canvas)
    for tag in scene.tags:
        _paint_tag(drawn, tag, scene.lettering)
    if scene.panel is not None:
        _paint_panel(drawn, scene.panel)
    return np.asarray(drawn)


def _paint_ring(canvas: RgbImage, ring: Ring) -> None:
    paint, line_px, seam_px = ring.paint, ring.line_px, ring.seam_px
    center, radius_px = (ring.circle.center_x_px, ring.circle.center_y_px), ring.circle.radius_px
    apart_px = (line_px + seam_px) / 2
    paint_ring(canvas, center, radius_px + apart_px, width_px=seam_px, color=BLACK)
    paint_ring(canvas, center, max(0.0, radius_px - apart_px), width_px=seam_px, color=WHITE)
    pattern = closed_pattern(paint.stroke, 2 * math.pi * radius_px, line_px=line_px)
    if pattern:
        paint_ring(canvas, center, radius_px, width_px=line_px, color=paint.contrast)
    paint_ring(canvas, center, radius_px, width_px=line_px, color=paint.fill, pattern=pattern)
    if ring.dot_px:
        paint_ring(canvas, center, 0, width_px=2 * (ring.dot_px + seam_px), color=paint.contrast)
        paint_ring(canvas, center, 0, width_px=2 * ring.dot_px, color=paint.fill)


def _paint_frame(draw: ImageDraw.ImageDraw, frame: Frame) -> None:
    place, paint, line_px, seam_px = frame.place, frame.paint, frame.line_px, frame.seam_px
    if not place.width or not place.height:
        return
    # A black seam outside and a white one inside: one of the two stands out from any background, grey ones included.
    _outline(draw, place.grown(seam_px), width_px=seam_px, color=BLACK)
    _outline(draw, place.grown(-line_px), width_px=seam_px, color=WHITE)
    if not paint.stroke.pattern:
        _outline(draw, place, width_px=line_px, color=paint.fill)
        return
    _outline(draw, place, width_px=line_px, color=paint.contrast)
    for top in (place.top, place.bottom - line_px):
        _dash(draw, Rect(place.left, top, place.right, top + line_px), frame)
    for left in (place.left, place.right - line_px):
        _dash(draw, Rect(left, place.top, left + line_px, place.bottom), frame)


def _dash(draw: ImageDraw.ImageDraw, side: Rect, frame: Frame) -> None:
    """Fill the dashes of one side of a frame."""
    is_flat = side.width >= side.height
    length_px = side.width if is_flat else side.height
    for begin_px, end_px in dashes(open_pattern(frame.paint.stroke, length_px, line_px=frame.line_px), length_px):
        begin, end = round(begin_px), max(round(end_px), round(begin_px) + 1)
        dash = (
            Rect(side.left + begin, side.top, side.left + end, side.bottom)
            if is_flat
            else Rect(side.left, side.top + begin, side.right, side.top + end)
        )
        _fill(draw, dash, frame.paint.fill)


def _outline(draw: ImageDraw.ImageDraw, rect: Rect, *, width_px: int, color: Rgb) -> None:
    if rect.width <= 0 or rect.height <= 0:
        return
    draw.rectangle((rect.left, rect.top, rect.right - 1, rect.bottom - 1), outline=color, width=width_px)


def _fill(draw: ImageDraw.ImageDraw, rect: Rect, color: Rgb, *, opacity: int = 255) -> None:
    if rect.width <= 0 or rect.height <= 0:
        return
    draw.rectangle((rect.left, rect.top, rect.right - 1, rect.bottom - 1), fill=(*color, opacity))


def _paint_tag(drawn: Image.Image, tag: Tag, lettering: Lettering) -> None:
    radius_px = lettering.padding_px
    _fill_rounded(drawn, tag.place, tag.paint.contrast, radius_px=radius_px)
    _fill_rounded(drawn, tag.place.grown(-tag.edge_px), tag.paint.fill, radius_px=radius_px - tag.edge_px)
    baseline = tag.place.top + lettering.padding_px // 2 + lettering.ascent_px
    place = (tag.place.left + lettering.padding_px, baseline)
    draw, color = ImageDraw.Draw(drawn), tag.paint.contrast
    if tag.label.isascii():
        _write(draw, place, tag.text, lettering, color)
        return
    # Apart, or a label that is read from the right would have its score on the left.
    _write(draw, place, tag.label, lettering, color)
    _write(draw, (tag.place.right - lettering.padding_px, baseline), tag.score, lettering, color, anchor="rs")


def _paint_panel(drawn: Image.Image, panel: Panel) -> None:
    radius_px = 2 * panel.lettering.padding_px
    _fill_rounded(drawn, panel.place, WHITE, radius_px=radius_px, opacity=EDGE_OPACITY)
    _fill_rounded(drawn, panel.place.grown(-1), BLACK, radius_px=radius_px - 1, opacity=PANEL_OPACITY)
    draw = ImageDraw.Draw(drawn, "RGBA")
    for row in panel.rows:
        _paint_row(draw, row, panel.lettering)


def _paint_row(draw: ImageDraw.ImageDraw, row: Row, lettering: Lettering) -> None:
    baseline = row.place.top + lettering.ascent_px
    _write(draw, (row.place.left, baseline), row.text, lettering, WHITE)
    _write(draw, (row.place.right, baseline), row.number, lettering, WHITE, anchor="rs")
    _fill(draw, row.bar, WHITE, opacity=TRACK_OPACITY)
    pattern = open_pattern(row.paint.stroke, row.filled.width, line_px=row.bar.height)
    for begin_px, end_px in dashes(pattern, row.filled.width):
        left = row.filled.left
        _fill(draw, Rect(left + round(begin_px), row.bar.top, left + round(end_px), row.bar.bottom), row.paint.fill)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    lettering: Lettering,
    color: Rgb,
    *,
    anchor: str = "ls",
) -> None:
    font, letters = drawable(text, lettering.font_px)
    draw.text(place, letters, font=font, fill=color, anchor=anchor)


def _fill_rounded(drawn: Image.Image, rect: Rect, color: Rgb, *, radius_px: int, opacity: int = 255) -> None:
    if rect.width <= 0 or rect.height <= 0:
        return
    # Pillow draws hard edges; a mask four times as large, scaled down, has soft ones.
    fine = Image.new("L", (rect.width * 4, rect.height * 4), 0)
    corners = (0, 0, fine.width - 1, fine.height - 1)
    ImageDraw.Draw(fine).rounded_rectangle(corners, radius=max(0, radius_px) * 4, fill=opacity)
    drawn.paste(color, (rect.left, rect.top), fine.resize((rect.width, rect.height), Image.Resampling.BOX))
