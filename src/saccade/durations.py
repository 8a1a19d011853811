"""Spans of time as people write them: ``45s``, ``30m``, ``12h``, ``7d``, ``2w``."""

from __future__ import annotations

import re

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WORD = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw])")


def parse_duration_s(text: str) -> float:
    """Return the seconds of a span, always more than none.

    Args:
        text: A number and a unit: seconds, minutes, hours, days or weeks.

    Raises:
        ValueError: It is no such word; the text says what one looks like.

    Example:
        >>> parse_duration_s("1.5h")
        5400.0
    """
    word = _WORD.fullmatch(text.strip())
    seconds = float(word[1]) * _UNITS_S[word[2]] if word else 0.0
    if seconds <= 0:
        raise ValueError(f"{text[:40]!r} is no duration; write 45s, 30m, 12h, 7d or 2w")
    return seconds
