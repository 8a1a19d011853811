"""Which files a bulk submission means, one by one without holding them all, and how they are cut into jobs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from saccade.cli.pictures import SUFFIXES
from saccade.errors import ParameterInvalid

_URL = ("http://", "https://")
#: A list on standard input.
STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one job may be: pictures, and their bytes together."""

    images: int
    total_bytes: int


def is_url(name: str) -> bool:
    """Say whether a picture is fetched by the server."""
    return name.lower().startswith(_URL)


def split_words(words: Sequence[str], *, has_lists: bool) -> tuple[list[str], list[Path]]:
    """Return models and paths: the first word is a model, and so are the next until one is there as a path.

    Raises:
        ParameterInvalid: There is no path although no list is given, or one is not there.
    """
    first = next((place for place, word in enumerate(words) if place and Path(word).exists()), len(words))
    models, paths = list(words[:first]), [Path(word) for word in words[first:]]
    strangers = [word for word in models if "/" in word] + [str(path) for path in paths if not path.exists()]
    if strangers:
        raise ParameterInvalid(f"There is no {strangers[0]}.")
    if not paths and not has_lists:
        taken = ", ".join(models[1:])
        told = f" What is no file or folder is taken for a model, here {taken}." if taken else ""
        raise ParameterInvalid(
            f"No picture is named.{told}", hint="Name models first, then pictures or folders, or give --list."
        )
    return models, paths


def names_in(paths: Iterable[Path], lists: Iterable[Path]) -> Iterator[str]:
    """Yield the names of all pictures meant: paths, and URLs of lists; in an order that is the same every time."""
    for path in paths:
        if path.is_dir():
            yield from _of_folder(path)
        else:
            yield str(path)
    for path in lists:
        yield from _of_list(path)


def chunks(names: Iterable[str], bounds: Bounds) -> Iterator[list[str]]:
    """Cut names into jobs: neighbours together, files apart from URLs, no job over the bounds but one huge picture."""
    chunk: list[str] = []
    held_bytes = 0
    for name in names:
        size = 0 if is_url(name) else _size_of(name)
        too_much = len(chunk) >= bounds.images or held_bytes + size > bounds.total_bytes
        if chunk and (too_much or is_url(name) != is_url(chunk[0])):
            yield chunk
            chunk, held_bytes = [], 0
        chunk.append(name)
        held_bytes += size
    if chunk:
        yield chunk


def _of_folder(folder: Path) -> Iterator[str]:
    """Yield the pictures of a folder, then those of the folders below it; hidden ones not, links to folders not.

    Raises:
        ParameterInvalid: A folder cannot be read; to leave it out would look as if all had been sent.
    """
    pictures, folders = [], []
    try:
        scanned = os.scandir(folder)
    except OSError as error:
        raise ParameterInvalid(
            f"The folder {folder} cannot be read: {error.strerror or error}.", hint="Check that you may read it."
        ) from None
    with scanned as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file():
                pictures.append(entry.name)
    for name in sorted(pictures):
        yield str(folder / name)
    for name in sorted(folders):
        yield from _of_folder(folder / name)


def _of_list(path: Path) -> Iterator[str]:
    """Yield the lines of a file, one path or URL each; empty ones not.

    Raises:
        ParameterInvalid: The file cannot be read.
    """
    with ExitStack() as opened:
        try:
            lines = sys.stdin if path == STDIN else opened.enter_context(path.open(errors="surrogateescape"))
        except OSError as error:
            raise ParameterInvalid(
                f"The list {path} cannot be read: {error.strerror or error}.", hint="Name another --list."
            ) from None
        for line in lines:
            if name := line.rstrip("\r\n"):
                yield name


def _size_of(name: str) -> int:
    """Return a file's size; one that is not there is told later, in its place."""
    try:
        return Path(name).stat().st_size
    except OSError:
        return 0
