"""The traffic timeline: a bar for each bucket, its errors at the foot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from saccade.usage.calendar import Bucket
from saccade.usage.html.markup import Markup, tag
from saccade.usage.html.parts import folded, legend, panel, picture, square, table, words
from saccade.usage.numbers import compact, percent, whole
from saccade.usage.report import UsageReport
from saccade.usage.window import name_of

#: What a card says that has nothing to show.
NOTHING = "Nothing was asked in this window."
_TOP = 22
_FOOT = 26
_LEFT = 42
#: Share of its place that a bar fills.
_FILL = 0.78
_MOST_LINES = 5
#: Beyond so many rows the table is as coarse as the picture.
_MOST_ROWS = 400
_MONDAY = 0


@dataclass(frozen=True, slots=True)
class _Shape:
    """How large a picture is, and how much is in it."""

    kind: str
    width: int
    height: int
    most_bars: int
    most_ticks: int


_SHAPES = (_Shape("wide", 1020, 250, 240, 11), _Shape("narrow", 340, 210, 75, 4))


@dataclass(frozen=True, slots=True)
class _Bar:
    """Some buckets that stand side by side, as one."""

    begin: datetime
    requests: int
    errors: int


def traffic_panel(report: UsageReport) -> Markup:
    """Return the card of requests over time."""
    if not report.requests:
        return panel("traffic", "Traffic", "Requests over time.", tag("p", NOTHING, class_="empty"))
    marks = legend(
        [
            (square("blue"), join_counts(report.requests - report.errors, "answered")),
            (square("red"), join_counts(report.errors, "failed, with status 400 or above")),
        ]
    )
    rows = _gathered(report.buckets, _MOST_ROWS)
    heads = (("Begins", ""), ("Requests", "n"), ("Errors", "n"))
    figures = table(
        "Requests and errors over time",
        heads,
        ((f"{each.begin:%a %d %b %Y %H:%M}", whole(each.requests), whole(each.errors)) for each in rows),
    )
    pictures = (_picture(report, shape) for shape in _SHAPES)
    hint = f"Requests for each {_span(report, _SHAPES[0].most_bars)}, on the clock of {name_of(report.question.zone)}."
    return panel("traffic", "Traffic", hint, marks, *pictures, folded("These figures as a table", figures))


def join_counts(number: int, what: str) -> Markup:
    """Return a number and what it counts, the number set apart."""
    return Markup(f"{tag('b', whole(number))} {what}")


def axis_of(most: int) -> tuple[int, int]:
    """Return the step from one line of an axis to the next, a round number, and how many lines reach over this."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step * _MOST_LINES >= most:
                return factor * step, max(1, math.ceil(most / (factor * step)))
        step *= 10


def _gathered(buckets: Sequence[tuple[str, int, int]], most: int) -> list[_Bar]:
    """Return at most so many bars: as many buckets in each as it takes."""
    together = max(1, math.ceil(len(buckets) / most))
    groups = (buckets[begin : begin + together] for begin in range(0, len(buckets), together))
    return [
        _Bar(datetime.fromisoformat(group[0][0]), sum(n for _, n, _ in group), sum(bad for _, _, bad in group))
        for group in groups
    ]


def _span(report: UsageReport, most: int) -> str:
    together = max(1, math.ceil(len(report.buckets) / most))
    return report.bucket.value if together == 1 else f"{together} {report.bucket.value}s"


def _picture(report: UsageReport, shape: _Shape) -> Markup:
    bars = _gathered(report.buckets, shape.most_bars)
    peak = max(bars, key=lambda each: each.requests)
    description = (
        f"{whole(report.requests)} requests, {percent(report.error_share)} of them failed. "
        f"Most in one {_span(report, shape.most_bars)}: {whole(peak.requests)}, at {peak.begin:%a %d %b %Y %H:%M}."
    )
    return picture(
        "traffic",
        title="Requests and errors over time",
        description=description,
        kind=shape.kind,
        size=(shape.width, shape.height),
        marks=_marks(report, shape, bars, peak),
    )


def _marks(report: UsageReport, shape: _Shape, bars: Sequence[_Bar], peak: _Bar) -> Iterator[Markup]:
    step, lines = axis_of(peak.requests)
    floor_y = shape.height - _FOOT
    scale = (floor_y - _TOP) / (step * lines)
    place = (shape.width - _LEFT) / len(bars)
    for number in range(lines + 1):
        value = step * number
        y = floor_y - value * scale
        kind = "axis" if number == 0 else "grid"
        yield tag("line", x1=_LEFT, x2=shape.width, y1=y, y2=y, class_=kind)
        yield words(_LEFT - 8, y + 4, compact(value), anchor="end")
    for number, each in enumerate(bars):
        if each.requests:
            x = _LEFT + (number + (1 - _FILL) / 2) * place
            yield _drawn(each, x=x, width=place * _FILL, floor_y=floor_y, scale=scale)
    yield from _peak_words(shape, peak, _LEFT + (bars.index(peak) + 0.5) * place, floor_y - peak.requests * scale)
    yield from _ticks(report, shape)


def _drawn(each: _Bar, *, x: float, width: float, floor_y: float, scale: float) -> Markup:
    """Return a bar; little is never so little that it cannot be seen."""
    height = max(1.0, each.requests * scale)
    bad = min(height, max(1.5, each.errors * scale)) if each.errors else 0.0
    told = f"{each.begin:%a %d %b %H:%M}: {whole(each.requests)} requests, {whole(each.errors)} failed"
    good = tag("rect", x=x, y=floor_y - height, width=width, height=height - bad, class_="blue")
    failed = tag("rect", x=x, y=floor_y - bad, width=width, height=bad, class_="red") if bad else None
    return tag("g", tag("title", told), good, failed)


def _peak_words(shape: _Shape, peak: _Bar, x: float, y: float) -> Iterator[Markup]:
    """Say how many the highest bar has, inside the picture even where that bar is the first or the last."""
    anchor = "middle"
    if x < _LEFT + 40:
        anchor = "start"
    elif x > shape.width - 40:
        anchor = "end"
    yield words(x, y - 6, whole(peak.requests), anchor=anchor, kind="strong")


def _ticks(report: UsageReport, shape: _Shape) -> Iterator[Markup]:
    """Say when: at round times, no more of them than have room."""
    moments = [datetime.fromisoformat(label) for label, _, _ in report.buckets]
    place = (shape.width - _LEFT) / len(moments)
    for is_tick in _finenesses(report.bucket):
        chosen = [number for number, moment in enumerate(moments) if is_tick(moment)]
        if len(chosen) <= shape.most_ticks:
            break
    else:
        chosen = []
    for number in chosen or [0]:
        x = _LEFT + (number + 0.5) * place
        if x > shape.width - 16:
            continue
        yield tag("line", x1=x, x2=x, y1=shape.height - _FOOT, y2=shape.height - _FOOT + 4, class_="axis")
        yield words(max(x, _LEFT + 14), shape.height - 7, _tick_words(moments[number], report.bucket), anchor="middle")


def _tick_words(moment: datetime, bucket: Bucket) -> str:
    if bucket is Bucket.DAY:
        return f"{moment:%b %Y}" if moment.day == 1 and moment.month == 1 else f"{moment.day} {moment:%b}"
    if moment.hour == moment.minute == 0:
        return f"{moment:%a} {moment.day} {moment:%b}"
    return f"{moment:%H:%M}"


def _finenesses(bucket: Bucket) -> Iterator[Callable[[datetime], bool]]:
    """Yield which moments may be named, ever fewer."""
    if bucket is Bucket.MINUTE:
        for minutes in (1, 2, 5, 10, 15, 30, 60):
            yield lambda at, minutes=minutes: at.minute % minutes == 0  # type: ignore[misc]
    if bucket is not Bucket.DAY:
        for hours in (1, 2, 3, 6, 12, 24):
            yield lambda at, hours=hours: at.minute == 0 and at.hour % hours == 0  # type: ignore[misc]
    yield lambda at: at.hour == at.minute == 0
    yield lambda at: at.hour == at.minute == 0 and at.day % 2 == 1
    yield lambda at: at.hour == at.minute == 0 and at.weekday() == _MONDAY
    yield lambda at: at.hour == at.minute == 0 and at.weekday() == _MONDAY and at.isocalendar().week % 2 == 0
    for months in (1, 2, 3, 6, 12):
        yield lambda at, months=months: (  # type: ignore[misc]
            at.hour == at.minute == 0 and at.day == 1 and (at.month - 1) % months == 0
        )
    for years in (2, 5, 10):
        yield lambda at, years=years: at.day == at.month == 1 and at.hour == 0 and at.year % years == 0  # type: ignore[misc]
