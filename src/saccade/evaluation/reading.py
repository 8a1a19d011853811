"""What every reader of a dataset shares: finding its files, looking at them, and the hash that tells datasets apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from saccade.errors import RequestError, TruthInvalid
from saccade.evaluation.truth import Dataset, TruthImage
from saccade.images.headers.magic import read_header
from saccade.images.limits import Limits
from saccade.models.prediction import Task

if TYPE_CHECKING:
    from saccade.images.headers.header import Header

#: How many places a message names before it only counts.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ReadDataset:
    """A dataset, and what whoever evaluates on it should know about its truth.

    Attributes:
        remarks: Sentences; none of them stands in the way.
    """

    dataset: Dataset
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """One picture's file as it was found.

    Attributes:
        header: What it says of itself; None where it is no picture that is taken, which the model's turn will tell.
        sha256: Of its bytes.
    """

    path: Path
    header: Header | None
    sha256: bytes


def look_at(path: Path, limits: Limits) -> File:
    """Read a file once: its hash and its header.

    Raises:
        TruthInvalid: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TruthInvalid(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        header = read_header(data, limits)
    except RequestError:
        header = None
    return File(path, header, hashlib.sha256(data).digest())


def place_of(name: str, folder: Path, *, where: str) -> Path:
    """Return where a file that the truth names lies: always below the folder, whatever the name says.

    Links below the folder are followed, for whoever laid out the folder made them; the name alone is not trusted.

    Args:
        name: With ``/`` between folders.
        folder: All pictures lie below it.
        where: The place in the truth, for the message.

    Raises:
        TruthInvalid: The name is empty, absolute, or leads out of the folder.
    """
    pure = PurePosixPath(name)
    if not name or "\0" in name or pure.is_absolute() or PureWindowsPath(name).drive or ".." in pure.parts:
        raise TruthInvalid(
            f"{where} names the file {name[:200]!r}, which is no path below {folder}.",
            hint="Name the files relative to the folder of --images.",
        )
    return folder / pure


def require_files(paths: Iterable[Path], folder: Path) -> None:
    """Refuse a truth whose pictures are not all there; all are counted, the first few are named.

    Raises:
        TruthInvalid: Some are missing.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        names = listed([str(path.relative_to(folder)) for path in missing])
        pictures = "1 picture is" if len(missing) == 1 else f"{len(missing)} pictures are"
        raise TruthInvalid(
            f"{pictures} not in {folder}: {names}.", hint="Check --images, or take them out of the annotations."
        )


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence: the first few, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown


def first_of(names: Iterable[str], limit: int | None) -> list[str]:
    """Return the names in their order, the first ``limit`` of them: the same ones however the truth was sorted."""
    return sorted(names)[:limit]


def dataset_of(
    *,
    name: str,
    task: Task,
    labels: Sequence[str],
    images: Sequence[TruthImage],
    sha256_of: Callable[[Path], bytes],
) -> Dataset:
    """Return the dataset with its hash; pictures in the order of their names.

    Args:
        name: For people.
        task: What models are asked.
        labels: All that the truth knows.
        images: Pictures with their truth.
        sha256_of: The hash of a picture's bytes.
    """
    ordered = sorted(images, key=lambda image: image.name)
    digest = hashlib.sha256(_line(["saccade-dataset", 1, task.value, sorted(labels)]))
    for image in ordered:
        boxes = sorted(
            [box.label, box.box.x_min, box.box.y_min, box.box.x_max, box.box.y_max, box.area_px, box.is_crowd]
            for box in image.boxes
        )
        digest.update(_line([image.name, sha256_of(image.path).hex(), image.label, boxes]))
    return Dataset(name=name, sha256=digest.hexdigest(), task=task, labels=tuple(labels), images=tuple(ordered))


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
