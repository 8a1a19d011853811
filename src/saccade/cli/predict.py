"""``saccade predict``: ask a model about files, here or at a server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.drawings import Annotate, AnnotateFormat, unreadable
from saccade.cli.exits import ExitCode
from saccade.cli.options import (
    AsJson,
    CandidateLabels,
    ModelsFolder,
    client_headers,
    read_settings,
    split_labels,
)
from saccade.cli.output import shown_score, stderr, stdout, write_json
from saccade.errors import ParameterInvalid, SaccadeError
from saccade.vision.drawn import DrawnFormat

if TYPE_CHECKING:
    from rich.console import RenderableType

    from saccade.cli.asking import Ask, Outcome
    from saccade.cli.drawings import Drawings
    from saccade.predictions.answer import PredictOptions
    from saccade.predictions.render import Json

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
    candidate_labels: CandidateLabels = None,
    as_json: AsJson = False,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask the server there instead of loading the model here."),
    ] = None,
    models: ModelsFolder = None,
    annotate: Annotate = None,
    annotate_format: AnnotateFormat = DrawnFormat.PNG,
) -> None:
    """Ask a model what is in pictures.

    Files are worked on several at a time and shown in the order given. With --json each file is one line of JSON.
    With --annotate each picture is written to a folder once more, upright, with what was found drawn onto it, as
    NAME-annotated.png; no file that is there is written over. Ends with 1 if any file failed.
    """
    from saccade.cli.pictures import pictures_in
    from saccade.predictions.answer import PredictOptions

    if base_url and models:
        raise ParameterInvalid("--models and --base-url do not go together: a server has a models folder of its own.")
    files = pictures_in(paths)
    labels = split_labels(candidate_labels)
    options = PredictOptions(top_k=top_k, threshold=threshold, candidate_labels=labels)
    asking = _server(base_url, model, options) if base_url else _here(models, model, options)
    drawings = None if annotate is None else _drawings(annotate, files, annotate_format)
    with asking as ask:
        results = _progress(_asked(ask, files, drawings), len(files))
        failed = _write_lines(results) if as_json else _write_table(list(results), model, drawings)
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

    with httpx2.Client(base_url=base_url, headers=client_headers(), timeout=_TIMEOUT_S) as client:
        yield ask_server(client, model, options)


def _drawings(folder: Path, files: Sequence[Path], drawn: DrawnFormat) -> Drawings:
    """Open a folder for the drawings of these files."""
    from saccade.cli.drawings import Drawings
    from saccade.images.limits import Limits

    settings = read_settings({}).image
    return Drawings(folder, files, drawn, Limits(settings.max_bytes, settings.max_pixels, settings.max_scans))


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of one file: what was answered, and the drawing of it or the problem that stood in its way."""

    outcome: Outcome
    drawing: Path | None = None
    problem: dict[str, Json] | None = None

    @property
    def is_failed(self) -> bool:
        """Whether anything that was asked for is missing."""
        return self.outcome.problem is not None or self.problem is not None

    def to_json(self) -> dict[str, Json]:
        """Return the line that ``--json`` writes."""
        line = self.outcome.to_json()
        if self.drawing is not None:
            line["drawing"] = str(self.drawing)
        if self.problem is not None:
            line["drawing_problem"] = self.problem
        return line


def _asked(ask: Ask, files: Sequence[Path], drawings: Drawings | None) -> Iterator[_Result]:
    """Ask about every file, several at a time so that the model can batch, and give what comes of it in order."""
    pool = ThreadPoolExecutor(max_workers=2 * (os.cpu_count() or 1) + 2, thread_name_prefix="predict")
    try:
        yield from pool.map(lambda file: _drawn(ask(file), drawings), files)
    finally:
        pool.shutdown(cancel_futures=True)


def _drawn(outcome: Outcome, drawings: Drawings | None) -> _Result:
    """Draw what was answered, if drawings are wanted and there is an answer."""
    if drawings is None or outcome.prediction is None:
        return _Result(outcome)
    from saccade.predictions.render import error_to_json

    try:
        return _Result(outcome, drawing=drawings.draw(outcome.file, outcome.prediction))
    except SaccadeError as error:
        return _Result(outcome, problem=error_to_json(error))
    except OSError as error:
        return _Result(outcome, problem=unreadable(error))
    except ValueError as error:
        detail, hint = f"The answer cannot be drawn: {error}", "Check the address."
        return _Result(outcome, problem={"code": "answer_unreadable", "detail": detail, "hint": hint})


def _progress(results: Iterable[_Result], total: int) -> Iterator[_Result]:
    """Pass the results on, with a bar on stderr while somebody is looking and there is something to wait for."""
    console = stderr()
    if not console.is_terminal or total == 1:
        yield from results
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("[dim]pictures"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(results, total=total)


def _write_lines(results: Iterable[_Result]) -> int:
    """Write one JSON object per line, each as soon as it is known; return how many failed."""
    failed = 0
    for result in results:
        write_json(result.to_json())
        failed += result.is_failed
    return failed


def _write_table(results: Sequence[_Result], model: str, drawings: Drawings | None) -> int:
    """Write the table and a closing line; return how many failed."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Picture", overflow="fold")
    table.add_column("Finding")
    table.add_column("Score", justify="right")
    table.add_column("Time", justify="right", style="dim", no_wrap=True)
    if drawings is not None:
        table.add_column("Drawing", overflow="fold")
    for result in results:
        table.add_row(Text(str(result.outcome.file)), *_cells(result))
    console = stdout()
    console.print(table)
    answered = sum(result.outcome.problem is None for result in results)
    failed = sum(result.is_failed for result in results)
    closing = f"{answered} of {len(results)} pictures answered by {model}."
    if drawings is not None:
        closing += f" {drawings.written} drawn into {drawings.folder}."
    console.print(Text(closing, "red" if failed else "dim"), soft_wrap=True)
    return failed


def _cells(result: _Result) -> tuple[RenderableType, ...]:
    """Return what a row shows behind the picture's name."""
    from rich.text import Text

    from saccade.cli.findings import finding_of

    outcome = result.outcome
    if outcome.prediction is None:
        return (Text(_detail(outcome.problem), "red"), "", "")
    finding = finding_of(outcome.prediction)
    what = Text.assemble((finding.what, "bold"), ("  " + finding.more if finding.more else "", "dim"))
    score = "" if finding.score is None else shown_score(finding.score)
    cells: tuple[RenderableType, ...] = (what, score, f"{finding.total_ms:.1f} ms")
    if result.drawing is not None:
        return (*cells, Text(result.drawing.name))
    return (*cells, Text(_detail(result.problem), "red")) if result.problem is not None else cells


def _detail(problem: dict[str, Json] | None) -> str:
    return str((problem or {}).get("detail", "failed"))
