"""``saccade predict``: ask a model about files, here or at a server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.options import AsJson, ModelsFolder, read_settings
from saccade.cli.output import shown_score, stderr, stdout, write_json
from saccade.errors import ParameterInvalid

if TYPE_CHECKING:
    from saccade.cli.asking import Ask, Outcome
    from saccade.predictions.answer import PredictOptions

_TIMEOUT_S = 120.0


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or name@version.")],
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Pictures, or folders of them.", exists=True),
    ],
    *,
    top_k: Annotated[
        int, typer.Option(metavar="N", help="Labels that a classifier gives, 1 to 100.", min=1, max=100)
    ] = 5,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Lowest score that is shown, else the model's own.", min=0, max=1),
    ] = None,
    as_json: AsJson = False,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask the server there instead of loading the model here."),
    ] = None,
    models: ModelsFolder = None,
) -> None:
    """Ask a model what is in pictures.

    Files are worked on several at a time and shown in the order given. With --json each file is one line of JSON.
    Ends with 1 if any file failed.
    """
    from saccade.cli.pictures import pictures_in
    from saccade.predictions.answer import PredictOptions

    if base_url and models:
        raise ParameterInvalid("--models and --base-url do not go together: a server has a models folder of its own.")
    files = pictures_in(paths)
    options = PredictOptions(top_k=top_k, threshold=threshold)
    asking = _server(base_url, model, options) if base_url else _here(models, model, options)
    with asking as ask:
        outcomes = _progress(_asked(ask, files), len(files))
        failed = _write_lines(outcomes) if as_json else _write_table(list(outcomes), model)
    raise typer.Exit(ExitCode.FAILED if failed else ExitCode.OK)


@contextlib.contextmanager
def _here(models: Path | None, model: str, options: PredictOptions) -> Iterator[Ask]:
    """Open the platform in this process, load this one model, and close the platform at the end."""
    from saccade.cli.asking import ask_here
    from saccade.cli.platform import opened

    settings = read_settings({"SACCADE_MODELS": models})
    with opened(settings) as platform:
        platform.registry.load(model)
        yield ask_here(platform, model, options, max_bytes=settings.image.max_bytes)


@contextlib.contextmanager
def _server(base_url: str, model: str, options: PredictOptions) -> Iterator[Ask]:
    """Open connections to a server, and close them at the end."""
    import httpx2

    from saccade.cli.asking import ask_server

    with httpx2.Client(base_url=base_url, timeout=_TIMEOUT_S) as client:
        yield ask_server(client, model, options)


def _asked(ask: Ask, files: Sequence[Path]) -> Iterator[Outcome]:
    """Ask about every file, several at a time so that the model can batch, and give the outcomes in order."""
    pool = ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1) + 2, thread_name_prefix="predict")
    try:
        yield from pool.map(ask, files)
    finally:
        pool.shutdown(cancel_futures=True)


def _progress(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """Pass the outcomes on, with a bar on stderr while somebody is looking and there is something to wait for."""
    console = stderr()
    if not console.is_terminal or total == 1:
        yield from outcomes
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("[dim]pictures"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(outcomes, total=total)


def _write_lines(outcomes: Iterable[Outcome]) -> int:
    """Write one JSON object per line, each as soon as it is known; return how many failed."""
    failed = 0
    for outcome in outcomes:
        write_json(outcome.to_json())
        failed += outcome.problem is not None
    return failed


def _write_table(outcomes: Sequence[Outcome], model: str) -> int:
    """Write the table and a closing line; return how many failed."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from saccade.cli.findings import finding_of

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Picture", overflow="fold")
    table.add_column("Finding")
    table.add_column("Score", justify="right")
    table.add_column("Time", justify="right", style="dim", no_wrap=True)
    failed = 0
    for outcome in outcomes:
        if outcome.prediction is None:
            failed += 1
            detail = str((outcome.problem or {}).get("detail", "failed"))
            table.add_row(Text(str(outcome.file)), Text(detail, "red"), "", "")
            continue
        finding = finding_of(outcome.prediction)
        what = Text.assemble((finding.what, "bold"), ("  " + finding.more if finding.more else "", "dim"))
        score = "" if finding.score is None else shown_score(finding.score)
        table.add_row(Text(str(outcome.file)), what, score, f"{finding.total_ms:.1f} ms")
    console = stdout()
    console.print(table)
    closing = f"{len(outcomes) - failed} of {len(outcomes)} pictures answered by {model}."
    console.print(Text(closing, "red" if failed else "dim"))
    return failed
