"""Accounts and keys inside a command: the database itself is opened, so that no server need run and none is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from saccade.cli.options import read_settings

if TYPE_CHECKING:
    from saccade.access.accounts import AccountBook
    from saccade.access.keys import KeyRing
    from saccade.access.principals import Principal


@contextlib.contextmanager
def opened_access() -> Iterator[tuple[AccountBook, KeyRing]]:
    """Open the accounts and keys of SACCADE_DATABASE_URL, and close the database whatever happens.

    Raises:
        DatabaseUnreachable: The database does not answer.
        SchemaBehind: Its schema is not this version's; a file of ours is brought up to date instead.
    """
    settings = read_settings({})
    from saccade.backends.database.opening import open_database
    from saccade.wiring.kept import open_books
    from saccade.wiring.schema import check_schema

    with contextlib.closing(open_database(settings.database_url)) as database:
        check_schema(database)
        yield open_books(settings, database)


def operator() -> Principal:
    """Return whoever runs a command: who can open the database may do everything. No account has this id."""
    from saccade.access.principals import Principal, Role, Via

    return Principal("cli:operator", "operator", frozenset({Role.ADMIN}), Via.OPEN)
