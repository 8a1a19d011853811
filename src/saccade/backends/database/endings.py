"""How items end: the one place that writes terminal states, results, usage, counts, the job's end and its webhook.

Locks are always taken in one order, items, then records of images, then jobs, each by its key, so that no two
transactions wait for each other.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Integer, bindparam, func, insert, select, update

from saccade.backends.database.conditions import IS_OPEN
from saccade.backends.database.schema import delivery, item, job, result, usage_event
from saccade.backends.database.texts import CODE_CHARACTERS, DETAIL_CHARACTERS, fit
from saccade.jobs.ids import new_id
from saccade.jobs.records import DeliveryState
from saccade.jobs.states import ENDED, Counts, ItemState, JobState, state_of

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


def end_items(tx: Connection, endings: Sequence[Ending], *, now: int, is_told: bool = True) -> None:
    """Write all that belongs to the end of these items, each of which is open and locked.

    Args:
        tx: The transaction that holds the locks.
        endings: How each ends.
        now: The database's time.
        is_told: Whether a job that ends with them tells its webhook.
    """
    if not endings:
        return
    ordered = sorted(endings, key=lambda ending: (ending.job_id, ending.item_id))
    rows: list[dict[str, object]] = []
    usage: list[dict[str, object]] = []
    for job_id, group in itertools.groupby(ordered, key=lambda ending: ending.job_id):
        members = list(group)
        seq, service = _count(tx, job_id, members, now=now, is_told=is_told)
        rows.extend(_rows(members, seq=seq, now=now))
        usage.extend(_usage(each, service, now=now) for each in members if each.state in _METERED)
    tx.execute(_END, rows)
    results = [
        {"item_id": e.item_id, "job_id": e.job_id, "attempt": e.attempt, "prediction": e.prediction}
        for e in ordered
        if e.prediction is not None
    ]
    if results:
        tx.execute(_KEEP_RESULT, results)
    if usage:
        tx.execute(_METER, usage)


_KEEP_RESULT = insert(result)
_METER = insert(usage_event)
#: Ends a row of items that follow each other by id and end alike; each event's number follows from the item's.
_END = (
    update(item)
    .where(item.c.id >= bindparam("b_first"), item.c.id <= bindparam("b_last"), IS_OPEN)
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


def _rows(members: Sequence[Ending], *, seq: int, now: int) -> Iterator[dict[str, object]]:
    """Yield one row of ``_END`` for each run of neighbours that end alike: most batches and cancelled jobs are one."""

    def kind(place: tuple[int, Ending]) -> tuple[int, ItemState, str | None, str | None]:
        offset, ending = place
        return ending.item_id - offset, ending.state, ending.error_code, ending.error_detail

    for (shift, state, code, detail), group in itertools.groupby(enumerate(members), key=kind):
        run = [ending.item_id for _, ending in group]
        yield {
            "b_first": run[0],
            "b_last": run[-1],
            "b_state": state.value,
            "b_shift": seq - shift,
            "b_code": fit(code, CODE_CHARACTERS),
            "b_detail": fit(detail, DETAIL_CHARACTERS),
            "b_now": now,
        }


def _usage(ending: Ending, service: str, *, now: int) -> dict[str, object]:
    return {
        "item_id": ending.item_id,
        "principal": ending.principal,
        "model": ending.model,
        "digest": ending.digest,
        "outcome": ending.state.value,
        "pixels": ending.pixels,
        "compute_ms": ending.compute_ms,
        "cached": ending.cached,
        "service": service,
        "created_at": now,
    }


_ADD = (
    update(job)
    .where(job.c.id == bindparam("b_id"))
    .values(
        {
            **{state.value: job.c[state.value] + bindparam(f"b_{state.value}", type_=Integer) for state in ENDED},
            "event_seq": job.c.event_seq + bindparam("b_ended", type_=Integer),
        }
    )
)
_JOB = select(job).where(job.c.id == bindparam("b_id"))
_BEGUN = select(func.min(item.c.started_at)).where(item.c.job_id == bindparam("b_id"))
_BEGIN = update(job).where(job.c.id == bindparam("b_id")).values(started_at=bindparam("b_begun", type_=BigInteger))
_CLOSE = (
    update(job).where(job.c.id == bindparam("b_id")).values(state=bindparam("b_state"), finished_at=bindparam("b_now"))
)


def _count(tx: Connection, job_id: str, members: Sequence[Ending], *, now: int, is_told: bool) -> tuple[int, str]:
    """Add the ends to the job's counts and close it with its last item.

    Returns:
        The first number of their events, and the service that the job came through.
    """
    ends = Counter(ending.state for ending in members)
    added = {f"b_{state.value}": ends[state] for state in ENDED}
    tx.execute(_ADD, {"b_id": job_id, "b_ended": len(members), **added})
    row = tx.execute(_JOB, {"b_id": job_id}).one()
    if row.started_at is None:
        begun = tx.execute(_BEGUN, {"b_id": job_id}).scalar()
        if begun is not None:
            tx.execute(_BEGIN, {"b_id": job_id, "b_begun": begun})
    counts = Counts(row.total, row.succeeded, row.failed, row.cancelled, row.expired)
    if counts.open == 0:
        state = state_of(counts, is_cancelled=row.cancelled_at is not None)
        tx.execute(_CLOSE, {"b_id": job_id, "b_state": state.value, "b_now": now})
        if row.webhook is not None and is_told:
            _announce(tx, job_id, row.principal, row.webhook, now=now)
    return int(row.event_seq) - len(members) + 1, str(row.service)


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


def cancel_job(tx: Connection, job_id: str, *, now: int, is_told: bool = True) -> None:
    """End every open item of a job as cancelled; does nothing to a job that has ended."""
    locked = tx.execute(
        select(item.c.id, item.c.principal, item.c.model, item.c.digest, item.c.attempt)
        .where(item.c.job_id == job_id, IS_OPEN)
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
        is_told=is_told,
    )
