"""Where labels come from: id2label, files, and the strings that exporters leave in a graph."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from saccade.errors import PackageInvalid
from saccade.models.documents import read_text
from saccade.models.graph import GraphFacts
from saccade.models.manifest import MANIFEST_NAME, Manifest
from saccade.models.package import Plain

#: Files that hold labels beside a bare graph, in the order in which they are looked for.
LABEL_FILES = ("labels.txt", "labels.json", "classes.txt", "classes.json")
#: Keys under which exporters leave labels in a graph's metadata.
METADATA_KEYS = ("id2label", "labels", "classes", "names", "class_names")
_MAX_LABELS = 200_000
_MAX_LITERAL_CHARACTERS = 4 * 1024**2


def labels_from_ids(labels: Mapping[str, Plain] | Mapping[int, str], *, where: str) -> tuple[str, ...]:
    """Return labels by class id; an id that is left out gets an empty one, which decoders show as ``class 12``.

    Args:
        labels: Label by id. In JSON the ids are strings.
        where: What to call the source in an error.

    Raises:
        PackageInvalid: An id is no whole number from 0, or there are none or far too many.
    """
    try:
        by_id = {int(key): str(value) for key, value in labels.items()}
    except ValueError as error:
        raise PackageInvalid(f"{where}: a class id is no number: {error}.") from error
    if not by_id or min(by_id) < 0 or max(by_id) >= _MAX_LABELS:
        raise PackageInvalid(f"{where}: the class ids must be numbers from 0 to {_MAX_LABELS - 1}.")
    return tuple(by_id.get(class_id, "") for class_id in range(max(by_id) + 1))


def labels_from_list(labels: Sequence[Plain], *, where: str) -> tuple[str, ...]:
    """Return a list of labels, checked.

    Raises:
        PackageInvalid: It is empty, far too long, or holds something that is no text.
    """
    if not 0 < len(labels) <= _MAX_LABELS:
        raise PackageInvalid(f"{where} holds {len(labels)} labels; 1 to {_MAX_LABELS} are read.")
    wrong = next((label for label in labels if not isinstance(label, str | int) or isinstance(label, bool)), None)
    if wrong is not None:
        raise PackageInvalid(f"{where}: {wrong!r} is no label.")
    return tuple(str(label) for label in labels)


def labels_from_file(path: Path) -> tuple[str, ...]:
    """Return the labels of a file: JSON (a list, or label by id) by its suffix, else one a line.

    Raises:
        PackageInvalid: The file holds no labels.
    """
    text = read_text(path)
    if path.suffix.lower() != ".json":
        return labels_from_list([line.strip() for line in text.splitlines() if line.strip()], where=f"'{path.name}'")
    try:
        return _labels_from_plain(cast("Plain", json.loads(text)), where=f"'{path.name}'")
    except (ValueError, RecursionError) as error:
        raise PackageInvalid(f"'{path.name}' is not valid JSON.") from error


def numbered_labels(count: int, *, where: str) -> tuple[str, ...]:
    """Return ``LABEL_0`` and so on, transformers' own names for a model that says only how many labels it has.

    Raises:
        PackageInvalid: There are none or far too many.
    """
    if not 0 < count <= _MAX_LABELS:
        raise PackageInvalid(f"{where} is {count}; 1 to {_MAX_LABELS} labels are read.")
    return tuple(f"LABEL_{class_id}" for class_id in range(count))


def given_labels(given: Manifest, labels_file: Path | None) -> tuple[str, ...] | None:
    """Return the labels that saccade.yaml gives, None where it gives none.

    Args:
        given: What saccade.yaml says.
        labels_file: The file that it names, if it does.

    Raises:
        PackageInvalid: What should hold labels holds something else.
    """
    if labels_file is not None:
        return labels_from_file(labels_file)
    if isinstance(given.labels, dict):
        return labels_from_ids(given.labels, where=f"{MANIFEST_NAME}: labels")
    return None if given.labels is None else labels_from_list(given.labels, where=f"{MANIFEST_NAME}: labels")


def read_labels(labels_file: Path | None, facts: GraphFacts) -> tuple[str, ...] | None:
    """Return the labels of a file, or where there is none those in the graph's metadata.

    Raises:
        PackageInvalid: What should hold labels holds something else.
    """
    return labels_from_metadata(facts.metadata) if labels_file is None else labels_from_file(labels_file)


def labels_from_metadata(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the labels that an exporter left in the graph: JSON, a Python literal, or words between commas or lines.

    Raises:
        PackageInvalid: A key that should hold labels holds something else.
    """
    key = next((key for key in METADATA_KEYS if metadata.get(key)), None)
    if key is None:
        return None
    value = parse_literal(metadata[key])
    if isinstance(value, str):
        value = [word.strip() for word in re.split(r"[\n,]", value) if word.strip()]
    return _labels_from_plain(value, where=f"The graph's metadata '{key}'")


def parse_literal(text: str) -> Plain:
    """Return what a string of metadata stands for: JSON, a Python literal, or the text itself.

    Ultralytics writes ``str(value)``: a dictionary with numbers as keys, which is no JSON. Nothing in it is run.
    """
    if len(text) > _MAX_LITERAL_CHARACTERS:
        raise PackageInvalid("A string in the graph's metadata is far too long.")
    try:
        return cast("Plain", json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        return cast("Plain", ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _labels_from_plain(value: Plain, *, where: str) -> tuple[str, ...]:
    if isinstance(value, dict):
        return labels_from_ids(value, where=where)
    if isinstance(value, list | tuple):
        return labels_from_list(value, where=where)
    raise PackageInvalid(f"{where} holds no labels: a list, or label by class id, is wanted.")
