"""Annotations as COCO writes them, and as Roboflow exports them: pictures, boxes, categories, and every check of them.

Boxes are in px of the picture as it is seen. Where the annotations give a picture the size that its file has before
EXIF turns it upright, whoever drew the boxes saw it lying on its side, and its boxes are turned with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from saccade.errors import TruthInvalid
from saccade.evaluation.coco_entries import (
    Annotation,
    Category,
    Id,
    Picture,
    annotations_of,
    categories_of,
    document_of,
    pictures_of,
)
from saccade.evaluation.reading import (
    File,
    ReadDataset,
    dataset_of,
    first_of,
    listed,
    look_at,
    place_of,
    require_files,
)
from saccade.evaluation.truth import TruthBox, TruthImage
from saccade.evaluation.turning import upright_box, upright_size
from saccade.images.limits import Limits
from saccade.models.prediction import Box, Task

#: What hand-drawn boxes may hang over the picture's edge without a word, in px.
_OVERHANG_PX = 1.0


class _Oddity(StrEnum):
    """What is odd about a picture's truth without standing in the way."""

    TURNED = "turned"
    UNSURE = "unsure"
    CONTRADICTED = "contradicted"
    OVERHANGING = "overhanging"


_REMARKS: Mapping[_Oddity, str] = {
    _Oddity.TURNED: "annotated as stored and not as seen; their boxes are turned upright with them",
    _Oddity.UNSURE: "turned by EXIF, and nothing tells how they were annotated; their boxes are taken as seen",
    _Oddity.CONTRADICTED: "of another size than the annotations say; their boxes are taken as px of the real picture",
    _Oddity.OVERHANGING: "annotated with boxes that reach beyond the picture's edge; they are taken as they are",
}

_Oddities: TypeAlias = list[tuple[_Oddity, str]]


@dataclass(frozen=True, slots=True)
class _Truth:
    """The three lists of a file, checked each for itself."""

    labels: Mapping[Id, str]
    pictures: Sequence[Picture]
    annotations: Mapping[Id, Sequence[Annotation]]


def read_coco(
    annotations: Path,
    images: Path,
    *,
    name: str | None = None,
    limit: int | None = None,
    limits: Limits | None = None,
) -> ReadDataset:
    """Read a dataset for detectors.

    Args:
        annotations: JSON with ``images``, ``annotations`` and ``categories``.
        images: The folder that its file names are relative to.
        name: For people; else the folder's name.
        limit: Only so many pictures, the first by name.
        limits: What a picture may be; the defaults of a server where nothing is said.

    Returns:
        The dataset, and remarks on what is odd about it.

    Raises:
        TruthInvalid: It cannot be read, contradicts itself, or does not fit the pictures; the message names the place.
    """
    truth = _read(annotations)
    wanted = set(first_of((picture.name for picture in truth.pictures), limit))
    chosen = [picture for picture in truth.pictures if picture.name in wanted]
    places = {picture.name: place_of(picture.name, images, where=picture.where) for picture in chosen}
    require_files(places.values(), images)
    files: dict[Path, File] = {}
    oddities: _Oddities = []
    found: list[TruthImage] = []
    for picture in chosen:
        file = look_at(places[picture.name], limits or Limits())
        files[file.path] = file
        boxes = _boxes(picture, truth.annotations.get(picture.id, ()), file, truth.labels, oddities)
        found.append(TruthImage(picture.name, file.path, boxes))
    dataset = dataset_of(
        name=name or images.resolve().name,
        task=Task.OBJECT_DETECTION,
        labels=list(truth.labels.values()),
        images=found,
        sha256_of=lambda path: files[path].sha256,
    )
    return ReadDataset(dataset, _remarks(oddities))


def _read(path: Path) -> _Truth:
    """Read the lists and hold them against each other."""
    document = document_of(path)
    categories, pictures = categories_of(document), pictures_of(document)
    entries = annotations_of(document)
    labels = _labels(categories, used={entry.category_id for entry in entries})
    known = {picture.id for picture in pictures}
    by_picture: dict[Id, list[Annotation]] = {}
    for entry in entries:
        if entry.image_id not in known:
            raise TruthInvalid(f"{entry.where} is of the image {entry.image_id!r}, which is not among the images.")
        if entry.category_id not in labels:
            raise TruthInvalid(
                f"{entry.where} is of the category {entry.category_id!r}, which is not among the categories."
            )
        by_picture.setdefault(entry.image_id, []).append(entry)
    return _Truth(labels, pictures, by_picture)


def _labels(categories: Sequence[Category], *, used: set[Id]) -> dict[Id, str]:
    """Return the labels by category id, without the heading that Roboflow puts above its real categories.

    The heading is a category that no box uses and that others name as their supercategory.
    """
    parents = {category.supercategory for category in categories if category.id in used}
    real = [category for category in categories if category.id in used or category.name not in parents]
    twice = [name for name, count in Counter(category.name for category in real).items() if count > 1]
    if twice:
        raise TruthInvalid(f"Two categories have the name {twice[0]!r}: they cannot be told apart by label.")
    return {category.id: category.name for category in real}


def _boxes(
    picture: Picture, entries: Sequence[Annotation], file: File, labels: Mapping[Id, str], oddities: _Oddities
) -> tuple[TruthBox, ...]:
    """Return a picture's boxes upright; a file without a readable header is believed what the annotations say."""
    header = file.header
    if header is None:
        return tuple(_box(entry, entry.box, labels) for entry in entries)
    stored = (header.width_px, header.height_px)
    seen = upright_size(*stored, header.orientation)
    turn = header.orientation if picture.size_px == stored != seen else 1
    if turn != 1:
        oddities.append((_Oddity.TURNED, picture.name))
    elif picture.size_px is not None and picture.size_px != seen:
        oddities.append((_Oddity.CONTRADICTED, picture.name))
    elif header.orientation != 1 and entries and (stored == seen or picture.size_px is None):
        oddities.append((_Oddity.UNSURE, picture.name))
    boxes = []
    for entry in entries:
        box = upright_box(entry.box, width_px=stored[0], height_px=stored[1], orientation=turn)
        _require_inside(entry, box, seen, picture)
        boxes.append(_box(entry, box, labels))
    if any(_overhangs(entry.box, seen) for entry in boxes):
        oddities.append((_Oddity.OVERHANGING, picture.name))
    return tuple(boxes)


def _box(entry: Annotation, box: Box, labels: Mapping[Id, str]) -> TruthBox:
    return TruthBox(labels[entry.category_id], box, entry.area_px, entry.is_crowd)


def _require_inside(entry: Annotation, box: Box, size_px: tuple[int, int], picture: Picture) -> None:
    """Refuse a box no part of which is in the picture."""
    width_px, height_px = size_px
    if box.x_min >= width_px or box.y_min >= height_px or box.x_max <= 0 or box.y_max <= 0:
        corners = f"{box.x_min:g} {box.y_min:g} {box.x_max:g} {box.y_max:g}"
        raise TruthInvalid(
            f"{entry.where} has a bbox ({corners}) that lies outside {picture.name}, {width_px} x {height_px} px."
        )


def _overhangs(box: Box, size_px: tuple[int, int]) -> bool:
    over = (-box.x_min, -box.y_min, box.x_max - size_px[0], box.y_max - size_px[1])
    return max(over) > _OVERHANG_PX


def _remarks(oddities: _Oddities) -> tuple[str, ...]:
    """Return one sentence for each kind of oddity, with its count and the first few names."""
    sentences = []
    for kind, sentence in _REMARKS.items():
        names = [name for each, name in oddities if each == kind]
        if names:
            pictures = "1 picture is" if len(names) == 1 else f"{len(names)} pictures are"
            sentences.append(f"{pictures} {sentence}: {listed(names)}.")
    return tuple(sentences)
