"""Erasing an image of an owner wherever it is: its record, and its part in the owner's jobs.

Locks are taken in one order, as everywhere: items, images, jobs, images of jobs; each by id.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Row, delete, insert, select, update

from saccade.backends.database.endings import CHUNK, Ending, end_items
from saccade.backends.database.image_writing import forget_image, locked_image
from saccade.backends.database.schema import garbage, item, job, job_image, result
from saccade.errors import ImageErased
from saccade.jobs.states import OPEN, ItemState

#: Places in jobs that one transaction erases, at most; each is one image with an item for each model.
MOST_PLACES = 200
_OPEN = frozenset(state.value for state in OPEN)
_ITEM_COLUMNS = (item.c.id, item.c.job_id, item.c.principal, item.c.model, item.c.digest, item.c.attempt, item.c.state)


def erase_some(tx: Connection, owner: str, sha256: str, *, now: int) -> bool:
    """Erase an owner's record of an image, and what fits into one transaction of its places in jobs.

    Returns:
        Whether there was anything; if so, there may be more.
    """
    asked = _places(tx, owner, sha256)
    items = _locked_items(tx, asked)
    held = locked_image(tx, owner, sha256)
    jobs = _locked_jobs(tx, asked)
    # A job that was hidden or erased meanwhile is forgotten by whoever did that.
    places = {job_id: mine for job_id in jobs if (mine := _locked_places(tx, job_id, owner, sha256, asked[job_id]))}
    _end(tx, [row for row in items if row.job_id in places], now=now)
    for job_id, mine in places.items():
        _forget_place(tx, job_id, mine, now=now)
    if held is not None:
        forget_image(tx, held)
        _make_garbage(tx, [held.blob_key], now=now)
    return bool(asked) or held is not None


def _places(tx: Connection, owner: str, sha256: str) -> dict[str, list[int]]:
    """Return where in jobs the image stands: positions by the job's id, and not all if there are many."""
    query = (
        select(job_image.c.job_id, job_image.c.position)
        .where(job_image.c.principal == owner, job_image.c.sha256 == sha256)
        .order_by(job_image.c.job_id, job_image.c.position)
        .limit(MOST_PLACES)
    )
    rows = tx.execute(query).all()
    groups = itertools.groupby(rows, key=lambda row: row.job_id)
    return {job_id: [row.position for row in group] for job_id, group in groups}


def _locked_items(tx: Connection, places: dict[str, list[int]]) -> list[Row[*tuple[object, ...]]]:
    """Lock all items of these places by their ids, and return them as they stand then."""
    ids: list[int] = []
    for job_id, positions in places.items():
        ids += tx.execute(select(item.c.id).where(item.c.job_id == job_id, item.c.position.in_(positions))).scalars()
    return [
        row
        for some in _chunks(sorted(ids))
        for row in tx.execute(
            select(*_ITEM_COLUMNS).where(item.c.id.in_(some)).order_by(item.c.id).with_for_update()
        ).all()
    ]


def _locked_jobs(tx: Connection, places: dict[str, list[int]]) -> list[str]:
    query = select(job.c.id).where(job.c.id.in_(sorted(places))).order_by(job.c.id).with_for_update()
    return list(tx.execute(query).scalars()) if places else []


def _locked_places(
    tx: Connection, job_id: str, owner: str, sha256: str, positions: Sequence[int]
) -> dict[int, str | None]:
    """Lock a job's places that are still this owner's image; return their blobs by position."""
    query = (
        select(job_image.c.position, job_image.c.blob_key)
        .where(
            job_image.c.job_id == job_id,
            job_image.c.position.in_(positions),
            job_image.c.principal == owner,
            job_image.c.sha256 == sha256,
        )
        .order_by(job_image.c.position)
        .with_for_update()
    )
    return {row.position: row.blob_key for row in tx.execute(query)}


def _end(tx: Connection, items: Sequence[Row[*tuple[object, ...]]], *, now: int) -> None:
    """Cancel the items that are open; let those that ended say what became of their image, and drop their results."""
    code, detail = ImageErased.code, "Its owner erased the image."
    endings = [
        Ending(
            row.id,
            row.job_id,
            ItemState.CANCELLED,
            row.principal,
            row.model,
            row.digest,
            row.attempt,
            error_code=code,
            error_detail=detail,
        )
        for row in items
        if row.state in _OPEN
    ]
    end_items(tx, endings, now=now)
    for some in _chunks([row.id for row in items if row.state not in _OPEN]):
        tx.execute(delete(result).where(result.c.item_id.in_(some)))
        tx.execute(update(item).where(item.c.id.in_(some)).values(error_code=code, error_detail=detail))


def _forget_place(tx: Connection, job_id: str, places: dict[int, str | None], *, now: int) -> None:
    """Let a job's images have no name, no address, no hash and no bytes any more."""
    tx.execute(
        update(job_image)
        .where(job_image.c.job_id == job_id, job_image.c.position.in_(list(places)))
        .values(file_name=None, source_url=None, sha256=None, blob_key=None, size_bytes=None)
    )
    _make_garbage(tx, [key for key in places.values() if key is not None], now=now)


def _make_garbage(tx: Connection, keys: Sequence[str], *, now: int) -> None:
    if keys:
        tx.execute(insert(garbage), [{"blob_key": key, "created_at": now} for key in dict.fromkeys(keys)])


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
