"""The usage report on a terminal: one page, with tables side by side where there is room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from rich.console import Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from saccade.usage.document import shown_names
from saccade.usage.notes import in_words, notes_on
from saccade.usage.numbers import compact, lasting, percent, size, whole
from saccade.usage.statuses import phrase
from saccade.usage.window import from_us, name_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from saccade.usage.report import UsageReport

#: From here on tables stand side by side.
_TWO_COLUMNS = 112
_GUTTER = 4
_MOST_ROWS = 8
_METER_CELLS = 6
_SPARKS = " ▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉"
_LEVELS = 8
_TIMELINE_ROWS = 4
_US_PER_MS = 1000
_AXIS = 8
_STYLES = {"2": "blue", "3": "cyan", "4": "yellow", "5": "red"}
_MANY_ERRORS = 0.05


def usage_page(report: UsageReport, *, width: int) -> RenderableType:
    """Return the page for a terminal of so many columns."""
    parts: list[RenderableType] = [*_title(report), Text(), _figures(report, width), Text()]
    if report.requests:
        parts += [*_timeline(report, width), Text()]
    parts += _tables(report, width)
    if report.recent:
        parts += [_recent(report, width), Text()]
    notes = Table.grid(padding=(0, 1, 0, 0))
    for note in notes_on(report):
        notes.add_row(Text("•", style="yellow"), Text(plain(note), style="dim"))
    return Group(*parts, Text("Data quality", style="bold"), notes)


def sparks(counts: Sequence[int], *, rows: int) -> list[str]:
    """Return a column of blocks for each count, as so many lines, the highest first; little is never nothing."""
    most = max(counts, default=0)
    heights = [math.ceil(count * rows * _LEVELS / most) if count else 0 for count in counts]
    lines = []
    for row in reversed(range(rows)):
        cells = (min(_LEVELS, max(0, height - row * _LEVELS)) for height in heights)
        lines.append("".join(_SPARKS[cell] for cell in cells))
    return lines


def gathered(counts: Sequence[int], most: int) -> tuple[list[int], int]:
    """Return at most so many counts, neighbours added up, and how many were added up each time."""
    together = max(1, math.ceil(len(counts) / most))
    return [sum(counts[begin : begin + together]) for begin in range(0, len(counts), together)], together


def meter(parts: Sequence[tuple[float, str]], *, cells: int = _METER_CELLS) -> Text:
    """Return a bar of coloured parts, each a share of 0..1; the last cell is filled to an eighth."""
    bar = Text()
    filled = [(min(cells * _LEVELS, round(share * cells * _LEVELS)), style) for share, style in parts if share > 0]
    for number, (eighths, style) in enumerate(filled):
        is_last = number == len(filled) - 1
        full, rest = divmod(max(1, eighths), _LEVELS) if is_last else (max(1, round(eighths / _LEVELS)), 0)
        room = cells - len(bar)
        bar.append(("█" * full + (_PARTS[rest] if rest else ""))[:room], style=style)
    bar.append(" " * (cells - len(bar)))
    return bar


def plain(text: str) -> str:
    """Return a text that a stranger chose without what would move the cursor or turn the line around."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _title(report: UsageReport) -> list[RenderableType]:
    question = report.question
    until, since = question.window.until.astimezone(question.zone), report.begins
    begins = "the first row" if since is None else f"{since:%a %d %b %Y %H:%M}"
    span = "" if since is None else f" · {in_words(until - since)}"
    names = ("Usage", question.service, question.principal)
    what = Text(" · ".join(plain(name) for name in names if name), style="bold")
    when = f"{begins} to {until:%a %d %b %Y %H:%M}{span} · {name_of(question.zone)}"
    return [Rule(what, align="left", style="blue"), Text(when, style="dim")]


def _figures(report: UsageReport, width: int) -> Table:
    """Return the figures that count, in one line."""
    latency = "none" if report.latency is None else lasting(report.latency.p95_ms)
    figures = (
        ("requests", whole(report.requests), "bold"),
        ("errors", percent(report.error_share), "bold red" if report.error_share >= _MANY_ERRORS else "bold"),
        ("users", whole(report.users_seen), "bold"),
        ("p95", latency, "bold"),
        ("predictions", whole(report.predictions.predictions), "bold"),
        ("pixels", compact(report.predictions.pixels, "px"), "bold"),
        ("bytes in", size(report.bytes_in), "bold"),
    )
    taken = sum(max(len(name), len(value)) for name, value, _ in figures)
    gap = max(1, min(6, (width - taken) // len(figures)))
    grid = Table.grid(padding=(0, gap, 0, 0))
    grid.add_row(*(Text(value, style=style) for _, value, style in figures))
    grid.add_row(*(Text(name, style="dim") for name, _, _ in figures))
    return grid


def _timeline(report: UsageReport, width: int) -> list[RenderableType]:
    room = width - _AXIS
    requests, together = gathered([n for _, n, _ in report.buckets], room)
    errors, _ = gathered([bad for _, _, bad in report.buckets], room)
    # Each count fills a share of the room, so that few fill it too.
    places = [column * len(requests) // room for column in range(room)]
    each = report.bucket.value if together == 1 else f"{together} {report.bucket.value}s"
    heading = Text.assemble(("Requests ", "bold"), (f"each {each}", "dim"))
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(justify="right", width=_AXIS - 1, style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    lines = sparks([requests[place] for place in places], rows=_TIMELINE_ROWS)
    for number, line in enumerate(lines):
        label = compact(max(requests)) if number == 0 else ""
        grid.add_row(label, Text(line, style="blue"))
    if any(errors):
        grid.add_row("errors", Text(sparks([errors[place] for place in places], rows=1)[0], style="red"))
    first, last = (datetime.fromisoformat(report.buckets[end][0]) for end in (0, -1))
    begins, ends = f"{first:%a %d %b %H:%M}", f"{last:%a %d %b %H:%M}"
    grid.add_row("", Text(begins + " " * (room - len(begins) - len(ends)) + ends, style="dim"))
    return [heading, grid]


def _tables(report: UsageReport, width: int) -> list[RenderableType]:
    """Return the tables, in pairs where there is room for them."""
    if width < _TWO_COLUMNS:
        narrow = [_endpoints(report, width), _statuses(report, width), _users(report, width), _models(report, width)]
        return [part for table in narrow if table is not None for part in (table, Text())]
    left, right = (width - _GUTTER) * 6 // 10, width - _GUTTER - (width - _GUTTER) * 6 // 10
    half = (width - _GUTTER) // 2
    pairs = (
        (_endpoints(report, left), _statuses(report, right)),
        (_users(report, half), _models(report, half)),
    )
    found: list[RenderableType] = []
    for pair in pairs:
        tables = [table for table in pair if table is not None]
        if tables:
            grid = Table.grid(padding=(0, _GUTTER, 0, 0), pad_edge=False)
            grid.add_row(*tables)
            found += [grid, Text()]
    return found


def _endpoints(report: UsageReport, width: int) -> Table | None:
    if not report.endpoints:
        return None
    table = _table("Endpoints", width, "", "requests", "errors", "p50", "p95")
    most = report.endpoints[0].requests
    for each in report.endpoints[:_MOST_ROWS]:
        latency = each.latency
        good, bad = (each.requests - each.errors) / most, each.errors / most
        table.add_row(
            Text.assemble((f"{each.method:<5}", "dim"), plain(each.route)),
            meter([(good, "blue"), (bad, "red")]),
            whole(each.requests),
            _bad(each.errors),
            "" if latency is None else lasting(latency.p50_ms),
            "" if latency is None else lasting(latency.p95_ms),
        )
    return _with_rest(table, len(report.endpoints))


def _statuses(report: UsageReport, width: int) -> Table | None:
    if not report.statuses:
        return None
    table = _table("Statuses", width, "", "requests", "share")
    for status, number in report.statuses:
        style = _STYLES.get(str(status)[0], "")
        share = number / report.requests
        name = Text.assemble((f"{status} ", style), (phrase(status), "dim"))
        table.add_row(name, meter([(share, style)]), whole(number), percent(share))
    return table


def _users(report: UsageReport, width: int) -> Table | None:
    if not report.users:
        return None
    table = _table("Users", width, "", "requests", "errors", "images", "pixels")
    most = report.users[0].requests
    for name, user in list(zip(shown_names(report.users), report.users, strict=True))[:_MOST_ROWS]:
        good, bad = (user.requests - user.errors) / most, user.errors / most
        table.add_row(
            Text(plain(name)),
            meter([(good, "blue"), (bad, "red")]),
            whole(user.requests),
            _bad(user.errors),
            whole(user.images),
            compact(user.pixels, "px"),
        )
    return _with_rest(table, report.users_seen)


def _models(report: UsageReport, width: int) -> Table | None:
    if not report.models:
        return None
    table = _table("Models", width, "", "total", "cached", "failed", "pixels")
    most = report.models[0].predictions
    for model in report.models[:_MOST_ROWS]:
        parts = ((model.succeeded, "blue"), (model.cached, "green"), (model.failed, "red"))
        table.add_row(
            Text(plain(model.model)),
            meter([(number / most, style) for number, style in parts]),
            whole(model.predictions),
            whole(model.cached),
            _bad(model.failed),
            compact(model.pixels, "px"),
        )
    return _with_rest(table, len(report.models))


def _recent(report: UsageReport, width: int) -> Table:
    table = _table("Recent requests", width, "at", "user", "status", "took")
    for request in report.recent:
        status = Text(str(request.status), style=_STYLES.get(str(request.status)[0], ""))
        table.add_row(
            Text.assemble((f"{request.method:<5}", "dim"), plain(request.route)),
            f"{from_us(request.at_us, report.question.zone):%d %b %H:%M:%S}",
            Text(plain(request.user_name)),
            status,
            lasting(request.duration_us / _US_PER_MS),
        )
    return table


def _table(title: str, width: int, *heads: str) -> Table:
    """Return a table whose first column, headed by the title, takes what room there is and is cut where it has none."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), width=width, header_style="dim")
    table.add_column(Text(title, style="bold not dim"), no_wrap=True, overflow="ellipsis", ratio=1)
    for head in heads:
        justify: Literal["left", "right"] = "right" if head else "left"
        table.add_column(head, justify=justify, no_wrap=True)
    return table


def _with_rest(table: Table, number: int) -> Table:
    """Return the table, with a line on how many more there are."""
    if number > _MOST_ROWS:
        table.add_row(Text(f"and {number - _MOST_ROWS:,} more", style="dim"))
    return table


def _bad(number: int) -> Text:
    return Text(whole(number), style="red" if number else "dim")
