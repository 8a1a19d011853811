"""memory:// : limits counted by each process for itself."""

from __future__ import annotations

import threading

from limits.storage import MemoryStorage
from typing_extensions import override

from saccade.access.counting import Window
from saccade.backends.limiters.windows import Remembered, Summed, WindowLimiter
from saccade.clock import utc_now

#: With each count so many keys are looked at whether they have run out: more leave than come.
_SWEPT_AT_ONCE = 2
#: An even larger sum has no meaning; it is what lets an amount be counted that does not fit.
_WITHOUT_LIMIT = 2**62


class _Resting(threading.Timer):
    """A timer that says that it runs, and never does anything."""

    def __init__(self) -> None:
        super().__init__(0, lambda: None)

    @override
    def is_alive(self) -> bool:
        return True


class MemoryCounts:
    """``Counts`` in the storage of ``limits``. For one thread at a time.

    That storage tidies up in a thread of its own, which it starts with every call that finds none running and which
    walks through all keys: a request on a calm server pays for a thread (several times 50 µs), on a busy one all pay
    for everybody's keys, and those of requests stay for ever. So its timer is put to rest, and keys that have run out
    are cleared here, in turn, a few with each count.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._storage = MemoryStorage()
        self._storage.timer.cancel()
        self._storage.timer.join()
        self._storage.timer = _Resting()

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len({*self._storage.events, *self._storage.storage, *self._storage.locks})

    def remembered(self, window: Window) -> Remembered:
        """See ``Counts``."""
        begin_s, count = self._storage.get_moving_window(window.key, window.most, window.span_s)
        return Remembered(count, begin_s + window.span_s - utc_now().timestamp() if count else float(window.span_s))

    def remember(self, window: Window) -> bool:
        """See ``Counts``."""
        fits = self._storage.acquire_entry(window.key, window.most, window.span_s)
        del self._storage.events[window.key][window.most :]
        self._sweep()
        return fits

    def forget(self, window: Window) -> None:
        """See ``Counts``; the newest comes first."""
        del self._storage.events[window.key][:1]

    def summed(self, window: Window) -> Summed:
        """See ``Counts``."""
        previous, previous_s, current, current_s = self._storage.get_sliding_window(window.key, window.span_s)
        return Summed(previous, previous_s, current, current_s - window.span_s)

    def add(self, window: Window, amount: int) -> None:
        """See ``Counts``."""
        self._storage.acquire_sliding_window_entry(window.key, _WITHOUT_LIMIT, window.span_s, amount)
        self._sweep()

    def check(self) -> None:
        """See ``Counts``; it is always there."""

    def close(self) -> None:
        """See ``Counts``."""
        self._storage.reset()

    def _sweep(self) -> None:
        """Clear the next keys if they have run out; else they come last."""
        now_s = utc_now().timestamp()
        events, ends_s = self._storage.events, self._storage.expirations
        for _ in range(min(_SWEPT_AT_ONCE, len(events))):
            key = next(iter(events))
            if events[key] and events[key][0].expiry > now_s:
                events[key] = events.pop(key)
            else:
                self._storage.clear(key)
        for _ in range(min(_SWEPT_AT_ONCE, len(ends_s))):
            key = next(iter(ends_s))
            if ends_s[key] > now_s:
                ends_s[key] = ends_s.pop(key)
            else:
                self._storage.clear(key)


def open_memory(url: str) -> WindowLimiter:
    """Open a limiter of this process; ``url`` is ``memory://``."""
    del url
    return WindowLimiter(MemoryCounts(), is_blocking=False, lock=threading.Lock())
