"""``saccade demo``: a tour in one command, through the same HTTP API that everybody uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from saccade.cli.exits import ExitCode
from saccade.cli.output import shown_score, stderr, stdout
from saccade.errors import ParameterInvalid, ServerUnreachable

if TYPE_CHECKING:
    import httpx2
    from rich.text import Text

    from saccade.cli.asking import Outcome

#: Folder of samples → the model that is asked about them.
TOUR: Mapping[str, str] = {"circles": "circles", "sem-textures": "sem-textures"}
_START_TIMEOUT_S = 120.0
_REQUEST_TIMEOUT_S = 60.0
#: From so many finds on, a drawing counts them instead of naming each.
_CROWD = 24
_DETECTION = "object-detection"


@dataclass(frozen=True, slots=True)
class Stop:
    """One picture of the tour, and the model that looks at it."""

    picture: Path
    model: str


def demo(
    *,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of sample pictures.",
            show_default="those that come with Saccade",
            exists=True,
        ),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the annotated picture is written.")] = Path(
        "demo-output"
    ),
) -> None:
    """Start a server, show it the sample pictures, print what it sees, draw one of them, stop the server."""
    from saccade.cli.background import server_in_background

    stops = list(_stops(samples or find_samples()))
    console = stderr()
    with console.status("Starting the server and loading the models …") as status:
        if not console.is_terminal:
            console.print("Starting the server and loading the models …")
        with server_in_background(timeout_s=_START_TIMEOUT_S) as url:
            status.update(f"Asking {url} …")
            outcomes = _tour(url, stops)
            status.update("Stopping the server …")
    stdout().print(f"\n[bold]Saccade looked at {len(stops)} pictures[/] [dim]through {url}/v1/models/…/predict[/]")
    _write_table(stops, outcomes)
    failed = [outcome for outcome in outcomes if outcome.prediction is None]
    if failed:
        stderr().print(f"[bold red]{len(failed)} of {len(stops)} pictures were not answered.[/]")
        raise typer.Exit(ExitCode.FAILED)
    drawn = draw_best(outcomes, output)
    _write_closing(outcomes, drawn)


def find_samples() -> Path:
    """Return the folder of samples: beside the package in a wheel, at the top of a checkout, or where we are.

    Raises:
        ParameterInvalid: There is none.
    """
    package = Path(__file__).parents[1]
    places = (package / "samples", package.parents[1] / "samples", Path("samples"))
    found = next((place for place in places if any((place / folder).is_dir() for folder in TOUR)), None)
    if found is None:
        raise ParameterInvalid("There are no sample pictures.", hint="Name their folder with --samples.")
    return found


def _stops(samples: Path) -> Iterator[Stop]:
    """Return the tour: every sample with its model.

    Raises:
        ParameterInvalid: There is no sample.
    """
    from saccade.cli.pictures import pictures_in

    folders = [folder for folder in TOUR if (samples / folder).is_dir()]
    if not folders:
        raise ParameterInvalid(f"{samples} holds no samples.", hint=f"--samples needs one of: {', '.join(TOUR)}.")
    for folder in folders:
        yield from (Stop(picture, TOUR[folder]) for picture in pictures_in([samples / folder]))


def _tour(url: str, stops: Sequence[Stop]) -> list[Outcome]:
    """Ask about every picture, one after the other.

    Raises:
        ServerUnreachable: The server went away, or serves none of the models.
    """
    import httpx2

    from saccade.cli.asking import ask_server
    from saccade.predictions.answer import PredictOptions

    with httpx2.Client(base_url=url, timeout=_REQUEST_TIMEOUT_S) as client:
        _check_models(client, {stop.model for stop in stops})
        return [ask_server(client, stop.model, PredictOptions())(stop.picture) for stop in stops]


def _check_models(client: httpx2.Client, wanted: set[str]) -> None:
    """See that every model of the tour is there before anything is asked of it."""
    for model in sorted(wanted):
        response = client.get(f"/v1/models/{model}")
        if not response.is_success:
            raise ServerUnreachable(
                f"The server does not serve the model {model} (HTTP {response.status_code}).",
                hint="saccade doctor shows why.",
            )


def _write_table(stops: Sequence[Stop], outcomes: Sequence[Outcome]) -> None:
    """Write one row per picture, below the name of the model that looked at it."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.ROUNDED, header_style="bold", border_style="dim")
    for heading in ("Picture", "Finding", "Best score", "Time"):
        table.add_column(heading, justify="right" if heading == "Time" else "left")
    for index, (stop, outcome) in enumerate(zip(stops, outcomes, strict=True)):
        if index == 0 or stops[index - 1].model != stop.model:
            table.add_row(f"[bold cyan]{stop.model}[/]")
        last = index + 1 == len(stops) or stops[index + 1].model != stop.model
        table.add_row(f"  {stop.picture.name}", *_cells(outcome), end_section=last)
    stdout().print(table)


def _cells(outcome: Outcome) -> tuple[Text, str | Text, str]:
    """Return what a row shows of an outcome: finding, score, time."""
    from rich.text import Text

    from saccade.cli.findings import finding_of

    if outcome.prediction is None:
        return Text(str((outcome.problem or {}).get("detail", "no answer")), "red"), "", ""
    finding = finding_of(outcome.prediction)
    what = Text.assemble((finding.what, "bold"), (f"  {finding.more}" if finding.more else "", "dim"))
    if finding.score is None:
        return what, "", f"{finding.total_ms:.1f} ms"
    return what, bar_of(finding.score), f"{finding.total_ms:.1f} ms"


def bar_of(score: float, *, width: int = 8) -> Text:
    """Return a score of 0..1 as a bar and a number."""
    from rich.text import Text

    full = round(max(0.0, min(1.0, score)) * width)
    return Text.assemble(("━" * full, "green"), ("━" * (width - full), "bright_black"), f" {shown_score(score)}")


def draw_best(outcomes: Sequence[Outcome], folder: Path) -> Path | None:
    """Draw what was found onto the picture in which most was found.

    Args:
        outcomes: Answered pictures.
        folder: Where to write; made if it is not there.

    Returns:
        The file, or None if nothing was found in any picture.
    """
    found = [outcome for outcome in outcomes if outcome.prediction and outcome.prediction["task"] == _DETECTION]
    # The one with the most to see that is not a crowd.
    best = max(found, key=lambda outcome: (len(_entries(outcome)) <= _CROWD, len(_entries(outcome))), default=None)
    if best is None or not _entries(best):
        return None
    from saccade.cli.drawings import Drawings
    from saccade.images.limits import Limits
    from saccade.vision.drawn import DrawnFormat

    drawings = Drawings(folder, [best.file], DrawnFormat.PNG, Limits())
    return drawings.draw(best.file, best.prediction or {})


def _entries(outcome: Outcome) -> list[dict[str, object]]:
    """Return the entries of a prediction."""
    return cast("list[dict[str, object]]", (outcome.prediction or {}).get("predictions", []))


def _write_closing(outcomes: Sequence[Outcome], drawn: Path | None) -> None:
    """Say how long a picture took, where the drawing is, and what to do next."""
    from statistics import median

    from saccade.cli.findings import finding_of

    times_ms = [finding_of(outcome.prediction).total_ms for outcome in outcomes if outcome.prediction]
    rows = {
        "median time": f"{median(times_ms):.1f} ms a picture, inside the server",
        "drawing": str(drawn) if drawn else "",
        "next": "saccade serve, then http://127.0.0.1:8000/docs",
    }
    console = stdout()
    for name, text in rows.items():
        if text:
            console.print(f"  [dim]{name:<12}[/] {text}", soft_wrap=True)
    console.print()
