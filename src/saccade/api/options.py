"""The prediction options of a request, from query, form fields or JSON keys, all by the same rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from starlette.requests import Request

from saccade.errors import ParameterInvalid
from saccade.predictions.answer import PredictOptions

#: By name, every value that was given for it: text from a query or form, typed from JSON.
Given: TypeAlias = dict[str, list[object]]

TOP_K = "top_k"
THRESHOLD = "threshold"
CANDIDATE_LABELS = "candidate_labels"
NAMES = frozenset({TOP_K, THRESHOLD, CANDIDATE_LABELS})

MAX_TOP_K = 100
MAX_CANDIDATE_LABELS = 100
MAX_LABEL_CHARACTERS = 200

#: Where requests that ask several models name them.
MODELS = "models"
_MAX_REFERENCE_CHARACTERS = 256

_INTEGER = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"([0-9]{1,9}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,3})?")


def given_by(request: Request, fields: Iterable[tuple[str, object]] = ()) -> Given:
    """Gather what the query and the body give, by name.

    Args:
        request: Whose query.
        fields: The body's fields: of a form, or of a JSON object through ``items_of``.
    """
    given: Given = {}
    for name, value in (*request.query_params.multi_items(), *fields):
        given.setdefault(name, []).append(value)
    return given


def items_of(document: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return a JSON object as fields: lists of labels as repeated fields, nulls left out.

    Raises:
        ParameterInvalid: ``candidate_labels`` is no list.
    """
    labels = document.get(CANDIDATE_LABELS)
    if labels is None:
        labels = []
    if not isinstance(labels, list):
        raise _invalid({CANDIDATE_LABELS: "must be a list of texts"})
    scalars = [(name, value) for name, value in document.items() if name != CANDIDATE_LABELS and value is not None]
    return [*scalars, *((CANDIDATE_LABELS, label) for label in labels)]


def read_options(given: Given) -> PredictOptions:
    """Return the options, refusing what is unknown, given twice, of another type or out of range.

    Raises:
        ParameterInvalid: With every fault by name.
    """
    faults: dict[str, str] = {name: "is not known here" for name in given if name not in NAMES}
    top_k = threshold = None
    if TOP_K in given:
        top_k = _top_k(_single(given[TOP_K]))
        if top_k is None:
            faults[TOP_K] = f"must be one whole number from 1 to {MAX_TOP_K}"
    if THRESHOLD in given:
        threshold = _threshold(_single(given[THRESHOLD]))
        if threshold is None:
            faults[THRESHOLD] = "must be one number from 0 to 1"
    labels = _labels(given.get(CANDIDATE_LABELS, ()))
    if labels is None:
        faults[CANDIDATE_LABELS] = (
            f"must be at most {MAX_CANDIDATE_LABELS} texts of 1 to {MAX_LABEL_CHARACTERS} characters"
        )
    if faults:
        raise _invalid(faults)
    return PredictOptions(top_k=top_k or PredictOptions().top_k, threshold=threshold, candidate_labels=labels or ())


def is_plain_text(value: object, *, max_characters: int) -> bool:
    """Tell whether a value is text of sane length, without NUL and lone surrogates."""
    if not isinstance(value, str) or not 0 < len(value) <= max_characters or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def number_in(value: object, *, least: float, most: float) -> float | None:
    """Return a number that was given as text or as such, or None where it is none in this range."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    # NaN lies in no range; and a whole number may be too large to become a float.
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    return None


def model_names(values: Sequence[object]) -> list[str]:
    """Return the names of models, refusing what can be none.

    Raises:
        ParameterInvalid: There is none, or one is no text.
    """
    names = [
        name
        for name in values
        if isinstance(name, str) and is_plain_text(name, max_characters=_MAX_REFERENCE_CHARACTERS)
    ]
    if len(names) != len(values) or not names:
        raise ParameterInvalid(f"{MODELS!r} must be one or more model names.", faults={MODELS: "must be model names"})
    return names


def _single(values: Sequence[object]) -> object:
    return values[0] if len(values) == 1 else None


def _top_k(value: object) -> int | None:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_TOP_K:
        return value
    return None


def _threshold(value: object) -> float | None:
    return number_in(value, least=0, most=1)


def _labels(values: Sequence[object]) -> tuple[str, ...] | None:
    labels = tuple(
        value
        for value in values
        if isinstance(value, str) and is_plain_text(value, max_characters=MAX_LABEL_CHARACTERS)
    )
    return labels if len(labels) == len(values) <= MAX_CANDIDATE_LABELS else None


def _invalid(faults: Mapping[str, str]) -> ParameterInvalid:
    text = "; ".join(f"{name[:100]!a} {fault}" for name, fault in list(faults.items())[:10])
    return ParameterInvalid(f"{text}.", faults={name[:100]: fault for name, fault in list(faults.items())[:10]})
