"""Latency by endpoint: half, 95 % and 99 % of the requests, as points on one logarithmic line each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from saccade.usage.html.markup import Markup, tag
from saccade.usage.html.parts import cut, folded, legend, panel, picture, table, words
from saccade.usage.html.timeline import NOTHING
from saccade.usage.latency import Percentiles
from saccade.usage.numbers import lasting, whole
from saccade.usage.report import UsageReport

#: Endpoints that are drawn, the busiest; the table has all.
_MOST_DRAWN = 10
#: The power of ten that is a second, in ms.
_SECOND = 3
_HEAD = 20
_FOOT = 24


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a row is laid out: names beside the line, or above it."""

    kind: str
    width: int
    left: int
    right: int
    row: int
    line_y: int
    name_characters: int
    names_above: bool


_SHAPES = (
    _Shape("wide", 1020, 330, 74, 34, 17, 42, names_above=False),
    _Shape("narrow", 340, 6, 14, 48, 34, 44, names_above=True),
)


def latency_panel(report: UsageReport) -> Markup:
    """Return the card of how long requests took."""
    if report.latency is None:
        return panel("latency", "Latency", "How long requests took.", tag("p", NOTHING, class_="empty"))
    timed = [(each.name, each.requests, each.latency) for each in report.endpoints if each.latency is not None]
    rows = [("All endpoints", report.requests, report.latency), *timed]
    drawn = [(name, latency) for name, _, latency in rows[: _MOST_DRAWN + 1]]
    heads = (("Endpoint", "route"), ("Requests", "n"), ("p50", "n"), ("p95", "n"), ("p99", "n"))
    figures = table(
        "Percentiles of latency by endpoint",
        heads,
        (
            (name, whole(n), lasting(latency.p50_ms), lasting(latency.p95_ms), lasting(latency.p99_ms))
            for name, n, latency in rows
        ),
    )
    keys = legend(
        [
            (_dot(6, 6, 5), "half were at most as slow"),
            (_ring(6, 6, 4.5), "95 %"),
            (_bar99(6, 6, 5), "99 %"),
        ]
    )
    hint = "From the head of a request to the end of its answer. Each step to the right is ten times as long."
    pictures = (_picture(drawn, shape) for shape in _SHAPES)
    return panel("latency", "Latency", hint, keys, *pictures, folded("All endpoints as a table", figures))


def decades(latencies: Sequence[Percentiles]) -> tuple[int, int]:
    """Return the powers of ten, in ms, between which all lie."""
    least = min(each.p50_ms for each in latencies)
    most = max(each.p99_ms for each in latencies)
    first = math.floor(math.log10(least))
    return first, max(first + 1, math.ceil(math.log10(most)))


def _picture(drawn: Sequence[tuple[str, Percentiles]], shape: _Shape) -> Markup:
    slowest = max(drawn, key=lambda each: each[1].p95_ms)
    everything = drawn[0][1]
    description = (
        f"Half of all requests took at most {lasting(everything.p50_ms)}, 95 % at most {lasting(everything.p95_ms)}, "
        f"99 % at most {lasting(everything.p99_ms)}. Slowest at 95 %: {slowest[0]} with {lasting(slowest[1].p95_ms)}."
    )
    return picture(
        "latency",
        title="Percentiles of latency by endpoint",
        description=description,
        kind=shape.kind,
        size=(shape.width, _HEAD + len(drawn) * shape.row + _FOOT),
        marks=_marks(drawn, shape),
    )


def _marks(drawn: Sequence[tuple[str, Percentiles]], shape: _Shape) -> Iterator[Markup]:
    first, last = decades([latency for _, latency in drawn])
    room = shape.width - shape.left - shape.right
    floor_y = _HEAD + len(drawn) * shape.row

    def place(duration_ms: float) -> float:
        return shape.left + room * (math.log10(duration_ms) - first) / (last - first)

    for power in range(first, last + 1):
        x = place(10.0**power)
        yield tag("line", x1=x, x2=x, y1=_HEAD, y2=floor_y, class_="grid")
        anchor = "start" if shape.names_above and power == first else "middle"
        yield words(x if anchor == "middle" else 0, floor_y + 18, _decade(power), anchor=anchor)
    yield words(shape.width, 12, "p95", anchor="end")
    for number, (name, latency) in enumerate(drawn):
        y = _HEAD + number * shape.row
        kind = "strong" if number == 0 else None
        name_y = y + 16 if shape.names_above else y + shape.line_y + 4
        yield words(0, name_y, cut(name, shape.name_characters), kind=kind)
        yield _row(name, latency, tuple(map(place, (latency.p50_ms, latency.p95_ms, latency.p99_ms))), y + shape.line_y)
        yield words(shape.width, name_y, lasting(latency.p95_ms), anchor="end", kind="strong")


def _row(name: str, latency: Percentiles, places: tuple[float, ...], y: float) -> Markup:
    told = f"{name}: p50 {lasting(latency.p50_ms)}, p95 {lasting(latency.p95_ms)}, p99 {lasting(latency.p99_ms)}"
    p50, p95, p99 = places
    line = tag("line", x1=p50, x2=p99, y1=y, y2=y, class_="range")
    return tag("g", tag("title", told), line, _bar99(p99, y, 6), _ring(p95, y, 4.5), _dot(p50, y, 5))


def _dot(x: float, y: float, radius: float) -> Markup:
    return tag("circle", cx=x, cy=y, r=radius, class_="blue")


def _ring(x: float, y: float, radius: float) -> Markup:
    return tag("circle", cx=x, cy=y, r=radius, class_="ring")


def _bar99(x: float, y: float, half: float) -> Markup:
    return tag("line", x1=x, x2=x, y1=y - half, y2=y + half, class_="tick99")


def _decade(power: int) -> str:
    """Return a power of ten in ms; in seconds from one on, for nobody reads powers of ten in minutes."""
    return f"{10.0**power:g}\u00a0ms" if power < _SECOND else f"{10 ** (power - _SECOND):,}\u00a0s"
