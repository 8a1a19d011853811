"""What principals have had today, on every database: the ledger's rows since midnight, and nobody else's."""

import itertools

import pytest
from sqlalchemy import insert

from conformance.stores import drain, new_job
from saccade.access.counting import Spending
from saccade.backends.database.clock import now_us
from saccade.backends.database.schema import request_event, usage_event
from saccade.backends.database.spending import SqlSpent

DAY_US = 86_400_000_000
_numbers = itertools.count()


@pytest.fixture
def spent(db):
    """Return the port over an empty database."""
    return SqlSpent(db.database)


def midnight_us(db):
    now = db.database.read(now_us)
    return now - now % DAY_US


def add_requests(db, principal, count=1, *, status=200, at_us=None):
    row = {
        "service": "saccade",
        "principal": principal,
        "user_name": principal,
        "via": "key",
        "method": "POST",
        "route": "/v1/jobs",
        "model": "",
        "status": status,
        "bytes_in": 10,
        "duration_us": 1000,
        "latency_class": 30,
        "request_id": f"{next(_numbers)}",
        "created_at": db.database.read(now_us) if at_us is None else at_us,
    }
    db.database.write(lambda tx: tx.execute(insert(request_event), [row] * count))


def add_predictions(db, principal, count=1, *, pixels=100, outcome="succeeded", at_us=None):
    row = {
        "item_id": None,
        "principal": principal,
        "model": "circles@1",
        "digest": "sha256:c1",
        "outcome": outcome,
        "pixels": pixels,
        "compute_ms": 1.0,
        "cached": False,
        "service": "saccade",
        "created_at": db.database.read(now_us) if at_us is None else at_us,
    }
    db.database.write(lambda tx: tx.execute(insert(usage_event), [row] * count))


def test_nothing_had_is_nothing(spent):
    """Who was never here has had nothing."""
    assert spent.today("alice") == Spending(0, 0, 0)


def test_rows_of_today_are_summed(db, spent):
    """Requests, predictions and their pixels; sums beyond 32 bits, and failures, for something was spent on them."""
    add_requests(db, "alice", 3)
    add_requests(db, "alice", status=422)
    add_predictions(db, "alice", 4, pixels=2_000_000_000)
    add_predictions(db, "alice", pixels=0, outcome="failed")

    assert spent.today("alice") == Spending(4, 5, 8_000_000_000)


def test_items_of_jobs_count_as_predictions(db, spent):
    """What a job predicted is had as well."""
    db.store.submissions.submit(new_job("alice", images=3))
    drain(db.store)

    assert spent.today("alice") == Spending(0, 3, 300)


def test_day_begins_at_midnight(db, spent):
    """The last microsecond of yesterday does not count, the first of today does."""
    midnight = midnight_us(db)
    for add in (add_requests, add_predictions):
        add(db, "alice", at_us=midnight - 1)
        add(db, "alice", at_us=midnight)

    assert spent.today("alice") == Spending(1, 1, 100)


@pytest.mark.parametrize("status", [429, 503])
def test_requests_that_were_turned_away_do_not_count(db, spent, status):
    """Nobody pays for having been refused for a limit, or because the server had no room."""
    add_requests(db, "alice", status=status)

    assert spent.today("alice").requests == 0


def test_each_has_their_own(db, spent):
    """Ids that a database might take for the same belong to different people."""
    others = ["Alice", "alice2", "alic", "álice", "jwt:alice", "alice%", "_lice"]
    for who in others:
        add_requests(db, who)
        add_predictions(db, who)

    assert spent.today("alice") == Spending()
    assert [spent.today(who) for who in others] == [Spending(1, 1, 100)] * len(others)


def test_look_reads_by_the_index(db, spent):
    """What one principal had is found without reading what all others did."""
    from conformance.test_database_plans import asked

    add_requests(db, "alice")
    for number in range(20):
        add_requests(db, f"user {number}", 200)
        add_predictions(db, f"user {number}", 200)
    if db.database.dialect != "sqlite":
        word = "ANALYZE" if db.database.dialect == "postgresql" else "ANALYZE TABLE"
        for table in ("request_event", "usage_event"):
            with db.database.engine.connect() as connection:
                connection.exec_driver_sql(f"{word} {table}")
                connection.commit()
    asked_for = {statement: values for statement, values, _ in asked(db, lambda: spent.today("alice"))}
    words = "EXPLAIN QUERY PLAN" if db.database.dialect == "sqlite" else "EXPLAIN"
    plans = []
    for statement, values in asked_for.items():
        if "_event" in statement:
            with db.database.engine.connect() as connection:
                plans.append(str(connection.exec_driver_sql(f"{words} {statement}", values).all()))

    assert len(plans) == 2
    assert "ix_request_principal" in plans[0]
    assert "ix_usage_principal" in plans[1]
