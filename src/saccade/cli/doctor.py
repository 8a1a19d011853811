"""``saccade doctor``: what is set, where it came from, and whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.options import AsJson, ModelsFolder, read_settings
from saccade.cli.output import shown_url, stdout, write_json
from saccade.cli.verdict import Verdict
from saccade.cli.version import library_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saccade.cli.verdict import Check
    from saccade.predictions.render import Json
    from saccade.settings import Settings

_MARKS = {"ok": "[green]✓[/]", "note": "[yellow]•[/]", "wrong": "[bold red]✗[/]"}


def doctor(
    *,
    as_json: AsJson = False,
    models: ModelsFolder = None,
    failpoints: Annotated[
        bool,
        typer.Option("--failpoints", help="List where SACCADE_FAILPOINTS can end a process of tests; check nothing."),
    ] = False,
) -> None:
    """Check the settings, the folders, the port, the libraries, the database, the broker, the store and every model.

    Ends with 1 if something is wrong.
    """
    if failpoints:
        _write_failpoints(as_json=as_json)
        return
    from saccade.cli.checks import all_checks

    settings = read_settings({"SACCADE_MODELS": models})
    checks = list(all_checks(settings))
    if as_json:
        write_json(_to_json(settings, checks), indent=2)
    else:
        _write_tables(settings, checks)
    wrong = any(check.verdict is Verdict.WRONG for check in checks)
    raise typer.Exit(ExitCode.FAILED if wrong else ExitCode.OK)


def shown_setting(value: object) -> str:
    """Return a setting's value as it may be shown: secrets mask themselves, URLs lose their user and password."""
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return shown_url(text)


def _settings_rows(settings: Settings) -> list[tuple[str, str, str]]:
    """Return name, value and origin of every setting; an unset one has an empty value."""
    from saccade.settings import variables

    rows = []
    for name, variable in variables().items():
        value: object = getattr(getattr(settings, variable.section), variable.field)
        rows.append((name, "" if value is None else shown_setting(value), settings.origins[name]))
    return rows


def _to_json(settings: Settings, checks: Sequence[Check]) -> dict[str, Json]:
    """Return the whole report."""
    return {
        "settings": [
            {"name": name, "value": value, "origin": origin} for name, value, origin in _settings_rows(settings)
        ],
        "checks": [{"check": check.name, "verdict": check.verdict.value, "detail": check.detail} for check in checks],
        "libraries": dict(library_versions()),
    }


def _write_tables(settings: Settings, checks: Sequence[Check]) -> None:
    """Write the report for people: the settings, then the checks."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = stdout()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Setting", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("From", no_wrap=True)
    for name, value, origin in _settings_rows(settings):
        style = "dim" if origin == "default" else ""
        table.add_row(Text(name), Text(value), Text(origin), style=style)
    console.print(table)
    checked = Table(box=None, pad_edge=False, show_header=False)
    checked.add_column(no_wrap=True)
    checked.add_column(no_wrap=True, style="bold")
    checked.add_column(overflow="fold")
    for check in checks:
        checked.add_row(_MARKS[check.verdict.value], check.name, Text(check.detail))
    console.print(checked)


def _write_failpoints(*, as_json: bool) -> None:
    """Write every failpoint with the moment that it stands for."""
    from saccade.failpoints import FAILPOINTS

    if as_json:
        write_json([{"name": name, "moment": moment} for name, moment in FAILPOINTS.items()], indent=2)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Failpoint", no_wrap=True)
    table.add_column("Moment", overflow="fold")
    for name, moment in FAILPOINTS.items():
        table.add_row(name, moment)
    stdout().print(table)
