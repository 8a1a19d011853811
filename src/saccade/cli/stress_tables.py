"""The figures of a stress run as people read them, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from saccade.cli.stress_figures import NO_ANSWER, Figures, Spread
from saccade.cli.stress_run import End

if TYPE_CHECKING:
    from rich.console import RenderableType

    from saccade.cli.stress_plan import Plan

#: Users and kinds of failures that are shown; --json has all.
_USERS = 12
_FAILURES = 5
#: From so many ms on, a tenth of one says nothing any more.
_WHOLE_MS = 99.95
_SECONDS_MS = 99_999.5


def report_of(plan: Plan, figures: Figures, end: End, *, begun: int, elapsed_s: float) -> Iterator[RenderableType]:
    """Yield what is printed at the end of a run, from times to the verdict, which stands last to be seen first."""
    if figures.stages:
        yield _stages(figures)
    if figures.calls:
        yield _calls(figures)
    if len(figures.users) > 1:
        yield _users(figures)
    yield from _failures(figures)
    yield _verdict(figures, elapsed_s)
    if figures.waits:
        yield Text(f"{_times(figures.waits)} the server said to come again later.", "yellow")
    done = figures.succeeded + figures.failed
    if end is End.INTERRUPTED:
        yield Text(f"Interrupted: {begun - done} under way were dropped, {plan.requests - begun} not begun.", "yellow")
    if end is End.DURATION:
        yield Text(f"The time was up: {plan.requests - begun} of {plan.requests} were not begun.", "yellow")


def _stages(figures: Figures) -> Table:
    """Return where the time went. Means add up to the last line of each block, and no other column does.

    Beside each mean stands how far it may be off, with 95 % confidence.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("Stage, in ms", no_wrap=True)
    for heading in ("n", "min", "p50", "p90", "p95", "p99", "max", "mean", "±"):
        table.add_column(heading, justify="right", no_wrap=True)
    for mode, stages in figures.stages.items():
        table.add_row(Text(mode.value, "bold cyan"))
        for name, spread in stages.items():
            is_sum = name == "end_to_end"
            style = "bold" if is_sum else "dim" if name == "rest" else ""
            shown = f"  {name.replace('_', ' ')}"
            table.add_row(shown, str(spread.count), *_all_times(spread), style=style, end_section=is_sum)
    return table


def _calls(figures: Figures) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("Call, in ms", overflow="fold")
    for heading in ("status", "n", "p50", "p95", "max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for (endpoint, status), spread in figures.calls.items():
        times = (_ms(spread.p50_ms), _ms(spread.p95_ms), _ms(spread.max_ms))
        table.add_row(Text(endpoint), Text(status, _status_style(status)), str(spread.count), *times)
    return table


def _users(figures: Figures) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("User, in ms", overflow="fold")
    for heading in ("succeeded", "failed", "p50", "p95", "max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, user in sorted(figures.users.items())[:_USERS]:
        spread = user.spread
        times = (_ms(spread.p50_ms), _ms(spread.p95_ms), _ms(spread.max_ms)) if spread else ("", "", "")
        failed = Text(str(user.failed or ""), "red")
        table.add_row(Text(name), str(len(user.times_s)), failed, *times)
    if len(figures.users) > _USERS:
        table.add_row(Text(f"and {len(figures.users) - _USERS} more: see --json", "dim"))
    return table


def _failures(figures: Figures) -> Iterator[RenderableType]:
    """Yield the most frequent kinds of failures, each with one that can be looked for in the server's log."""
    kinds = figures.ranked_failures
    for kind in kinds[:_FAILURES]:
        sample = kind.sample
        status = f" {sample.status}" if sample.status else ""
        yield Text.assemble((f"{kind.count} {sample.code}", "bold red"), f"  {sample.endpoint}{status}")
        yield Text(f"  {sample.detail}", overflow="fold")
        ids = (("request", sample.request_id), ("job", sample.job_id))
        first = ", ".join(f"{what} {found}" for what, found in ids if found)
        if first:
            yield Text(f"  first: {first}", "dim", overflow="fold")
    if len(kinds) > _FAILURES:
        yield Text(f"and {len(kinds) - _FAILURES} more kinds of failures: see --json", "dim")


def _verdict(figures: Figures, elapsed_s: float) -> Text:
    done = figures.succeeded + figures.failed
    rate = f", {done / elapsed_s:.1f} a second" if elapsed_s > 0 and done else ""
    style = "bold red" if figures.failed else "bold green"
    return Text.assemble(
        (f"{figures.succeeded} succeeded, {figures.failed} failed", style), f" in {elapsed_s:.1f} s{rate}"
    )


def _all_times(spread: Spread) -> tuple[str, ...]:
    times = (spread.min_ms, spread.p50_ms, spread.p90_ms, spread.p95_ms, spread.p99_ms, spread.max_ms, spread.mean_ms)
    return (*(_ms(time_ms) for time_ms in times), "" if spread.error_ms is None else _ms(spread.error_ms))


def _ms(time_ms: float) -> str:
    """Return a time in ms in at most six letters; what would not go in is told in seconds."""
    if abs(time_ms) >= _SECONDS_MS:
        return f"{time_ms / 1e3:.0f} s"
    return f"{time_ms:.0f}" if abs(time_ms) >= _WHOLE_MS else f"{time_ms:.1f}"


def _status_style(status: str) -> str:
    return "red" if status == NO_ANSWER or status >= "500" else "yellow" if status >= "400" else "green"


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{count} times"
