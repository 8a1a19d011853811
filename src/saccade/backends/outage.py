"""An outage in the log: told when it begins, with the driver's words, and when it is over; not once a request."""

from __future__ import annotations

import logging
import threading

from saccade.clock import monotonic_s
from saccade.errors import UnavailableError

#: Something that comes and goes is not told more often than this.
_QUIET_S = 10.0


class Outage:
    """Whether one part answers, for the log. Thread-safe."""

    def __init__(self, part: str, log: logging.Logger) -> None:
        """Begin in the belief that it does.

        Args:
            part: What the log calls it.
            log: Where it is told; a command without a log of its own writes nothing.
        """
        self._part = part
        self._log = log
        self._lock = threading.Lock()
        self._is_away = False
        self._since_s = 0.0
        self._told_s = -_QUIET_S
        self._is_told = False
        if not log.handlers:
            log.addHandler(logging.NullHandler())  # else Python writes warnings to the terminal by itself

    def met(self, error: UnavailableError) -> None:
        """Note that it failed; the caller is told less than the log."""
        with self._lock:
            now_s = monotonic_s()
            if not self._is_away:
                self._is_away, self._since_s, self._is_told = True, now_s, False
            if self._is_told or now_s - self._told_s < _QUIET_S:
                return
            self._is_told, self._told_s = True, now_s
        facts = {"error.code": error.code, "error.message": error.in_full}
        self._log.warning("%s failed", self._part, extra={"facts": facts})

    def over(self) -> None:
        """Note that it answered."""
        if not self._is_away:  # the usual case costs no lock
            return
        with self._lock:
            is_told, self._is_told = self._is_told, False
            self._is_away = False
            away_s = monotonic_s() - self._since_s
        if is_told:
            self._log.info("%s answers again after %.1f s", self._part, away_s)
