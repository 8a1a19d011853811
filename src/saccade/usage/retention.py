"""How long rows of the ledger are kept: old ones are deleted a few at a time, now and then, beside what is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from saccade.clock import monotonic_s, utc_now
from saccade.errors import SettingInvalid
from saccade.usage.ports import Ledger

#: Shortest retention: daily quotas are counted from the same rows.
LEAST_S = 86_400.0
_EVERY_S = 60.0
_MOST_ROWS = 2_000
_MOST_ROUNDS = 20


class Retention:
    """Forgets what is older than it may be. For one thread at a time."""

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        retention_s: float,
        *,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> None:
        """Set how long rows are kept.

        Args:
            ledger: Returns where they are; raises UnavailableError while that is away.
            retention_s: 0 keeps them for ever.
            now: Tells the time.
            monotonic: Measures spans.

        Raises:
            SettingInvalid: It is shorter than a day.
        """
        if 0 < retention_s < LEAST_S:
            raise SettingInvalid(
                "SACCADE_USAGE_RETENTION_S is shorter than a day.",
                hint="Quotas of a day are counted from the ledger: set at least 86400, or 0 to keep rows for ever.",
            )
        self._ledger = ledger
        self._retention_s = retention_s
        self._now = now
        self._monotonic = monotonic
        self._due_s = 0.0

    def tidy(self) -> None:
        """Delete what is too old, if it is time; a long history leaves in several goes. Batches are always tidied up.

        Raises:
            UnavailableError: The database does not answer; it is done another time.
        """
        if self._monotonic() < self._due_s:
            return
        before_us = int((self._now().timestamp() - self._retention_s) * 1e6) if self._retention_s else 0
        rounds = 0
        while self._ledger().forget(before_us=before_us, most=_MOST_ROWS) >= _MOST_ROWS and rounds < _MOST_ROUNDS:
            rounds += 1
        if rounds < _MOST_ROUNDS:  # else there is more, and the next flush goes on
            self._due_s = self._monotonic() + _EVERY_S
