"""What a request shows of who sent it: a bearer token, or a key in X-API-Key; system 3 has a header of its own."""

from __future__ import annotations

from starlette.types import Scope

from saccade.access.service import refusal

_BEARER = b"bearer"
_HEADERS = frozenset({b"authorization", b"x-api-key"})
#: The header in which services of system 3 show their key, and the only paths on which it is looked at.
_SERVICE_HEADER = b"api_key"
_SERVICE_PATHS = frozenset({"/model/register", "/model/register/"})


def credential_of(scope: Scope) -> str | None:
    """Return the credential of a request, or None if it shows none.

    Raises:
        CredentialInvalid: It shows several that differ, one twice, or one of another kind.
    """
    shown: set[str] = set()
    seen: set[bytes] = set()
    looked_at = _HEADERS | {_SERVICE_HEADER} if scope["path"] in _SERVICE_PATHS else _HEADERS
    for name, value in scope["headers"]:
        if name not in looked_at:
            continue
        if name in seen:  # a proxy in between may have looked at the other one
            raise refusal()
        seen.add(name)
        shown.add(_bearer(value) if name == b"authorization" else _text(value.strip()))
    if len(shown) > 1:
        raise refusal()
    return next(iter(shown), None)


def _bearer(value: bytes) -> str:
    scheme, _, credential = value.strip().partition(b" ")
    if scheme.lower() != _BEARER:
        raise refusal()
    return _text(credential.strip())


def _text(value: bytes) -> str:
    """Return a credential as text: one word of printable ASCII."""
    if not value or not value.isascii() or any(byte <= ord(" ") or byte == 0x7F for byte in value):  # noqa: PLR2004
        raise refusal()
    return value.decode("ascii")
