"""An evaluation as a JSON document, and back: the names of the values are the keys, and no number is rounded."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from saccade.errors import ParameterInvalid
from saccade.evaluation.document import Evaluation, ModelEvaluation
from saccade.predictions.render import Json

#: What the document is; another number says that its keys are others.
FORMAT = "saccade-evaluation/1"

V = TypeVar("V")


def evaluation_to_json(evaluation: Evaluation, *, rows: bool) -> dict[str, Json]:
    """Return the document.

    Args:
        evaluation: What was found.
        rows: Whether each picture's row is in it; else ``rows`` is empty.
    """
    document: dict[str, Json] = {"format": FORMAT, **_object_to_json(evaluation)}
    if not rows:
        for model in cast("list[dict[str, Json]]", document["models"]):
            model["rows"] = []
    return document


def evaluation_of(document: Mapping[str, Json]) -> Evaluation:
    """Return what a document holds.

    Raises:
        ParameterInvalid: It is no document of this format.
    """
    if document.get("format") != FORMAT:
        raise ParameterInvalid(f"This is no evaluation in the format {FORMAT}.")
    try:
        return _value_of(Evaluation, {key: value for key, value in document.items() if key != "format"}, "evaluation")
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterInvalid(f"This is no whole evaluation: {error}.") from None


def _object_to_json(value: Evaluation | ModelEvaluation) -> dict[str, Json]:
    return cast("dict[str, Json]", _to_json(value))


def _to_json(value: object) -> Json:
    """Return a value of the document as JSON; a field keeps its name, a tuple becomes a list."""
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    if isinstance(value, Enum):
        return str(value.value)
    if dataclasses.is_dataclass(value):
        return {field.name: _to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in a document")


@cache
def _hints(kind: type) -> Mapping[str, object]:
    return get_type_hints(kind)


def _value_of(kind: type[V], value: Json, where: str) -> V:
    return cast("V", _read(kind, value, where))


def _read(kind: object, value: Json, where: str) -> object:
    """Return JSON as the kind of value that a field's annotation names."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        [other] = [each for each in inner if each is not types.NoneType]
        return None if value is None else _read(other, value, where)
    if origin is tuple:
        return _tuple(inner, value, where)
    if origin is Mapping:
        return {key: _read(inner[1], item, f"{where}.{key}") for key, item in _mapping(value, where).items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass(cast("type", kind), _mapping(value, where), where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return _plain(kind, value, where)


def _tuple(inner: tuple[object, ...], value: Json, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{where} is no list")
    kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
    return tuple(
        _read(each, item, f"{where}[{index}]") for index, (each, item) in enumerate(zip(kinds, value, strict=True))
    )


def _dataclass(kind: type, value: Mapping[str, Json], where: str) -> object:
    hints = _hints(kind)
    unknown = sorted(value.keys() - hints.keys())
    if unknown:
        raise KeyError(f"{where} has {unknown[0]}, which is unknown")
    return kind(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in value.items()})


def _mapping(value: Json, where: str) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(f"{where} is no object")
    return value


def _plain(kind: object, value: Json, where: str) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"{where} is {value!r}")
    return value
