"""``saccade serve``: the whole server in one command."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from saccade import __version__
from saccade.cli.exits import ExitCode
from saccade.cli.options import HomeFolder, LogFormatName, LogLevelName, ModelsFolder, read_settings
from saccade.cli.output import report, stderr, stdout
from saccade.clock import utc_now
from saccade.errors import SaccadeError

if TYPE_CHECKING:
    from saccade.cli.listening import Address
    from saccade.settings import Settings


def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address to listen on, else 127.0.0.1 (SACCADE_SERVER_HOST)."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", help="Port, else 8000; 0 takes a free one (SACCADE_SERVER_PORT).", min=0, max=65535
        ),
    ] = None,
    models: ModelsFolder = None,
    home: HomeFolder = None,
    allow_anyone: Annotated[
        bool | None,
        typer.Option("--allow-anyone", help="Serve everybody who can reach the address (SACCADE_SERVER_ALLOW_ANYONE)."),
    ] = None,
    access: Annotated[
        str | None,
        typer.Option(
            metavar="open|required", help="Whether callers say who they are, else open (SACCADE_ACCESS_MODE)."
        ),
    ] = None,
    preload: Annotated[
        str | None,
        typer.Option(metavar="all|none", help="Models to load before the server is ready, else all (SACCADE_PRELOAD)."),
    ] = None,
    log_level: LogLevelName = None,
    log_format: LogFormatName = None,
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervisor/--no-supervisor",
            help="Start the server again when it crashes; leave it out where something else does.",
        ),
    ] = True,
) -> None:
    """Serve the models over HTTP until somebody stops it.

    Ctrl-C or SIGTERM lets requests under way end; a second one does not wait.
    """
    settings = read_settings(
        {
            "SACCADE_SERVER_HOST": host,
            "SACCADE_SERVER_PORT": port,
            "SACCADE_MODELS": models,
            "SACCADE_HOME": home,
            "SACCADE_SERVER_ALLOW_ANYONE": allow_anyone,
            "SACCADE_ACCESS_MODE": access,
            "SACCADE_PRELOAD": preload,
            "SACCADE_LOG_LEVEL": log_level,
            "SACCADE_LOG_FORMAT": log_format,
        }
    )
    from saccade.cli.listening import listen
    from saccade.settings.production import check_production

    check_production(settings)
    server = settings.server
    bound, address = listen(server.host, server.port, is_guarded=settings.is_guarded)
    if supervised:
        raise typer.Exit(_supervise(settings, bound, address))
    stdout().print(f"Saccade listens at {address.url}; /readyz tells when its models are loaded", soft_wrap=True)
    sys.stdout.flush()
    raise typer.Exit(_serve_here(settings, bound))


def _supervise(settings: Settings, bound: socket.socket, address: Address) -> int:
    """Run the server in a child that is started again when it crashes."""
    from saccade.cli.probe import ReadyProbe
    from saccade.cli.supervisor import Reports, Supervisor

    supervisor = Supervisor(
        partial(_serve_here, settings, bound),
        probe=ReadyProbe(address.url),
        reports=Reports(ready=partial(_announce, address.url, settings), log=partial(log_line, settings)),
        grace_s=max(settings.server.grace_s, settings.worker.grace_s),
    )
    return supervisor.run()


def _serve_here(settings: Settings, bound: socket.socket) -> int:
    """Run the server in this process and return its exit code; an unknown fault leaves its trace on stderr."""
    # What is imported stays for good: looking through it for garbage, again and again, is lost time. ``run`` ends this.
    gc.disable()
    # numpy starts a thread for every CPU while it is imported. No graph uses them; what a plug-in computes with numpy
    # gets as many threads as any other run.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(settings.engine.threads))  # noqa: TID251 - a library's setting
    try:
        from saccade.api.serve import run
        from saccade.worker.embedded import Background

        run(settings, bound, companion=Background)
    except SaccadeError as error:
        return report(error)
    except Exception:  # noqa: BLE001 - whatever it is, the supervisor must see an exit code and not a stack
        traceback.print_exc()
        return ExitCode.INTERNAL
    return ExitCode.OK


def _announce(url: str, settings: Settings) -> None:
    """Say where the server is; on a terminal, also what to do there."""
    if not sys.stdout.isatty():
        with contextlib.suppress(OSError):  # whoever reads may be gone; that is no reason to stop serving
            sys.stdout.write(f"Saccade is ready at {url}\n")
            sys.stdout.flush()
        return
    console = stdout()
    console.print(f"\n[bold green]●[/] [bold]Saccade is ready at [link={url}]{url}[/link][/]", soft_wrap=True)
    shown = "" if settings.access.mode.value == "open" else '--header "X-API-Key: $KEY" '
    rows = {
        **(
            {}
            if not shown
            else {"key": "saccade keys create NAME --scope 'predict:*'  (saccade users create NAME first)"}
        ),
        "try": f"curl {shown}--data-binary @picture.jpg {url}/v1/models/circles/predict",
        "models": f"{url}/v1/models",
        "docs": f"{url}/docs",
        "stop": "Ctrl-C",
    }
    for name, what in rows.items():
        console.print(f"  [dim]{name:<7}[/] {what}", soft_wrap=True)
    console.print()


def _logs_json(settings: Settings) -> bool:
    """Tell whether log lines are JSON."""
    return settings.log.format.value == "json" if settings.log.format else not sys.stderr.isatty()


def log_line(settings: Settings, level: str, message: str) -> None:
    """Write one log line of the supervisor, in the form of the server's own."""
    if _logs_json(settings):
        line = {
            "@timestamp": utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log.level": level,
            "message": message,
            "ecs.version": "1.6.0",
            "log": {"logger": "saccade.supervisor"},
            "process": {"pid": os.getpid()},
            "service": {
                "name": "saccade",
                "version": __version__,
                "environment": settings.place.environment.value,
            },
        }
        with contextlib.suppress(OSError):
            sys.stderr.write(json.dumps(line) + "\n")
            sys.stderr.flush()
        return
    colour = {"error": "red", "info": "green"}.get(level, "yellow")
    stderr().print(f"[{colour}]{level}[/] {message}", soft_wrap=True)
