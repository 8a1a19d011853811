"""What jobs need from the outside beside the database: a place for bytes, and a way to wake workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Hints(Protocol):
    """Wakes workers. A hint carries an item id and no truth: it may be lost, doubled or late, and nothing is lost."""

    def publish(self, item_ids: Sequence[int]) -> None:
        """Send a hint for each item; returns when the broker has them.

        Raises:
            HintsUnreachable: The broker does not answer; the caller logs it and goes on, for the sweep comes later.
        """

    def wait(self, *, most: int, timeout_s: float) -> list[int]:
        """Return item ids of hints as soon as there is at least one, at most ``most``; empty after ``timeout_s``.

        A hint that is returned is gone from the broker. Safe to call from one thread per process.

        Raises:
            HintsUnreachable: The broker does not answer; the caller tries again later.
        """

    def wake(self) -> None:
        """Let a ``wait`` of this process return at once, with nothing. Any thread may call it."""

    def check(self) -> None:
        """Ask the broker for a sign of life.

        Raises:
            HintsUnreachable: It gives none.
        """

    def close(self) -> None:
        """Give connections back. Idempotent."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One blob as a listing tells it; ``modified_at_us`` is microseconds since 1970, UTC, by the store's clock."""

    key: str
    size_bytes: int
    modified_at_us: int


class Objects(Protocol):
    """Keeps blobs under keys: ``a/b/c`` of ``[a-z0-9._-]`` parts. What is written is durable when the call returns."""

    def put_many(self, blobs: Mapping[str, bytes]) -> None:
        """Write all blobs; a key that exists is overwritten, and nobody ever sees a part of a blob.

        Raises:
            ObjectsFull: The place has no room left.
            ObjectsUnreachable: The place does not answer.
        """

    def get(self, key: str) -> bytes:
        """Return a blob.

        Raises:
            ObjectMissing: There is none under this key.
            ObjectsUnreachable: The place does not answer.
        """

    def copy(self, source: str, target: str) -> None:
        """Make ``target`` a blob of its own with the bytes of ``source``.

        Raises:
            ObjectMissing: There is no source.
            ObjectsFull: The place has no room left.
            ObjectsUnreachable: The place does not answer.
        """

    def delete_many(self, keys: Sequence[str]) -> None:
        """Delete blobs; a key that is absent is no error.

        Raises:
            ObjectsUnreachable: The place does not answer.
        """

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the blobs whose key begins with ``prefix`` (whole parts: ``jobs/`` or ``""``), in no order.

        Raises:
            ObjectsUnreachable: The place does not answer.
        """

    def check(self) -> None:
        """Ask the place for a sign of life.

        Raises:
            ObjectsUnreachable: It gives none.
        """

    def close(self) -> None:
        """Give connections back. Idempotent."""
