"""The three lists of a COCO file, entry by entry: each with its own checks, and a sentence that names the place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeAlias, TypeVar, cast

from saccade.errors import TruthInvalid
from saccade.models.prediction import Box

Id: TypeAlias = int | str
_Entry: TypeAlias = Mapping[str, object]


class _Known(Protocol):
    @property
    def id(self) -> Id: ...
    @property
    def where(self) -> str: ...


K = TypeVar("K", bound=_Known)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's lists as they were read."""

    path: Path
    lists: Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Category:
    """One label."""

    id: Id
    name: str
    supercategory: str | None
    where: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One file, and the size that the annotations give it; None where they give none."""

    id: Id
    name: str
    size_px: tuple[int, int] | None
    where: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One object.

    Attributes:
        box: In px of whatever the annotator saw.
        area_px: As annotated, else the box's.
    """

    id: Id
    image_id: Id
    category_id: Id
    box: Box
    area_px: float
    is_crowd: bool
    where: str


def document_of(path: Path) -> Document:
    """Read the file.

    Raises:
        TruthInvalid: It cannot be read, is no JSON, or lacks one of the three lists.
    """
    try:
        value: object = json.loads(path.read_bytes())
    except OSError as error:
        raise TruthInvalid(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise TruthInvalid(f"{path} is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise TruthInvalid(f"{path} is no COCO file: it holds no object with images, annotations and categories.")
    lists: dict[str, Sequence[object]] = {}
    for key in ("images", "annotations", "categories"):
        found = value.get(key)
        if not isinstance(found, list):
            raise TruthInvalid(f"{path} is no COCO file: it has no list {key!r}.")
        lists[key] = found
    if not lists["images"]:
        raise TruthInvalid(f"{path} names no image.")
    if not lists["categories"]:
        raise TruthInvalid(f"{path} names no category.")
    return Document(path, lists)


def categories_of(document: Document) -> list[Category]:
    """Return the categories in their order.

    Raises:
        TruthInvalid: One has no id or name, or two have one id.
    """
    found = []
    for where, entry in _entries(document, "categories"):
        parent = entry.get("supercategory")
        name = _text(entry, "name", where)
        found.append(Category(_id(entry, "id", where), name, parent if isinstance(parent, str) else None, where))
    return _unique(found)


def pictures_of(document: Document) -> list[Picture]:
    """Return the images in their order; names with single slashes and without ``./``.

    Raises:
        TruthInvalid: One has no id or file name or a size that is none, or two have one id or one file.
    """
    found = []
    for where, entry in _entries(document, "images"):
        name = _text(entry, "file_name", where)
        # ``a//b`` and ``./a/b`` are the same file; what leads out of the folder stays as it is, and is refused later.
        found.append(Picture(_id(entry, "id", where), str(PurePosixPath(name)), _size(entry, where), where))
    by_name: dict[str, Picture] = {}
    for picture in _unique(found):
        first = by_name.setdefault(picture.name, picture)
        if first is not picture:
            raise TruthInvalid(f"{picture.where} names the file {picture.name!r}, which {first.where} names too.")
    return found


def annotations_of(document: Document) -> list[Annotation]:
    """Return the objects in their order.

    Raises:
        TruthInvalid: One lacks an id, an image, a category or a box of some size, or two have one id.
    """
    found = []
    for where, entry in _entries(document, "annotations"):
        box = _box(entry, where)
        found.append(
            Annotation(
                id=_id(entry, "id", where),
                image_id=_id(entry, "image_id", where),
                category_id=_id(entry, "category_id", where),
                box=box,
                area_px=_area(entry, box, where),
                is_crowd=_flag(entry, "iscrowd", where),
                where=where,
            )
        )
    return _unique(found)


def _entries(document: Document, key: str) -> Iterator[tuple[str, _Entry]]:
    for index, entry in enumerate(document.lists[key]):
        where = f"{document.path.name}: {key}[{index}]"
        if not isinstance(entry, dict):
            raise TruthInvalid(f"{where} is no object.")
        yield where, cast("_Entry", entry)


def _unique(entries: Iterable[K]) -> list[K]:
    by_id: dict[Id, K] = {}
    for entry in entries:
        first = by_id.setdefault(entry.id, entry)
        if first is not entry:
            raise TruthInvalid(f"{entry.where} has the id {entry.id!r}, which {first.where} has too.")
    return list(by_id.values())


def _id(entry: _Entry, key: str, where: str) -> Id:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TruthInvalid(f"{where} has {_shown(entry, key)}; it must be a whole number or a text.")
    return value


def _text(entry: _Entry, key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise TruthInvalid(f"{where} has {_shown(entry, key)}; it must be a text.")
    return value


def _size(entry: _Entry, where: str) -> tuple[int, int] | None:
    if entry.get("width") is None and entry.get("height") is None:
        return None
    sides = []
    for key in ("width", "height"):
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise TruthInvalid(f"{where} has {_shown(entry, key)}; it must be a whole number of at least 1.")
        sides.append(value)
    return sides[0], sides[1]


def _box(entry: _Entry, where: str) -> Box:
    value = entry.get("bbox")
    numbers = [_finite(item) for item in value] if isinstance(value, list) else []
    if len(numbers) != 4 or None in numbers:  # noqa: PLR2004 - x, y, width, height
        raise TruthInvalid(f"{where} has {_shown(entry, 'bbox')}; it must be four numbers: x, y, width, height.")
    x, y, width, height = cast("list[float]", numbers)
    if width <= 0 or height <= 0:
        raise TruthInvalid(f"{where} has a bbox of {width:g} x {height:g} px; both must be more than 0.")
    return Box(x, y, x + width, y + height)


def _area(entry: _Entry, box: Box, where: str) -> float:
    if entry.get("area") is None:
        return (box.x_max - box.x_min) * (box.y_max - box.y_min)
    area = _finite(entry.get("area"))
    if area is None or area < 0:
        raise TruthInvalid(f"{where} has {_shown(entry, 'area')}; it must be a number of at least 0.")
    return area


def _flag(entry: _Entry, key: str, where: str) -> bool:
    value = entry.get(key, 0)
    if value not in (0, 1):
        raise TruthInvalid(f"{where} has {_shown(entry, key)}; it must be 0 or 1.")
    return bool(value)


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shown(entry: _Entry, key: str) -> str:
    """Return an entry's value for a message, in a length that a line bears."""
    return f"the {key} {str(entry[key])[:80]!r}" if key in entry else f"no {key}"
