"""The options that several commands share, and how they stand over the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from saccade.errors import ParameterInvalid

if TYPE_CHECKING:
    from saccade.settings import Settings

ModelsFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--models", metavar="FOLDER", help="Folder of model packages (SACCADE_MODELS)."),
]
CandidateLabels: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="LABEL,...", help="What a zero-shot model looks for, between commas; may be given again."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")]

HomeFolder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Folder of all embedded defaults (SACCADE_HOME).")
]
LogLevelName: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="debug|info|warning|error", help="Least weight of a log line, else info (SACCADE_LOG_LEVEL)."),
]
LogFormatName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="console|json",
        help="How log lines look, else console on a terminal and json elsewhere (SACCADE_LOG_FORMAT).",
    ),
]


def split_labels(given: list[str] | None) -> tuple[str, ...]:
    """Return the labels of ``--candidate-labels``, in the order given.

    Raises:
        ParameterInvalid: One holds bytes that are no text.
    """
    labels = tuple(label.strip() for text in given or () for label in text.split(",") if label.strip())
    wrong = next((label for label in labels if not label.isprintable()), None)
    if wrong is not None:
        raise ParameterInvalid(f"--candidate-labels: {wrong!a} is no text.")
    return labels


def overrides(values: Mapping[str, object]) -> dict[str, str]:
    """Return what was given on the command line as settings are written: None means not given."""
    return {name: _written(value) for name, value in values.items() if value is not None}


def read_settings(values: Mapping[str, object]) -> Settings:
    """Read the settings with these options standing over them.

    Raises:
        SettingInvalid: A value has the wrong type or lies outside its range.
        SettingUnknown: A ``SACCADE_`` variable names no setting.
    """
    from saccade import settings

    return settings.load(overrides(values))


def client_headers() -> dict[str, str]:
    """Return what this machine's commands show to a server that asks who they are."""
    token = read_settings({}).client.token.get_secret_value()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _written(value: object) -> str:
    """Return a value as the environment would have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
