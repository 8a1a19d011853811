"""``saccade work``: a worker without a server, on as many machines as wanted."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.options import HomeFolder, LogFormatName, LogLevelName, read_settings
from saccade.cli.output import report, shown_url
from saccade.errors import SaccadeError

if TYPE_CHECKING:
    from saccade.settings import Settings
    from saccade.worker.run import Begun

#: Exit codes that a restart would only repeat: a wrong setting or model, and a database that did not come in time.
_FINAL = frozenset({ExitCode.CONFIGURATION, ExitCode.USAGE, ExitCode.TRY_AGAIN})


def work(
    *,
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Work on items of these models only, separated by commas; else of all."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Items in hand at a time, else twice the largest batch (SACCADE_WORKER_CONCURRENCY).",
            min=0,
            max=1024,
        ),
    ] = None,
    home: HomeFolder = None,
    preload: Annotated[
        str | None,
        typer.Option(
            metavar="all|none", help="Load models at the start, or when items wait for them (SACCADE_PRELOAD)."
        ),
    ] = None,
    log_level: LogLevelName = None,
    log_format: LogFormatName = None,
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervisor/--no-supervisor",
            help="Start the worker again when it crashes; leave it out where something else does.",
        ),
    ] = True,
) -> None:
    """Work on the items of jobs until somebody stops it; it answers no requests.

    The database, the store and the broker are those of the server: SACCADE_DATABASE_URL, SACCADE_OBJECTS_URL and
    SACCADE_HINTS_URL. They are waited for. Ctrl-C or SIGTERM lets items under way end and hands the others back.
    """
    settings = read_settings(
        {
            "SACCADE_WORKER_CONCURRENCY": concurrency,
            "SACCADE_HOME": home,
            "SACCADE_PRELOAD": preload,
            "SACCADE_LOG_LEVEL": log_level,
            "SACCADE_LOG_FORMAT": log_format,
        }
    )
    wanted = tuple(filter(None, (name.strip() for name in (models or "").split(","))))
    if supervised:
        raise typer.Exit(_supervise(settings, wanted))
    raise typer.Exit(_work_here(settings, wanted))


def _supervise(settings: Settings, models: tuple[str, ...]) -> int:
    """Run the worker in a child that is started again when it crashes."""
    from saccade.cli.probe import PipeProbe
    from saccade.cli.serve import log_line
    from saccade.cli.supervisor import Reports, Supervisor

    probe = PipeProbe()
    supervisor = Supervisor(
        partial(_work_here, settings, models, tell=probe.tell),
        probe=probe,
        reports=Reports(ready=lambda: None, log=partial(log_line, settings)),
        grace_s=settings.worker.grace_s,
        what="worker",
        final=_FINAL,
    )
    return supervisor.run()


def _work_here(settings: Settings, models: tuple[str, ...], *, tell: Callable[[], None] = lambda: None) -> int:
    """Work in this process and return its exit code; an unknown fault leaves its trace on stderr."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(settings.engine.threads))  # noqa: TID251 - a library's setting
    try:
        from saccade.api.logs import configure_logs, log_hint_failure, log_load_failure, log_waiting
        from saccade.wiring import Reports
        from saccade.worker.run import run

        configure_logs(settings.log, environment=settings.place.environment)
        reports = Reports(load_failure=log_load_failure, waiting=log_waiting, hint_failure=log_hint_failure)
        run(settings, models=models, reports=reports, on_begin=partial(_announce, settings, tell))
    except SaccadeError as error:
        return report(error)
    except Exception:  # noqa: BLE001 - whatever it is, the supervisor must see an exit code and not a stack
        traceback.print_exc()
        return ExitCode.INTERNAL
    return ExitCode.OK


def _announce(settings: Settings, tell: Callable[[], None], begun: Begun) -> None:
    """Say who works, for what and where from."""
    tell()
    models = "1 model" if begun.models == 1 else f"{begun.models} models"
    with contextlib.suppress(OSError):  # whoever reads may be gone; that is no reason to stop working
        sys.stdout.write(
            f"Saccade works on items of {models}, {begun.concurrency} at a time; "
            f"database {shown_url(settings.database_url)}, hints {shown_url(settings.hints.url)}\n"
        )
        sys.stdout.flush()
