"""``saccade images annotate`` and ``download``: what a server remembers, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from saccade.cli.image_client import (
    ImageId,
    ModelName,
    OutputFile,
    Owner,
    image_client,
    image_path,
    short_id,
    write_whole,
)
from saccade.cli.job_client import DEFAULT_URL, BaseUrl
from saccade.cli.output import stdout
from saccade.errors import ParameterInvalid
from saccade.vision.drawn import DrawnFormat

_SUFFIXES = {"jpeg": "jpg", "tiff": "tif"}


def annotate(
    image_id: ImageId,
    *,
    output: OutputFile = None,
    model: ModelName = None,
    drawn: Annotated[
        DrawnFormat | None,
        typer.Option("--format", metavar="png|jpeg|webp|svg", help="Else what FILE ends in, else png."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Lowest score that is drawn.", min=0, max=1)
    ] = None,
    owner: Owner = None,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Write an image, upright, with what a model saw in it drawn on: boxes, circles, labels and scores.

    Without --model the only model that saw it is meant, in its newest version.
    """
    wanted = drawn or _format_of(output)
    least = None if threshold is None else str(threshold)
    path = image_path(image_id, "/annotated", format=wanted.value, model=model, threshold=least, owner=owner)
    with image_client(base_url) as client:
        data = client.send("GET", path).content
    _tell(write_whole(output, f"{short_id(image_id)}-annotated{wanted.suffix}", data))


def download(
    image_id: ImageId, *, output: OutputFile = None, owner: Owner = None, base_url: BaseUrl = DEFAULT_URL
) -> None:
    """Write an image's bytes as they were sent."""
    with image_client(base_url) as client:
        kind = str(client.ask("GET", image_path(image_id, owner=owner))["format"])
        data = client.send("GET", image_path(image_id, "/content", owner=owner)).content
    _tell(write_whole(output, f"{short_id(image_id)}.{_SUFFIXES.get(kind, kind)}", data))


def _format_of(output: Path | None) -> DrawnFormat:
    """Return the format that a file's name means; PNG for a folder, standard output and a name without an ending.

    Raises:
        ParameterInvalid: The name ends in that of another format.
    """
    suffix = output.suffix.lower() if output is not None and not output.is_dir() else ""
    by_suffix = {drawn.suffix: drawn for drawn in DrawnFormat} | {".jpeg": DrawnFormat.JPEG}
    if suffix and suffix not in by_suffix:
        raise ParameterInvalid(
            f"No picture is drawn as {suffix[:20]!r}.",
            hint=f"Let FILE end in {', '.join(sorted(by_suffix))}, or say --format.",
        )
    return by_suffix.get(suffix, DrawnFormat.PNG)


def _tell(text: str) -> None:
    if text:
        stdout().print(text, soft_wrap=True, markup=False)
