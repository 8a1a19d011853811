"""Pictures with one label each: a tree of folders, or a table of files and labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from saccade.errors import TruthInvalid
from saccade.evaluation.reading import (
    ReadDataset,
    dataset_of,
    first_of,
    listed,
    look_at,
    place_of,
    require_files,
)
from saccade.evaluation.truth import TruthImage
from saccade.images.limits import Limits
from saccade.models.prediction import Task

_FILE, _LABEL = "file", "label"


@dataclass(frozen=True, slots=True)
class _Labelled:
    """Which picture shows what, and all labels."""

    labels: Sequence[str]
    of: dict[str, str]
    paths: dict[str, Path]


def read_labels(
    labels: Path,
    images: Path | None,
    *,
    suffixes: Collection[str],
    name: str | None = None,
    limit: int | None = None,
    limits: Limits | None = None,
) -> ReadDataset:
    """Read a dataset for classifiers.

    Args:
        labels: A folder with one folder of pictures for each label, at any depth below it; or a CSV file whose heading
            names the columns ``file`` and ``label``.
        images: The folder that the table's file names are relative to; None for the table's own, and for a tree.
        suffixes: Which files of a tree are pictures, in lower case and with the dot.
        name: For people; else the folder's or the table's name.
        limit: Only so many pictures, the first by name.
        limits: What a picture may be; the defaults of a server where nothing is said.

    Raises:
        TruthInvalid: It cannot be read, or does not fit the pictures; the message names the place.
    """
    is_tree = labels.is_dir()
    if is_tree and images is not None:
        raise TruthInvalid(
            f"{labels} is a folder, whose pictures lie in it.", hint="Leave --images out, or name a CSV with --labels."
        )
    found = _tree(labels, suffixes) if is_tree else _table(labels, images or labels.parent)
    names = first_of(found.of, limit)
    hashes = {found.paths[each]: look_at(found.paths[each], limits or Limits()).sha256 for each in names}
    dataset = dataset_of(
        name=name or (labels.resolve().name if is_tree else labels.stem),
        task=Task.IMAGE_CLASSIFICATION,
        labels=found.labels,
        images=[TruthImage(each, found.paths[each], label=found.of[each]) for each in names],
        sha256_of=hashes.__getitem__,
    )
    return ReadDataset(dataset)


def _tree(folder: Path, suffixes: Collection[str]) -> _Labelled:
    """Read a folder of folders; hidden ones and other files are left out."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    strays = [entry.name for entry in entries if entry.is_file() and entry.suffix.lower() in suffixes]
    if strays:
        raise TruthInvalid(
            f"Pictures lie in {folder} itself, where no folder gives them a label: {listed(strays)}.",
            hint="Move them into the folder of their label, or write a CSV.",
        )
    folders = [entry for entry in entries if entry.is_dir()]
    of, paths = {}, {}
    for label in folders:
        for path in _pictures(label, suffixes):
            name = path.relative_to(folder).as_posix()
            of[name], paths[name] = label.name, path
    if not of:
        raise TruthInvalid(f"There is no picture in the folders of {folder}.")
    return _Labelled([label.name for label in folders], of, paths)


def _pictures(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and not is_hidden and path.is_file():
            yield path


def _table(table: Path, images: Path) -> _Labelled:
    """Read a CSV; labels in the order in which they first stand there."""
    of, paths = {}, {}
    for where, name, label in _rows(table):
        path = place_of(name, images, where=where)
        key = str(PurePosixPath(name))
        if key in of:
            raise TruthInvalid(f"{where} names the file {name!r} a second time.")
        of[key], paths[key] = label, path
    if not of:
        raise TruthInvalid(f"{table} names no picture.")
    require_files(paths.values(), images)
    return _Labelled(list(dict.fromkeys(of.values())), of, paths)


def _rows(table: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each row's place, file and label; other columns are left alone."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TruthInvalid(f"{table} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise TruthInvalid(f"{table} is no text in UTF-8.") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not {_FILE, _LABEL} <= set(rows.fieldnames or ()):
            raise TruthInvalid(f"The first line of {table} does not name the columns file and label.")
        for row in rows:
            where = f"{table.name}: line {rows.line_num}"
            name, label = row.get(_FILE) or "", (row.get(_LABEL) or "").strip()
            if not name or not label:
                raise TruthInvalid(f"{where} lacks a {_LABEL if name else _FILE}.")
            yield where, name, label
    except csv.Error as error:
        raise TruthInvalid(f"{table.name}: line {rows.line_num} cannot be read: {error}.") from None
