"""``saccade jobs submit``: folders and lists of any length to a server, in jobs, gone on with after any end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.options import CandidateLabels, split_labels
from saccade.cli.output import stderr, stdout
from saccade.clock import monotonic_s
from saccade.errors import ParameterInvalid, SaccadeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from saccade.cli.bulk_state import BulkState
    from saccade.cli.job_client import JobClient
    from saccade.predictions.render import Json

#: How long a server that is full or away is asked again.
_PATIENCE_S = 900.0
#: How often a line tells the progress where no terminal shows a bar.
_LINE_EVERY_S = 10.0


def submit(
    words: Annotated[
        list[str], typer.Argument(metavar="MODEL... PATH", help="Models, then pictures or folders of them.")
    ],
    *,
    lists: Annotated[
        list[Path] | None,
        typer.Option("--list", metavar="FILE", help="File with one path or URL a line; - reads standard input."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where results go, one JSON object a line.")
    ] = Path("results.jsonl"),
    base_url: BaseUrl = DEFAULT_URL,
    images: Annotated[int, typer.Option(metavar="N", help="Most pictures of one job.", min=1, max=10_000)] = 200,
    under_way: Annotated[int, typer.Option(metavar="N", help="Jobs under way at a time.", min=1, max=64)] = 4,
    top_k: Annotated[
        int | None, typer.Option(metavar="N", help="Labels that a classifier gives, else 5.", min=1, max=100)
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Lowest score that is kept, else the model's own.", min=0, max=1),
    ] = None,
    candidate_labels: CandidateLabels = None,
    priority: Annotated[
        str | None, typer.Option(metavar="high|normal|low", help="Which of your jobs go first, else normal.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Have the server remember the pictures and what is seen in them.")
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase each job from the server once its results are written.")
    ] = False,
) -> None:
    """Show many pictures to models at a server, and write what they see.

    Pictures are sent as jobs of some hundred, a few at a time; what a full server refuses is sent again when it says.
    Stopped or killed, the same command goes on where it was: FILE.state beside the results knows, and no picture is
    sent twice for nothing or written twice. Each line of the results has file, model, and prediction or problem. Ends
    with 1 if any result is a problem.
    """
    from saccade.cli.bulk_plan import names_in, split_words
    from saccade.cli.bulk_run import BulkRun, Wish, limits_of
    from saccade.cli.bulk_state import BulkState
    from saccade.cli.job_client import open_client

    named_lists = lists or []
    models, paths = split_words(words, has_lists=bool(named_lists))
    given = {"top_k": top_k, "threshold": threshold, "priority": priority, "keep": "true" if keep else None}
    wish = Wish(tuple(models), _options(given, split_labels(candidate_labels)))
    client = open_client(base_url, patience_s=_PATIENCE_S)
    with contextlib.closing(client.http):
        _check(client, models)
        limits = limits_of(client, images=images, models=len(models))
        total = _total(paths, named_lists, is_new=not output.exists())
        state = BulkState(output, {**wish.to_json(), "server": base_url})
        with contextlib.closing(state):
            try:
                with _progress(state, total, client) as on_progress:
                    run = BulkRun(
                        client, wish, limits, state, under_way=under_way, erase=erase, on_progress=on_progress
                    )
                    run.run(names_in(paths, named_lists))
            except (KeyboardInterrupt, SaccadeError) as end:
                note = f"{state.done} pictures are done; the same command goes on from there."
                stderr().print(note, soft_wrap=True)
                if isinstance(end, KeyboardInterrupt):
                    raise typer.Exit(ExitCode.INTERRUPTED) from None
                raise
            failed, done = state.failed, state.done
    stdout().print(f"{done} pictures, {failed} problems: {output}", soft_wrap=True)
    raise typer.Exit(ExitCode.FAILED if failed else ExitCode.OK)


def _options(given: Mapping[str, object], labels: tuple[str, ...]) -> dict[str, Json]:
    """Return what was given as a form has it; options that were not given are left out."""
    options: dict[str, Json] = {name: str(value) for name, value in given.items() if value is not None}
    return {**options, "candidate_labels": list(labels)} if labels else options


def _check(client: JobClient, models: list[str]) -> None:
    """Ask for each model, so that a wrong name is told before anything is read or written."""
    from urllib.parse import quote

    patience_s, client.patience_s = client.patience_s, 0.0
    for model in models:
        client.ask("GET", f"/v1/models/{quote(model, safe='@')}")
    client.patience_s = patience_s


def _total(paths: list[Path], lists: list[Path], *, is_new: bool) -> int | None:
    """Return how many pictures are meant, None where a pipe will tell.

    Raises:
        ParameterInvalid: There is none at all, and no earlier run that might have work left.
    """
    from saccade.cli.bulk_plan import STDIN, names_in
    from saccade.cli.pictures import SUFFIXES

    if STDIN in lists:
        return None
    total = sum(1 for _ in names_in(paths, lists))
    if total == 0 and not lists and is_new:
        searched = " ".join(sorted(SUFFIXES))
        raise ParameterInvalid("There is no picture here.", hint=f"A folder is searched for {searched}.")
    return total


@contextlib.contextmanager
def _progress(state: BulkState, total: int | None, client: JobClient) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is: a bar where somebody is looking, else a line now and then."""
    console = stderr()
    if not console.is_terminal:
        lines = _Lines(state.done, total)
        client.on_pause = lines.on_pause
        yield lines.on_progress
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        TextColumn("[dim]pictures", table_column=Column(min_width=len("pictures"))),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, completed=state.done, note="")

        def on_progress(pictures: int, failed: int) -> None:
            bar.update(task, advance=pictures, note=f"{state.failed} problems" if state.failed or failed else "")

        client.on_pause = lambda why, wait_s: bar.update(task, note=f"waits {wait_s:.0f} s: {why}"[:100])
        yield on_progress


class _Lines:
    """Progress as plain lines."""

    def __init__(self, done: int, total: int | None) -> None:
        self._done = done
        self._total = total
        self._failed = 0
        self._told_s = monotonic_s()
        self._paused_s = -_LINE_EVERY_S

    def on_pause(self, why: str, wait_s: float) -> None:
        """Tell why nothing happens, if it was not told just now; called from several threads."""
        if monotonic_s() - self._paused_s >= _LINE_EVERY_S:
            self._paused_s = monotonic_s()
            stderr().print(f"waits {wait_s:.0f} s: {why}", soft_wrap=True)

    def on_progress(self, pictures: int, failed: int) -> None:
        """Count, and tell if the last line was some time ago."""
        self._done += pictures
        self._failed += failed
        if monotonic_s() - self._told_s >= _LINE_EVERY_S:
            self._told_s = monotonic_s()
            of = "" if self._total is None else f" of {self._total}"
            stderr().print(f"{self._done}{of} pictures, {self._failed} problems", soft_wrap=True)
