"""Bringing a database to this version's schema, and telling whether it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from saccade.backends.database.connection import Database
from saccade.backends.database.schema import HEAD
from saccade.backends.words import first_line
from saccade.errors import DatabaseUnreachable, SchemaBehind

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Two processes that migrate at once take turns: the number and the name of a lock of the database.
_LOCK_NUMBER = 0x5ACCADE
_LOCK_TIMEOUT_S = 50


def revision(database: Database) -> str | None:
    """Return the schema's revision; None for a database without one.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """

    def work(tx: Connection) -> str | None:
        if not inspect(tx).has_table("alembic_version"):
            return None
        return tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    return database.read(work)


def is_current(database: Database) -> bool:
    """Say whether the schema is this version's.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    return revision(database) == HEAD


def migrate(database: Database) -> None:
    """Bring the schema to this version. Safe to run from several processes at once; does nothing where it is done.

    Raises:
        DatabaseUnreachable: The database does not answer.
        SchemaBehind: It has a schema that this version does not know.
    """
    if is_current(database):
        return
    # Alembic takes a fifth of a second to import, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with database.engine.connect() as connection, connection.begin(), _alone(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        unreachable = DatabaseUnreachable("The schema could not be migrated.")
        unreachable.reason = first_line(error.orig)
        raise unreachable from error
    except CommandError as error:
        raise SchemaBehind(
            f"The schema could not be migrated: {error}.",
            hint="A newer Saccade has written this database: install that version, or restore an older copy.",
        ) from error


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Wait for other migrations, and let them wait; SQLite's transaction has locked the file already."""
    dialect = connection.dialect.name
    if dialect == "postgresql":  # held until the transaction ends
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table takes its time
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    if dialect not in {"mysql", "mariadb"}:
        yield
        return
    name = {"name": "saccade.migrate"}
    if not connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), {**name, "seconds": _LOCK_TIMEOUT_S}).scalar():
        raise DatabaseUnreachable("Another process is migrating this database.")
    try:
        yield
        connection.execute(text("COMMIT"))  # whoever gets the lock next must see the new revision
    finally:  # the connection goes back to the pool with all its locks
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)
