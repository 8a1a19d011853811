"""``saccade models promote``, ``rollback`` and ``aliases``: in the database itself, or at a server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import quote

import typer

from saccade.cli.exits import ending_of, hint_of
from saccade.cli.options import AsJson, ModelsFolder, read_settings
from saccade.cli.output import stderr, stdout, write_json
from saccade.errors import PromotionRefused, SaccadeError

if TYPE_CHECKING:
    from pathlib import Path

    from saccade.cli.job_client import JobClient
    from saccade.models.promotion import Promoter

AliasName = Annotated[str, typer.Option("--alias", metavar="ALIAS", help="prod or candidate.")]
Server = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Ask this server; else the database is opened from here."),
]
_PROD = "prod"
#: Each figure that was not good enough, in what a refusal says.
_UNMET = r"\S+ (is \S+, asked|is \S+, and nothing is in|is not among|of the version in service is not).*?(?=; | \()"


def promote_model(
    model: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="What the alias is to mean.")],
    *,
    alias: AliasName = _PROD,
    condition: Annotated[
        str | None,
        typer.Option(
            "--if",
            metavar="CONDITION",
            help='Only when the newest evaluation says so: "f1@0.5 >= 0.9 and ap >= prod - 0.01".',
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", metavar="NAME", help="Only evaluations on this dataset count, named as evaluate --dataset is."
        ),
    ] = None,
    base_url: Server = None,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Put a version in service: let an alias mean it, if its evaluation says so.

    What the bare name means is prod. Servers and workers on the same database observe it within seconds. Refused, it
    ends with 1 and tells each figure, what was asked and what it is.
    """
    name, _, version = model.partition("@")
    try:
        if base_url is None:
            with _promoter(folder, name) as promoter:
                from saccade.api.promotion_render import change_to_json
                from saccade.cli.opened_access import operator

                done = promoter.promote(
                    model, principal=operator().id, alias=alias, condition=condition, dataset=dataset
                )
                made = change_to_json(done.change, is_new=done.is_new)
        else:
            asked = {"version": version, "if": condition, "dataset": dataset}
            with _client(base_url, name) as client:
                made = dict(client.ask("POST", f"{_path(name)}/{quote(alias, safe='')}", json=asked))
    except PromotionRefused as error:
        _tell_refused(error)
        raise typer.Exit(ending_of(error).exit_code) from None
    _write_change(made, as_json=as_json)


def roll_back(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model.")],
    *,
    alias: AliasName = _PROD,
    base_url: Server = None,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Let an alias mean what it meant before; again, and it goes one further back."""
    if base_url is None:
        with _promoter(folder, model) as promoter:
            from saccade.api.promotion_render import change_to_json
            from saccade.cli.opened_access import operator

            made = change_to_json(promoter.rollback(model, principal=operator().id, alias=alias))
    else:
        with _client(base_url, model) as client:
            made = dict(client.ask("POST", f"{_path(model)}/{quote(alias, safe='')}/rollback"))
    _write_change(made, as_json=as_json)


def list_aliases(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model.")],
    *,
    base_url: Server = None,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Show what a model's aliases mean, and who changed them when, and why."""
    if base_url is None:
        with _promoter(folder, model) as promoter:
            from saccade.api.promotion_render import aliases_to_json

            told: Mapping[str, object] = aliases_to_json(model, *promoter.told(model))
    else:
        with _client(base_url, model) as client:
            told = client.ask("GET", _path(model))
    if as_json:
        write_json(dict(told), indent=2)
        return
    _write_aliases(told)


@contextmanager
def _promoter(folder: Path | None, name: str) -> Iterator[Promoter]:
    from saccade.cli.platform import opened
    from saccade.wiring.promotion import open_promoter

    settings = read_settings({"SACCADE_MODELS": folder})
    with opened(settings) as platform, open_promoter(settings, platform.registry) as promoter, _hints_name(name):
        yield promoter


@contextmanager
def _client(base_url: str, name: str) -> Iterator[JobClient]:
    from saccade.cli.job_client import open_client

    client = open_client(base_url)
    with client.http, _hints_name(name):
        yield client


@contextmanager
def _hints_name(name: str) -> Iterator[None]:
    """Let hints say the model's name where they have a place for it, so that they can be typed as they stand."""
    try:
        yield
    except SaccadeError as error:
        error.hint = re.sub(r"\bNAME\b", lambda _: name[:100], hint_of(error))
        raise


def _path(name: str) -> str:
    """Return where a server has a model's aliases; whatever is given stays one part of the path."""
    return f"/v1/models/{quote(name, safe='')}/aliases"


def _tell_refused(error: PromotionRefused) -> None:
    """Write a refusal, with the figures that were not good enough in red."""
    from rich.text import Text

    line = Text.assemble(("Refused: ", "bold red"), str(error))
    line.highlight_regex(_UNMET, "bold red")
    line.append(f" {ending_of(error).who}: {hint_of(error)}", "yellow")
    line.append(f" [{error.code}]", "dim")
    stderr().print(line, soft_wrap=True)


def _write_change(made: Mapping[str, object], *, as_json: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if as_json:
        write_json(dict(made), indent=2)
        return
    is_new = made.get("changed", True)
    after = f", before {made['replaced'] or 'nothing'}" if is_new else " already. Nothing changed."
    line = Text.assemble(
        (f"{made['alias']} of {made['name']}", "bold"), " means ", (str(made["model"]), "bold green"), after
    )
    console = stdout()
    console.print(line)
    if not is_new:  # its condition and figures are those of then
        return
    figures = cast("Mapping[str, float] | None", made["figures"])
    if not figures:
        return
    console.print(Text(f"asked: {made['condition']}", "dim"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Figure", overflow="fold")
    table.add_column(str(made["model"]), justify="right")
    for name, value in figures.items():
        table.add_row(name, Text(f"{value:.6g}", "green"))
    console.print(table)


def _write_aliases(told: Mapping[str, object]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = stdout()
    meant = cast("Sequence[Mapping[str, object]]", told["aliases"])
    if not meant:
        console.print(Text(f"{told['name']} has no aliases: its bare name means the newest version.", "dim"))
    for alias in meant:
        problem = f"  nobody is answered: {alias['problem']}" if alias["problem"] else ""
        console.print(Text.assemble((f"{alias['alias']:<10}", "bold"), str(alias["model"]), (problem, "bold red")))
    history = cast("Sequence[Mapping[str, object]]", told["history"])
    if not history:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("When", "Alias", "What", "Means", "Before", "By", "Because"):
        table.add_column(heading, overflow="fold")
    for change in history:
        table.add_row(
            *(
                Text("" if cell is None else str(cell))
                for cell in (
                    str(change["at"])[:16].replace("T", " "),
                    change["alias"],
                    change["kind"],
                    change["model"],
                    change["replaced"],
                    change["principal"],
                    change["condition"],
                )
            )
        )
    console.print(table)
