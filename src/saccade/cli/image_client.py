"""A server's images as commands reach them: where each is, pages of a search, and files."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast
from urllib.parse import quote, urlencode

import typer

from saccade.errors import ImageUnknown, ParameterInvalid

if TYPE_CHECKING:
    from saccade.cli.job_client import JobClient
    from saccade.predictions.render import Json

ImageId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="Id of an image: the sha256 of its bytes.")]
Owner: TypeAlias = Annotated[
    str | None, typer.Option(metavar="PRINCIPAL", help="Whose image; only admins may name another than themselves.")
]
ModelName: TypeAlias = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="Name of a model, or name@version.")
]
OutputFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write it, over what is there; a folder, or - for standard output.",
        show_default="a name made of the id, here",
    ),
]

_PAGE = 200
_STDOUT = Path("-")
#: So much of an id is in the name of a file.
_SHORT = 16


@contextlib.contextmanager
def image_client(base_url: str, *, patience_s: float = 0.0) -> Iterator[JobClient]:
    """Open a client of the server there, and close it at the end."""
    from saccade.cli.job_client import open_client

    client = open_client(base_url, patience_s=patience_s)
    with contextlib.closing(client.http):
        yield client


def image_path(image_id: str, below: str = "", **query: str | None) -> str:
    """Return the path of an image, or of what lies below it; an id that is none stays one path segment.

    Raises:
        ImageUnknown: No image can have this id.
    """
    if not image_id or image_id in {".", ".."}:
        raise ImageUnknown("There is no such image.")
    given = {name: value for name, value in query.items() if value is not None}
    asked = f"?{urlencode(given)}" if given else ""
    return f"/v1/images/{quote(image_id, safe='')}{below}{asked}"


def found_images(
    client: JobClient, conditions: Sequence[tuple[str, str]], *, limit: int | None
) -> Iterator[dict[str, Json]]:
    """Yield the images that a search finds, page by page; a page may be empty and the search still go on.

    Args:
        client: Of the server.
        conditions: Names and values of the query.
        limit: Most that are wanted; None for all.
    """
    size = min(limit or _PAGE, _PAGE)
    path: str | None = f"/v1/images?{urlencode([*conditions, ('limit', str(size))])}"
    left = limit
    while path:
        page = client.ask("GET", path)
        for image in cast("list[dict[str, Json]]", page["images"]):
            if left == 0:
                return
            left = None if left is None else left - 1
            yield image
        path = None if left == 0 else cast("str | None", page["next"])


def short_id(image: str | Mapping[str, Json]) -> str:
    """Return as much of an id as names a file."""
    return str(image if isinstance(image, str) else image["id"])[:_SHORT]


def write_whole(output: Path | None, name: str, data: bytes) -> str:
    """Write a file whole or not at all, over one that is there.

    Args:
        output: Where it was wished; a folder takes ``name``, ``-`` is standard output, None is here.
        name: Of the file, where none is given.
        data: What is written.

    Returns:
        What to tell of it; empty for standard output.

    Raises:
        ParameterInvalid: It cannot be written.
    """
    if output == _STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return ""
    target = Path(name) if output is None else output / name if output.is_dir() else output
    try:
        _replace(target, data)
    except OSError as error:
        raise ParameterInvalid(
            f"{target} cannot be written: {error.strerror or error}.", hint="Give another --output."
        ) from None
    return f"{target}, {len(data):,} bytes"


def _replace(target: Path, data: bytes) -> None:
    if target.exists() and not target.is_file():
        target.write_bytes(data)  # a pipe or a device, which is there to be written into
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:_SHORT]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
