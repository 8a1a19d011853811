"""``saccade models add | remove | check``: what changes the models folder, and what looks before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.options import AsJson, ModelsFolder, read_settings
from saccade.cli.output import shown_bytes, stderr, stdout, write_json
from saccade.errors import ModelUnavailable, PluginFailed

if TYPE_CHECKING:
    from saccade.models.package import ModelCard
    from saccade.wiring import Platform

_START_IT = "Start the server that runs it, and try again."


def add_model(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="hf:org/name@revision, a folder, an .onnx or .py file, or python:package.module:Class.",
        ),
    ],
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The model's name, else the source's.")] = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Its version, else 1.")] = None,
    variant: Annotated[
        str | None, typer.Option(metavar="VARIANT", help="Which graph, if there are several: fp16, int8, …")
    ] = None,
    family: Annotated[
        str | None, typer.Option(metavar="FAMILY", help="How its outputs are read, if that is not clear.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with its labels, one a line or JSON.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Copy a model into the models folder, once it is checked.

    Its graph is inspected and run once in a child process; the sha256 of every file is written down. A running server
    serves it when it is next asked for.
    """
    from saccade.cli.platform import opened
    from saccade.models.add import Wishes, add_package

    wishes = Wishes(name=name, version=version, variant=variant, family=family, labels_file=labels)
    settings = read_settings({"SACCADE_MODELS": folder})
    with opened(settings) as platform, stderr().status(f"Checking {source} …"):
        package = add_package(source, models_folder=settings.models_folder, inspect=platform.inspector, wishes=wishes)
    _write(package.card, "Added", as_json=as_json)


def check_model(
    model: Annotated[
        str, typer.Argument(metavar="MODEL|PATH", help="Name of a model, or the folder or file of a package.")
    ],
    *,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Check a package from end to end: read it, inspect its graph, run it, compare its reference answers.

    Nothing is changed. Ends with 1 if something is wrong with it.
    """
    from saccade.cli.platform import opened
    from saccade.models.status import ModelState

    path = Path(model).expanduser()
    with opened(read_settings({"SACCADE_MODELS": folder})) as platform, stderr().status(f"Checking {model} …"):
        if path.exists():
            card: ModelCard | None = _check_path(platform, path)
        else:
            status = platform.registry.load(model)
            if status.state is ModelState.AWAY:
                raise ModelUnavailable(f"{status.reference} could not be run: {status.detail}.", hint=_START_IT)
            card = status.card
    if card is not None:
        _write(card, "Checked", as_json=as_json)


def _check_path(platform: Platform, path: Path) -> ModelCard:
    """Check the package at a path; where a plug-in raised, its trace goes to stderr, for its owner sits here."""
    import traceback

    from saccade.models.add import check_package

    package = check_package(path, inspect=platform.inspector)
    try:
        platform.check(package)
    except PluginFailed as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        raise
    return package.card


def remove_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name@version, or a name that has one version.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: ModelsFolder = None,
) -> None:
    """Delete a package from the models folder. The shipped models stay."""
    from saccade.models.shelf import remove_package

    settings = read_settings({"SACCADE_MODELS": folder})
    if not yes:
        typer.confirm(f"Delete {model} from {settings.models_folder}?", abort=True, err=True)
    removed = remove_package(model, models_folder=settings.models_folder)
    stdout().print(f"Removed {removed}", soft_wrap=True)


def _write(card: ModelCard, what: str, *, as_json: bool) -> None:
    """Say what was done to which model."""
    from saccade.predictions.render import card_to_json

    if as_json:
        write_json({"model": card.reference, **card_to_json(card)}, indent=2)
        return
    size = f", {shown_bytes(card.size_bytes)}" if card.size_bytes else ""
    console = stdout()
    console.print(f"[green]✓[/] {what} [bold]{card.reference}[/]: {card.task.value}, {len(card.labels)} labels{size}")
    console.print(f"  [dim]{card.layout} layout, family {card.family}, {card.engine}[/]", soft_wrap=True)
