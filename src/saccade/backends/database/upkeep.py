"""What is done again and again, by any process and without a leader: each call stands alone and is bounded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, delete, func, insert, select, update

from saccade.backends.database.clock import now_us
from saccade.backends.database.conditions import IS_QUEUED, IS_RUNNING
from saccade.backends.database.connection import Database
from saccade.backends.database.endings import CHUNK, Ending, end_items
from saccade.backends.database.forgetting import LONG_AGO, MOST_ROWS, NOBODY, forget_some, hide_job
from saccade.backends.database.schema import garbage, idempotency, image, item, job, job_image, worker
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import Reaped, WorkerRecord
from saccade.jobs.states import ItemState

_SECOND_US = 1_000_000
#: A worker that gave no sign for so long is forgotten.
_WORKER_FORGOTTEN_US = 3600 * _SECOND_US
#: Transactions of one purge.
_PURGES = 10
_ENDING_COLUMNS = (item.c.id, item.c.job_id, item.c.principal, item.c.model, item.c.digest, item.c.attempt)


class SqlUpkeep:
    """``Upkeep`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def reap(self, *, most: int = 200, retry_delay_s: float = 0.0) -> Reaped:
        """Take items from dead workers; see the port."""
        reaped = self._database.write(lambda tx: _reap(tx, most=most, delay_us=int(retry_delay_s * _SECOND_US)))
        if reaped.queued or reaped.failed:
            pass_failpoint("reap.after_commit")
        return reaped

    def expire(self, *, most: int = 500) -> int:
        """End queued items whose deadline has passed; see the port."""

        def work(tx: Connection) -> int:
            now = now_us(tx)
            rows = tx.execute(
                select(*_ENDING_COLUMNS)
                .where(IS_QUEUED, item.c.deadline_at.is_not(None), item.c.deadline_at <= now)
                .order_by(item.c.deadline_at)
                .limit(most)
                .with_for_update(skip_locked=True)
            ).all()
            endings = [
                Ending(
                    row.id,
                    row.job_id,
                    ItemState.EXPIRED,
                    row.principal,
                    row.model,
                    row.digest,
                    row.attempt,
                    error_code="deadline_passed",
                    error_detail="The deadline passed before the item could run.",
                )
                for row in rows
            ]
            end_items(tx, endings, now=now)
            if rows:
                pass_failpoint("expire.before_commit")
            return len(rows)

        return self._database.write(work)

    def unhinted(self, *, older_than_s: float, most: int = 1000) -> tuple[int, ...]:
        """Return items that need a new hint; see the port."""

        def work(tx: Connection) -> tuple[int, ...]:
            now = now_us(tx)
            stale = item.c.hinted_at < now - int(older_than_s * _SECOND_US)
            ids = tx.execute(
                select(item.c.id)
                .where(IS_QUEUED, stale, item.c.not_before <= now)
                .order_by(item.c.hinted_at)
                .limit(most)
                .with_for_update(skip_locked=True)
            ).scalars()
            found = tuple(ids)
            if found:
                tx.execute(update(item).where(item.c.id.in_(found)).values(hinted_at=now))
            return found

        found = self._database.write(work)
        if found:
            pass_failpoint("sweep.before_hints")
        return found

    def purge(self, *, retention_s: float, most: int = 100) -> int:
        """Forget jobs that ended long ago, and idempotency keys that have expired; see the port."""

        def tidy(tx: Connection) -> None:
            now = now_us(tx)
            tx.execute(delete(idempotency).where(idempotency.c.expires_at < now))
            tx.execute(delete(worker).where(worker.c.seen_at < now - _WORKER_FORGOTTEN_US))

        self._database.write(tidy)
        jobs = 0
        for _ in range(_PURGES):
            gone, rows = self._database.write(partial(_purge_some, retention_s=retention_s, most=most - jobs))
            jobs += gone
            if not rows or jobs >= most:
                break
        return jobs

    def garbage(self, *, most: int = 500) -> list[str]:
        """Return keys of blobs that no row names any more; see the port."""
        query = select(garbage.c.blob_key).order_by(garbage.c.created_at).limit(most)
        return self._database.read(lambda tx: list(tx.execute(query).scalars()))

    def swept(self, keys: Sequence[str]) -> None:
        """Forget garbage that was deleted; see the port."""
        pass_failpoint("garbage.after_delete")

        def work(tx: Connection) -> None:
            for start in range(0, len(keys), CHUNK):
                tx.execute(delete(garbage).where(garbage.c.blob_key.in_(keys[start : start + CHUNK])))

        self._database.write(work)

    def ownerless(self, keys: Sequence[str]) -> list[str]:
        """Return those of these keys that nothing names; see the port."""

        def work(tx: Connection) -> list[str]:
            named: set[str] = set()
            for start in range(0, len(keys), CHUNK):
                some = keys[start : start + CHUNK]
                for column in (garbage.c.blob_key, job_image.c.blob_key, image.c.blob_key):
                    named.update(tx.execute(select(column).where(column.in_(some))).scalars())
            return [key for key in keys if key not in named]

        return self._database.read(work)

    def report(self, record: WorkerRecord) -> None:
        """Note a worker's sign of life; see the port."""
        values = {
            "host": record.host,
            "pid": record.pid,
            "models": json.dumps(dict(record.models)),
            "concurrency": record.concurrency,
            "running": record.running,
        }

        def work(tx: Connection) -> None:
            now = now_us(tx)
            known = tx.execute(update(worker).where(worker.c.id == record.id).values(seen_at=now, **values)).rowcount
            if not known:
                tx.execute(insert(worker).values(id=record.id, started_at=now, seen_at=now, **values))

        self._database.write(work)

    def retire(self, worker_id: str) -> None:
        """Forget a worker that stops; see the port."""
        self._database.write(lambda tx: tx.execute(delete(worker).where(worker.c.id == worker_id)))


def _purge_some(tx: Connection, *, retention_s: float, most: int) -> tuple[int, int]:
    """Forget jobs that ended long ago, as many as fit into one transaction, and go on with those half forgotten.

    Returns:
        Jobs that are gone, and rows that were deleted or made to go next.
    """
    now = now_us(tx)
    before = now - int(retention_s * _SECOND_US) if retention_s else LONG_AGO + 1
    old = tx.execute(
        select(job.c.id, job.c.principal, job.c.total)
        .where(job.c.finished_at < before)
        .order_by(job.c.finished_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    gone, room = 0, MOST_ROWS
    for row in old:
        if row.principal != NOBODY:
            hide_job(tx, row.id, now=now)
        rows, is_gone = forget_some(tx, row.id, most=room, now=now)
        gone += is_gone
        room -= max(1, rows)
        if room <= 0:
            break
    return gone, MOST_ROWS - room


def _reap(tx: Connection, *, most: int, delay_us: int) -> Reaped:
    """Free items whose lease has run out. Whoever held one died or stalled, so it is suspect: it runs alone next."""
    now = now_us(tx)
    rows = tx.execute(
        select(*_ENDING_COLUMNS, item.c.max_attempts)
        .where(IS_RUNNING, item.c.lease_until < now)
        .order_by(item.c.lease_until)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    spent = [row for row in rows if row.attempt >= row.max_attempts]
    end_items(
        tx,
        [
            Ending(
                row.id,
                row.job_id,
                ItemState.FAILED,
                row.principal,
                row.model,
                row.digest,
                row.attempt,
                error_code="attempts_exhausted",
                error_detail=f"Its worker died or stalled at each of {row.attempt} attempts.",
            )
            for row in spent
        ],
        now=now,
    )
    gone = {row.id for row in spent}
    freed = [row.id for row in rows if row.id not in gone]
    if freed:
        tx.execute(
            update(item)
            .where(item.c.id.in_(freed), IS_RUNNING)
            .values(
                state=ItemState.QUEUED.value,
                crash_count=func.coalesce(func.nullif(item.c.crash_count, 0), 1),
                not_before=now + delay_us if delay_us else item.c.not_before,  # it keeps its place in the line
                lease_owner=None,
                lease_until=None,
                hinted_at=0,
            )
        )
    if rows:
        pass_failpoint("reap.before_commit")
    return Reaped(tuple(freed), tuple(sorted(gone)))
