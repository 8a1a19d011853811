"""``saccade models``: list and show; what changes the models folder stands in ``packages``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.convert import convert_model
from saccade.cli.options import AsJson, ModelsFolder, read_settings
from saccade.cli.output import stderr, stdout, write_json
from saccade.cli.packages import add_model, check_model, remove_model
from saccade.cli.promotion import list_aliases, promote_model, roll_back
from saccade.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from saccade.models.registry import Registry
    from saccade.models.status import ModelStatus

models = typer.Typer(
    help="List, show, add, convert, remove, check and promote models.", no_args_is_help=True, rich_markup_mode=None
)


@models.command("list")
def list_models(*, as_json: AsJson = False, folder: ModelsFolder = None) -> None:
    """List every version of every model: the built-in one, the shipped ones, those in the models folder."""
    from saccade.predictions.render import status_to_json

    with _registry(folder) as registry:
        statuses = registry.statuses()
    if as_json:
        write_json([status_to_json(status) for status in statuses], indent=2)
        return
    _write_table(statuses)


@models.command("show")
def show_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, name@version, or name@alias.")],
    *,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Show everything known of one model."""
    from rich.table import Table
    from rich.text import Text

    from saccade.cli.cards import STATE_STYLES, page_of
    from saccade.predictions.render import status_to_json

    with _registry(folder) as registry:
        status = registry.status(model)
    if as_json:
        write_json(status_to_json(status), indent=2)
        return
    console = stdout()
    console.print(Text(status.reference, "bold"))
    page = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    state, *rows = page_of(status)
    aliases = [("aliases", ", ".join(status.aliases))] if status.aliases else []
    for name, text in (state, *aliases, *rows):
        page.add_row(name, Text(text, STATE_STYLES[status.state.value] if name == "state" else ""))
    console.print(page)


models.command("add")(add_model)
models.command("convert")(convert_model)
models.command("remove")(remove_model)
models.command("check")(check_model)
models.command("promote")(promote_model)
models.command("rollback")(roll_back)
models.command("aliases")(list_aliases)


@contextmanager
def _registry(folder: Path | None) -> Iterator[Registry]:
    """Open what lists models, with their aliases where the database tells them."""
    from saccade.cli.platform import opened
    from saccade.wiring.promotion import observe_once

    settings = read_settings({"SACCADE_MODELS": folder})
    with opened(settings) as platform:
        try:
            observe_once(settings, platform.registry)
        except UnavailableError as error:
            stderr().print(
                f"Shown without aliases and registered models: {error}", style="yellow", markup=False, soft_wrap=True
            )
        yield platform.registry


def _write_table(statuses: Sequence[ModelStatus]) -> None:
    """Write one row per version."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from saccade.cli.cards import STATE_STYLES
    from saccade.cli.output import shown_bytes

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("Model", "Task", "Engine", "Labels", "Size", "State"):
        table.add_column(heading, justify="right" if heading in {"Labels", "Size"} else "left", overflow="fold")
    for status in statuses:
        card = status.card
        state = Text.assemble(
            (status.state.value, STATE_STYLES[status.state.value]),
            f": {_first_sentence(status.detail)}" if status.detail else "",
        )
        table.add_row(
            Text.assemble(
                (status.reference, "bold"),
                (" default", "dim") if status.default else "",
                *((f" {alias}", "cyan") for alias in status.aliases),
            ),
            card.task.value if card else "",
            card.engine if card else "",
            str(len(card.labels)) if card else "",
            shown_bytes(card.size_bytes) if card and card.size_bytes else "",
            state,
        )
    stdout().print(table)


def _first_sentence(detail: str) -> str:
    """Return what a row has room for; ``saccade models show`` tells the rest."""
    return detail.partition(". ")[0].rstrip(".") + "."
