"""How items end: the one place that writes terminal states, results, usage, counts, the job's end and its webhook.

Locks are always taken in one order, items before jobs and both by id, so that no two transactions wait for each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from saccade.backends.database.schema import delivery, item, job, result, usage_event
from saccade.jobs.ids import new_id
from saccade.jobs.records import DeliveryState
from saccade.jobs.states import OPEN, Counts, ItemState, JobState, state_of

#: The event that a webhook is told.
JOB_ENDED = "job.ended"
#: The states whose items appear in the usage: the ones on which something was spent.
_METERED = (ItemState.SUCCEEDED, ItemState.FAILED)
#: Rows of one statement; SQLite takes at most 32,766 parameters in one.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Ending:
    """One item that ends now. The caller holds its row by a lock and has checked that it may end."""

    item_id: int
    job_id: str
    state: ItemState
    principal: str
    model: str
    digest: str
    attempt: int
    error_code: str | None = None
    error_detail: str | None = None
    prediction: str | None = None
    pixels: int = 0
    compute_ms: float = 0.0
    cached: bool = False


def end_items(tx: Connection, endings: Sequence[Ending], *, now: int) -> None:
    """Write all that belongs to the end of these items, each of which is open and locked."""
    if not endings:
        return
    ordered = sorted(endings, key=lambda ending: ending.job_id)
    rows: list[dict[str, object]] = []
    for job_id, group in itertools.groupby(ordered, key=lambda ending: ending.job_id):
        members = list(group)
        seq = _count(tx, job_id, members, now=now)
        rows.extend(_row(ending, seq=seq + offset, now=now) for offset, ending in enumerate(members))
    tx.execute(_END_ITEM, rows)
    results = [
        {"item_id": e.item_id, "job_id": e.job_id, "attempt": e.attempt, "prediction": e.prediction}
        for e in ordered
        if e.prediction is not None
    ]
    if results:
        tx.execute(insert(result), results)
    usage = [_usage(ending, now=now) for ending in ordered if ending.state in _METERED]
    if usage:
        tx.execute(insert(usage_event), usage)


_END_ITEM = (
    update(item)
    .where(item.c.id == bindparam("b_id"), or_(*(item.c.state == state.value for state in OPEN)))
    .values(
        state=bindparam("b_state"),
        event_seq=bindparam("b_seq"),
        error_code=bindparam("b_code"),
        error_detail=bindparam("b_detail"),
        finished_at=bindparam("b_now"),
        lease_owner=None,
        lease_until=None,
    )
)


def _row(ending: Ending, *, seq: int, now: int) -> dict[str, object]:
    return {
        "b_id": ending.item_id,
        "b_state": ending.state.value,
        "b_seq": seq,
        "b_code": ending.error_code,
        "b_detail": ending.error_detail,
        "b_now": now,
    }


def _usage(ending: Ending, *, now: int) -> dict[str, object]:
    return {
        "item_id": ending.item_id,
        "principal": ending.principal,
        "model": ending.model,
        "digest": ending.digest,
        "outcome": ending.state.value,
        "pixels": ending.pixels,
        "compute_ms": ending.compute_ms,
        "cached": ending.cached,
        "created_at": now,
    }


def _count(tx: Connection, job_id: str, members: Sequence[Ending], *, now: int) -> int:
    """Add the ends to the job's counts and close it with its last item; return the first number of their events."""
    ends = {state: sum(ending.state is state for ending in members) for state in {e.state for e in members}}
    changes = {job.c[state.value]: job.c[state.value] + count for state, count in ends.items()}
    tx.execute(
        update(job).where(job.c.id == job_id).values({**changes, job.c.event_seq: job.c.event_seq + len(members)})
    )
    row = tx.execute(select(job).where(job.c.id == job_id)).one()
    if row.started_at is None:
        begun = tx.execute(select(func.min(item.c.started_at)).where(item.c.job_id == job_id)).scalar()
        tx.execute(update(job).where(job.c.id == job_id).values(started_at=begun))
    counts = Counts(row.total, row.succeeded, row.failed, row.cancelled, row.expired)
    if counts.open == 0:
        state = state_of(counts, is_cancelled=row.cancelled_at is not None)
        tx.execute(update(job).where(job.c.id == job_id).values(state=state.value, finished_at=now))
        if row.webhook is not None:
            _announce(tx, job_id, row.principal, row.webhook, now=now)
    return int(row.event_seq) - len(members) + 1


def _announce(tx: Connection, job_id: str, principal: str, url: str, *, now: int) -> None:
    """Put the news of a job's end into the outbox; it is there if and only if the job has ended."""
    tx.execute(
        insert(delivery).values(
            id=new_id(),
            job_id=job_id,
            principal=principal,
            url=url,
            event=JOB_ENDED,
            state=DeliveryState.PENDING.value,
            attempt=0,
            next_at=now,
            created_at=now,
        )
    )


def cancel_job(tx: Connection, job_id: str, *, now: int) -> None:
    """End every open item of a job as cancelled; does nothing to a job that has ended."""
    locked = tx.execute(
        select(item.c.id, item.c.principal, item.c.model, item.c.digest, item.c.attempt)
        .where(item.c.job_id == job_id, item.c.state.in_([state.value for state in OPEN]))
        .order_by(item.c.id)
        .with_for_update()
    ).all()
    tx.execute(
        update(job)
        .where(job.c.id == job_id, job.c.state == JobState.RUNNING.value, job.c.cancelled_at.is_(None))
        .values(cancelled_at=now)
    )
    end_items(
        tx,
        [
            Ending(row.id, job_id, ItemState.CANCELLED, row.principal, row.model, row.digest, row.attempt)
            for row in locked
        ],
        now=now,
    )
