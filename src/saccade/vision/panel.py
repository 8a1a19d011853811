"""The panel: labels, scores and their bars in the top left corner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from saccade.vision.lettering import Lettering, shown, shown_score
from saccade.vision.marks import Mark
from saccade.vision.palette import Paint
from saccade.vision.scene import Panel, Row
from saccade.vision.tags import Rect

#: A picture is an icon, where one row covers most of its width, if it is not so many lines of text wide.
_LEAST_WIDE = 8
#: Room that a word takes, in heights of a line.
_WORD = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row is about: a text, a score 0..1, and how its bar is drawn."""

    text: str
    score: float
    paint: Paint


def counted(marks: Sequence[Mark], paints: Mapping[str, Paint]) -> list[Entry]:
    """Return an entry for each label, the commonest first: how many there are, and their median score."""
    scores: dict[str, list[float]] = {}
    for mark in marks:
        scores.setdefault(mark.label, []).append(mark.score)
    commonest_first = sorted(scores, key=lambda label: (-len(scores[label]), label))
    return [
        Entry(f"{len(scores[label])} {shown(label)}", median(scores[label]), paints[label]) for label in commonest_first
    ]


def panel_of(entries: Sequence[Entry], picture: Rect, lettering: Lettering) -> Panel | None:
    """Place a panel in the top left corner; what does not fit is left out from the end, all of it where nothing does.

    Args:
        entries: The rows, from the top.
        picture: The whole picture.
        lettering: The size of its text.
    """
    padding_px = lettering.padding_px
    margin = padding_px * 2
    row_px = round(lettering.line_px * 1.75)
    most_px = picture.height - 2 * margin - padding_px * 2
    most_rows = most_px // row_px if picture.width >= _LEAST_WIDE * lettering.line_px else min(1, most_px // row_px)
    fitting = entries[: max(0, most_rows)]
    widest = max((lettering.wide(f"{entry.text}  {shown_score(entry.score)}") for entry in fitting), default=0)
    room_px = picture.width - 2 * margin - 4 * padding_px
    # Small beside the picture, but on a narrow one still wide enough for a word.
    inner_px = min(
        max(widest + margin, lettering.line_px * 8), max(picture.width // 2, lettering.line_px * 10), room_px
    )
    if not fitting or inner_px < lettering.wide("0.00"):
        return None
    place = Rect(margin, margin, margin + inner_px + 4 * padding_px, margin + len(fitting) * row_px + padding_px)
    left, right = place.left + 2 * padding_px, place.right - 2 * padding_px
    tops = (place.top + padding_px + number * row_px for number in range(len(fitting)))
    rows = (
        _row(entry, Rect(left, top, right, top + row_px), lettering) for top, entry in zip(tops, fitting, strict=True)
    )
    return Panel(place, tuple(rows), lettering)


def _row(entry: Entry, place: Rect, lettering: Lettering) -> Row:
    number = shown_score(entry.score)
    room_px = place.width - lettering.wide(number) - 2 * lettering.padding_px
    if room_px < min(lettering.wide(entry.text), _WORD * lettering.line_px):
        # The bar tells the score, and nothing else the label.
        number, room_px = "", place.width
    bar_px = max(1, round(lettering.line_px * 0.16))
    top = place.top + lettering.line_px + max(1, bar_px // 2)
    bar = Rect(place.left, top, place.right, top + bar_px)
    filled_px = round(place.width * min(max(entry.score, 0.0), 1.0))
    return Row(
        lettering.shortened(entry.text, room_px),
        number,
        place,
        bar,
        Rect(bar.left, bar.top, bar.left + filled_px, bar.bottom),
        entry.paint,
    )
