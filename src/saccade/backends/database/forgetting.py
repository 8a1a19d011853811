"""Forgetting jobs in bounded transactions: first nobody sees the job any more, then its rows go, itself the last."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from saccade.backends.database.endings import cancel_job
from saccade.backends.database.schema import delivery, garbage, idempotency, item, job, job_image, result

#: Rows of items or images that one transaction deletes, at most.
MOST_ROWS = 2000
#: Whose jobs are being forgotten; no caller has this name, so they are absent to everybody.
NOBODY = ""
#: When such a job ended: before all others, so that whoever purges goes on with it if its eraser died.
LONG_AGO = 0


def hide_job(tx: Connection, job_id: str, *, now: int) -> None:
    """End what is open of a job, tell nobody, and make it absent to everybody."""
    cancel_job(tx, job_id, now=now, is_told=False)
    tx.execute(update(job_image).where(job_image.c.job_id == job_id).values(principal=NOBODY))
    for table in (delivery, idempotency):
        tx.execute(delete(table).where(table.c.job_id == job_id))
    tx.execute(update(job).where(job.c.id == job_id).values(principal=NOBODY, finished_at=LONG_AGO))


def forget_some(tx: Connection, job_id: str, *, most: int, now: int) -> tuple[int, bool]:
    """Delete at most so many rows of a hidden job: results with their items, then images; keys become garbage.

    What usage was metered stays.

    Returns:
        How many rows of items and images went, and whether the job is gone.
    """
    # Several may forget one job at once: each waits here for the other, so that no key becomes garbage twice.
    if tx.execute(select(job.c.id).where(job.c.id == job_id).with_for_update()).one_or_none() is None:
        return 0, True
    ids = list(tx.execute(select(item.c.id).where(item.c.job_id == job_id).limit(most)).scalars())
    if ids:
        tx.execute(delete(result).where(result.c.item_id.in_(ids)))
        tx.execute(delete(item).where(item.c.id.in_(ids)))
    room = most - len(ids)
    if room <= 0:
        return len(ids), False
    images = tx.execute(
        select(job_image.c.position, job_image.c.blob_key).where(job_image.c.job_id == job_id).limit(room)
    ).all()
    if images:
        keys = dict.fromkeys(row.blob_key for row in images if row.blob_key is not None)
        if keys:
            tx.execute(insert(garbage), [{"blob_key": key, "created_at": now} for key in keys])
        positions = [row.position for row in images]
        tx.execute(delete(job_image).where(job_image.c.job_id == job_id, job_image.c.position.in_(positions)))
    if len(images) >= room:
        return most, False
    tx.execute(delete(job).where(job.c.id == job_id))
    return len(ids) + len(images), True
