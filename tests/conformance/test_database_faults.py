"""What databases do to their clients: connections cut, files locked, disks full. Nothing half done is left behind."""

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from conformance.stores import HELD, LEASE_S, broken_promises, drain, new_job, succeeded
from faults import proxy_to
from saccade.backends.database import sqlite as sqlite_module
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.errors import DatabaseUnreachable

SUBMITTER = """
import sys
from conformance.stores import new_job
from saccade.backends.database.opening import open_database, open_store

store = open_store(open_database(sys.argv[1]))
for _ in range(100):
    store.submissions.submit(new_job(sys.argv[2]))
"""


@pytest.fixture
def file(tmp_path):
    """Yield the path of a migrated file and its open database."""
    path = tmp_path / "saccade.db"
    database = open_database(f"sqlite:///{path}")
    migrate(database)
    yield path, database
    database.close()


def cut(db):
    """Cut every connection of other sessions, as a restart of the server does."""
    if db.database.dialect == "postgresql":
        others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        kill = "SELECT pg_terminate_backend({})"
    else:
        others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        kill = "KILL CONNECTION {}"

    def work(tx):
        for (number,) in tx.execute(text(others)).all():
            tx.execute(text(kill.format(number)))

    db.database.read(work)


def test_connections_from_before_a_restart_harm_nobody(db):
    """The pool is full of dead connections: every call of every port works at once."""
    if db.database.dialect == "sqlite":
        pytest.skip("a file has no server")
    job = new_job(images=8)
    db.store.submissions.submit(job)
    with ThreadPoolExecutor(8) as pool:  # fill the pool
        list(pool.map(lambda _: db.rows("SELECT 1 FROM job"), range(64)))
    for ask in (
        lambda: db.store.records.job("alice", job.id),
        lambda: db.store.submissions.submit(new_job()),
        lambda: db.store.claims.claim("worker", HELD, most=1, lease_s=LEASE_S),
        db.store.upkeep.reap,
    ):
        cut(db)
        ask()


def test_a_transaction_whose_connection_is_cut_leaves_nothing(db):
    """Cut in the middle of a write that is not repeatable: an error in our words, and no trace."""
    if db.database.dialect == "sqlite":
        pytest.skip("a file has no server")

    def work(tx):
        tx.execute(text("UPDATE job SET priority = 2"))
        cut(db)
        tx.execute(text("UPDATE job SET priority = 0"))

    db.store.submissions.submit(new_job())
    with pytest.raises(DatabaseUnreachable):
        db.database.write(work)

    assert db.rows("SELECT priority FROM job") == [(1,)]


@pytest.fixture
def distant(db):
    """Yield a database behind a proxy that can be cut, opened once more."""
    if db.database.dialect == "sqlite":
        pytest.skip("a file has no server")
    with proxy_to(db.url, default_port={"postgresql": 5432}.get(db.database.dialect, 3306)) as (proxy, url):
        database = open_database(url)
        yield proxy, database
        database.close()


def test_what_a_driver_says_is_for_the_log_alone(distant, caplog):
    """A caller learns that the database is away and not where it is; the log learns both, once, and when it is back."""
    proxy, database = distant
    records = open_store(database).records
    caplog.set_level(logging.INFO, "saccade.database")
    records.jobs("alice")
    proxy.cut()

    told = []
    for _ in range(5):
        with pytest.raises(DatabaseUnreachable) as caught:
            records.jobs("alice")
        told.append(caught.value)
    proxy.mend()
    records.jobs("alice")

    assert {f"{each} {each.hint}" for each in told} == {f"The database does not answer. {told[0].default_hint}"}
    assert all("refused" in each.in_full for each in told[1:])  # the first may only say that its connection broke
    weights = [record.levelname for record in caplog.records if record.name == "saccade.database"]
    assert weights == ["WARNING", "INFO"]
    facts = caplog.records[0].facts
    assert facts["error.message"] == told[0].in_full != str(told[0])


def test_deadlocks_are_tried_again(db):
    """Two transactions that lock two rows in opposite order both take place."""
    for _ in range(2):
        db.store.submissions.submit(new_job())
    first, second = (row[0] for row in db.rows("SELECT id FROM job ORDER BY id"))
    barrier = threading.Barrier(2, timeout=5)
    update = text("UPDATE job SET priority = priority + 10 WHERE id = :id")

    def add(ids):
        def work(tx):
            tx.execute(update, {"id": ids[0]})
            if db.database.dialect != "sqlite":
                try:
                    barrier.wait(0.5)
                except threading.BrokenBarrierError:
                    time.sleep(0.01)
            tx.execute(update, {"id": ids[1]})

        db.database.write(work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, [(first, second), (second, first)]))

    assert db.rows("SELECT priority FROM job") == [(21,), (21,)]


def test_a_failing_member_of_a_group_undoes_only_itself(file):
    """Transactions that share a commit share nothing else."""
    _, database = file
    store = open_store(database)
    hold, began = threading.Event(), threading.Event()
    results = {}

    def slow(_tx):
        began.set()
        hold.wait(5)

    def fails(tx):
        tx.execute(text("UPDATE job SET priority = 77"))
        raise ValueError("mine alone")

    def ask(name, work):
        try:
            results[name] = work()
        except ValueError as error:
            results[name] = error

    threads = [threading.Thread(target=ask, args=("slow", lambda: database.write(slow)))]
    threads[0].start()
    began.wait(5)
    works = {
        "before": lambda: store.submissions.submit(new_job()),
        "fails": lambda: database.write(fails),
        "after": lambda: store.submissions.submit(new_job()),
    }
    for name, work in works.items():
        threads.append(threading.Thread(target=ask, args=(name, work)))
        threads[-1].start()
        time.sleep(0.05)
    hold.set()
    for thread in threads:
        thread.join(10)

    assert isinstance(results["fails"], ValueError)
    assert len(results["before"].item_ids) == len(results["after"].item_ids) == 1
    assert store.records.open_items() == {"alice": 2}
    assert database.read(lambda tx: tx.execute(text("SELECT max(priority) FROM job")).scalar()) == 1


def test_who_writes_alone_and_fails_leaves_nothing(file):
    """A group of one needs no savepoint: what it did before it failed is undone, and the next one is not harmed."""
    _, database = file
    store = open_store(database)
    store.submissions.submit(new_job())

    def fails(tx):
        tx.execute(text("UPDATE job SET priority = 77"))
        raise ValueError("mine alone")

    with pytest.raises(ValueError, match="mine alone"):
        database.write(fails)

    assert database.read(lambda tx: tx.execute(text("SELECT max(priority) FROM job")).scalar()) == 1
    assert len(store.submissions.submit(new_job()).item_ids) == 1


def test_a_full_disk_stores_nothing_and_says_so(file):
    """No room: each of many submissions at once is refused, nothing of them is there, and with room it goes on."""
    _, database = file
    store = open_store(database)
    store.submissions.submit(new_job(images=10))

    def bound(pages):
        with database.engine.connect() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {used + pages}")

    bound(2)
    accepted = []

    def submit(_):
        try:
            accepted.append(store.submissions.submit(new_job(images=200)))
        except DatabaseUnreachable as error:
            return error.reason
        return ""

    with ThreadPoolExecutor(8) as pool:
        refusals = [reason for reason in pool.map(submit, range(16)) if reason]

    assert len(refusals) == 16
    assert "full" in refusals[0]
    assert store.records.open_items() == {"alice": 10}
    assert broken_promises(database) == []
    taken = store.claims.claim("worker", HELD, most=10, lease_s=LEASE_S)
    assert store.claims.finish("worker", [succeeded(each) for each in taken]) == {each.id for each in taken}
    bound(1000)
    assert len(store.submissions.submit(new_job(images=200)).item_ids) == 200


def test_a_group_that_sqlite_undid_fails_as_a_whole(file):
    """When a member's failure rolls everything back, nobody who was in the group is told of a success."""
    _, database = file
    store = open_store(database)
    told = []

    def undone(tx):
        tx.connection.dbapi_connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    writer = sqlite_module.GroupWriter(database.engine)
    orders = [
        sqlite_module._Order(lambda tx: tx.execute(text("UPDATE job SET priority = 5"))),
        sqlite_module._Order(undone),
        sqlite_module._Order(lambda tx: tx.execute(text("UPDATE job SET priority = 6"))),
    ]
    store.submissions.submit(new_job())
    writer._waiting = list(orders)
    writer._write_group()
    told = [order.failure is None for order in orders]

    assert told == [False, False, False]
    assert database.read(lambda tx: tx.execute(text("SELECT priority FROM job")).scalar()) == 1
    drain(store)


def test_processes_share_a_file(file):
    """Four processes write to one file at once: all is there."""
    path, database = file
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SUBMITTER, f"sqlite:///{path}", f"p{number}"], env={"PYTHONPATH": "tests"}
        )
        for number in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]

    assert open_store(database).records.open_items() == {f"p{number}": 100 for number in range(4)}


def test_a_file_that_stays_locked_is_said_to_be(file, monkeypatch):
    """Another process holds the lock for longer than we wait: an error in our words, then all goes on."""
    monkeypatch.setattr(sqlite_module, "_BUSY_TIMEOUT_S", 0.3)
    path, _ = file
    database = open_database(f"sqlite:///{path}")
    store = open_store(database)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseUnreachable) as caught:
        store.submissions.submit(new_job())
    assert "locked" in caught.value.reason
    assert store.records.jobs("alice") == []
    other.execute("ROLLBACK")
    other.close()
    assert len(store.submissions.submit(new_job()).item_ids) == 1
    database.close()


def test_what_was_accepted_survives_power(file):
    """The file is written ahead, and each commit waits for the disk."""
    _, database = file
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_times_are_in_utc_and_rows_are_counted_as_matched(db):
    """Where clocks are turned back an hour comes twice; and MySQL would count changed rows only."""
    if db.database.dialect in {"mysql", "mariadb"}:
        assert db.rows("SELECT @@session.time_zone") == [("+00:00",)]
    db.store.submissions.submit(new_job())
    same = text("UPDATE job SET priority = priority")
    assert db.database.write(lambda tx: tx.execute(same).rowcount) == 1
    job = db.store.records.jobs("alice")[0]
    assert abs(job.created_at_us / 1e6 - time.time()) < 5
