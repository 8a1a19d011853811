"""A token as it comes: three parts, read strictly, before anybody believes a word of it.

Only the compact form of RFC 7515 is a token here. A header that brings a key along, points at one, or changes how the
rest is to be read is refused even where the signature is good, for no token of ours needs one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from saccade.access.strict_json import read_object

MAX_TOKEN_CHARS = 8192
MAX_KID_CHARS = 256

_PART = "([A-Za-z0-9_-]+)"
_COMPACT = re.compile(rf"{_PART}\.{_PART}\.{_PART}")
#: Keys from the token itself, pointers at keys, and changes of what is signed: RFC 8725, 3.10; RFC 7515, 4.1; RFC 7797.
_REFUSED = ("jku", "jwk", "x5u", "x5c", "crit", "zip", "b64", "enc", "cty")
_TYPES = frozenset({"jwt", "at+jwt"})


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says of itself. None of it is true before the signature was checked.

    Attributes:
        text: The whole token.
        algorithm: How it says it is signed.
        kid: Id of the key that it says it is signed with.
        claims: What it claims.
    """

    text: str
    algorithm: str
    kid: str | None
    claims: Mapping[str, object]


def is_short(text: str) -> bool:
    """Say whether a text could be a token by its length and letters, before it costs anything."""
    return len(text) <= MAX_TOKEN_CHARS and text.isascii()


def read_token(text: str) -> UnverifiedToken:
    """Read a token's form; nothing is verified.

    Raises:
        ValueError: It is no token that could be taken, whoever signed it.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise ValueError("the token is too long")
    parts = _COMPACT.fullmatch(text)
    if parts is None:
        raise ValueError("the token is not in three parts of base64url")
    header, claims = read_object(_decoded(parts[1])), _decoded(parts[2])
    _decoded(parts[3])
    algorithm, kid = _checked(header)
    return UnverifiedToken(text, algorithm, kid, read_object(claims))


def _decoded(part: str) -> bytes:
    """Return the bytes of base64url without padding; one text for each, so unused bits must be zero."""
    if len(part) % 4 == 1:
        raise ValueError("a part of the token is no base64url")
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise ValueError("a part of the token is no base64url")
    return data


def _checked(header: Mapping[str, object]) -> tuple[str, str | None]:
    """Return how the header says that the token is signed, and with which key."""
    refused = next((name for name in _REFUSED if name in header), None)
    if refused is not None:
        raise ValueError(f"the header has a {refused}")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise ValueError("the header's typ is of something else")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise ValueError("the header's alg is no text")  # noqa: TRY004 - one kind of error says all that can be wrong
    kid = header.get("kid", "")
    if not isinstance(kid, str) or len(kid) > MAX_KID_CHARS or ("kid" in header and not kid):
        raise ValueError("the header's kid is no text, or too long")
    return algorithm, kid or None
