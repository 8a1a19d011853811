"""Drawn pictures as files: names that no two pictures share, and nothing that is there already written over."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from saccade.errors import ParameterInvalid
from saccade.vision.drawn import DrawnFormat

if TYPE_CHECKING:
    from saccade.images.limits import Limits
    from saccade.predictions.render import Json

Annotate: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Draw what is found onto each picture, and write the drawings there."),
]
AnnotateFormat: TypeAlias = Annotated[
    DrawnFormat, typer.Option("--annotate-format", metavar="png|jpeg|webp|svg", help="What drawings are written as.")
]


#: Pictures that are drawn at a time: each is several times in memory, without compression.
_AT_A_TIME = 2
#: File systems end names at 255 bytes; a letter has at most four.
_LONGEST_STEM_BYTES = 220


class Drawings:
    """A folder of drawings. Thread-safe.

    Names are given out before anything is drawn, in the order of the pictures, so that they are the same every time.
    """

    def __init__(self, folder: Path, files: Sequence[Path], drawn: DrawnFormat, limits: Limits) -> None:
        """Make the folder, and a name for each picture.

        Args:
            folder: Made if it is not there.
            files: The pictures, each once.
            drawn: What is written.
            limits: What a picture may cost.

        Raises:
            ParameterInvalid: There can be no such folder.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ParameterInvalid(
                f"{folder} cannot be a folder of drawings: {error.strerror or error}.", hint="Name another one."
            ) from None
        self.folder = folder
        self.written = 0
        self._drawn = drawn
        self._limits = limits
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_AT_A_TIME)
        self._names: dict[Path, str] = {}
        self._taken: set[str] = set()
        for file in files:
            self._names[file] = self._free_name(file)

    def draw(self, file: Path, prediction: Mapping[str, Json]) -> Path:
        """Draw what was found onto a picture, upright, and write it.

        A drawing that is there already, byte for byte, is left; any other file that has its name keeps it, and the
        drawing gets the next number.

        Args:
            file: One of the pictures.
            prediction: As clients see it.

        Returns:
            Where the drawing is.

        Raises:
            RequestError: The picture cannot be taken in here, or its format cannot hold it.
            ParameterInvalid: The drawing cannot be written.
            ValueError: The prediction is none.
            OSError: The picture cannot be read.
        """
        from saccade.images.intake import take
        from saccade.predictions.drawing import draw, entries_of

        entries = entries_of(prediction)
        with self._room:
            with file.open("rb") as opened:
                picture = take(opened.read(self._limits.max_bytes + 1), self._limits)
            data = draw(picture.rgb, entries, self._drawn)
        try:
            path = self._write(file, data)
        except OSError as error:
            raise ParameterInvalid(
                f"The drawing of {file} cannot be written: {error.strerror or error}.", hint="Name another folder."
            ) from None
        with self._lock:
            self.written += 1
        return path

    def _write(self, file: Path, data: bytes) -> Path:
        with self._lock:
            name = self._names[file]
        while True:
            path = self.folder / name
            try:
                write_new(path, data)
            except FileExistsError:
                if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
                    return path
                with self._lock:
                    name = self._free_name(file)
                continue
            return path

    def _free_name(self, file: Path) -> str:
        """Return the first name that no picture of this run has; names that differ in case alone are one."""
        number = 1
        while True:
            counted = "" if number == 1 else f"-{number}"
            name = f"{_stem(file)}-annotated{counted}{self._drawn.suffix}"
            if name.casefold() not in self._taken:
                self._taken.add(name.casefold())
                return name
            number += 1


def _stem(file: Path) -> str:
    """Return how a picture's name begins, cut off where it leaves no room for what is added."""
    stem = file.stem
    return stem if len(os.fsencode(stem)) <= _LONGEST_STEM_BYTES else stem[: _LONGEST_STEM_BYTES // 4]


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet; of one that cannot be finished nothing stays.

    Raises:
        FileExistsError: Something has this name.
        OSError: It cannot be written.
    """
    with path.open("xb") as opened:
        try:
            opened.write(data)
            opened.flush()
        except BaseException:
            path.unlink()
            raise


def unreadable(error: OSError) -> dict[str, Json]:
    """Return the problem of a file that cannot be read any more."""
    return {
        "code": "file_unreadable",
        "detail": f"The file cannot be read: {error.strerror or error}.",
        "hint": "Check that it exists and that you may read it.",
    }
