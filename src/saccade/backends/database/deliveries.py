"""The outbox of webhooks: due deliveries are claimed by a lease like items are, and fenced the same way."""

from __future__ import annotations

from sqlalchemy import Connection, Row, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.records import read_job
from saccade.backends.database.schema import delivery, webhook_secret
from saccade.backends.database.texts import fit
from saccade.errors import DeliveryUnknown
from saccade.jobs.records import DeliveryRecord, DeliveryState

_SECOND_US = 1_000_000
_PENDING = delivery.c.state == DeliveryState.PENDING.value
_MAX_ERROR_CHARACTERS = 500


class SqlDeliveries:
    """``Deliveries`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def due(self, owner: str, *, most: int, lease_s: float) -> list[DeliveryRecord]:
        """Take deliveries that are due; see the port."""

        def work(tx: Connection) -> list[DeliveryRecord]:
            now = now_us(tx)
            free = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until < now)
            ids = list(
                tx.execute(
                    select(delivery.c.id)
                    .where(_PENDING, delivery.c.next_at <= now, free)
                    .order_by(delivery.c.next_at)
                    .limit(most)
                    .with_for_update(skip_locked=True)
                ).scalars()
            )
            if not ids:
                return []
            chosen = delivery.c.id.in_(ids)
            until = now + int(lease_s * _SECOND_US)
            tx.execute(
                update(delivery)
                .where(chosen, _PENDING)
                .values(attempt=delivery.c.attempt + 1, lease_owner=owner, lease_until=until)
            )
            mine = select(delivery).where(chosen, _PENDING, delivery.c.lease_owner == owner)
            return [_record(row) for row in tx.execute(mine.order_by(delivery.c.next_at))]

        return self._database.write(work)

    def delivered(self, owner: str, record: DeliveryRecord, *, status_code: int) -> bool:
        """Note a success; see the port."""

        def work(tx: Connection) -> bool:
            done = {"state": DeliveryState.DELIVERED.value, "ended_at": now_us(tx), "next_at": None}
            return _write(tx, owner, record, status_code=status_code, error=None, values=done)

        return self._database.write(work)

    def postpone(
        self, owner: str, record: DeliveryRecord, *, delay_s: float | None, status_code: int | None, error: str
    ) -> bool:
        """Note a failure; see the port."""

        def work(tx: Connection) -> bool:
            now = now_us(tx)
            if delay_s is None:
                values = {"state": DeliveryState.DEAD.value, "ended_at": now, "next_at": None}
            else:
                values = {"next_at": now + int(delay_s * _SECOND_US)}
            return _write(
                tx, owner, record, status_code=status_code, error=fit(error, _MAX_ERROR_CHARACTERS), values=values
            )

        return self._database.write(work)

    def of_job(self, principal: str, job_id: str) -> list[DeliveryRecord]:
        """Return a job's deliveries; see the port."""

        def work(tx: Connection) -> list[DeliveryRecord]:
            read_job(tx, principal, job_id)
            rows = tx.execute(select(delivery).where(delivery.c.job_id == job_id).order_by(delivery.c.id))
            return [_record(row) for row in rows]

        return self._database.read(work)

    def redeliver(self, principal: str, job_id: str, delivery_id: str) -> DeliveryRecord:
        """Make a delivery due now; see the port."""

        def work(tx: Connection) -> DeliveryRecord:
            read_job(tx, principal, job_id)
            chosen = and_(delivery.c.id == delivery_id, delivery.c.job_id == job_id)
            fresh = {
                "state": DeliveryState.PENDING.value,
                "attempt": 0,
                "next_at": now_us(tx),
                "ended_at": None,
                "lease_owner": None,
                "lease_until": None,
            }
            tx.execute(update(delivery).where(chosen).values(**fresh))
            row = tx.execute(select(delivery).where(chosen)).one_or_none()
            if row is None:
                raise DeliveryUnknown("There is no such delivery.")
            return _record(row)

        return self._database.write(work)

    def secret(self, principal: str) -> str | None:
        """Return the secret that signs this principal's webhooks; see the port."""
        query = select(webhook_secret.c.secret).where(webhook_secret.c.principal == principal)
        return self._database.read(lambda tx: tx.execute(query).scalar_one_or_none())

    def new_secret(self, principal: str, secret: str) -> None:
        """Keep a new secret; see the port."""

        def work(tx: Connection) -> None:
            now = now_us(tx)
            mine = webhook_secret.c.principal == principal
            if tx.execute(select(webhook_secret.c.principal).where(mine).with_for_update()).one_or_none() is None:
                tx.execute(insert(webhook_secret).values(principal=principal, secret=secret, created_at=now))
            else:
                tx.execute(update(webhook_secret).where(mine).values(secret=secret, created_at=now))

        try:
            self._database.write(work)
        except IntegrityError:  # another request made the first one in this very moment
            self._database.write(work)


def _write(
    tx: Connection,
    owner: str,
    record: DeliveryRecord,
    *,
    status_code: int | None,
    error: str | None,
    values: dict[str, object],
) -> bool:
    """Write what became of an attempt if it is still this owner's."""
    held = and_(
        delivery.c.id == record.id,
        _PENDING,
        delivery.c.attempt == record.attempt,
        delivery.c.lease_owner == owner,
    )
    cleared = {"lease_owner": None, "lease_until": None, "status_code": status_code, "error": error}
    return tx.execute(update(delivery).where(held).values(**cleared, **values)).rowcount == 1


def _record(row: Row[*tuple[object, ...]]) -> DeliveryRecord:
    return DeliveryRecord(
        id=row.id,
        job_id=row.job_id,
        principal=row.principal,
        url=row.url,
        event=row.event,
        state=DeliveryState(row.state),
        attempt=row.attempt,
        next_at_us=row.next_at,
        status_code=row.status_code,
        error=row.error,
        created_at_us=row.created_at,
        ended_at_us=row.ended_at,
    )
