"""memory:// : hints within this process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from saccade.clock import monotonic_s

#: Older hints are dropped for newer ones; their items are found by the sweep.
_MOST_IDS = 100_000


class MemoryHints:
    """Hands hints from the threads that submit to the thread that works. Each opening is a queue of its own."""

    def __init__(self) -> None:
        self._ids: deque[int] = deque(maxlen=_MOST_IDS)
        self._changed = threading.Condition()
        self._woken = False
        self._closed = False

    def publish(self, item_ids: Sequence[int]) -> None:
        """See ``Hints``."""
        with self._changed:
            self._ids.extend(item_ids)
            self._changed.notify()

    def wait(self, *, most: int, timeout_s: float) -> list[int]:
        """See ``Hints``."""
        deadline_s = monotonic_s() + timeout_s
        with self._changed:
            while not (self._ids or self._woken or self._closed):
                if not self._changed.wait(max(0.0, deadline_s - monotonic_s())):
                    return []
            if self._woken or self._closed:
                self._woken = False
                return []
            return [self._ids.popleft() for _ in range(min(most, len(self._ids)))]

    def wake(self) -> None:
        """See ``Hints``. A ``wait`` that begins later returns at once too, once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def check(self) -> None:
        """See ``Hints``; it is always there."""

    def close(self) -> None:
        """See ``Hints``; from now on ``wait`` returns at once, with nothing."""
        with self._changed:
            self._closed = True
            self._ids.clear()
            self._changed.notify_all()


def open_memory(url: str) -> MemoryHints:
    """Open hints of this process; ``url`` is ``memory://``."""
    del url
    return MemoryHints()
