"""Log lines: one ECS object a line, or readable ones on a terminal; ours and the libraries' alike.

Bodies, keys and query strings are never logged.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from saccade import __version__
from saccade.settings import Environment, LogFormat, LogSettings

log = structlog.get_logger(**{"log.logger": "saccade.models"})

#: Libraries that tell more than an operator wants to hear, and from which weight on they are heard.
_TALKATIVE: Mapping[str, int] = {
    **dict.fromkeys(("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"), logging.WARNING),
    **dict.fromkeys(("httpcore2", "httpx2", "python_multipart"), logging.WARNING),
    # It complains of what strangers send, line by line; a picture that it cannot read is refused with a code anyway.
    "PIL": logging.CRITICAL,
}


def configure_logs(
    settings: LogSettings, *, environment: Environment = Environment.DEV, stream: TextIO | None = None
) -> None:
    """Send every log line of this process to one stream, in one form.

    Args:
        settings: From which weight on, and how lines look.
        environment: What kind of place this is; JSON lines name it.
        stream: Where to; by default the standard error stream.
    """
    target = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.value.upper()]
    prepare: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    finish = _finish(settings.format, target, environment)
    structlog.configure(
        processors=[*prepare, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*prepare, structlog.stdlib.add_logger_name, _name_logger],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(capture=True)


def log_load_failure(reference: str, error: BaseException) -> None:
    """Say which model is not served, and why, with the trace: whoever mends it reads here."""
    log.error("model cannot be loaded", **{"saccade.model": reference}, exc_info=error)


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
    """Name the logger of a library's line as ECS does."""
    event["log.logger"] = event.pop("logger", "")
    return event
