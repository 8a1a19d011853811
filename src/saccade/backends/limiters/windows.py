"""What all limiters do: look at every window of a request, and count it only if it fits into all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from math import floor
from typing import NamedTuple, Protocol

from saccade.access.counting import Count, Level, Window

#: So often a request is tried again when others were counted between the look and the count.
_TRIES = 3


class Remembered(NamedTuple):
    """What a window that remembers holds.

    Attributes:
        held: Requests within its span.
        oldest_s: Seconds until the oldest of them leaves it; the whole span where there is none.
    """

    held: int
    oldest_s: float


class Summed(NamedTuple):
    """What a window of two sums holds.

    Attributes:
        previous: Sum of the last span,
        previous_s: which weighs nothing any more after so many seconds.
        current: Sum of this span,
        turn_s: which becomes the last one after so many seconds; the whole span where there is none.
    """

    previous: int
    previous_s: float
    current: int
    turn_s: float


class _Try(NamedTuple):
    """What one look and one count came to; lost if somebody came between them."""

    outcome: Count
    is_lost: bool = False


class Counts(Protocol):
    """Where windows are kept. Each method is one step that nobody can come between."""

    def remembered(self, window: Window) -> Remembered:
        """Return what a window holds that remembers."""

    def remember(self, window: Window) -> bool:
        """Count one request if it fits; say whether it did."""

    def forget(self, window: Window) -> None:
        """Take back the newest request."""

    def summed(self, window: Window) -> Summed:
        """Return what a window of two sums holds."""

    def add(self, window: Window, amount: int) -> None:
        """Add to this span's sum, whether it fits or not; a negative amount takes back."""

    def check(self) -> None:
        """Ask for a sign of life."""

    def close(self) -> None:
        """Give connections back. Idempotent."""


class WindowLimiter:
    """``Limiter`` over counts. Thread-safe if the counts are, or under a lock."""

    def __init__(self, counts: Counts, *, is_blocking: bool, lock: AbstractContextManager[object]) -> None:
        """Count there.

        Args:
            counts: Where.
            is_blocking: Whether that is another machine.
            lock: Held for the length of a call.
        """
        self._counts = counts
        self._is_blocking = is_blocking
        self._lock = lock

    @property
    def is_blocking(self) -> bool:
        """See ``Limiter``."""
        return self._is_blocking

    def admit(self, counted: Sequence[Window], tested: Sequence[Window] = ()) -> Count:
        """See ``Limiter``.

        Between the look and the count another process may take the last place. Then what was counted is taken back,
        and the look is repeated.
        """
        with self._lock:
            for _ in range(_TRIES - 1):
                tried = self._admit(counted, tested)
                if not tried.is_lost:
                    return tried.outcome
            return self._admit(counted, tested).outcome

    def charge(self, window: Window, amount: int) -> None:
        """See ``Limiter``."""
        with self._lock:
            self._counts.add(window, amount)

    def check(self) -> None:
        """See ``Limiter``."""
        self._counts.check()

    def close(self) -> None:
        """See ``Limiter``."""
        self._counts.close()

    def _admit(self, counted: Sequence[Window], tested: Sequence[Window]) -> _Try:
        levels = tuple([self._level(window) for window in (*counted, *tested)])
        full = tuple(number for number, level in enumerate(levels) if level.remaining < 1)
        if full:
            return _Try(Count(levels, full))
        lost = self._count(counted)
        if lost is not None:  # there was room, and others were faster: it may be there again at once
            return _Try(Count((*levels[:lost], Level(0, 0.0), *levels[lost + 1 :]), (lost,)), is_lost=True)
        taken = (Level(level.remaining - 1, level.reset_s) for level in levels[: len(counted)])
        return _Try(Count((*taken, *levels[len(counted) :])))

    def _level(self, window: Window) -> Level:
        if not window.is_remembered:
            return level_of(self._counts.summed(window), window)
        found = self._counts.remembered(window)
        return Level(max(0, window.most - found.held), max(0.0, found.oldest_s))

    def _count(self, windows: Sequence[Window]) -> int | None:
        """Count one in each; if one does not fit any more, take the others back and return its position."""
        for number, window in enumerate(windows):
            if not window.is_remembered:
                self._counts.add(window, 1)
            elif not self._counts.remember(window):
                for earlier in windows[:number]:
                    self._take_back(earlier)
                return number
        return None

    def _take_back(self, window: Window) -> None:
        if window.is_remembered:
            self._counts.forget(window)
        else:
            self._counts.add(window, -1)


def level_of(sums: Summed, window: Window) -> Level:
    """Return how a window of two sums stands.

    The last span's sum is taken as spread evenly over it, so that it fades as its span moves away.
    """
    faded = sums.previous * sums.previous_s / window.span_s
    remaining = max(0, window.most - floor(faded + sums.current))
    if remaining:
        return Level(remaining, sums.turn_s if sums.current else sums.previous_s if sums.previous else window.span_s)
    # One fits as soon as what is held is less than the limit.
    if sums.current < window.most:
        room = window.most - sums.current
        return Level(0, max(0.0, sums.previous_s - room * window.span_s / sums.previous))
    return Level(0, sums.turn_s + window.span_s * (1 - window.most / sums.current))
