"""Keys and sessions over SQL. What one opens is told with its owner's account as it stands, by the database's clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from sqlalchemy import Connection, Row, Select, bindparam, insert, or_, select, update

from saccade.access.principals import Service
from saccade.access.records import KeyKind, KeyRecord, NewKey
from saccade.backends.database.accounts import read_roles, written_roles
from saccade.backends.database.clock import database_now, now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import access_key, account
from saccade.backends.database.texts import fit
from saccade.errors import KeyDisabled, KeyUnknown, LoginFailed

_SECOND_US = 1_000_000
_NAME_CHARACTERS = 255
_DETAIL_CHARACTERS = 4000
_SERVICES = frozenset(Service)


class SqlKeys:
    """``Keys`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def add(self, new: NewKey, *, password_hash: str | None = None) -> KeyRecord:
        """Keep a new one; see the port."""

        def work(tx: Connection) -> KeyRecord:
            if password_hash is not None:
                _check_password(tx, new.owner, password_hash)
            return _insert(tx, new)

        return self._database.write(work)

    def find(self, key_id: str) -> KeyRecord | None:
        """Return one with what its owner may at this moment; see the port."""
        row = self._database.read(lambda tx: tx.execute(_query().where(access_key.c.id == key_id)).one_or_none())
        return _record(row) if row is not None else None

    def list(self, owner: str | None, *, kind: KeyKind, after: str | None, limit: int) -> list[KeyRecord]:
        """Return the newest; see the port."""
        query = _query().where(access_key.c.kind == kind.value).order_by(access_key.c.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(access_key.c.owner == owner)
        if after is not None:
            query = query.where(access_key.c.id < after)
        return self._database.read(lambda tx: [_record(row) for row in tx.execute(query)])

    def disable(self, key_id: str, *, by: str) -> KeyRecord:
        """Let one open nothing any more; see the port."""

        def work(tx: Connection) -> KeyRecord:
            tx.execute(
                update(access_key)
                .where(access_key.c.id == key_id, access_key.c.disabled_at.is_(None))
                .values(disabled_at=now_us(tx), disabled_by=fit(by, _NAME_CHARACTERS))
            )
            return _read(tx, key_id)

        return self._database.write(work, is_repeatable=True)

    def rotate(self, old_id: str, new: NewKey, *, overlap_s: float) -> KeyRecord:
        """Keep a new one in the place of an old one; see the port."""

        def work(tx: Connection) -> KeyRecord:
            tx.execute(select(access_key.c.id).where(access_key.c.id == old_id).with_for_update())
            old = _read(tx, old_id)
            if not old.is_usable:
                raise KeyDisabled("The key opens nothing any more.")
            if _has_heir(tx, old):
                raise KeyDisabled(
                    "Another key took its place already.", hint="Rotate that one: GET /v1/keys and saccade keys list."
                )
            ends_at = now_us(tx) + int(overlap_s * _SECOND_US)
            if old.expires_at_us is not None:
                ends_at = min(ends_at, old.expires_at_us)
            tx.execute(update(access_key).where(access_key.c.id == old_id).values(expires_at=ends_at))
            return _insert(tx, new)

        return self._database.write(work)

    def note_used(self, used_at_us: Mapping[str, int]) -> None:
        """Note when keys were used last; see the port."""
        if not used_at_us:
            return
        # All processes go through them in the same order, so that none waits for one that waits for it.
        rows = [{"used_id": key_id, "used_at": used_at_us[key_id]} for key_id in sorted(used_at_us)]
        earlier = or_(access_key.c.last_used_at.is_(None), access_key.c.last_used_at < bindparam("used_at"))
        statement = (
            update(access_key)
            .where(access_key.c.id == bindparam("used_id"), earlier)
            .values(last_used_at=bindparam("used_at"))
        )
        self._database.write(lambda tx: tx.execute(statement, rows), is_repeatable=True)


def _query() -> Select[*tuple[object, ...]]:
    """Return the question for keys beside the accounts of their owners, if these have any."""
    beside = access_key.outerjoin(account, account.c.name == access_key.c.owner)
    return select(
        access_key,
        account.c.name.label("account_name"),
        account.c.roles.label("account_roles"),
        account.c.is_disabled.label("account_disabled"),
        database_now().label("now"),
    ).select_from(beside)


def _read(tx: Connection, key_id: str) -> KeyRecord:
    """Return a key.

    Raises:
        KeyUnknown: There is none.
    """
    row = tx.execute(_query().where(access_key.c.id == key_id)).one_or_none()
    if row is None:
        raise KeyUnknown("There is no such key.")
    return _record(row)


def _insert(tx: Connection, new: NewKey) -> KeyRecord:
    now = now_us(tx)
    tx.execute(
        insert(access_key).values(
            id=new.id,
            kind=new.kind.value,
            owner=new.owner,
            owner_name=fit(new.owner_name, _NAME_CHARACTERS),
            secret_hash=new.secret_hash,
            roles=None if new.roles is None else written_roles(new.roles),
            scopes=None if new.scopes is None else json.dumps(sorted(new.scopes)),
            service=None if new.service is None else new.service.value,
            detail=fit(new.detail, _DETAIL_CHARACTERS),
            rotated_from=new.rotated_from,
            created_at=now,
            expires_at=None if new.lasts_s is None else now + int(new.lasts_s * _SECOND_US),
        )
    )
    return _read(tx, new.id)


def _check_password(tx: Connection, owner: str, password_hash: str) -> None:
    """Return if the owner's password is still this one; it cannot be changed before the transaction ends.

    Raises:
        LoginFailed: It is not, or they are disabled.
    """
    row = tx.execute(select(account).where(account.c.name == owner).with_for_update()).one_or_none()
    if row is None or row.is_disabled or row.password_hash != password_hash:
        raise LoginFailed("The name or the password is wrong.")


def _has_heir(tx: Connection, old: KeyRecord) -> bool:
    """Say whether another key took the place of this one already; its row is locked, so nobody is about to."""
    heirs = select(access_key.c.id).where(
        access_key.c.owner == old.owner, access_key.c.kind == old.kind.value, access_key.c.rotated_from == old.id
    )
    return tx.execute(heirs.limit(1)).one_or_none() is not None


def _record(row: Row[*tuple[object, ...]]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        kind=KeyKind(row.kind),
        owner=row.owner,
        owner_name=row.owner_name,
        secret_hash=row.secret_hash,
        roles=read_roles(row.account_roles if row.roles is None else row.roles),
        scopes=None if row.scopes is None else frozenset(cast("list[str]", json.loads(row.scopes))),
        service=Service(row.service) if row.service in _SERVICES else None,
        detail=row.detail,
        is_usable=_is_usable(row),
        created_at_us=row.created_at,
        expires_at_us=row.expires_at,
        disabled_at_us=row.disabled_at,
        disabled_by=row.disabled_by,
        rotated_from=row.rotated_from,
        last_used_at_us=row.last_used_at,
    )


def _is_usable(row: Row[*tuple[object, ...]]) -> bool:
    """Say whether a key opens anything; one of a service that a newer version knows opens nothing here."""
    is_over = row.disabled_at is not None or (row.expires_at is not None and row.expires_at <= row.now)
    is_orphan = row.roles is None and row.account_name is None
    is_strange = row.service is not None and row.service not in _SERVICES
    return not (is_over or is_orphan or is_strange or row.account_disabled)
