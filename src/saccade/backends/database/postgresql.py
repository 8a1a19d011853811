"""PostgreSQL through psycopg."""

from __future__ import annotations

from sqlalchemy import URL, create_engine

from saccade.backends.database.connection import Database

_CONNECT_TIMEOUT_S = 5
_CONNECTIONS = 20
#: A process that is stopped in the middle of a transaction must not hold its locks for ever.
_OPTIONS = "-c statement_timeout=60000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=10000"


def open_postgresql(url: URL) -> Database:
    """Open a database on a server; nothing is dialled before it is needed."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, "options": _OPTIONS, "application_name": "saccade"},
    )
    return Database(engine)
