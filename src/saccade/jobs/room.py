"""How much may wait: a bound on all open items and on those of one caller, with an honest time to come again."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from saccade.clock import monotonic_s
from saccade.errors import ItemsQuotaReached, JobsFull, TooManyItems
from saccade.jobs.store import Records

#: How old the counts may be; items that were accepted here since are added to them.
_FRESH_S = 0.5
_RATE_FRESH_S = 2.0
_LONGEST_S = 600.0
#: What is said when nothing drains, so that nobody knows when there will be room.
_UNKNOWN_S = 30.0


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """Most open items of all callers, and of each."""

    total: int
    each: int


class Room:
    """Says whether there is room for more items. Thread-safe; asks the database at most twice a second."""

    def __init__(self, records: Records, limits: RoomLimits) -> None:
        """Watch over the open items that ``records`` counts."""
        self._records = records
        self._limits = limits
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._counted_s = -math.inf
        self._rate, self._rated_s = 0.0, -math.inf

    def check(self, principal: str, items: int) -> None:
        """Refuse what there is no room for; called before a body is read (with one item) and when its size is known.

        Raises:
            TooManyItems: They would not fit even if nothing else waited; to come again is of no use.
            ItemsQuotaReached: The caller has too many open items.
            JobsFull: All callers together have.
            DatabaseUnreachable: Nobody can tell.
        """
        most = min(self._limits.each, self._limits.total)
        if items > most:
            raise TooManyItems(f"The job has {items} items; of one caller at most {most} may wait.")
        counts = self._fresh()
        mine, everybody = counts.get(principal, 0), sum(counts.values())
        if mine + items > self._limits.each:
            error: ItemsQuotaReached | JobsFull = ItemsQuotaReached(
                f"{mine} of your items wait already; with {items} more they would be over {self._limits.each}."
            )
            error.retry_after_s = self._wait_s(mine + items - self._limits.each)
            raise error
        if everybody + items > self._limits.total:
            error = JobsFull(f"{everybody} items wait already, of {self._limits.total} that may.")
            error.retry_after_s = self._wait_s(everybody + items - self._limits.total)
            raise error

    def took(self, principal: str, items: int) -> None:
        """Count items that were accepted here, until the database is asked again."""
        with self._lock:
            self._counts[principal] = self._counts.get(principal, 0) + items

    def _fresh(self) -> Mapping[str, int]:
        with self._lock:
            if monotonic_s() - self._counted_s < _FRESH_S:
                return dict(self._counts)
            self._counted_s = monotonic_s()  # one asks, the others go on with what is known
        counts = dict(self._records.open_items())
        with self._lock:
            self._counts = counts
            return dict(counts)

    def _wait_s(self, excess: int) -> float:
        """Return when that many items will have ended, with jitter, so that not all come again at once."""
        if monotonic_s() - self._rated_s > _RATE_FRESH_S:
            self._rated_s = monotonic_s()
            self._rate = self._records.queue().drain_rate
        wait_s = excess / self._rate if self._rate else _UNKNOWN_S
        return min(_LONGEST_S, max(1.0, wait_s) * random.uniform(1.0, 1.25))  # noqa: S311 - jitter, no secret
