"""Bringing a database to this version's schema, and telling whether it is there."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from saccade.backends.database.connection import Database
from saccade.backends.database.schema import HEAD
from saccade.errors import DatabaseUnreachable

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Two processes that migrate at once take turns: the number and the name of a lock of the database.
_LOCK_NUMBER = 0x5ACCADE
_LOCK_TIMEOUT_S = 60


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
    """
    if is_current(database):
        return
    # Alembic takes a fifth of a second to import, and most starts find nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with database.engine.connect() as connection, connection.begin():
            _take_lock(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise DatabaseUnreachable(f"The schema could not be migrated: {str(error.orig).splitlines()[0]}") from error


def _take_lock(connection: Connection) -> None:
    """Wait for other migrations; SQLite's transaction has locked the file already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    elif connection.dialect.name in {"mysql", "mariadb"}:
        connection.execute(
            text("SELECT GET_LOCK('saccade.migrate', :seconds)"), {"seconds": _LOCK_TIMEOUT_S}
        ).scalar_one()
