"""A key set's bytes become its document, whichever way they came."""

from __future__ import annotations

from saccade.access.strict_json import read_object
from saccade.errors import KeySetUnreachable

MAX_BYTES = 256 * 1024


def read_document(data: bytes) -> dict[str, object]:
    """Read a key set strictly.

    Raises:
        KeySetUnreachable: It is too large, or no key set.
    """
    if len(data) > MAX_BYTES:
        raise KeySetUnreachable(f"The key set for tokens is larger than {MAX_BYTES} bytes.")
    try:
        document = read_object(data)
    except ValueError as reason:
        raise KeySetUnreachable("What should be the keys for tokens is no key set.") from reason
    if not isinstance(document.get("keys"), list):
        raise KeySetUnreachable("What should be the keys for tokens is no key set.")
    return document
