"""A breaker: what did not answer is left alone for a while, so that an outage tries the patience of one, not of all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from saccade.clock import monotonic_s
from saccade.errors import LimiterUnreachable

T = TypeVar("T")

#: So long nobody asks after a failure; then one does, for all.
PAUSE_S = 1.0


class Breaker:
    """Lets calls through while they succeed. Thread-safe."""

    def __init__(self, *, clock: Callable[[], float] = monotonic_s) -> None:
        """Begin whole."""
        self._clock = clock
        self._lock = threading.Lock()
        self._is_broken = False
        self._rests_until_s = 0.0

    def call(self, work: Callable[[], T]) -> T:
        """Return what the work returns.

        Raises:
            LimiterUnreachable: The work raised it; or an earlier one did, and it was not begun.
        """
        self._enter()
        try:
            value = work()
        except LimiterUnreachable:
            with self._lock:
                self._is_broken = True
                self._rests_until_s = self._clock() + PAUSE_S
            raise
        with self._lock:
            self._is_broken = False
        return value

    def _enter(self) -> None:
        with self._lock:
            if not self._is_broken:
                return
            now_s = self._clock()
            if now_s < self._rests_until_s:
                raise LimiterUnreachable("The place where limits are counted did not answer a moment ago.")
            self._rests_until_s = now_s + PAUSE_S  # this one tries; the others need not wait with it
