"""Ids that sort by the time at which they were made."""

from __future__ import annotations

import re
import secrets
import uuid

from saccade.clock import utc_now

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id() -> str:
    """Return a fresh UUID version 7 as text: 48 bits of milliseconds since 1970, then 74 random bits.

    Source:
        RFC 9562, section 5.7.
    """
    milliseconds = int(utc_now().timestamp() * 1000)
    random = secrets.randbits(74)
    number = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=number))


def is_id(text: str) -> bool:
    """Say whether the text may be an id made here, so that the database is not asked for anything else."""
    return _ID.fullmatch(text) is not None
