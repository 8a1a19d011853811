"""The names of accounts, and what people say of themselves: how such texts may look."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from saccade.access.principals import ANONYMOUS_ID
from saccade.errors import ParameterInvalid

#: Nobody has these names: they stand for people who did not say who they are.
RESERVED = frozenset({ANONYMOUS_ID, "nobody"})
#: What an account says of whose it is.
PROFILE = ("full_name", "email", "agency")
MAX_FIELD_CHARS = 255
NAME_FAULT = (
    "must begin with a letter a-z or a digit, go on with those or one of . _ @ + -, and have at most 128 of them"
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,127}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
#: They make one word of the letters around them in some scripts; all other invisible letters are refused.
_JOINERS = frozenset("\u200c\u200d")


def account_name(given: str) -> str | None:
    """Return the name that is meant, in small letters; None if no account can have it.

    Letters that only look like a-z are refused before anything is made small, for some of them would become a-z.
    """
    name = given.lower() if given.isascii() else ""
    return name if _NAME.fullmatch(name) and name not in RESERVED else None


def is_account_name(text: str) -> bool:
    """Say whether an owner's id is the name of an account: the ids of all others have a colon, or are reserved."""
    return account_name(text) == text


def is_plain(text: str, *, most: int) -> bool:
    """Say whether a text fits on one line and into its column, with nothing in it that no eye sees."""
    return len(text) <= most and all(
        char in _JOINERS or (unicodedata.category(char)[0] != "C" and unicodedata.category(char) not in {"Zl", "Zp"})
        for char in text
    )


def check_profile(fields: Mapping[str, str | None]) -> tuple[dict[str, str | None], dict[str, str]]:
    """Return the fields as they are kept, and what is wrong with those that are not.

    Blanks at the ends are dropped; what is empty then is as if it was not said.
    """
    kept: dict[str, str | None] = {}
    faults: dict[str, str] = {}
    for name, value in fields.items():
        text = (value or "").strip()
        if name not in PROFILE:
            faults[name] = "is no field of a profile"
        elif not is_plain(text, most=MAX_FIELD_CHARS):
            faults[name] = f"must have at most {MAX_FIELD_CHARS} characters, none of them a control character"
        elif name == "email" and text and not _EMAIL.fullmatch(text):
            faults[name] = "must be an address as in ada@example.org"
        else:
            kept[name] = text or None
    return kept, faults


def invalid(faults: Mapping[str, str]) -> ParameterInvalid:
    """Return the refusal of all these parameters at once."""
    return ParameterInvalid(". ".join(f"{name!r} {fault}" for name, fault in faults.items()) + ".", faults=faults)
