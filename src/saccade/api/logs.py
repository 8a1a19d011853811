"""Log lines: one ECS object a line, or readable ones on a terminal; ours and the libraries' alike.

Lines are written with Python's own ``logging``; what a line says beside its message stands in ``extra={"facts": …}``,
by ECS names. Bodies, keys and query strings are never logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TextIO

from typing_extensions import override

from saccade.errors import ConfigurationError, HintsUnreachable, SaccadeError
from saccade.settings import Environment, LogFormat, LogSettings

log = logging.getLogger("saccade.models")
jobs_log = logging.getLogger("saccade.jobs")

#: Libraries that tell more than an operator wants to hear, and from which weight on they are heard.
_TALKATIVE: Mapping[str, int] = {
    **dict.fromkeys(("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"), logging.WARNING),
    **dict.fromkeys(("httpcore2", "httpx2", "python_multipart", "alembic"), logging.WARNING),
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
    handler = logging.StreamHandler(target)
    handler.setFormatter(_LateFormatter(settings.format, target, environment))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(capture=True)


def log_load_failure(reference: str, error: BaseException) -> None:
    """Say which model is not served, and why, with the trace: whoever mends it reads here."""
    log.error("model cannot be loaded", extra={"facts": {"saccade.model": reference}}, exc_info=error)


def log_waiting(error: SaccadeError, pause_s: float) -> None:
    """Say why jobs cannot be opened yet, and when it is tried again."""
    facts = {"error.code": error.code, "error.message": error.in_full, "saccade.pause_s": pause_s}
    if isinstance(error, ConfigurationError):
        jobs_log.error("jobs cannot be opened", extra={"facts": facts})
    else:
        jobs_log.warning("jobs are not open yet; it is tried again", extra={"facts": facts})


def log_hint_failure(error: HintsUnreachable) -> None:
    """Say that nobody was woken; the items are found a little later."""
    jobs_log.warning("no hint could be sent", extra={"facts": {"error.message": error.in_full}})


class _LateFormatter(logging.Formatter):
    """Makes lines with structlog, and imports it with the first of them: the way to a first answer needs none."""

    def __init__(self, wanted: LogFormat | None, target: TextIO, environment: Environment) -> None:
        super().__init__()
        self._wanted = wanted
        self._target = target
        self._environment = environment

    @cached_property
    def _lines(self) -> logging.Formatter:
        from saccade.api.log_lines import line_formatter

        return line_formatter(self._wanted, self._target, self._environment)

    @override
    def format(self, record: logging.LogRecord) -> str:
        return self._lines.format(record)
