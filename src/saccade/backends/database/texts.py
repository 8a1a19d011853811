"""Texts that strangers chose, made fit for a column: nothing that a database refuses, and no longer than it is."""

from __future__ import annotations

FILE_NAME_CHARACTERS = 1024
DETAIL_CHARACTERS = 4000
CODE_CHARACTERS = 64
REQUEST_ID_CHARACTERS = 255
#: More than any address that is ever fetched, so that cutting makes no wrong address right.
URL_CHARACTERS = 8000


def fit(text: str | None, characters: int) -> str | None:
    """Return the text without NUL (PostgreSQL has none) and half letters (UTF-8 has none), cut to its column."""
    if text is None:
        return None
    if "\0" in text or not text.isascii():
        text = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return text[:characters]
