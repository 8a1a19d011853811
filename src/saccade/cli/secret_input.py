"""Passwords as a command gets them: typed twice at a terminal and not shown, or one line from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from saccade.cli.output import stderr
from saccade.errors import ParameterInvalid

FromStdin: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin, for scripts.")
]

_TRIES = 3
#: More than the longest password, so that one that is too long is told as such.
_MOST_BYTES = 8192


def read_password(check: Callable[[str], None], *, from_stdin: bool) -> str:
    """Return a new password.

    Args:
        check: Raises ParameterInvalid where a password is not taken; at a terminal it is asked for again.
        from_stdin: Take the first line of stdin.

    Raises:
        ParameterInvalid: It is not taken, or there is no terminal to ask at.
    """
    if from_stdin:
        password = _first_line()
        check(password)
        return password
    if not sys.stdin.isatty():
        raise ParameterInvalid(
            "There is no terminal to ask for the password at.", hint="Pipe it in with --password-stdin."
        )
    for _ in range(_TRIES - 1):
        password = typer.prompt("Password", hide_input=True, err=True)
        try:
            check(password)
        except ParameterInvalid as refusal:
            stderr().print(str(refusal), style="yellow", soft_wrap=True, markup=False)
        else:
            return _typed_again(password)
    password = typer.prompt("Password", hide_input=True, err=True)
    check(password)
    return _typed_again(password)


def _typed_again(password: str) -> str:
    """Return the password once it was typed a second time.

    Raises:
        ParameterInvalid: It was another one, three times.
    """
    for left in reversed(range(_TRIES)):
        if typer.prompt("Repeat it", hide_input=True, err=True) == password:
            return password
        if left:
            stderr().print("That was another one.", style="yellow")
    raise ParameterInvalid("The two passwords are not the same.", hint="Nothing was changed; start again.")


def _first_line() -> str:
    """Return the first line of stdin, without its end.

    Raises:
        ParameterInvalid: It is no text.
    """
    line = sys.stdin.buffer.readline(_MOST_BYTES)
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise ParameterInvalid("The password on stdin is not UTF-8.", hint="Check the pipe's encoding.") from None
