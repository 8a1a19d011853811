"""SQLite: a file, no server. One writer per process, whose waiting transactions share one commit.

A commit waits for the disk; while it does, others queue up, and the next commit takes them all along, each behind a
savepoint of its own. So submissions from many connections cost one fsync together.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from saccade.backends.database.connection import Database
from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable, SettingInvalid

T = TypeVar("T")

#: Another process may hold the write lock for as long as its disk takes, or be stopped while it does.
_BUSY_TIMEOUT_S = 15.0
_LOCK_PAUSE_S = 0.02
_READERS = 8
#: Transactions that share a commit.
_MOST_TOGETHER = 64


def open_sqlite(url: URL) -> Database:
    """Open a file, which is made if it is not there.

    Raises:
        SettingInvalid: The URL names no file.
        DatabaseUnreachable: The file cannot be made.
    """
    if not url.database or url.database == ":memory:":
        raise SettingInvalid(
            "SACCADE_DATABASE_URL names no file.", hint="Write sqlite:////var/lib/saccade/saccade.db, for example."
        )
    path = Path(url.database).expanduser()
    _make(path)
    address = URL.create("sqlite", database=str(path))
    writer = _engine(address, begin="BEGIN IMMEDIATE", connections=1)
    reader = _engine(address, begin="BEGIN", connections=_READERS)
    return Database(writer, reader=reader, writer=GroupWriter(writer).write)


def _make(path: Path) -> None:
    """Make the file for its owner alone, for secrets of webhooks are in it; what SQLite writes beside it is as it is.

    Raises:
        DatabaseUnreachable: It cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as failure:
        raise DatabaseUnreachable(f"The file of the database cannot be made: {failure.strerror}.") from failure


def _engine(url: URL, *, begin: str, connections: int) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # an error that nobody foresaw is logged, and a parameter may be a secret
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_BUSY_TIMEOUT_S,
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_S},
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # sqlite3 must not begin transactions of its own
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")  # what was answered 202 survives a power cut

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer not wait for each other; SQLite waits for no lock here, so this does."""
    deadline_s = monotonic_s() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if monotonic_s() > deadline_s:
                raise
            time.sleep(_LOCK_PAUSE_S)
        else:
            return


@dataclass(eq=False, slots=True)
class _Order(Generic[T]):
    """One transaction that waits to be written."""

    work: Callable[[Connection], T]
    done: threading.Event = field(default_factory=threading.Event)
    value: T | None = None
    failure: BaseException | None = None


class GroupWriter:
    """Writes transactions in groups: whoever gets the writer takes along all that wait."""

    def __init__(self, engine: Engine) -> None:
        """Write through an engine of one connection."""
        self._engine = engine
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Order[object]] = []

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return what the work returned, once it is on the disk; raise what it raised, and only that is undone."""
        order = _Order(work)
        with self._lock:
            self._waiting.append(order)  # type: ignore[arg-type]  # a queue of mixed results
        while not order.done.is_set():
            with self._turn:
                if not order.done.is_set():
                    self._write_group()
        if order.failure is not None:
            raise order.failure
        return order.value  # type: ignore[return-value]  # done without failure means that there is one

    def _write_group(self) -> None:
        """Write those that wait in one transaction; the turn is held, and at least one waits."""
        with self._lock:
            group, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
        try:
            with self._engine.begin() as connection:
                if len(group) == 1:
                    group[0].value = group[0].work(connection)
                for order in group if len(group) > 1 else ():
                    _run(order, connection)
        except BaseException as error:  # noqa: BLE001 - each member must learn that nothing was committed
            for order in group:
                order.failure = order.failure or error
        finally:
            for order in group:
                order.done.set()


def _run(order: _Order[object], connection: Connection) -> None:
    """Run one member behind a savepoint, so that its failure undoes nothing of the others'."""
    savepoint = connection.begin_nested()
    try:
        order.value = order.work(connection)
        savepoint.commit()
    except Exception as error:
        order.failure = error
        if not _in_transaction(connection):  # on a full disk SQLite undoes everything: the others must not go on
            raise
        savepoint.rollback()


def _in_transaction(connection: Connection) -> bool:
    handle = connection.connection.dbapi_connection
    return isinstance(handle, sqlite3.Connection) and handle.in_transaction
