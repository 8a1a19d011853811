"""Answers kept in memory, and identical requests in flight answered by one computation.

Keys hold the sha256 of the picture, the digest of the model and all parameters, so an entry can never be wrong; it can
only be old, and a model with other files has another digest.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from saccade.clock import monotonic_s

V = TypeVar("V")


@dataclass(eq=False, slots=True)
class _Flight(Generic[V]):
    """A computation under way, and those who wait for it."""

    done: threading.Event = field(default_factory=threading.Event)
    value: V | None = None
    failure: BaseException | None = None


class AnswerCache(Generic[V]):
    """A least-recently-used cache bounded in bytes and in time, that computes each missing value once. Thread-safe."""

    def __init__(self, *, max_bytes: int, ttl_s: float, size_of: Callable[[V], int]) -> None:
        """Make an empty cache.

        Args:
            max_bytes: Memory bound; 0 keeps nothing and coalesces nothing.
            ttl_s: How long a value is kept.
            size_of: Tells the bytes of a value.
        """
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._size_of = size_of
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, int, V]] = OrderedDict()
        self._flights: dict[Hashable, _Flight[V]] = {}
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """Memory held by values."""
        return self._bytes

    def get(self, key: Hashable, compute: Callable[[], V]) -> tuple[V, bool]:
        """Return the value of a key, and whether somebody had computed it before.

        Failures are not kept: those who waited for one compute again.

        Args:
            key: What the value depends on, all of it.
            compute: Makes the value.
        """
        if self._max_bytes == 0:
            return compute(), False
        while True:
            with self._lock:
                found = self._fresh(key)
                if found is not None:
                    return found, True
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if mine:
                return self._fly(key, flight, compute), False
            flight.done.wait()
            if flight.failure is None and flight.value is not None:
                return flight.value, True
            if flight.failure is not None:
                return compute(), False

    def _fly(self, key: Hashable, flight: _Flight[V], compute: Callable[[], V]) -> V:
        """Compute a value, keep it, and wake those who wait."""
        try:
            value = flight.value = compute()
        except BaseException as error:
            flight.failure = error
            raise
        else:
            with self._lock:
                self._keep(key, value)
            return value
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()

    def _fresh(self, key: Hashable) -> V | None:
        """Return a value that is not too old and mark it as used. The lock is held."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        until_s, size, value = entry
        if until_s < monotonic_s():
            del self._entries[key]
            self._bytes -= size
            return None
        self._entries.move_to_end(key)
        return value

    def _keep(self, key: Hashable, value: V) -> None:
        """Keep a value and drop the least recently used ones until the bound holds. The lock is held."""
        size = self._size_of(value)
        if size > self._max_bytes:
            return
        self._entries[key] = (monotonic_s() + self._ttl_s, size, value)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, (_, dropped, _) = self._entries.popitem(last=False)
            self._bytes -= dropped
