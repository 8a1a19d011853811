"""Jobs and the queue as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from saccade.predictions.render import Json

_STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}
_STATES = ("queued", "running", "succeeded", "failed", "cancelled", "expired")


def jobs_table(found: Sequence[Mapping[str, Json]]) -> Table:
    """Return one row for each job."""
    table = _table("Job", "State", "Done", "Problems", "Models", "Created")
    for job in found:
        counts = _counts(job)
        table.add_row(
            str(job["id"]),
            _state(job),
            f"{counts['total'] - counts['queued'] - counts['running']}/{counts['total']}",
            str(counts["failed"] + counts["expired"] or ""),
            ", ".join(cast("Sequence[str]", job["models"])),
            _moment(job["created_at"]),
        )
    return table


def job_page(job: Mapping[str, Json]) -> Table:
    """Return everything that is known of a job, a line each."""
    counts = _counts(job)
    page = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    page.add_row("job", Text(str(job["id"]), "bold"))
    page.add_row("state", _state(job))
    items = ", ".join(f"{counts[state]} {state}" for state in _STATES if counts[state])
    page.add_row("items", f"{counts['total']}: {items}")
    page.add_row("images", str(job["images"]))
    page.add_row("models", ", ".join(cast("Sequence[str]", job["models"])))
    page.add_row("priority", str(job["priority"]))
    for name in ("retry_of", "webhook"):
        if job[name] is not None:
            page.add_row(name.replace("_", " "), str(job[name]))
    for name in ("created_at", "started_at", "finished_at", "cancelled_at", "deadline_at"):
        if job[name] is not None:
            page.add_row(name.removesuffix("_at"), _moment(job[name]))
    return page


def queue_tables(queue: Mapping[str, Json]) -> tuple[Table, Table]:
    """Return the lines before the models, and the workers."""
    lines = _table("Model", "State", "Queued", "Running", "Oldest", "Per second")
    for line in cast("Sequence[Mapping[str, Json]]", queue["models"]):
        style = "green" if line["state"] == "served" else "red"
        lines.add_row(str(line["model"]), Text(str(line["state"]), style), *_figures(line))
    totals = cast("Mapping[str, Json]", queue["totals"])
    lines.add_row(Text("all", "bold"), "", *_figures(totals))
    workers = _table("Worker", "Host", "Running", "Takes", "Seen", "Models")
    for worker in cast("Sequence[Mapping[str, Json]]", queue["workers"]):
        workers.add_row(
            str(worker["id"]),
            str(worker["host"]),
            str(worker["running"]),
            str(worker["concurrency"]),
            f"{cast('float', worker['seen_age_s']):.0f} s ago",
            ", ".join(cast("Sequence[str]", worker["models"])),
        )
    return lines, workers


def _figures(line: Mapping[str, Json]) -> tuple[str, str, str, str]:
    oldest_s = cast("float | None", line["oldest_age_s"])
    oldest = "" if oldest_s is None else f"{oldest_s:.0f} s"
    return str(line["queued"]), str(line["running"]), oldest, f"{cast('float', line['drain_rate']):.1f}"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    numbers = {"Done", "Problems", "Queued", "Running", "Oldest", "Per second", "Takes"}
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in numbers else "left"
        # An id is there to be copied: it is not broken, however narrow the terminal is.
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading in {"Job", "Worker"})
    return table


def _state(job: Mapping[str, Json]) -> Text:
    state = str(job["state"])
    return Text(state, _STYLES.get(state, ""))


def _counts(job: Mapping[str, Json]) -> Mapping[str, int]:
    return cast("Mapping[str, int]", job["counts"])


def _moment(text: Json) -> str:
    """Return a moment to the second, as people read it; it is in UTC."""
    return str(text)[:19].replace("T", " ") + " UTC"
