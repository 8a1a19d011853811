"""Parameters of lists: their values, and cursors, which say as one opaque word where a list goes on."""

from __future__ import annotations

import base64
import binascii
import re

from starlette.requests import Request

from saccade.errors import ParameterInvalid
from saccade.jobs.ids import is_id

_PLACE = re.compile(r"([0-9]{1,9})\.([0-9]{1,5})")
_MAX_CHARACTERS = 200
#: The index of a model is a small integer in the database, which refuses to compare it with a larger one.
_MAX_MODEL_INDEX = 32_767
_INTEGER = re.compile(r"[0-9]{1,9}")


def job_cursor(job_id: str) -> str:
    """Return the cursor of what comes behind a job in the list of jobs."""
    return wrapped(job_id)


def read_job_cursor(text: str | None) -> str | None:
    """Return the id that a cursor means.

    Raises:
        ParameterInvalid: It is no cursor of ours.
    """
    if text is None:
        return None
    job_id = unwrapped(text)
    if not is_id(job_id):
        raise no_cursor()
    return job_id


def place_cursor(place: tuple[int, int]) -> str:
    """Return the cursor of what comes behind (position, index of the model) in a list of items."""
    return wrapped(f"{place[0]}.{place[1]}")


def read_place_cursor(text: str | None) -> tuple[int, int] | None:
    """Return the place that a cursor means.

    Raises:
        ParameterInvalid: It is no cursor of ours.
    """
    if text is None:
        return None
    match = _PLACE.fullmatch(unwrapped(text))
    if match is None or int(match[2]) > _MAX_MODEL_INDEX:
        raise no_cursor()
    return int(match[1]), int(match[2])


def single(request: Request, name: str) -> str | None:
    """Return the one value of a query parameter, None where it is not given.

    Raises:
        ParameterInvalid: It is given more than once.
    """
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise ParameterInvalid(f"{name!r} is given {len(values)} times.", faults={name: "must be given once"})
    return values[0] if values else None


def whole_number(request: Request, name: str, *, least: int, most: int) -> int | None:
    """Return a whole number from the query, None where it is not given.

    Raises:
        ParameterInvalid: It is none, or out of range.
    """
    text = single(request, name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        fault = f"must be one whole number from {least} to {most}"
        raise ParameterInvalid(f"{name!r} {fault}.", faults={name: fault})
    return int(text)


def flag(request: Request, name: str) -> bool:
    """Return a yes or no from the query; what is not given is no.

    Raises:
        ParameterInvalid: It is neither.
    """
    text = single(request, name)
    if text not in {None, "true", "false"}:
        raise ParameterInvalid(f"{name!r} must be true or false.", faults={name: "must be true or false"})
    return text == "true"


def wrapped(text: str) -> str:
    """Return a cursor's text as one opaque word."""
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def unwrapped(text: str) -> str:
    """Return the text of a cursor.

    Raises:
        ParameterInvalid: It is no word of ours.
    """
    if len(text) > _MAX_CHARACTERS:
        raise no_cursor()
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise no_cursor() from None


def no_cursor() -> ParameterInvalid:
    """Return the refusal of a cursor that this server did not give out."""
    return ParameterInvalid(
        "'cursor' is none that this server gave out.",
        hint="Take it from 'next' of the page before.",
        faults={"cursor": "must be taken from the page before"},
    )
