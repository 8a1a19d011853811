"""The ledger's rows: written in batches that count once however often they are sent, forgotten in bounded pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import ledger_batch, request_event, usage_event
from saccade.backends.database.texts import fit
from saccade.usage.event import Batch, PredictionEvent, RequestEvent, latency_class

_Row: TypeAlias = "dict[str, object]"

#: Rows that one statement writes or deletes: every database takes so many parameters.
_TOGETHER = 500
_BATCHES_KEPT_US = 86_400_000_000
_MOST_SMALL = 32_767
_MOST_BIG = 2**63 - 1


class SqlLedger:
    """``Ledger`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def write(self, batch: Batch) -> None:
        """Keep a batch; see the port."""

        def work(tx: Connection) -> None:
            known = select(ledger_batch.c.id).where(ledger_batch.c.id == batch.id)
            if tx.execute(known).one_or_none() is not None:
                return
            tx.execute(insert(ledger_batch).values(id=batch.id, created_at=now_us(tx)))
            _insert(tx, request_event, [_request(batch.service, event) for event in batch.requests])
            _insert(tx, usage_event, [_prediction(batch.service, event) for event in batch.predictions])

        try:
            self._database.write(work, is_repeatable=True)
        except IntegrityError:  # the same batch was being written in this very moment: now it can be seen
            self._database.write(work, is_repeatable=True)

    def forget(self, *, before_us: int, most: int) -> int:
        """Delete old rows; see the port. What is known of batches goes after a day: none is sent again by then."""

        def work(tx: Connection) -> int:
            requests = _forget(tx, request_event, before_us=before_us, most=most)
            predictions = _forget(tx, usage_event, before_us=before_us, most=most - requests)
            _forget(tx, ledger_batch, before_us=now_us(tx) - _BATCHES_KEPT_US, most=most)
            return requests + predictions

        return self._database.write(work)


def _insert(tx: Connection, table: Table, rows: Sequence[_Row]) -> None:  # type: ignore[explicit-any]  # what its columns are called
    for begin in range(0, len(rows), _TOGETHER):
        tx.execute(insert(table), rows[begin : begin + _TOGETHER])


def _forget(tx: Connection, table: Table, *, before_us: int, most: int) -> int:  # type: ignore[explicit-any]  # what its columns are called
    """Delete the oldest rows of a table, in the order of their ids, so that two who do it wait and do not deadlock."""
    if most <= 0:
        return 0
    oldest = select(table.c.id).where(table.c.created_at < before_us).order_by(table.c.created_at).limit(most)
    ids = sorted(tx.execute(oldest).scalars())
    gone = 0
    for begin in range(0, len(ids), _TOGETHER):
        gone += tx.execute(delete(table).where(table.c.id.in_(ids[begin : begin + _TOGETHER]))).rowcount
    return gone


def _request(service: str, event: RequestEvent) -> _Row:
    return {
        "service": service,
        "principal": fit(event.principal, 255),
        "user_name": fit(event.user_name, 255),
        "via": fit(event.via, 16),
        "method": fit(event.method, 8),
        "route": fit(event.route, 200),
        "model": fit(event.model, 200),
        "status": min(event.status, _MOST_SMALL),
        "bytes_in": min(event.bytes_in, _MOST_BIG),
        "duration_us": event.duration_us,
        "latency_class": latency_class(event.duration_us),
        "request_id": fit(event.request_id, 128),
        "created_at": event.at_us,
    }


def _prediction(service: str, event: PredictionEvent) -> _Row:
    return {
        "item_id": None,
        "principal": fit(event.principal, 255),
        "model": fit(event.model, 200),
        "digest": fit(event.digest, 80),
        "outcome": "succeeded" if event.succeeded else "failed",
        "pixels": event.pixels,
        "compute_ms": event.compute_ms,
        "cached": event.cached,
        "service": service,
        "created_at": event.at_us,
    }
