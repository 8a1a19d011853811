"""MariaDB and MySQL through PyMySQL."""

from __future__ import annotations

import contextlib
from typing import Protocol

from sqlalchemy import URL, create_engine, event

from saccade.backends.database.connection import Database

_CONNECT_TIMEOUT_S = 5
_CALL_TIMEOUT_S = 60
_CONNECTIONS = 20


class _Cursor(Protocol):
    def execute(self, query: str) -> object: ...
    def close(self) -> object: ...


class _Connection(Protocol):
    def cursor(self) -> _Cursor: ...


def open_mysql(url: URL) -> Database:
    """Open a database on a server; nothing is dialled before it is needed.

    READ COMMITTED, for the default isolation locks gaps between rows, and workers would deadlock at every claim.
    """
    engine = create_engine(
        url.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"}),
        hide_parameters=True,  # an error that nobody foresaw is logged, and a parameter may be a secret
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "read_timeout": _CALL_TIMEOUT_S,
            "write_timeout": _CALL_TIMEOUT_S,
        },
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: _Connection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET SESSION time_zone = '+00:00'")  # where clocks are turned back an hour comes twice
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 10")
        # MariaDB alone knows it: a process that is stopped in a transaction must not hold its locks for ever.
        with contextlib.suppress(Exception):
            cursor.execute("SET SESSION idle_transaction_timeout = 10")
        cursor.close()

    return Database(engine)
