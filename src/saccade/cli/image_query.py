"""``saccade images list``: which images are wanted, and how they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.image_client import found_images, image_client
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.options import AsJson, read_settings
from saccade.cli.output import stdout, write_json
from saccade.errors import ParameterInvalid

if TYPE_CHECKING:
    from saccade.cli.job_client import JobClient

_TIMES = "A moment as 2026-03-01T12:00 in UTC, or a span before now as 45m, 24h, 7d or 2w."


def list_images(
    *,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="With this label in them, exactly so; given several times, all of them."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Labels of this model count, else any's: a name, which means its newest version, or name@version.",
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Lowest score of these labels; goes with --label or --model.", min=0, max=1),
    ] = None,
    max_score: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Highest score of these labels; likewise.", min=0, max=1),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="With all these words in their file names or labels; coin* also means coins."
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"First sent then or later. {_TIMES}")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="First sent before then; likewise.")] = None,
    similar_to: Annotated[
        str | None,
        typer.Option(
            metavar="ID|FILE",
            help="That look like this one, likest first: an image's id, or a picture file on this machine.",
        ),
    ] = None,
    max_distance: Annotated[
        int | None,
        typer.Option(metavar="BITS", help="Bits of 64 in which such pictures may differ, else 8.", min=0, max=11),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="PRINCIPAL", help="Whose images, else your own; * for everybody's. For admins."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Most images that are listed.", min=1)] = 50,
    count: Annotated[bool, typer.Option("--count", help="Say how many there are, and list none.")] = False,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """List images that fulfil every condition, newest first.

    The columns: Image is an image's id, which the other commands take, and the file names it was sent under. Sees is
    what the newest version of each model found: objects of each label, or the best label and its score. Size is width
    and height of the upright picture in px. Remembered is when it was first sent, in UTC. Bits apart, with
    --similar-to, is how little it looks like the other: 0 is nearly the same picture. --json has all that is known.
    """
    if similar_to is None and max_distance is not None:
        raise ParameterInvalid("--max-distance goes with --similar-to.")
    asked = {
        "model": model,
        "min_score": min_score,
        "max_score": max_score,
        "text": text,
        "since": since,
        "until": until,
        "similar_to": None if similar_to is None else _likeness(similar_to),
        "max_distance": max_distance,
        "owner": owner,
    }
    conditions = [("label", one) for one in label or []]
    conditions += [(name, str(value)) for name, value in asked.items() if value is not None]
    with image_client(base_url) as client:
        if count:
            _tell_count(client, conditions, as_json=as_json)
            return
        found = list(found_images(client, conditions, limit=limit))
    if as_json:
        write_json(found, indent=2)
        return
    console = stdout()
    if not found:
        console.print("No image fulfils all that is asked." if conditions else "No image is remembered.")
        return
    from saccade.cli.image_tables import images_table

    table = images_table(found)
    # A narrow terminal breaks its lines, and not the ids, which are to be copied.
    console.width = max(console.width, console.measure(table).minimum)
    console.print(table)


def _tell_count(client: JobClient, conditions: list[tuple[str, str]], *, as_json: bool) -> None:
    from urllib.parse import urlencode

    page = client.ask("GET", f"/v1/images?{urlencode([*conditions, ('count', 'true'), ('limit', '1')])}")
    if as_json:
        write_json({"count": page["count"], "count_is_exact": page["count_is_exact"]})
        return
    number = f"{page['count']:,}"
    stdout().print(number if page["count_is_exact"] else f"at least {number}")


def _likeness(wanted: str) -> str:
    """Return what the server compares: an id as it is, of a picture that lies here its perceptual hash.

    Raises:
        ParameterInvalid: The file cannot be read.
        RequestError: It is no picture.
    """
    file = Path(wanted)
    if not file.is_file():
        return wanted
    from saccade.images.intake import take
    from saccade.images.limits import Limits
    from saccade.vision.phash import phash

    settings = read_settings({}).image
    try:
        with file.open("rb") as opened:
            data = opened.read(settings.max_bytes + 1)
    except OSError as error:
        raise ParameterInvalid(f"{file} cannot be read: {error.strerror or error}.") from None
    return f"{phash(take(data, Limits(settings.max_bytes, settings.max_pixels, settings.max_scans)).rgb):016x}"
