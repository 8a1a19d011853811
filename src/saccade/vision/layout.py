"""What is drawn where: sizes that grow with the picture, outlines, and tags or, in a crowd, a panel."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from saccade.vision.lettering import Lettering, shown, shown_score
from saccade.vision.marks import Mark
from saccade.vision.palette import Paint, paints_for
from saccade.vision.panel import Entry, counted, panel_of
from saccade.vision.scene import Frame, Ring, Scene, Tag, tag_text
from saccade.vision.tags import Rect, as_boxes, free_place

#: Tags that would cover more than this part of the picture are made smaller, and left out where that is not enough.
MAX_TAGGED = 0.12
#: A panel that would cover more of the picture than this hides what it lists.
MAX_PANEL = 0.3
#: All radii together, in widths and heights of the picture: thousands of circles side by side need less, and a model
#: that is out of its mind must not keep us painting.
MAX_RADII = 100
#: On an icon only so many of the surest marks are tried: more tags than a few have no room there.
_TAGS_ON_ICON = 20
#: So many labels are said in words; the others are counted.
_LABELS_SAID = 5


@dataclass(frozen=True, slots=True)
class _Style:
    """Sizes that grow with the picture, so that it looks the same when it is shown in the same space."""

    line_px: int
    seam_px: int
    lettering: Lettering


def lay_out(marks: Sequence[Mark], *, width_px: int, height_px: int) -> Scene:
    """Say what is drawn for boxes, circles and tags.

    Tags show label and score, where there is no room for both the score alone, and where there is none at all the
    colour must do: tags never hide other tags or finds. The surest marks choose their place first. Lines and text scale
    with the picture, and text shrinks in a crowd. Where tags would still cover the picture, a panel counts each label
    instead and shows its median score; where the panel in turn would cover the picture, as on an icon, there are only
    tags that leave most of it and of every find free.

    Args:
        marks: What to draw, in any order.
        width_px: Of the picture.
        height_px: Of the picture.
    """
    picture = Rect(0, 0, width_px, height_px)
    style = _style_for(picture, marks)
    paints = paints_for(mark.label for mark in marks)
    surest_first = sorted(marks, key=lambda mark: -mark.score)
    crowded = _tagged_px(marks, picture, style) > MAX_TAGGED * _area(picture)
    # The panel is read like any text, so it does not shrink with the crowd.
    panel = panel_of(counted(marks, paints), picture, _style_for(picture).lettering) if crowded else None
    if panel is not None and _area(panel.place) > MAX_PANEL * _area(picture):
        panel = None
    tags = [] if panel is not None else _placed(surest_first, picture, paints, style, is_icon=crowded)
    return Scene(
        width_px,
        height_px,
        _counts_said(marks),
        style.lettering,
        rings=tuple(_rings(surest_first, picture, paints, style)),
        frames=tuple(_frame(mark, picture, paints[mark.label], style) for mark in surest_first[::-1]),
        tags=tuple(tags[::-1]),
        panel=panel,
    )


def lay_out_labels(labels: Sequence[tuple[str, float]], *, width_px: int, height_px: int) -> Scene:
    """Say what is drawn for labels of the whole picture: a small panel in the top left corner.

    Args:
        labels: Label and score 0..1, best first; what does not fit is left out from the end.
        width_px: Of the picture.
        height_px: Of the picture.
    """
    picture = Rect(0, 0, width_px, height_px)
    lettering = _style_for(picture).lettering
    paints = paints_for(label for label, _ in labels)
    entries = [Entry(shown(label), score, paints[label]) for label, score in labels]
    said = ", ".join(f"{entry.text} {shown_score(entry.score)}" for entry in entries[:_LABELS_SAID])
    return Scene(width_px, height_px, said, lettering, panel=panel_of(entries, picture, lettering))


def _counts_said(marks: Sequence[Mark]) -> str:
    counts = Counter(shown(mark.label) for mark in marks).most_common()
    told = [f"{count} {label}" for label, count in counts[:_LABELS_SAID]]
    beyond = len(counts) - _LABELS_SAID
    return ", ".join(told + ([f"{beyond} more labels"] if beyond > 0 else []))


def _style_for(picture: Rect, marks: Sequence[Mark] = ()) -> _Style:
    # The mean side, but never more than a panorama's short side can carry.
    side_px = min(math.sqrt(picture.height * picture.width), 2 * min(picture.height, picture.width))
    full = _style_of(side_px)
    tags_px = _tagged_px(marks, picture, full)
    most_px = MAX_TAGGED * _area(picture)
    if tags_px <= most_px:
        return full
    # In a crowd everything gets finer, down to half.
    return _style_of(side_px * max(0.5, math.sqrt(most_px / tags_px)))


def _style_of(side_px: float) -> _Style:
    line_px = max(1, round(side_px * 0.005))
    return _Style(line_px, max(1, round(line_px * 0.4)), Lettering.of_size(round(side_px * 0.028)))


def _tagged_px(marks: Sequence[Mark], picture: Rect, style: _Style) -> int:
    """Return the area that the tags of all marks would cover."""
    tags = Counter(tag_text(_label(mark, picture, style.lettering), shown_score(mark.score)) for mark in marks)
    return sum(style.lettering.wide(text) * count for text, count in tags.items()) * style.lettering.line_px


def _area(rect: Rect) -> int:
    return rect.width * rect.height


def _pixels_of(mark: Mark, picture: Rect) -> Rect:
    left, top, right, bottom = (round(edge) for edge in mark.box)
    # At least one pixel, so that even the smallest find can be seen.
    return Rect(left, top, max(right, left + 1), max(bottom, top + 1)).within(picture)


def _rings(surest_first: Sequence[Mark], picture: Rect, paints: Mapping[str, Paint], style: _Style) -> list[Ring]:
    """Return the circles, the least sure first; not those that no picture of this size can show."""
    line_px = max(1.0, style.line_px * 0.6)
    left_px: float = MAX_RADII * (picture.width + picture.height)
    rings: list[Ring] = []
    for mark in surest_first:
        circle = mark.circle
        if circle is None or circle.radius_px > min(left_px, math.hypot(picture.width, picture.height)):
            continue
        left_px -= circle.radius_px
        dot_px = style.line_px if circle.radius_px > 6 * style.line_px else 0
        rings.append(Ring(_said(mark), circle, line_px, style.seam_px, dot_px, paints[mark.label]))
    return rings[::-1]


def _frame(mark: Mark, picture: Rect, paint: Paint, style: _Style) -> Frame:
    place = _pixels_of(mark, picture)
    line_px = style.line_px if mark.circle is None else (style.line_px + 1) // 2
    # Small boxes get thinner lines, or nothing of what is in them would be left to see.
    line_px = max(1, min(line_px, min(place.width, place.height) // 8))
    return Frame(_said(mark), place, line_px, min(style.seam_px, line_px), paint)


def _placed(
    surest_first: Sequence[Mark], picture: Rect, paints: Mapping[str, Paint], style: _Style, *, is_icon: bool
) -> list[Tag]:
    finds = as_boxes([_pixels_of(mark, picture) for mark in surest_first])
    lettering = style.lettering
    tags: list[Tag] = []
    left_px = MAX_PANEL * _area(picture)
    for mark in surest_first[:_TAGS_ON_ICON] if is_icon else surest_first:
        score = shown_score(mark.score)
        for label in (_label(mark, picture, lettering), ""):
            width_px = lettering.wide(tag_text(label, score)) + 2 * lettering.padding_px
            height_px = lettering.line_px + lettering.padding_px
            if width_px * height_px > left_px:
                continue
            place = free_place(
                width_px,
                height_px,
                box=_pixels_of(mark, picture),
                picture=picture,
                taken=[tag.place for tag in tags],
                finds=finds,
                may_hide_own=not is_icon,
            )
            if place is not None:
                left_px -= _area(place)
                tags.append(Tag(label, score, place, style.seam_px, paints[mark.label]))
                break
    return tags


def _label(mark: Mark, picture: Rect, lettering: Lettering) -> str:
    return lettering.shortened(shown(mark.label), picture.width // 2)


def _said(mark: Mark) -> str:
    return f"{shown(mark.label)} {shown_score(mark.score)}"
