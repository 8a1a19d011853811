"""What a key may look like, so that no key leads out of its place and none meets a file that is not a blob."""

from __future__ import annotations

import re

#: A part begins with no dot: such names are temporary files, and ``.`` and ``..`` are among them.
_PART = r"[a-z0-9_-][a-z0-9._-]{0,127}"
_KEY = re.compile(rf"{_PART}(/{_PART}){{0,15}}")
_PREFIX = re.compile(rf"({_PART}/){{0,15}}")


def check_key(key: str) -> str:
    """Return the key.

    Raises:
        ValueError: It is none. Keys are made by Saccade, never by a caller, so this is a bug of ours.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a key: {key[:200]!a}")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix: whole parts, each with its slash, or nothing.

    Raises:
        ValueError: It is none.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"not a prefix: {prefix[:200]!a}")
    return prefix


def is_part(name: str) -> bool:
    """Say whether a name found in a folder may be a part of a key."""
    return re.fullmatch(_PART, name) is not None
