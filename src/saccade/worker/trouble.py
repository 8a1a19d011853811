"""What a worker depends on and may be away: told once when it goes, once when it is back, and how long to wait."""

from __future__ import annotations

import logging
import random
import threading

from saccade.clock import monotonic_s
from saccade.errors import SaccadeError

log = logging.getLogger("saccade.worker")

#: How long a database that is away is left alone, at most; it must be found again within seconds.
DATABASE_PAUSE_S = 2.0
_FIRST_PAUSE_S = 0.1


class Trouble:
    """Whether one part answers. Thread-safe."""

    def __init__(self, part: str, *, longest_pause_s: float) -> None:
        """Begin in the belief that it does.

        Args:
            part: What the logs call it.
            longest_pause_s: How long to wait, at most, before it is asked again.
        """
        self._part = part
        self._longest_pause_s = longest_pause_s
        self._lock = threading.Lock()
        self._failures = 0
        self._since_s = 0.0
        self._until_s = 0.0
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        """Why it does not answer; None while it does."""
        return self._reason

    @property
    def left_s(self) -> float:
        """How long nobody should ask it, in seconds; 0 when it may be asked."""
        return max(0.0, self._until_s - monotonic_s())

    def met(self, error: Exception) -> float:
        """Note that it did not answer; return the seconds until it should be asked again, with jitter."""
        with self._lock:
            is_new = self._reason is None
            if is_new:
                self._since_s = monotonic_s()
            self._reason = str(error)
            self._failures += 1
            longest_s = min(self._longest_pause_s, _FIRST_PAUSE_S * 2.0 ** min(self._failures, 16))
            pause_s = longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            self._until_s = monotonic_s() + pause_s
        if is_new:
            log.warning("%s does not answer; it is asked again and again", self._part, extra=_facts(error))
        return pause_s

    def over(self) -> None:
        """Note that it answered."""
        if self._reason is None:
            return
        with self._lock:
            away_s = monotonic_s() - self._since_s
            was_away = self._reason is not None
            self._reason, self._failures, self._until_s = None, 0, 0.0
        if was_away:
            log.info("%s answers again after %.1f s", self._part, away_s)


def _facts(error: Exception) -> dict[str, dict[str, str]]:
    told = error.in_full if isinstance(error, SaccadeError) else str(error)
    return {"facts": {"error.message": told, "error.code": str(getattr(error, "code", type(error).__name__))}}
