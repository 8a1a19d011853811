"""The database's own clock: leases and deadlines are never measured by a worker's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class database_now(FunctionElement[int]):  # noqa: N801 - named as the SQL function that it is
    """Microseconds since 1970, UTC."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite(_element: database_now, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(database_now, "postgresql")
def _postgresql(_element: database_now, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(database_now, "mysql")
@compiles(database_now, "mariadb")
def _mysql(_element: database_now, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"


_NOW = select(database_now())


def now_us(tx: Connection) -> int:
    """Return the database's time, microseconds since 1970."""
    return int(tx.execute(_NOW).scalar_one())
