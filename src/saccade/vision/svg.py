"""A scene as SVG: the picture in it, and boxes, circles and text as vectors at the places where they are painted.

The document is XML 1.0 whatever the labels are, needs nothing from outside, and holds no script.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterator

from saccade.vision.dashes import closed_pattern, open_pattern
from saccade.vision.lettering import Lettering
from saccade.vision.paint import EDGE_OPACITY, PANEL_OPACITY, TRACK_OPACITY
from saccade.vision.palette import BLACK, WHITE, Paint, Rgb
from saccade.vision.scene import Frame, Panel, Ring, Row, Scene, Tag
from saccade.vision.tags import Rect

_FONTS = "Aileron, Helvetica, Arial, sans-serif"


def svg_of(scene: Scene, picture: bytes, media_type: str) -> str:
    """Write a drawing.

    Args:
        scene: Laid out for the picture.
        picture: The upright picture as a file, without anything that would turn it.
        media_type: Of that file.

    Returns:
        An SVG document, width and height in px of the picture. Every outline has what it is as its title.
    """
    said = _text(scene.said or "Nothing was found.")
    size = f'width="{scene.width_px}" height="{scene.height_px}"'
    data = base64.b64encode(picture).decode("ascii")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {scene.width_px} {scene.height_px}"'
        f' role="img" aria-label="{said}" font-family="{_FONTS}" fill="none">'
    )
    lines = [
        head,
        f"<title>{said}</title>",
        f'<image {size} preserveAspectRatio="none" href="data:{media_type};base64,{data}"/>',
        *(_frame(frame) for frame in scene.frames if frame.place.width and frame.place.height),
        *(_ring(ring) for ring in scene.rings),
        *(_tag(tag, scene.lettering) for tag in scene.tags),
        *(_panel(scene.panel) if scene.panel is not None else ()),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _ring(ring: Ring) -> str:
    circle, paint, line_px, seam_px = ring.circle, ring.paint, ring.line_px, ring.seam_px
    center, radius_px = (circle.center_x_px, circle.center_y_px), circle.radius_px
    apart_px = (line_px + seam_px) / 2
    pattern = closed_pattern(paint.stroke, 2 * math.pi * radius_px, line_px=line_px)
    parts = [
        _circle(center, radius_px + apart_px, _line(BLACK, seam_px)),
        _circle(center, max(0.0, radius_px - apart_px), _line(WHITE, seam_px)),
        _circle(center, radius_px, _line(paint.contrast, line_px)) if pattern else "",
        _circle(center, radius_px, _line(paint.fill, line_px, pattern)),
    ]
    if ring.dot_px:
        parts += [
            _circle(center, ring.dot_px + seam_px, f'fill="{_color(paint.contrast)}"'),
            _circle(center, ring.dot_px, f'fill="{_color(paint.fill)}"'),
        ]
    return f"<g><title>{_text(ring.said)}</title>{''.join(parts)}</g>"


def _frame(frame: Frame) -> str:
    place, paint, line_px, seam_px = frame.place, frame.paint, frame.line_px, frame.seam_px
    parts = [
        _outline(place.grown(seam_px), BLACK, seam_px),
        _outline(place.grown(-line_px), WHITE, seam_px),
        # The whole box shows its title under a pointer, not its thin lines alone.
        _outline(place, paint.contrast if paint.stroke.pattern else paint.fill, line_px, 'pointer-events="all"'),
        *(_sides(place, paint, line_px) if paint.stroke.pattern else ()),
    ]
    return f"<g><title>{_text(frame.said)}</title>{''.join(parts)}</g>"


def _sides(place: Rect, paint: Paint, line_px: int) -> Iterator[str]:
    """Yield the dashed lines of a frame: two flat ones, two upright ones."""
    half = line_px / 2
    flat = _line(paint.fill, line_px, open_pattern(paint.stroke, place.width, line_px=line_px))
    upright = _line(paint.fill, line_px, open_pattern(paint.stroke, place.height, line_px=line_px))
    for y in (place.top + half, place.bottom - half):
        yield f'<path d="M{place.left} {_number(y)}H{place.right}" {flat}/>'
    for x in (place.left + half, place.right - half):
        yield f'<path d="M{_number(x)} {place.top}V{place.bottom}" {upright}/>'


def _tag(tag: Tag, lettering: Lettering) -> str:
    padding_px, edge_px = lettering.padding_px, tag.edge_px
    baseline = tag.place.top + padding_px // 2 + lettering.ascent_px
    color = tag.paint.contrast
    return (
        '<g pointer-events="none">'
        + _rounded(tag.place, tag.paint.contrast, padding_px)
        + _rounded(tag.place.grown(-edge_px), tag.paint.fill, padding_px - edge_px)
        + _written(tag.label, tag.place.left + padding_px, baseline, lettering, color)
        + _written(tag.score, tag.place.right - padding_px, baseline, lettering, color, at_end=True)
        + "</g>"
    )


def _panel(panel: Panel) -> Iterator[str]:
    radius_px = 2 * panel.lettering.padding_px
    yield '<g pointer-events="none">'
    yield _rounded(panel.place, WHITE, radius_px, opacity=EDGE_OPACITY)
    yield _rounded(panel.place.grown(-1), BLACK, radius_px - 1, opacity=PANEL_OPACITY)
    for row in panel.rows:
        yield _row(row, panel.lettering)
    yield "</g>"


def _row(row: Row, lettering: Lettering) -> str:
    baseline = row.place.top + lettering.ascent_px
    filled = row.filled
    middle = _number(row.bar.top + row.bar.height / 2)
    pattern = open_pattern(row.paint.stroke, filled.width, line_px=row.bar.height)
    bar = f'<path d="M{filled.left} {middle}H{filled.right}" {_line(row.paint.fill, row.bar.height, pattern)}/>'
    return (
        _written(row.text, row.place.left, baseline, lettering, WHITE)
        + _written(row.number, row.place.right, baseline, lettering, WHITE, at_end=True)
        + _rounded(row.bar, WHITE, 0, opacity=TRACK_OPACITY)
        + (bar if filled.width else "")
    )


def _written(text: str, x_px: int, baseline: int, lettering: Lettering, color: Rgb, *, at_end: bool = False) -> str:
    """Return a text as wide as it was measured, whatever font it is shown in."""
    if not text:
        return ""
    anchor = ' text-anchor="end"' if at_end else ""
    return (
        f'<text x="{x_px}" y="{baseline}" font-size="{lettering.font_px}" fill="{_color(color)}"{anchor}'
        f' textLength="{lettering.wide(text)}" lengthAdjust="spacingAndGlyphs">{_text(text)}</text>'
    )


def _outline(rect: Rect, color: Rgb, line_px: int, more: str = "") -> str:
    """Return a rectangle whose line lies inside of it."""
    if rect.width <= 0 or rect.height <= 0:
        return ""
    half = line_px / 2
    width_px, height_px = max(0.0, rect.width - line_px), max(0.0, rect.height - line_px)
    place = f'x="{_number(rect.left + half)}" y="{_number(rect.top + half)}"'
    return f'<rect {place} width="{_number(width_px)}" height="{_number(height_px)}" {_line(color, line_px)} {more}/>'


def _rounded(rect: Rect, color: Rgb, radius_px: int, *, opacity: int = 255) -> str:
    if rect.width <= 0 or rect.height <= 0:
        return ""
    clear = f' fill-opacity="{_number(opacity / 255)}"' if opacity < 255 else ""  # noqa: PLR2004 - all of it
    return (
        f'<rect x="{rect.left}" y="{rect.top}" width="{rect.width}" height="{rect.height}"'
        f' rx="{max(0, radius_px)}" fill="{_color(color)}"{clear}/>'
    )


def _circle(center: tuple[float, float], radius_px: float, how: str) -> str:
    return f'<circle cx="{_number(center[0])}" cy="{_number(center[1])}" r="{_number(radius_px)}" {how}/>'


def _line(color: Rgb, width_px: float, pattern: tuple[float, ...] = ()) -> str:
    dashed = f' stroke-dasharray="{" ".join(map(_number, pattern))}"' if pattern else ""
    return f'stroke="{_color(color)}" stroke-width="{_number(width_px)}"{dashed}'


def _color(color: Rgb) -> str:
    return f"#{color[0]:02x}{color[1]:02x}{color[2]:02x}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    """Return a text as XML has it. What XML 1.0 cannot hold was left out when the scene was laid out."""
    return html.escape(text)
