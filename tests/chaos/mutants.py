"""Guards that can be taken out, one at a time, in processes of a test: what the checker must then find.

Each is a patch of the running program, made here and nowhere else; the product cannot be told to work without a guard.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def _none() -> None:
    """Leave the product as it is."""


def _no_fence() -> None:
    """Finish what is running, whoever runs it by now: neither owner nor attempt is compared, and no lease is feared."""
    from sqlalchemy import Connection, select

    from saccade.backends.database import claims
    from saccade.backends.database.schema import item
    from saccade.worker.finisher import Finisher
    from saccade.worker.hands import Hands

    def accepted(tx: Connection, _owner: str, outcomes: Sequence[Any]) -> list[Any]:
        ids = [outcome.claim.id for outcome in outcomes]
        running = set(tx.execute(select(item.c.id).where(item.c.id.in_(ids), item.c.state == "running")).scalars())
        return [outcome for outcome in outcomes if outcome.claim.id in running]

    claims._accepted = accepted
    Finisher._still_ours = lambda _self, group: list(group)
    Hands.extended = lambda *_self_asked_ours, **_until: []


def _finish_by_id() -> None:
    """Finish by the item's id alone, whatever became of it meanwhile."""
    from sqlalchemy import BigInteger, bindparam, update

    from saccade.backends.database import claims, endings
    from saccade.backends.database.schema import item

    _no_fence()
    claims._accepted = lambda _tx, _owner, outcomes: list(outcomes)
    endings._END = (
        update(item)
        .where(item.c.id >= bindparam("b_first"), item.c.id <= bindparam("b_last"))
        .values(
            state=bindparam("b_state"),
            event_seq=item.c.id + bindparam("b_shift", type_=BigInteger),
            error_code=bindparam("b_code"),
            error_detail=bindparam("b_detail"),
            finished_at=bindparam("b_now"),
            lease_owner=None,
            lease_until=None,
        )
    )
    # The keys of these tables refuse doubles by themselves; without them the last one would count.
    endings._KEEP_RESULT = endings._KEEP_RESULT.prefix_with("OR REPLACE")
    endings._METER = endings._METER.prefix_with("OR REPLACE")


def _no_sweep() -> None:
    """Trust the hints: nobody looks for items that no hint told of."""
    from saccade.backends.database.upkeep import SqlUpkeep
    from saccade.worker.claimer import Claimer

    def sleep(self: Claimer) -> None:
        while not self._closing.is_set() and not self._hints.wait(most=1000, timeout_s=0.2):
            pass

    SqlUpkeep.unhinted = lambda _self, **_limits: ()
    Claimer._sleep = sleep


def _no_reaper() -> None:
    """Leave dead workers what they held."""
    from saccade.backends.database.upkeep import SqlUpkeep
    from saccade.jobs.records import Reaped

    SqlUpkeep.reap = lambda _self, **_limits: Reaped()


def _blob_after_row() -> None:
    """Store the bytes when the rows that name them are committed."""
    from saccade.jobs.service import Jobs

    waiting = threading.local()
    keep, store = Jobs._keep, Jobs._store

    class Later:
        def put_many(self, blobs: Mapping[str, bytes]) -> None:
            waiting.blobs = blobs

    def keep_later(self: Jobs, *words: Any) -> Any:
        real, self.objects = self.objects, Later()
        try:
            return keep(self, *words)
        finally:
            self.objects = real

    def store_then_write(self: Jobs, *words: Any, **options: Any) -> Any:
        done = store(self, *words, **options)
        self.objects.put_many(waiting.blobs)
        return done

    Jobs._keep, Jobs._store = keep_later, store_then_write


def _no_idempotency() -> None:
    """Take every request for a new one."""
    from saccade.backends.database.submissions import SqlSubmissions
    from saccade.jobs.records import Reservation

    submit = SqlSubmissions.submit
    SqlSubmissions.reserve = lambda _self, _key, **_held: Reservation("")
    SqlSubmissions.submit = lambda self, job, **_reserved: submit(self, job)


#: Each mutant by name.
MUTANTS: dict[str, Callable[[], None]] = {
    "none": _none,
    "no-fence": _no_fence,
    "finish-by-id": _finish_by_id,
    "no-sweep": _no_sweep,
    "no-reaper": _no_reaper,
    "blob-after-row": _blob_after_row,
    "no-idempotency": _no_idempotency,
}
