"""Storing what is accepted: one transaction a job, and Idempotency-Keys that make a repeated request harmless."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import idempotency, item, job, job_image
from saccade.backends.database.texts import FILE_NAME_CHARACTERS, REQUEST_ID_CHARACTERS, URL_CHARACTERS, fit
from saccade.errors import IdempotencyInFlight, IdempotencyMismatch
from saccade.failpoints import pass_failpoint
from saccade.jobs.ids import new_id
from saccade.jobs.records import IdempotencyKey, NewJob, Reservation
from saccade.jobs.states import ItemState, JobState

_SECOND_US = 1_000_000
#: How long a key is remembered.
_REMEMBERED_US = 24 * 3600 * _SECOND_US
#: How long a request may hold a key before it counts as dead.
_RESERVED_US = 60 * _SECOND_US
_CHUNK = 1000


class SqlSubmissions:
    """``Submissions`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def reserve(self, key: IdempotencyKey) -> Reservation:
        """Take an Idempotency-Key, or learn the job that it made before; see the port."""
        token = new_id()
        try:
            reservation = self._database.write(lambda tx: _reserve(tx, key, token), is_repeatable=True)
        except IntegrityError:  # another server took it in this very moment
            reservation = self._database.write(lambda tx: _reserve(tx, key, token), is_repeatable=True)
        pass_failpoint("idempotency.after_reserve")
        return reservation

    def release(self, key: IdempotencyKey, reservation: Reservation) -> None:
        """Give a key back; see the port."""
        held = and_(_is(key), idempotency.c.token == reservation.token, idempotency.c.job_id.is_(None))
        self._database.write(lambda tx: tx.execute(delete(idempotency).where(held)))

    def submit(self, job: NewJob, *, reserved: tuple[IdempotencyKey, Reservation] | None = None) -> tuple[int, ...]:
        """Store a job with all its items; see the port."""
        try:
            ids = self._database.write(lambda tx: _submit(tx, job, reserved), is_repeatable=True)
        except (IntegrityError, IdempotencyInFlight):
            # An earlier run of this was committed, and nobody heard of it; else the refusal is true.
            ids = self._database.read(lambda tx: _ids_of(tx, job.id))
            if not ids:
                raise
        pass_failpoint("submit.after_commit")
        return ids


def _is(key: IdempotencyKey) -> ColumnElement[bool]:
    return and_(
        idempotency.c.principal == key.principal, idempotency.c.route == key.route, idempotency.c.key == key.key
    )


def _reserve(tx: Connection, key: IdempotencyKey, token: str) -> Reservation:
    now = now_us(tx)
    row = tx.execute(select(idempotency).where(_is(key)).with_for_update()).one_or_none()
    if row is not None and row.expires_at > now:
        if row.fingerprint != key.fingerprint:
            raise IdempotencyMismatch(f"The Idempotency-Key {key.key[:64]!a} was used for another request.")
        if row.job_id is not None:
            return Reservation(row.token, row.job_id)
        if row.token == token:  # an earlier run of this was committed, and nobody heard of it
            return Reservation(token)
        if row.reserved_until > now:
            raise IdempotencyInFlight("The same request is being worked on.")
    fresh = {
        "fingerprint": key.fingerprint,
        "token": token,
        "job_id": None,
        "reserved_until": now + _RESERVED_US,
        "expires_at": now + _REMEMBERED_US,
    }
    if row is None:
        tx.execute(insert(idempotency).values(principal=key.principal, route=key.route, key=key.key, **fresh))
    else:
        tx.execute(update(idempotency).where(_is(key)).values(**fresh))
    return Reservation(token)


def _submit(tx: Connection, new: NewJob, reserved: tuple[IdempotencyKey, Reservation] | None) -> tuple[int, ...]:
    if reserved is not None:
        key, reservation = reserved
        held = and_(_is(key), idempotency.c.token == reservation.token, idempotency.c.job_id.is_(None))
        if tx.execute(update(idempotency).where(held).values(job_id=new.id)).rowcount != 1:
            raise IdempotencyInFlight("Another request took over this Idempotency-Key.")
    now = now_us(tx)
    places = new.places()
    deadline_at = None if new.deadline_s is None else now + int(new.deadline_s * _SECOND_US)
    tx.execute(
        insert(job).values(
            id=new.id,
            principal=new.principal,
            state=JobState.RUNNING.value,
            total=len(places),
            succeeded=0,
            failed=0,
            cancelled=0,
            expired=0,
            event_seq=0,
            images=len(new.images),
            models=json.dumps([pin.reference for pin in new.models]),
            options=json.dumps(new.options),
            priority=int(new.priority),
            webhook=new.webhook,
            retry_of=new.retry_of,
            request_id=fit(new.request_id, REQUEST_ID_CHARACTERS),
            created_at=now,
            deadline_at=deadline_at,
        )
    )
    for images in _chunks([_image_row(new, position) for position in range(len(new.images))]):
        tx.execute(_INSERT_IMAGE, images)
    rows = [_item_row(new, position, model, now=now, deadline_at=deadline_at) for position, model in places]
    ids = _store_items(tx, new.id, rows)
    pass_failpoint("submit.before_commit")
    return ids


_INSERT_ITEM = insert(item)
_INSERT_IMAGE = insert(job_image)


def _store_items(tx: Connection, job_id: str, rows: Sequence[dict[str, object]]) -> tuple[int, ...]:
    """Insert the items and return their ids; one alone tells its own."""
    if len(rows) == 1:
        key = tx.execute(_INSERT_ITEM, rows[0]).inserted_primary_key
        return (int(key[0]),) if key else _ids_of(tx, job_id)
    for items in _chunks(rows):
        tx.execute(_INSERT_ITEM, items)
    return _ids_of(tx, job_id)


def _ids_of(tx: Connection, job_id: str) -> tuple[int, ...]:
    found = tx.execute(select(item.c.id).where(item.c.job_id == job_id).order_by(item.c.position, item.c.model_index))
    return tuple(found.scalars())


def _image_row(new: NewJob, position: int) -> dict[str, object]:
    image = new.images[position]
    return {
        "job_id": new.id,
        "position": position,
        "principal": new.principal,
        "file_name": fit(image.file_name, FILE_NAME_CHARACTERS),
        "source_url": fit(image.source_url, URL_CHARACTERS),
        "sha256": image.sha256,
        "blob_key": image.blob_key,
        "size_bytes": image.size_bytes,
    }


def _item_row(new: NewJob, position: int, model: int, *, now: int, deadline_at: int | None) -> dict[str, object]:
    pin = new.models[model]
    return {
        "job_id": new.id,
        "position": position,
        "model_index": model,
        "principal": new.principal,
        "model": pin.reference,
        "digest": pin.digest,
        "state": ItemState.QUEUED.value,
        "priority": int(new.priority),
        "attempt": 0,
        "max_attempts": new.max_attempts,
        "crash_count": 0,
        "not_before": now,
        "deadline_at": deadline_at,
        "hinted_at": now,
        "created_at": now,
    }


def _chunks(rows: Sequence[dict[str, object]]) -> Iterator[Sequence[dict[str, object]]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]
