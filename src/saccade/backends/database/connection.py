"""A database that is open: transactions that are tried again where that is right, and errors in our words."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from saccade.backends.outage import Outage
from saccade.backends.words import first_line
from saccade.errors import DatabaseUnreachable

T = TypeVar("T")

log = logging.getLogger("saccade.database")

#: A transaction that lost against another one is tried so often.
_TRIES = 6
_LONGEST_PAUSE_S = 0.2
#: What PostgreSQL and MySQL call a deadlock, a serialisation failure and a lock that was not given in time.
_LOST_RACES = frozenset({"40001", "40P01", "55P03", 1213, 1205})


class Writer(Protocol):
    """Runs one piece of work in a transaction and commits it."""

    def __call__(self, work: Callable[[Connection], T]) -> T:
        """Return what the work returned, once it is durable."""


class Database:
    """Transactions on one database. Thread-safe."""

    def __init__(self, engine: Engine, *, reader: Engine | None = None, writer: Writer | None = None) -> None:
        """Tie engines together.

        Args:
            engine: Where transactions are written.
            reader: Where they are read, if that is another pool.
            writer: How they are written; by default each in a transaction of its own.
        """
        self._engine = engine
        self._reader = reader or engine
        self._writer = writer or self._write_alone
        self._outage = Outage("the database", log)

    @property
    def dialect(self) -> str:
        """What kind it is: ``sqlite``, ``postgresql``, ``mysql`` or ``mariadb``."""
        return self._engine.dialect.name

    @property
    def engine(self) -> Engine:
        """What migrations run on."""
        return self._engine

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that writes nothing; once more if the connection was lost on the way.

        Raises:
            DatabaseUnreachable: The database does not answer.
        """
        return self._told(lambda: _attempt(lambda: self._read(work), is_repeatable=True))

    def write(self, work: Callable[[Connection], T], *, is_repeatable: bool = False) -> T:
        """Run work in a transaction; it may be run several times, so it must do nothing outside the database.

        Args:
            work: What is to be done.
            is_repeatable: The work knows what a run before it has done, so it is run once more if the connection was
                lost while it may have been committed.

        Raises:
            DatabaseUnreachable: The database does not answer; whether a commit under way took place is unknown.
        """
        return self._told(lambda: self._write(work, is_repeatable=is_repeatable))

    def close(self) -> None:
        """Give all connections back. Idempotent."""
        self._engine.dispose()
        if self._reader is not self._engine:
            self._reader.dispose()

    def _told(self, run: Callable[[], T]) -> T:
        """Run it, and tell the log when the database went away and when it is back."""
        try:
            value = run()
        except DatabaseUnreachable as error:
            self._outage.met(error)
            raise
        self._outage.over()
        return value

    def _write(self, work: Callable[[Connection], T], *, is_repeatable: bool) -> T:
        try:
            return _attempt(lambda: self._writer(work), is_repeatable=is_repeatable)
        except _LostEarly:  # the pool knows by now that its connections are stale
            try:
                return _attempt(lambda: self._writer(work), is_repeatable=is_repeatable)
            except _LostEarly as lost:
                raise _unreachable(lost.error) from lost.error

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    def _write_alone(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection, connection.begin() as transaction:
            try:
                value = work(connection)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise _LostEarly(error) from error
                raise
            transaction.commit()
            return value


class _LostEarly(Exception):
    """The connection was lost before anything could be committed, so the work may always be done again."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__(str(error))
        self.error = error


def _attempt(run: Callable[[], T], *, is_repeatable: bool) -> T:
    """Run it, again after lost races, and give the database's failures our names."""
    may_repeat = is_repeatable
    for number in range(1, _TRIES + 1):
        try:
            return run()
        except DBAPIError as error:
            if _lost_race(error) and number < _TRIES:
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, 0.01 * 2**number)))  # noqa: S311 - jitter, no secret
            elif error.connection_invalidated and may_repeat:
                may_repeat = False
            elif isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
                raise _unreachable(error) from error
            else:
                raise
        except PoolTimeout as error:
            raise DatabaseUnreachable("All connections to the database are busy.") from error
    raise DatabaseUnreachable("The transaction lost against others again and again.")


def _unreachable(error: DBAPIError) -> DatabaseUnreachable:
    """Return what a caller is told, with the driver's words for the log alone."""
    unreachable = DatabaseUnreachable("The database does not answer.")
    unreachable.reason = first_line(error.orig)
    return unreachable


def _lost_race(error: DBAPIError) -> bool:
    """Say whether a transaction failed only because another one was in its way."""
    original = error.orig
    code = getattr(original, "sqlstate", None) or next(iter(getattr(original, "args", ())), None)
    return code in _LOST_RACES
