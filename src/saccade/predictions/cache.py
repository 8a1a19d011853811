"""Answers kept in memory, and identical requests in flight answered by one computation.

Keys hold the sha256 of the picture, the digest of the model and all parameters, so an entry can never be wrong; it can
only be old, and a model with other files has another digest.

A computation goes on as long as one of those who wait for it is still there, whoever of them began it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from saccade.caller import Caller
from saccade.clock import monotonic_s

V = TypeVar("V")


@dataclass(eq=False, slots=True)
class _Flight(Generic[V]):
    """A computation under way, and those who wait for it."""

    everybody: Caller = field(default_factory=Caller)
    waiting: int = 0
    done: bool = False
    wakes: list[threading.Event] = field(default_factory=list)
    value: V | None = None
    failure: BaseException | None = None
    is_forgotten: bool = False


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
        self._computing: dict[_Flight[V], Hashable] = {}
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """Memory held by values."""
        return self._bytes

    def get(self, key: Hashable, compute: Callable[[Caller], V], *, caller: Caller | None = None) -> tuple[V, bool]:
        """Return the value of a key, and whether somebody had computed it before.

        Failures are not kept: those who waited for one compute again.

        Args:
            key: What the value depends on, all of it.
            compute: Makes the value; told on whose behalf, which is that of all who wait for it.
            caller: Who waits for the value.

        Raises:
            CallerLeft: The caller left while others computed, or everybody left before the work began.
        """
        caller = caller or Caller()
        if self._max_bytes == 0:
            return compute(caller), False
        with self._lock:
            found = self._fresh(key)
            if found is not None:
                return found, True
            flight = self._flights.get(key)
            mine = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight()
                self._computing[flight] = key
            flight.waiting += 1
            wake = threading.Event()
            flight.wakes.append(wake)
        with caller.told(partial(self._leave, key, flight, wake, caller)):
            if mine:
                return self._fly(key, flight, compute), False
            wake.wait()
        if not flight.done:
            caller.check()
        if flight.failure is None and flight.value is not None:
            return flight.value, True
        return compute(caller), False

    def forget(self, is_meant: Callable[[Hashable], bool]) -> None:
        """Drop values by their keys; one that is being computed reaches those who wait for it and is not kept.

        Args:
            is_meant: Tells whether a key is one of those.
        """
        with self._lock:
            for key in [key for key in self._entries if is_meant(key)]:
                _, size, _ = self._entries.pop(key)
                self._bytes -= size
            for flight, key in self._computing.items():  # also those that nobody waits for any more
                if is_meant(key):
                    flight.is_forgotten = True
                    self._land(key, flight)

    def _fly(self, key: Hashable, flight: _Flight[V], compute: Callable[[Caller], V]) -> V:
        """Compute a value, keep it, and wake those who wait."""
        try:
            value = flight.value = compute(flight.everybody)
        except BaseException as error:
            flight.failure = error
            raise
        else:
            with self._lock:
                if not flight.is_forgotten:
                    self._keep(key, value)
            return value
        finally:
            with self._lock:
                self._land(key, flight)
                del self._computing[flight]
                flight.done = True
                for wake in flight.wakes:
                    wake.set()

    def _leave(self, key: Hashable, flight: _Flight[V], wake: threading.Event, caller: Caller) -> None:
        """Count one less who waits; when nobody does, the work is called off and the next one begins anew."""
        with self._lock:
            flight.waiting -= 1
            forsaken = flight.waiting == 0
            if forsaken:
                self._land(key, flight)
        wake.set()
        if forsaken and caller.reason is not None:
            flight.everybody.leave(caller.reason)

    def _land(self, key: Hashable, flight: _Flight[V]) -> None:
        """Let nobody join any more. The lock is held."""
        if self._flights.get(key) is flight:
            del self._flights[key]

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
        _, before, _ = self._entries.pop(key, (0.0, 0, value))
        self._entries[key] = (monotonic_s() + self._ttl_s, size, value)
        self._bytes += size - before
        while self._bytes > self._max_bytes:
            _, (_, dropped, _) = self._entries.popitem(last=False)
            self._bytes -= dropped
