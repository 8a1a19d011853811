"""Results of a job as files that other programs read: JSON, JSON lines, CSV and COCO, written page by page.

Each format begins, takes any number of pages of ended items in (position, model) order, and ends. Nothing is kept of a
page but what the format needs at its end.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from typing_extensions import override

from saccade.jobs.records import ItemRecord, JobRecord
from saccade.jobs.render import item_to_text, problem_of, to_text
from saccade.predictions.render import Json

#: A cell that begins so is a formula to a spreadsheet; in some languages also with the wide forms of the signs.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

COLUMNS = (
    "index",
    "name",
    "image",
    "model",
    "state",
    "label",
    "score",
    "class_id",
    "xmin",
    "ymin",
    "xmax",
    "ymax",
    "centroid_x",
    "centroid_y",
    "radius_px",
    "code",
    "detail",
)


class Export(Protocol):
    """One format, for one answer."""

    def begin(self) -> str:
        """Return what stands before the first item."""

    def page(self, items: Sequence[ItemRecord]) -> str:
        """Return these items."""

    def end(self, following: str | None) -> str:
        """Return what stands behind the last item; ``following`` is where the rest is, None where there is none."""


class JsonExport(Export):
    """One object with all items in a list."""

    def __init__(self, job: JobRecord) -> None:
        """Begin the answer for a job."""
        self._job = job
        self._separator = ""

    @override
    def begin(self) -> str:
        """Open the object."""
        return f'{{"job":{to_text(self._job.id)},"state":{to_text(self._job.state.value)},"results":['

    @override
    def page(self, items: Sequence[ItemRecord]) -> str:
        """Return the items, a comma between them."""
        parts = []
        for item in items:
            parts += [self._separator, item_to_text(item)]
            self._separator = ","
        return "".join(parts)

    @override
    def end(self, following: str | None) -> str:
        """Close the object and say where it goes on."""
        return f'],"next":{to_text(following)}}}'


class JsonLinesExport(Export):
    """One object a line."""

    def __init__(self, _job: JobRecord) -> None:
        """Begin the answer for a job."""

    @override
    def begin(self) -> str:
        """Return nothing."""
        return ""

    @override
    def page(self, items: Sequence[ItemRecord]) -> str:
        """Return a line for each item."""
        return "".join(f"{item_to_text(item)}\n" for item in items)

    @override
    def end(self, following: str | None) -> str:
        """Return nothing."""
        return ""


class CsvExport(Export):
    """One row for each label or object; an item without any has one row, so that none is missing."""

    def __init__(self, _job: JobRecord) -> None:
        """Begin the answer for a job."""

    @override
    def begin(self) -> str:
        """Return the names of the columns."""
        return _rows([COLUMNS])

    @override
    def page(self, items: Sequence[ItemRecord]) -> str:
        """Return the rows of these items."""
        return _rows([row for item in items for row in _item_rows(item)])

    @override
    def end(self, following: str | None) -> str:
        """Return nothing."""
        return ""


class CocoExport(Export):
    """COCO's object detection format; labels of classifiers have no place in it and are left out.

    Images are numbered as in the job, from 1; those whose size nobody knows, for no model answered, are left out.
    Categories are numbered by their first appearance. ``score`` and ``model`` stand beside COCO's own keys.
    """

    def __init__(self, job: JobRecord) -> None:
        """Begin the answer for a job."""
        self._job = job
        self._separator = ""
        self._annotations = 0
        self._categories: dict[str, int] = {}
        self._images: dict[int, dict[str, Json]] = {}

    @override
    def begin(self) -> str:
        """Open the document and the list of annotations."""
        info = {"description": f"Objects found by Saccade, job {self._job.id}; labels without a box are left out."}
        return f'{{"info":{to_text(dict(info))},"licenses":[],"annotations":['

    @override
    def page(self, items: Sequence[ItemRecord]) -> str:
        """Return the annotations of these items."""
        parts = []
        for item in items:
            for annotation in self._annotations_of(item):
                parts += [self._separator, to_text(annotation)]
                self._separator = ","
        return "".join(parts)

    @override
    def end(self, following: str | None) -> str:
        """Close the annotations, and list the images and categories that they name."""
        images = to_text(list(self._images.values()))
        categories = to_text([{"id": number, "name": name} for name, number in self._categories.items()])
        return f'],"images":{images},"categories":{categories}}}'

    def _annotations_of(self, item: ItemRecord) -> list[dict[str, Json]]:
        if item.prediction is None:
            return []
        prediction = _prediction_of(item)
        size = cast("Mapping[str, int]", prediction["image"])
        self._images[item.position] = {
            "id": item.position + 1,
            "file_name": _name_of(item),
            "width": size["width_px"],
            "height": size["height_px"],
        }
        return [self._annotation(item, entry) for entry in _entries_of(prediction) if "box" in entry]

    def _annotation(self, item: ItemRecord, entry: Mapping[str, Json]) -> dict[str, Json]:
        box = cast("Mapping[str, float]", entry["box"])
        width, height = box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]
        category = self._categories.setdefault(str(entry["label"]), len(self._categories) + 1)
        self._annotations += 1
        return {
            "id": self._annotations,
            "image_id": item.position + 1,
            "category_id": category,
            "bbox": [box["xmin"], box["ymin"], width, height],
            "area": width * height,
            "iscrowd": 0,
            "score": entry["score"],
            "model": item.model,
        }


#: Format to what writes it.
EXPORTS: Mapping[str, Callable[[JobRecord], Export]] = {
    "json": JsonExport,
    "jsonl": JsonLinesExport,
    "csv": CsvExport,
    "coco": CocoExport,
}


def guarded(text: str) -> str:
    """Return outside text as a cell that no spreadsheet computes: a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _rows(rows: Sequence[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _item_rows(item: ItemRecord) -> list[list[object]]:
    place = [item.position, guarded(_name_of(item)), item.sha256, item.model, item.state.value]
    if item.prediction is None:
        problem = problem_of(item) or {}
        code, detail = problem.get("code"), guarded(str(problem.get("detail", "")))
        return [[*place, *_entry_cells({}), code, detail]]
    entries = _entries_of(_prediction_of(item)) or [{}]
    return [[*place, *_entry_cells(entry), None, None] for entry in entries]


def _entry_cells(entry: Mapping[str, Json]) -> list[object]:
    box = cast("Mapping[str, float]", entry.get("box") or {})
    centroid = cast("Mapping[str, float]", entry.get("centroid") or {})
    sides = [box.get(side) for side in ("xmin", "ymin", "xmax", "ymax")]
    label = guarded(str(entry.get("label", "")))
    return [
        label,
        entry.get("score"),
        entry.get("class_id"),
        *sides,
        centroid.get("x"),
        centroid.get("y"),
        entry.get("radius_px"),
    ]


def _prediction_of(item: ItemRecord) -> dict[str, Json]:
    return cast("dict[str, Json]", json.loads(item.prediction or "{}"))


def _entries_of(prediction: Mapping[str, Json]) -> list[dict[str, Json]]:
    return cast("list[dict[str, Json]]", prediction.get("predictions", []))


def _name_of(item: ItemRecord) -> str:
    return item.file_name or item.source_url or f"image {item.position}"
