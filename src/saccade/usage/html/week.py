"""The hours of the week: a field of 7 days by 24 hours, darker where more was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from saccade.usage.calendar import HOURS
from saccade.usage.html.markup import Markup, tag
from saccade.usage.html.parts import folded, legend, panel, picture, square, table, words
from saccade.usage.html.timeline import NOTHING
from saccade.usage.numbers import whole
from saccade.usage.report import UsageReport
from saccade.usage.window import name_of

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHADES = 5


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where cells stand: the step from one to the next, and how many hours there are between two that are named."""

    kind: str
    left: int
    step_x: float
    step_y: float
    gap: float
    named_every: int


_SHAPES = (_Shape("wide", 46, 40.5, 25, 3, 2), _Shape("narrow", 34, 12.75, 17, 1.5, 6))
_TOP = 20


def week_panel(report: UsageReport) -> Markup:
    """Return the card of the hours of the week."""
    most = max(max(hours) for hours in report.week)
    if not most:
        return panel("week", "Hours of the week", "When people ask.", tag("p", NOTHING, class_="empty"))
    bounds = shade_bounds(most)
    heads = (("Hour", ""), *((name[:3], "n") for name in DAY_NAMES))
    rows = ((f"{hour:02}:00", *(whole(day[hour]) for day in report.week)) for hour in range(HOURS))
    return panel(
        "week",
        "Hours of the week",
        f"Requests by day and hour, on the clock of {name_of(report.question.zone)}.",
        legend(_shades(bounds)),
        *(_picture(report.week, shape, bounds) for shape in _SHAPES),
        folded("These figures as a table", table("Requests by hour and day of the week", heads, rows)),
    )


def shade_bounds(most: int) -> list[int]:
    """Return the least number of each shade, from the palest; few shades where there are few numbers.

    They grow with the square, so that nights and weekends are told apart beside the busiest hours.
    """
    return sorted({1 + (most * number * number) // (_SHADES * _SHADES) for number in range(_SHADES)})


def shade_of(requests: int, bounds: Sequence[int]) -> int:
    """Return the shade of a number: 0 for none, 5 for the most."""
    if not requests:
        return 0
    return _SHADES - len(bounds) + sum(requests >= bound for bound in bounds)


def _shades(bounds: Sequence[int]) -> Iterator[tuple[Markup, str]]:
    yield square("h0"), "none"
    for number, least in enumerate(bounds):
        kind = square(f"h{shade_of(least, bounds)}")
        if number == len(bounds) - 1:
            yield kind, f"{whole(least)} or more"
        else:
            most = bounds[number + 1] - 1
            yield kind, whole(least) if most == least else f"{whole(least)} to {whole(most)}"


def _picture(week: Sequence[Sequence[int]], shape: _Shape, bounds: Sequence[int]) -> Markup:
    total = sum(sum(hours) for hours in week)
    most, day, hour = max((n, -day, hour) for day, hours in enumerate(week) for hour, n in enumerate(hours))
    office = sum(sum(hours[8:18]) for hours in week[:5])
    description = (
        f"The busiest hour is {DAY_NAMES[-day]} {hour:02}:00 with {whole(most)} requests. "
        f"{office * 100 // total} % of all came from Monday to Friday between 8:00 and 18:00."
    )
    width = round(shape.left + shape.step_x * HOURS)
    height = round(_TOP + shape.step_y * len(DAY_NAMES))
    marks = _marks(week, shape, bounds)
    return picture(
        "week", title="Requests by hour of the week", description=description, kind=shape.kind, size=(width, height),
        marks=marks,
    )  # fmt: skip


def _marks(week: Sequence[Sequence[int]], shape: _Shape, bounds: Sequence[int]) -> Iterator[Markup]:
    for hour in range(0, HOURS, shape.named_every):
        yield words(shape.left + hour * shape.step_x, 12, f"{hour:02}")
    for day, (name, hours) in enumerate(zip(DAY_NAMES, week, strict=True)):
        y = _TOP + day * shape.step_y
        yield words(0, y + shape.step_y / 2 + 2.5, name[:3])
        for hour, requests in enumerate(hours):
            yield tag(
                "rect",
                tag("title", f"{name} {hour:02}:00: {whole(requests)} requests"),
                x=shape.left + hour * shape.step_x,
                y=y,
                width=shape.step_x - shape.gap,
                height=shape.step_y - shape.gap,
                rx=2,
                class_=f"h{shade_of(requests, bounds)}",
            )
