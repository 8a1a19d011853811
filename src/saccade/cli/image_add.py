"""``saccade images add``: pictures and folders of them to a server that remembers them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from saccade.cli.drawings import unreadable
from saccade.cli.exits import ExitCode
from saccade.cli.image_client import image_client
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.options import AsJson
from saccade.cli.output import stderr, stdout, write_json
from saccade.errors import (
    AccessError,
    ConfigurationError,
    ImageTooLarge,
    SaccadeError,
    UnavailableError,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from saccade.cli.job_client import JobClient
    from saccade.predictions.render import Json

#: How long a server that is full or away is asked again.
_PATIENCE_S = 300.0
#: Pictures under way at a time.
_AT_A_TIME = 4
#: Pictures that are done or under way before the next of them has been shown.
_WINDOW = 16
#: What would meet every other picture too.
_FATAL = (AccessError, ConfigurationError, UnavailableError)
_STYLES = {"new": "green", "known": "cyan", "failed": "bold red"}


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one file: the image that the server has now, or the problem that stood in its way."""

    file: Path
    is_new: bool = False
    image: Mapping[str, Json] | None = None
    problem: Mapping[str, Json] | None = None

    @property
    def results(self) -> Sequence[Mapping[str, Json]]:
        """What each model that was asked said."""
        return [] if self.image is None else cast("Sequence[Mapping[str, Json]]", self.image["results"])

    @property
    def state(self) -> str:
        """Whether it is new to the server, known already, or not all that was asked for."""
        if self.problem is not None or any("problem" in result for result in self.results):
            return "failed"
        return "new" if self.is_new else "known"

    def to_json(self) -> dict[str, Json]:
        """Return the line that ``--json`` writes."""
        if self.image is None:
            return {"file": str(self.file), "problem": dict(self.problem or {})}
        return {"file": str(self.file), "new": self.is_new, "image": dict(self.image)}


def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Pictures, or folders of them.", exists=True)],
    *,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            "--model",
            metavar="MODEL,...",
            help="Models that are asked about each picture; may be given several times.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Lowest score that is remembered, else the model's own.", min=0, max=1),
    ] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Have a server remember pictures, with what models see in them.

    A picture that cannot be remembered, or in which a model failed, does not keep the others from it. The same command
    again adds what is missing: what the server has it answers at once. With --json each file is one line of JSON. Ends
    with 1 if any file failed.
    """
    from saccade.cli.bulk_run import limits_of
    from saccade.cli.pictures import pictures_in

    files = pictures_in(paths)
    names = [name for given in models or [] for name in given.split(",") if name]
    fields: dict[str, Json] = {} if threshold is None else {"threshold": str(threshold)}
    with image_client(base_url) as client:
        _check(client, names)
        max_bytes = limits_of(client, images=1).image_bytes
        client.patience_s = _PATIENCE_S
        counts: Counter[str] = Counter()
        send = _sender(client, {**fields, "models": list(names)}, max_bytes=max_bytes)
        try:
            with _shown(len(files), client, as_json=as_json) as show:
                for added in _sent(send, files, client):
                    counts[added.state] += 1
                    show(added)
        except (KeyboardInterrupt, *_FATAL) as end:
            # One that was interrupted may have arrived: sent again, it is known.
            stderr().print(f"{_summary(counts, len(files))} The same command adds the others.", soft_wrap=True)
            if isinstance(end, KeyboardInterrupt):
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            raise
    if not as_json:
        stdout().print(_summary(counts, len(files)), soft_wrap=True)
    raise typer.Exit(ExitCode.FAILED if counts["failed"] else ExitCode.OK)


def _check(client: JobClient, models: Sequence[str]) -> None:
    """Ask for each model, so that a wrong name is told before anything is sent."""
    from urllib.parse import quote

    for model in models:
        client.ask("GET", f"/v1/models/{quote(model, safe='@')}")


def _sender(client: JobClient, fields: Mapping[str, Json], *, max_bytes: int) -> Callable[[Path], Added]:
    """Return how one file is sent; what would meet every other file too is raised."""
    from saccade.predictions.render import error_to_json

    def send(file: Path) -> Added:
        try:
            with file.open("rb") as opened:
                data = opened.read(max_bytes + 1)
            if len(data) > max_bytes:
                raise ImageTooLarge(f"The file has more than the {max_bytes} bytes that the server takes.")
            name = os.fsencode(file.name).decode(errors="replace")
            files = [("file", (name, data, "application/octet-stream"))]
            response = client.send("POST", "/v1/images", data=dict(fields), files=files)
            return Added(file, response.status_code == 201, cast("dict[str, Json]", response.json()))  # noqa: PLR2004
        except _FATAL:
            raise
        except SaccadeError as error:
            return Added(file, problem=error_to_json(error))
        except OSError as error:
            return Added(file, problem=unreadable(error))

    return send


def _sent(send: Callable[[Path], Added], files: Sequence[Path], client: JobClient) -> Iterator[Added]:
    """Send several files at a time and yield what became of each, in order; interrupted, also of what was under way."""
    pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="add")
    todo, under_way = iter(files), deque[Future[Added]]()
    try:
        while True:
            while len(under_way) < _WINDOW and (file := next(todo, None)) is not None:
                under_way.append(pool.submit(send, file))
            if not under_way:
                return
            added = under_way[0].result()
            under_way.popleft()
            yield added
    except KeyboardInterrupt:
        client.stopping.set()
        pool.shutdown(cancel_futures=True)
        yield from (each.result() for each in under_way if not each.cancelled() and each.exception() is None)
        raise
    finally:
        client.stopping.set()
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _shown(total: int, client: JobClient, *, as_json: bool) -> Iterator[Callable[[Added], None]]:
    """Show each file as it is done, and below them a bar while somebody looks and there is something to wait for."""
    lines, looked_at = stdout(), stderr()
    show = _write_json if as_json else _printer(lines)
    if not looked_at.is_terminal or total == 1:
        client.on_pause = lambda why, wait_s: stderr().print(f"waits {wait_s:.0f} s: {why}", soft_wrap=True)
        yield show
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("[dim]pictures"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[note]}"),
    )
    # On one terminal lines and bar must come from one console, or they would write into each other.
    console = lines if lines.is_terminal else looked_at
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=total, note="")
        client.on_pause = lambda why, wait_s: bar.update(task, note=f"waits {wait_s:.0f} s: {why}"[:100])

        def show_and_count(added: Added) -> None:
            show(added)
            bar.update(task, advance=1, note="")

        if not as_json and lines.is_terminal:
            show = _printer(bar.console)
        yield show_and_count


def _write_json(added: Added) -> None:
    write_json(added.to_json())


def _printer(console: Console) -> Callable[[Added], None]:
    return lambda added: console.print(added_line(added), soft_wrap=True)


def added_line(added: Added) -> Text:
    """Return a file's line: what became of it, its id, its name, and what is seen in it or went wrong."""
    from rich.text import Text

    from saccade.cli.image_tables import plain

    line = Text.assemble((f"{added.state:<7}", _STYLES[added.state]))
    if added.image is None:
        detail = str((added.problem or {}).get("detail", "failed"))
        return line.append_text(Text.assemble(f"{plain(str(added.file))}  ", (plain(detail), "red")))
    line.append(f"{added.image['id']}  {plain(str(added.file))}  ")
    for result in added.results:
        if "problem" in result:
            problem = cast("Mapping[str, Json]", result["problem"])
            line.append(plain(f"{result['model']}: {problem['detail']}") + "  ", "red")
        else:
            line.append(f"{plain(_seen(cast('Mapping[str, Json]', result['prediction'])))}  ", "bold")
    line.rstrip()
    return line


def _seen(prediction: Mapping[str, Json]) -> str:
    from saccade.cli.findings import finding_of

    finding = finding_of({"timing_ms": {"total": 0}, **prediction})
    is_sure = prediction["task"] == "image-classification" and finding.score is not None
    return f"{finding.what} {finding.score:.3f}" if is_sure else finding.what


def _summary(counts: Mapping[str, int], total: int) -> str:
    done = sum(counts.values())
    told = ", ".join(f"{counts[state]} {state}" for state in _STYLES if counts.get(state)) or "nothing done"
    return f"{done} of {total} pictures: {told}."
