"""What a driver says when it fails, cut to what fits into one line of a log."""

from __future__ import annotations

_MOST_CHARACTERS = 300


def first_line(failure: BaseException | None) -> str:
    """Return the first line of a driver's words, without the paths and the stack that may follow.

    It may name hosts, ports, roles and keys, so it is for the log and the operator; drivers name no passwords in it.
    """
    line = next(iter(str(failure).strip().splitlines()), "") or type(failure).__name__
    return line[:_MOST_CHARACTERS]
