"""How a log line looks: one ECS object, or readable words on a terminal. ``logs`` imports it with the first line."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from saccade import __version__
from saccade.api.context import REQUEST_ID
from saccade.settings import Environment, LogFormat


def line_formatter(wanted: LogFormat | None, target: TextIO, environment: Environment) -> logging.Formatter:
    """Return what makes the lines, ours and the libraries' alike.

    Args:
        wanted: How lines look; None takes readable ones where the target is a terminal, else JSON.
        target: Where they go.
        environment: What kind of place this is; JSON lines name it.
    """
    prepare: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        _name_logger,
        _add_facts,
    ]
    finish = _finish(wanted, target, environment)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=prepare,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
    )


def _finish(wanted: LogFormat | None, target: TextIO, environment: Environment) -> list[Processor]:
    """Return the last steps, which make text of an event."""
    if wanted is LogFormat.CONSOLE or (wanted is None and target.isatty()):
        # Plain traces: the fancy ones show local variables, and those may hold pictures and secrets.
        return [
            _escape_controls,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
            ),
        ]
    import ecs_logging

    formatter = cast("Processor", ecs_logging.StructlogFormatter())
    return [partial(_name_service, environment), structlog.processors.format_exc_info, formatter]


def _escape_controls(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep a client's words from starting a line of their own or steering the terminal; JSON escapes them by itself."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode("ascii")
    return event


def _name_service(environment: Environment, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Say which program and process wrote the line, and in what kind of place."""
    event["service.name"] = "saccade"
    event["service.environment"] = environment.value
    event["service.version"] = __version__
    event["process.pid"] = os.getpid()
    event["log.level"] = event.pop("level", "info")
    return event


def _name_logger(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Name the logger as ECS does."""
    event["log.logger"] = event.pop("logger", "")
    return event


def _add_facts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the id of the request under way, and what our own lines say beside their message."""
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event["http.request.id"] = request_id
    event.update(getattr(event["_record"], "facts", {}))
    return event
