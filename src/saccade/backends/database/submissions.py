"""Storing what is accepted: one transaction a job, and Idempotency-Keys that make a repeated request harmless."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.records import read_job
from saccade.backends.database.schema import idempotency, item, job, job_image
from saccade.backends.database.texts import FILE_NAME_CHARACTERS, REQUEST_ID_CHARACTERS, URL_CHARACTERS, fit
from saccade.errors import IdempotencyInFlight, IdempotencyMismatch
from saccade.failpoints import pass_failpoint
from saccade.jobs.ids import new_id
from saccade.jobs.records import IdempotencyKey, JobRecord, NewJob, Reservation, Stored
from saccade.jobs.states import Counts, ItemState, JobState

_SECOND_US = 1_000_000
#: How long a key is remembered.
_REMEMBERED_US = 24 * 3600 * _SECOND_US
_CHUNK = 1000


class SqlSubmissions:
    """``Submissions`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def reserve(self, key: IdempotencyKey, *, held_s: float = 60.0) -> Reservation:
        """Take an Idempotency-Key, or learn the job that it made before; see the port."""
        token, held_us = new_id(), int(held_s * _SECOND_US)
        try:
            reservation = self._database.write(lambda tx: _reserve(tx, key, token, held_us), is_repeatable=True)
        except IntegrityError:  # another server took it in this very moment
            reservation = self._database.write(lambda tx: _reserve(tx, key, token, held_us), is_repeatable=True)
        pass_failpoint("idempotency.after_reserve")
        return reservation

    def release(self, key: IdempotencyKey, reservation: Reservation) -> None:
        """Give a key back; see the port."""
        self._database.write(lambda tx: tx.execute(_RELEASE, _held(key, reservation)))

    def submit(self, job: NewJob, *, reserved: tuple[IdempotencyKey, Reservation] | None = None) -> Stored:
        """Store a job with all its items; see the port."""
        try:
            stored = self._database.write(lambda tx: _submit(tx, job, reserved), is_repeatable=True)
        except (IntegrityError, IdempotencyInFlight):
            # An earlier run of this was committed, and nobody heard of it; else the refusal is true.
            ids = self._database.read(lambda tx: _ids_of(tx, job.id))
            if not ids:
                raise
            stored = Stored(self._database.read(lambda tx: read_job(tx, job.principal, job.id)), ids)
        pass_failpoint("submit.after_commit")
        return stored


# Statements are made once: to make one takes several times as long as to have it run.
_IS_KEY = and_(
    idempotency.c.principal == bindparam("b_principal"),
    idempotency.c.route == bindparam("b_route"),
    idempotency.c.key == bindparam("b_key"),
)
_IS_HELD = and_(_IS_KEY, idempotency.c.token == bindparam("b_token"), idempotency.c.job_id.is_(None))
_LOOK_UP = select(idempotency).where(_IS_KEY).with_for_update()
_TAKE = insert(idempotency)
_TAKE_OVER = update(idempotency).where(_IS_KEY)
_KEEP = update(idempotency).where(_IS_HELD).values(job_id=bindparam("b_job"))
_RELEASE = delete(idempotency).where(_IS_HELD)
_INSERT_JOB = insert(job)
_INSERT_IMAGE = insert(job_image)
_INSERT_ITEM = insert(item)
_IDS = select(item.c.id).where(item.c.job_id == bindparam("b_job")).order_by(item.c.position, item.c.model_index)


def _named(key: IdempotencyKey) -> dict[str, str]:
    return {"b_principal": key.principal, "b_route": key.route, "b_key": key.key}


def _held(key: IdempotencyKey, reservation: Reservation) -> dict[str, str]:
    return {**_named(key), "b_token": reservation.token}


def _reserve(tx: Connection, key: IdempotencyKey, token: str, held_us: int) -> Reservation:
    now = now_us(tx)
    row = tx.execute(_LOOK_UP, _named(key)).one_or_none()
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
        "reserved_until": now + held_us,
        "expires_at": now + _REMEMBERED_US,
    }
    if row is None:
        tx.execute(_TAKE, {"principal": key.principal, "route": key.route, "key": key.key, **fresh})
    else:
        tx.execute(_TAKE_OVER, {**_named(key), **fresh})
    return Reservation(token)


def _submit(tx: Connection, new: NewJob, reserved: tuple[IdempotencyKey, Reservation] | None) -> Stored:
    if reserved is not None and tx.execute(_KEEP, {**_held(*reserved), "b_job": new.id}).rowcount != 1:
        raise IdempotencyInFlight("Another request took over this Idempotency-Key.")
    now = now_us(tx)
    places = new.places()
    deadline_at = None if new.deadline_s is None else now + int(new.deadline_s * _SECOND_US)
    record = _record(new, items=len(places), now=now, deadline_at=deadline_at)
    tx.execute(_INSERT_JOB, _job_row(new, record))
    for images in _chunks([_image_row(new, position) for position in range(len(new.images))]):
        tx.execute(_INSERT_IMAGE, images)
    rows = [_item_row(new, position, model, now=now, deadline_at=deadline_at) for position, model in places]
    ids = _store_items(tx, new.id, rows)
    pass_failpoint("submit.before_commit")
    return Stored(record, ids)


def _store_items(tx: Connection, job_id: str, rows: Sequence[dict[str, object]]) -> tuple[int, ...]:
    """Insert the items and return their ids; one alone tells its own."""
    if len(rows) == 1:
        key = tx.execute(_INSERT_ITEM, rows[0]).inserted_primary_key
        return (int(key[0]),) if key else _ids_of(tx, job_id)
    for items in _chunks(rows):
        tx.execute(_INSERT_ITEM, items)
    return _ids_of(tx, job_id)


def _ids_of(tx: Connection, job_id: str) -> tuple[int, ...]:
    return tuple(tx.execute(_IDS, {"b_job": job_id}).scalars())


def _record(new: NewJob, *, items: int, now: int, deadline_at: int | None) -> JobRecord:
    """Return the job as it is about to be stored, so that nobody needs to read it back."""
    return JobRecord(
        id=new.id,
        principal=new.principal,
        state=JobState.RUNNING,
        counts=Counts(items),
        running=0,
        models=tuple(pin.reference for pin in new.models),
        images=len(new.images),
        options=json.loads(json.dumps(new.options)),
        priority=new.priority,
        webhook=new.webhook,
        retry_of=new.retry_of,
        event_seq=0,
        created_at_us=now,
        started_at_us=None,
        finished_at_us=None,
        cancelled_at_us=None,
        deadline_at_us=deadline_at,
        keep=new.keep,
    )


def _job_row(new: NewJob, record: JobRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "principal": record.principal,
        "state": record.state.value,
        "total": record.counts.total,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
        "expired": 0,
        "event_seq": record.event_seq,
        "images": record.images,
        "models": json.dumps(record.models),
        "options": json.dumps(record.options),
        "priority": int(record.priority),
        "webhook": record.webhook,
        "retry_of": record.retry_of,
        "request_id": fit(new.request_id, REQUEST_ID_CHARACTERS),
        "service": new.service,
        "keep": record.keep,
        "created_at": record.created_at_us,
        "deadline_at": record.deadline_at_us,
    }


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
