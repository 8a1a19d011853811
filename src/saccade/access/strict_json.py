"""JSON objects that can be read in one way only, for what signatures and keys are checked with.

Two readers that take two different values from the same bytes are a way in: so members that occur twice, numbers that
are none, and other encodings than UTF-8 are refused.
"""

from __future__ import annotations

import json
import math


def read_object(data: bytes) -> dict[str, object]:
    """Return the object that these bytes are.

    Raises:
        ValueError: They are not exactly one object, in UTF-8, with each member once and finite numbers.
    """
    try:
        found: object = json.loads(
            data.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_number, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:  # the decoders' own errors carry the whole text along
        raise ValueError(f"this is not strict JSON: {_reason(error)}") from None
    if not isinstance(found, dict):
        raise ValueError("the JSON is no object")  # noqa: TRY004 - one kind of error says all that can be wrong
    return found


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _no_number(_: str) -> object:
    raise ValueError("a number is not finite")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _reason(error: ValueError) -> str:
    """Return what is wrong without a piece of the text."""
    return "malformed" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
