"""Accounts over SQL. Whoever takes an admin away looks at all admins under their locks, so that one is always left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from saccade.access.principals import Role
from saccade.access.records import Account, KeyKind, NewAccount
from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import access_key, account
from saccade.backends.database.texts import fit
from saccade.errors import AccountExists, AccountUnknown, LastAdmin, LoginFailed

_FIELD_CHARACTERS = 255
_FIELDS = ("full_name", "email", "agency")


class SqlAccounts:
    """``Accounts`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Work on a database."""
        self._database = database

    def create(self, new: NewAccount) -> Account:
        """Keep a new account; see the port."""

        def work(tx: Connection) -> Account:
            tx.execute(
                insert(account).values(
                    name=new.name,
                    password_hash=new.password_hash,
                    roles=written_roles(new.roles),
                    full_name=fit(new.full_name, _FIELD_CHARACTERS),
                    email=fit(new.email, _FIELD_CHARACTERS),
                    agency=fit(new.agency, _FIELD_CHARACTERS),
                    is_disabled=False,
                    created_at=now_us(tx),
                )
            )
            return _record(_locked(tx, new.name))

        try:
            return self._database.write(work)
        except IntegrityError:
            raise AccountExists(f"There is an account {new.name} already.") from None

    def find(self, name: str) -> Account | None:
        """Return an account; see the port."""
        query = select(account).where(account.c.name == name)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return _record(row) if row is not None and row.name == name else None  # MySQL overlooks blanks at the end

    def list(self, *, after: str | None, limit: int) -> list[Account]:
        """Return accounts by name; see the port."""
        query = select(account).order_by(account.c.name).limit(limit)
        if after is not None:
            query = query.where(account.c.name > after)
        return self._database.read(lambda tx: [_record(row) for row in tx.execute(query)])

    def set_role(self, name: str, role: Role, *, has: bool) -> Account:
        """Give or take a role; see the port."""

        def values(tx: Connection) -> Mapping[str, object]:
            if role is Role.ADMIN and not has:
                _check_others(tx, name)
            roles = read_roles(_locked(tx, name).roles)
            return {"roles": written_roles(roles | {role} if has else roles - {role})}

        return self._change(name, values)

    def set_disabled(self, name: str, *, disabled: bool) -> Account:
        """Shut an account out or let it in again; see the port."""

        def values(tx: Connection) -> Mapping[str, object]:
            if disabled:
                _check_others(tx, name)
            return {"is_disabled": disabled}

        return self._change(name, values)

    def set_password(
        self, name: str, password_hash: str, *, was: str | None = None, ends_sessions: bool = True
    ) -> Account:
        """Change a password and end all sessions; see the port."""

        def values(tx: Connection) -> Mapping[str, object]:
            held = _locked(tx, name)  # a session that is being opened waits for this, or is seen below
            if was is not None and held.password_hash != was:
                raise LoginFailed("The password was changed in this moment.")
            if ends_sessions:
                _end_sessions(tx, name)
            return {"password_hash": password_hash}

        return self._change(name, values)

    def set_profile(self, name: str, fields: Mapping[str, str | None]) -> Account:
        """Change what an account says of its owner; see the port."""
        fitted = {field: fit(fields[field], _FIELD_CHARACTERS) for field in _FIELDS if field in fields}
        return self._change(name, lambda _: fitted)

    def _change(self, name: str, values: Callable[[Connection], Mapping[str, object]]) -> Account:
        """Write what is worked out inside of the transaction, and return the account as it stands then.

        Raises:
            AccountUnknown: There is no such account.
        """

        def work(tx: Connection) -> Account:
            changed = values(tx)
            _locked(tx, name)
            if changed:
                tx.execute(update(account).where(account.c.name == name).values(**changed))
            return _record(_locked(tx, name))

        return self._database.write(work)


def written_roles(roles: Iterable[Role]) -> str:
    """Return roles as a column has them."""
    return ",".join(sorted(roles))


def read_roles(text: str | None) -> frozenset[Role]:
    """Return the roles of a column; those that a newer version has given are none that this one knows."""
    return frozenset(Role(word) for word in (text or "").split(",") if word in set(Role))


def _locked(tx: Connection, name: str) -> Row[*tuple[object, ...]]:
    """Return an account's row, which nobody else changes until the transaction ends.

    Raises:
        AccountUnknown: There is no such account.
    """
    row = tx.execute(select(account).where(account.c.name == name).with_for_update()).one_or_none()
    if row is None or row.name != name:
        raise AccountUnknown("There is no such account.")
    return row


def _check_others(tx: Connection, name: str) -> None:
    """Return if this account is no admin who may come in, or not the only one. The rows of all admins stay locked.

    Raises:
        LastAdmin: It is the only one.
    """
    query = select(account).where(account.c.roles.contains(Role.ADMIN.value)).order_by(account.c.name)
    rows = tx.execute(query.with_for_update()).all()
    admins = {row.name for row in rows if Role.ADMIN in read_roles(row.roles) and not row.is_disabled}
    if admins == {name}:
        raise LastAdmin(f"{name} is the only admin who may come in.")


def _end_sessions(tx: Connection, name: str) -> None:
    """End all sessions of an account."""
    open_ones = (
        (access_key.c.owner == name) & (access_key.c.kind == KeyKind.SESSION.value) & access_key.c.disabled_at.is_(None)
    )
    tx.execute(update(access_key).where(open_ones).values(disabled_at=now_us(tx), disabled_by=name))


def _record(row: Row[*tuple[object, ...]]) -> Account:
    return Account(
        name=row.name,
        password_hash=row.password_hash,
        roles=read_roles(row.roles),
        full_name=row.full_name,
        email=row.email,
        agency=row.agency,
        is_disabled=bool(row.is_disabled),
        created_at_us=row.created_at,
    )
