"""Which files a command means when it is given files and folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from saccade.errors import ParameterInvalid

#: What a folder is searched for; a file that is named outright is taken whatever its name.
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"})


def pictures_in(paths: Iterable[Path]) -> list[Path]:
    """Return the files meant, each once: those named in the order given, those of a folder by name, hidden ones not.

    Raises:
        ParameterInvalid: There is no picture at all.
    """
    found = dict.fromkeys(file for path in paths for file in (_of_folder(path) if path.is_dir() else [path]))
    if not found:
        suffixes = " ".join(sorted(SUFFIXES))
        raise ParameterInvalid("There is no picture here.", hint=f"A folder is searched for {suffixes}.")
    return list(found)


def _of_folder(folder: Path) -> list[Path]:
    """Return the pictures of a folder and of those below it."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
