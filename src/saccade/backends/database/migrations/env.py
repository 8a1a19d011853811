"""Alembic's entry: runs the steps on the connection that it is given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from saccade.backends.database.schema import metadata


def run() -> None:
    """Run the steps within the caller's transaction."""
    connection = context.config.attributes["connection"]
    if not isinstance(connection, Connection):
        raise TypeError("migrations need a connection")
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()


run()
