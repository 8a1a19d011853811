"""What a command writes: results to stdout, everything else to stderr, and an error as one line.

Rich is imported where something is printed, so that ``saccade --help`` does not pay for it.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from saccade.cli.exits import ExitCode, ending_of, hint_of
from saccade.errors import SaccadeError

if TYPE_CHECKING:
    from rich.console import Console

#: The part of a URL that may hold a user and a password, which may have a slash or an @ in it that nobody escaped.
_CREDENTIALS = re.compile(r"(?<=://)\S+(?=@)")
#: The query may hold them too: drivers of databases take a password from there.
_SECRET_PARAMETERS = re.compile(r"(?i)([?&][^=&\s]*(?:pass|secret|key|token)[^=&\s]*=)[^&,\s]+")


def stdout() -> Console:
    """Return a console for results; a pipe gets plain lines that no terminal's width breaks."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def stderr() -> Console:
    """Return a console for progress and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def write_json(document: object, *, indent: int | None = None) -> None:
    """Write one JSON document and a newline to stdout, at once."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=indent) + "\n")
    sys.stdout.flush()


def report(error: SaccadeError) -> ExitCode:
    """Write what happened, who must act and what to do, in one line on stderr.

    Returns:
        The exit code that goes with it.
    """
    from rich.text import Text

    ending = ending_of(error)
    hint = hint_of(error)
    line = Text.assemble(
        ("Error: ", "bold red"),
        error.in_full,
        " ",
        (f"{ending.who}: {hint}" if hint else f"{ending.who}.", "yellow"),
        " ",
        (f"[{error.code}]", "dim"),
    )
    stderr().print(line, soft_wrap=True)
    return ending.exit_code


def shown_url(url: str) -> str:
    """Return a URL, or a text with URLs, without users and passwords."""
    return _SECRET_PARAMETERS.sub(r"\1…", _CREDENTIALS.sub("…", url))


def shown_score(score: float) -> str:
    """Return a score of 0..1 as people read it in a table."""
    return f"{score:.3f}"


def shown_bytes(size_bytes: int) -> str:
    """Return a size in the unit that keeps it short."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004 - the step between these units
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
