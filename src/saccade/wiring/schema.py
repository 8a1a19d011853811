"""Whether a database has the schema of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saccade.backends.database.connection import Database


def check_schema(database: Database) -> None:
    """Bring a file of ours to this version; a server's schema belongs to its operator, so say what is missing.

    Raises:
        SchemaBehind: The server's schema is another version's.
    """
    from saccade.backends.database.migrate import is_current, migrate
    from saccade.errors import SchemaBehind

    if database.dialect == "sqlite":
        migrate(database)
    elif not is_current(database):
        raise SchemaBehind("The database's schema is not this version's.")
