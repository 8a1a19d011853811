"""Keeps the queue in order for everybody: dead workers, passed deadlines, lost hints, old jobs, garbage.

Any number of workers may do it at once. Each turn is bounded, and what could not be done is done at the next.
"""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Callable, Iterator

from saccade.clock import monotonic_s, utc_now
from saccade.errors import DatabaseUnreachable, HintsUnreachable, ObjectsUnreachable
from saccade.images.blobs import IMAGE_BLOBS, JOB_BLOBS
from saccade.jobs.ports import StoredObject
from saccade.jobs.service import Jobs
from saccade.metrics import Metrics
from saccade.worker.trouble import Trouble

log = logging.getLogger("saccade.worker")

#: Calls of one kind in one turn.
_ROUNDS = 5
_REAP_MOST = 200
_EXPIRE_MOST = 500
_PURGE_MOST = 100
_GARBAGE_MOST = 500
_HINT_MOST = 1000
_PURGE_EVERY_S = 5.0
#: Blobs that nothing names are looked for about so often. A request that dies leaves few.
_ORPHANS_EVERY_S = 3600.0
_ORPHANS_MOST = 1000
#: A blob is written before the row that names it. Nothing younger is touched, even if the store's clock is hours off.
_ORPHAN_AGE_S = 6 * 3600.0


class Caretaker:
    """One turn does what is due."""

    def __init__(
        self, jobs: Jobs, metrics: Metrics, *, sweep_s: float, hint_age_s: float, retention_s: float, trouble: Trouble
    ) -> None:
        """Tie the parts together.

        Args:
            jobs: The database, the place of bytes and the hints.
            metrics: Where it is counted what had to be done.
            sweep_s: How often it looks.
            hint_age_s: After how long a waiting item is hinted again.
            retention_s: How long an ended job is kept; 0 keeps it for ever.
            trouble: Told whether the database answers.
        """
        self._jobs = jobs
        self._upkeep = jobs.store.upkeep
        self._metrics = metrics
        self._sweep_s = sweep_s
        self._hint_age_s = hint_age_s
        self._retention_s = retention_s
        self._trouble = trouble
        self._hint_at_s = self._purge_at_s = 0.0
        self._orphans_at_s = monotonic_s() + _jittered(_ORPHANS_EVERY_S)
        self._listing: Iterator[StoredObject] | None = None

    def sweep(self) -> float:
        """Do what is due; return the seconds until the next turn."""
        try:
            self._reap()
            self._rounds(lambda: self._upkeep.expire(most=_EXPIRE_MOST), _EXPIRE_MOST)
            self._hint_again()
            self._forget()
            self._collect_garbage()
            self._collect_orphans()
        except DatabaseUnreachable as error:
            return max(self._trouble.met(error), _jittered(self._sweep_s))
        except ObjectsUnreachable as error:
            log.warning("garbage could not be deleted yet", extra={"facts": {"error.message": str(error)}})
        else:
            self._trouble.over()
        return _jittered(self._sweep_s)

    def _reap(self) -> None:
        for _ in range(_ROUNDS):
            reaped = self._upkeep.reap(most=_REAP_MOST)
            found = len(reaped.queued) + len(reaped.failed)
            if found:
                self._metrics.reaped.inc(found)
                facts = {"saccade.items.queued": len(reaped.queued), "saccade.items.failed": len(reaped.failed)}
                log.warning("a worker died or stalled; its items were taken from it", extra={"facts": facts})
                self._publish(reaped.queued)
            if found < _REAP_MOST:
                return

    def _rounds(self, work: Callable[[], int], most: int) -> None:
        """Repeat what was bounded by its own limit, but not for ever."""
        for _ in range(_ROUNDS):
            if work() < most:
                return

    def _hint_again(self) -> None:
        """Hint what waits in vain. Twice an age is enough: no hint gets much older than it may."""
        if monotonic_s() < self._hint_at_s:
            return
        self._hint_at_s = monotonic_s() + _jittered(max(self._sweep_s, self._hint_age_s / 2))
        self._publish(self._upkeep.unhinted(older_than_s=self._hint_age_s, most=_HINT_MOST))

    def _publish(self, item_ids: tuple[int, ...]) -> None:
        """Wake whoever may want them; workers look by themselves too, so a failure costs a moment."""
        if not item_ids:
            return
        try:
            self._jobs.hints.publish(item_ids)
        except HintsUnreachable:
            log.debug("%d hints could not be sent", len(item_ids))

    def _forget(self) -> None:
        if monotonic_s() < self._purge_at_s:
            return
        self._purge_at_s = monotonic_s() + _jittered(max(self._sweep_s, _PURGE_EVERY_S))
        self._rounds(lambda: self._upkeep.purge(retention_s=self._retention_s, most=_PURGE_MOST), _PURGE_MOST)

    def _collect_garbage(self) -> None:
        for _ in range(_ROUNDS):
            keys = self._upkeep.garbage(most=_GARBAGE_MOST)
            if keys:
                self._jobs.objects.delete_many(keys)
                self._upkeep.swept(keys)
            if len(keys) < _GARBAGE_MOST:
                return

    def _collect_orphans(self) -> None:
        """Go on with the listing of all blobs, a piece a turn, and delete those that no row has named for long."""
        if self._listing is None:
            if monotonic_s() < self._orphans_at_s:
                return
            self._listing = itertools.chain.from_iterable(map(self._jobs.objects.list, (JOB_BLOBS, IMAGE_BLOBS)))
        try:
            piece = list(itertools.islice(self._listing, _ORPHANS_MOST))
            oldest_us = int((utc_now().timestamp() - _ORPHAN_AGE_S) * 1e6)
            keys = [found.key for found in piece if found.modified_at_us < oldest_us]
            orphans = self._upkeep.ownerless(keys) if keys else []
            if orphans:
                self._jobs.objects.delete_many(orphans)
                log.info("%d blobs that nothing names were deleted", len(orphans))
        except (ObjectsUnreachable, DatabaseUnreachable):
            self._end_listing()  # an iterator that failed does not go on
            raise
        if len(piece) < _ORPHANS_MOST:
            self._end_listing()

    def _end_listing(self) -> None:
        self._listing = None
        self._orphans_at_s = monotonic_s() + _jittered(_ORPHANS_EVERY_S)


def _jittered(seconds: float) -> float:
    """Return a span near this one, so that many workers do not all look at once."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
