"""``saccade usage``: who used what, as a page on the terminal, as one HTML file, or as JSON."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from saccade.cli.options import read_settings
from saccade.cli.output import stderr, stdout, write_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from saccade.usage.report import UsageReport

usage = typer.Typer(
    help="Reports on who used what: from the ledger of SACCADE_DATABASE_URL, which no server needs to be running for.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_DAY = "24h"
_TIMES = "A moment as 2026-03-01T12:00, or a span before now as 45m, 24h, 7d or 2w."

Since: TypeAlias = Annotated[str | None, typer.Option(metavar="TIME", help=f"Where the window begins. {_TIMES}")]
Until: TypeAlias = Annotated[str | None, typer.Option(metavar="TIME", help="Where it ends; else now.")]
ZoneName: TypeAlias = Annotated[
    str | None,
    typer.Option("--timezone", metavar="NAME", help="Whose clock counts, as Europe/Rome; else that of this machine."),
]
BucketName: TypeAlias = Annotated[
    str, typer.Option("--bucket", metavar="auto|minute|hour|day", help="Spans of the timeline; auto suits the window.")
]
RecentLimit: TypeAlias = Annotated[int, typer.Option(metavar="N", help="Most recent requests shown.", min=0, max=1000)]
ServiceName: TypeAlias = Annotated[str | None, typer.Option("--service", metavar="NAME", help="Only this service.")]
Who: TypeAlias = Annotated[
    str | None, typer.Option("--principal", metavar="USER", help="Only who has this id, or is shown by this name.")
]
OutputFile: TypeAlias = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")
]


@usage.command("summary")
def summary(
    *,
    since: Since = _DAY,
    until: Until = None,
    timezone: ZoneName = None,
    bucket: BucketName = "auto",
    recent_limit: RecentLimit = 0,
    service: ServiceName = None,
    principal: Who = None,
    output: OutputFile = None,
) -> None:
    """Show the figures of the last 24 hours, or of another window, on the terminal."""
    report = _report(since, until, timezone, bucket, recent_limit=recent_limit, service=service, principal=principal)
    from saccade.cli.usage_page import usage_page

    console = stdout()
    if output is None:
        console.print(usage_page(report, width=_width(console.width)))
        return
    with console.capture() as captured:
        console.print(usage_page(report, width=_width(console.width)))
    _write(output, captured.get())


@usage.command("report")
def report_page(
    *,
    since: Since = None,
    until: Until = None,
    timezone: ZoneName = None,
    bucket: BucketName = "auto",
    recent_limit: RecentLimit = 25,
    service: ServiceName = None,
    principal: Who = None,
    output: OutputFile = None,
) -> None:
    """Write one HTML file about the whole history, or about a window; it opens anywhere, offline."""
    report = _report(since, until, timezone, bucket, recent_limit=recent_limit, service=service, principal=principal)
    from saccade.usage.html.page import report_to_html

    now = report.question.window.now.astimezone(report.question.zone)
    target = output or Path(f"saccade-usage-{now:%Y%m%d-%H%M%S}.html")
    _write(target, report_to_html(report))
    stdout().print(
        f"{report.requests:,} requests, {report.predictions.predictions:,} predictions: {target}", soft_wrap=True
    )


@usage.command("json")
def report_json(
    *,
    since: Since = _DAY,
    until: Until = None,
    timezone: ZoneName = None,
    bucket: BucketName = "auto",
    recent_limit: RecentLimit = 25,
    service: ServiceName = None,
    principal: Who = None,
    output: OutputFile = None,
) -> None:
    """Write the figures of the last 24 hours, or of another window, as JSON to stdout or a file."""
    report = _report(since, until, timezone, bucket, recent_limit=recent_limit, service=service, principal=principal)
    from saccade.usage.document import report_to_json

    if output is None:
        write_json(report_to_json(report), indent=2)
        return
    import json

    _write(output, json.dumps(report_to_json(report), ensure_ascii=False, indent=2) + "\n")


def _report(
    since: str | None,
    until: str | None,
    timezone: str | None,
    bucket: str,
    *,
    recent_limit: int,
    service: str | None,
    principal: str | None,
) -> UsageReport:
    """Read the ledger.

    Raises:
        ParameterInvalid: An option is wrong.
        DatabaseUnreachable: The database does not answer.
        SchemaBehind: Its schema is not this version's; a file of ours is brought up to date instead.
    """
    from saccade.clock import utc_now
    from saccade.usage.calendar import read_bucket
    from saccade.usage.report import Question, make_report
    from saccade.usage.window import read_window, zone_of

    zone = zone_of(timezone) if timezone is not None else _zone_here()
    window = read_window(since, until, zone=zone, now=utc_now())
    question = Question(window, zone, read_bucket(bucket), recent_limit, service, principal)
    settings = read_settings({})
    from saccade.backends.database.ledger_reading import SqlLedgerReader
    from saccade.backends.database.opening import open_database
    from saccade.wiring.schema import check_schema

    database = open_database(settings.database_url)
    try:
        check_schema(database)
        with _progress() as on_step:
            return make_report(SqlLedgerReader(database), question, on_step=on_step)
    finally:
        database.close()


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Say on a terminal what is being read; a large ledger takes seconds."""
    console = stderr()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Reading the ledger") as status:
        yield lambda step: status.update(f"Reading the ledger: {step}")


def _zone_here() -> tzinfo:
    """Return the time zone of this machine, by its name, so that changes of its clock are known; UTC if it has none."""
    from saccade.errors import ParameterInvalid
    from saccade.usage.window import zone_of

    names = [os.environ.get("TZ", "").removeprefix(":")]  # noqa: TID251 - the system's own setting
    names.append(os.path.realpath("/etc/localtime").rpartition("/zoneinfo/")[2])
    for name in names:
        with contextlib.suppress(ParameterInvalid):
            if name and not name.startswith("/"):
                return zone_of(name)
    return zone_of("UTC")


def _width(width: int) -> int:
    return max(60, min(width, 160))


def _write(target: Path, text: str) -> None:
    """Write a file whole or not at all, over one that is there.

    Raises:
        BadParameter: It cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as failure:
        raise typer.BadParameter(f"{target} cannot be written: {failure.strerror}", param_hint="--output") from failure
