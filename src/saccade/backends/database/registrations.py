"""Models that registered themselves, over SQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import model_registration
from saccade.errors import NameTaken
from saccade.models.prediction import Task
from saccade.models.registrations import Registration, Service

_columns = model_registration.c
#: Writers of one name or place who meet: each round one of them is through.
_TRIES = 4


class SqlRegistrations:
    """``Registrations`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def all(self) -> list[Registration]:
        """Return all of them; see the port."""
        query = select(model_registration).order_by(_columns.name, _columns.version)
        rows = self._database.read(lambda tx: list(tx.execute(query)))
        owners = _owners(rows)
        return [_registration(row) for row in rows if row.principal == owners[row.name]]

    def put(self, service: Service, *, principal: str) -> Registration:
        """Write one down; see the port."""
        for _ in range(_TRIES - 1):
            try:
                return self._database.write(lambda tx: _put(tx, service, principal), is_repeatable=True)
            except IntegrityError:  # somebody wrote the same name or place at this moment; now it can be seen
                continue
        return self._database.write(lambda tx: _put(tx, service, principal), is_repeatable=True)

    def remove(self, name: str, *, version: str | None = None) -> bool:
        """Forget a model; see the port."""
        is_meant = _columns.name == name
        if version is not None:
            is_meant = and_(is_meant, _columns.version == version)
        return self._database.write(lambda tx: tx.execute(delete(model_registration).where(is_meant)).rowcount > 0)


def _put(tx: Connection, service: Service, principal: str) -> Registration:
    """Write one down. A row that stays is changed and never replaced: who waits for its lock must find it again."""
    now, place = now_us(tx), _place(service)
    is_near = or_(_columns.name == service.name, _columns.place == place)
    near = list(tx.execute(select(model_registration).where(is_near).with_for_update()))
    owner = _owners(near).get(service.name, principal)
    is_occupied = any(row.principal != principal for row in near if row.name != service.name)
    if owner != principal or is_occupied:
        raise NameTaken(f"{service.name}, or the place where it runs, was registered by somebody else.")
    known = None
    for row in near:
        if (row.name, row.version, row.principal) == (service.name, service.version, principal):
            known = row
        elif row.place == place or row.principal != principal:
            tx.execute(delete(model_registration).where(_is(row)))
    first = now if known is None else known.first_at
    written = {
        "name": service.name,
        "version": service.version,
        "url": service.url,
        "place": place,
        "protocol": service.protocol,
        "model": service.model,
        "task": service.task.value,
        "labels": json.dumps(service.labels),
        "description": service.description,
        "license": service.license,
        "threshold": service.threshold,
        "timeout_s": service.timeout_s,
        "retries": service.retries,
        "principal": principal,
        "first_at": first,
        "last_at": now,
    }
    if known is None:
        tx.execute(insert(model_registration), written)
    else:
        tx.execute(update(model_registration).where(_is(known)).values(**written))
    return Registration(service, principal, first, now)


def _is(row: Row[*tuple[object, ...]]) -> ColumnElement[bool]:
    return and_(_columns.name == row.name, _columns.version == row.version, _columns.principal == row.principal)


def _owners(rows: Iterable[Row[*tuple[object, ...]]]) -> dict[str, str]:
    """Return whose each name is: theirs who came first.

    Two who register versions of one new name at the same moment do not see each other, and nothing in the table keeps
    them apart; so whoever reads decides, and all alike.
    """
    owners: dict[str, str] = {}
    for row in sorted(rows, key=lambda each: (each.first_at, each.version)):
        owners.setdefault(row.name, row.principal)
    return owners


def _place(service: Service) -> str:
    return hashlib.sha256("\n".join(service.place).encode()).hexdigest()


def _registration(row: Row[*tuple[object, ...]]) -> Registration:
    service = Service(
        name=row.name,
        version=row.version,
        url=row.url,
        protocol=row.protocol,
        model=row.model,
        task=Task(row.task),
        labels=tuple(json.loads(row.labels)),
        description=row.description,
        license=row.license,
        threshold=row.threshold,
        timeout_s=row.timeout_s,
        retries=row.retries,
    )
    return Registration(service, row.principal, row.first_at, row.last_at)
