"""The pages of the reference that the command line and the settings write about themselves."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import cast

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from saccade import settings
from saccade.cli.exits import ENDINGS, MEANINGS
from saccade.cli.main import app

_CLI_INTRO = """
# Command line

Written by `make docs` from the program itself; a test sees that it is current.

Results go to stdout and everything else to stderr, so that a pipe gets results only.
An error of Saccade's own is one line: what happened, who must act, what to do, and its stable code.
"""

_SETTINGS_INTRO = """
# Settings

Written by `make docs` from `src/saccade/settings/sections.py`; a test sees that it is current.

A value is taken from the command line, else from the environment, else from a `.env` file in the working folder, else
it is the default.
A `SACCADE_` variable that is not listed here is an error, for it is a misspelt one.
`saccade doctor` shows every value and where it came from.
"""


def cli_page() -> str:
    """Return docs/reference/cli.md."""
    root = cast("TyperGroup", typer.main.get_command(app))
    parts = [cleandoc(_CLI_INTRO), "## Exit codes", _exit_codes()]
    for path, command in _commands(root, "saccade"):
        parts += [f"## {path}", *_command(path, command)]
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """Return docs/reference/settings.md."""
    parts = [cleandoc(_SETTINGS_INTRO)]
    for section, kind in settings.SECTIONS.items():
        parts += [f"## {section.capitalize()}", cleandoc(kind.__doc__ or "")]
        for name, variable in settings.variables().items():
            if variable.section == section:
                default: object = kind.model_fields[variable.field].get_default(call_default_factory=True)
                parts += [f"### {name}", f"{variable.help}\n\nDefault: {_default(default)}."]
    return "\n\n".join(parts) + "\n"


def _exit_codes() -> str:
    """Return the table of exit codes, with the families of errors that lead to each."""
    rows = ["| code | meaning | errors |", "|---|---|---|"]
    for code, meaning in MEANINGS.items():
        families = ", ".join(family.__name__ for family, ending in ENDINGS.items() if ending.exit_code == code)
        rows.append(f"| {code.value} | {meaning} | {families} |")
    return "\n".join(rows)


def _commands(group: TyperGroup, path: str) -> Iterator[tuple[str, TyperCommand]]:
    """Return every command that does something, with the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", cast("TyperCommand", command)


def _command(path: str, command: TyperCommand) -> Iterator[str]:
    """Return what is said of one command: its usage, its text, its arguments and options."""
    arguments = [parameter for parameter in command.params if isinstance(parameter, TyperArgument)]
    options = [parameter for parameter in command.params if isinstance(parameter, TyperOption)]
    words = [path, *(_argument_name(argument) for argument in arguments), "[OPTIONS]" if options else ""]
    yield cleandoc(command.help or "")
    yield f"```console\n$ {' '.join(word for word in words if word)}\n```"
    rows = [(f"`{_argument_name(argument)}`", argument.help or "") for argument in arguments]
    rows += [(f"`{_option_name(option)}`", _option_help(option)) for option in options]
    if rows:
        yield "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])


def _argument_name(argument: TyperArgument) -> str:
    """Return an argument as usage lines write it."""
    name = argument.metavar or (argument.name or "").upper()
    return f"{name}…" if argument.nargs == -1 else name


def _option_name(option: TyperOption) -> str:
    """Return an option with its other form and its value."""
    names = " / ".join((*option.opts, *option.secondary_opts))
    metavar = "" if option.is_flag else option.metavar or "VALUE"
    return f"{names} {metavar}".strip().replace("|", "\\|")


def _option_help(option: TyperOption) -> str:
    """Return an option's text, with its default if it has one that says something."""
    default = option.default
    shown = option.show_default is not False and default is not None and not isinstance(default, bool)
    return f"{option.help or ''} Default: {_default(default)}." if shown else option.help or ""


def _default(value: object) -> str:
    """Return a default as the environment would have it."""
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"
