"""PostgreSQL through psycopg."""

from __future__ import annotations

from sqlalchemy import URL, create_engine

from saccade.backends.database.connection import Database

_CONNECT_TIMEOUT_S = 5
_CONNECTIONS = 20
#: A process that is stopped in the middle of a transaction must not hold its locks for ever.
_OPTIONS = "-c statement_timeout=60000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=10000"

#: A server that vanished without a word is noticed after half a minute.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30000}


def open_postgresql(url: URL) -> Database:
    """Open a database on a server; nothing is dialled before it is needed."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # an error that nobody foresaw is logged, and a parameter may be a secret
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=10,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "options": _OPTIONS,
            "application_name": "saccade",
            **_KEEPALIVES,
        },
    )
    # Stale connections are met by doing the work again, which is cheaper than a question before each transaction; and
    # what only reads needs no BEGIN and no ROLLBACK, each a journey of its own.
    return Database(engine, reader=engine.execution_options(isolation_level="AUTOCOMMIT"))
