"""The order of versions: numbers by value, words by letter, newest first."""

from __future__ import annotations

import re
from collections.abc import Iterable


def newest_first(versions: Iterable[str]) -> list[str]:
    """Sort versions, the newest first.

    Example:
        >>> newest_first(["2", "10", "1.9", "1.10"])
        ['10', '2', '1.10', '1.9']
    """
    return sorted(versions, key=_key, reverse=True)


def _key(version: str) -> list[tuple[int, int, str]]:
    """Split into numbers and words that compare.

    A number stands above the end and the end above a word: 2.0.1 is newer than 2.0, which is newer than 2.0-beta.
    """
    parts = re.findall(r"\d+|[^\d._+-]+", version)
    key = [(2, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
    return [*key, (1, 0, "")]
