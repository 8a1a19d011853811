"""How fast a worker goes, as a line in the log now and then while it does anything."""

from __future__ import annotations

import logging
import threading

from saccade.clock import monotonic_s

log = logging.getLogger("saccade.worker")

_EVERY_S = 10.0
_MINUTE_S = 60.0


class Progress:
    """Counts items that end. Thread-safe."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = threading.Lock()
        self._ended = 0
        self._total = 0
        self._since_s = monotonic_s()

    def ended(self, items: int) -> None:
        """Count items that have come to an end."""
        with self._lock:
            if items and not self._ended:
                self._since_s = max(self._since_s, monotonic_s() - _EVERY_S)
            self._ended += items
            self._total += items

    def say(self, running: int) -> None:
        """Write a line if the last one is ten seconds old and anything has ended since."""
        now_s = monotonic_s()
        with self._lock:
            span_s = now_s - self._since_s
            if span_s < _EVERY_S:
                return
            ended, self._ended, self._since_s = self._ended, 0, now_s
            total = self._total
        if ended:
            facts = {
                "saccade.items.per_minute": round(ended / span_s * _MINUTE_S),
                "saccade.items.ended": total,
                "saccade.items.running": running,
            }
            log.info("items are worked on", extra={"facts": facts})
