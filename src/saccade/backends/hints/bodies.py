"""Item ids as the text of messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

#: A large job is spread over at least so many messages, that all workers get a share of it.
_SHARES = 32
MOST_IDS_A_MESSAGE = 64
_MOST_DIGITS = 18


def pack(item_ids: Sequence[int]) -> Iterator[str]:
    """Yield message bodies that carry all ids, in their order, few to a message while there are few."""
    size = max(1, min(MOST_IDS_A_MESSAGE, len(item_ids) // _SHARES))
    for start in range(0, len(item_ids), size):
        yield ",".join(map(str, item_ids[start : start + size]))


def unpack(body: object) -> list[int]:
    """Return the ids of a message; whatever else a stranger put into the queue is nothing."""
    text = body.decode("ascii", "replace") if isinstance(body, bytes) else str(body)
    words = text.split(",")[:MOST_IDS_A_MESSAGE]
    return [int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS]
