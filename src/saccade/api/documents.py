"""Small JSON bodies, checked by the very shapes that describe them."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

from saccade.api.bodies import parse_json, read_raw
from saccade.api.schemas.shape import Request as Asked
from saccade.errors import BodyTooLarge, BodyUnreadable, MediaTypeUnsupported, ParameterInvalid

A = TypeVar("A", bound=Asked)

_MAX_BYTES = 65_536
_MAX_FIELDS = 16
_FORM = "application/x-www-form-urlencoded"


async def read_document(request: Request, kind: type[A], *, may_be_empty: bool = False) -> A:
    """Return the body as what it must be.

    Args:
        request: Whose body.
        kind: Its shape.
        may_be_empty: Whether no body at all means an empty object.

    Raises:
        MediaTypeUnsupported: It is not JSON.
        BodyUnreadable: It is no JSON object.
        BodyTooLarge: It is far too large for such a body.
        ParameterInvalid: It does not fit the shape; with every fault by name, and without what was sent.
    """
    media_type = _media_type(request)
    body = await read_raw(request, max_bytes=_MAX_BYTES, refusal=BodyTooLarge(f"This route takes {_MAX_BYTES} bytes."))
    if not body and may_be_empty:
        return checked(kind, {})
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeUnsupported("This route takes JSON.", hint="Send Content-Type: application/json.")
    return checked(kind, parse_json(body))


async def read_credentials(request: Request, kind: type[A]) -> A:
    """Return a login as JSON or, as OAuth2's password grant has it, as a urlencoded form.

    Raises:
        RequestError: As ``read_document``.
    """
    if _media_type(request) != _FORM:
        return await read_document(request, kind)
    body = await read_raw(request, max_bytes=_MAX_BYTES, refusal=BodyTooLarge(f"This route takes {_MAX_BYTES} bytes."))
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise BodyUnreadable("The form is not well-formed.") from None
    known = {name: value for name, value in fields if name in kind.model_fields}
    if len(known) != sum(name in kind.model_fields for name, _ in fields):
        raise BodyUnreadable("A field of the form stands twice.")
    return checked(kind, known)


def checked(kind: type[A], values: dict[str, object] | dict[str, str]) -> A:
    """Return values as what they must be.

    Raises:
        ParameterInvalid: They do not fit; what was sent is not repeated, for it may be a password.
    """
    from pydantic import ValidationError

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = {
            ".".join(str(part) for part in fault["loc"])[:100] or "body": fault["msg"]
            for fault in error.errors(include_input=False, include_context=False, include_url=False)
        }
        told = "; ".join(f"{name!a}: {text}" for name, text in faults.items())
        raise ParameterInvalid(f"The body does not fit: {told[:500]}.", faults=faults) from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
