"""Query plans: behind many ended items, what workers and owners ask again and again finds its rows by an index."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from conformance.stores import HELD, LEASE_S, Opened, drain, empty, new_job, succeeded
from saccade.backends.database.schema import metadata

#: Ended items in the table; enough for a planner that knows its rows not to prefer reading all of them.
ENDED = 20_000
#: What each call asks may read these tables as a whole, for they are small by their nature.
SMALL = {"worker", "garbage", "webhook_secret", "alembic_version", "sqlite_master"}

#: Dozens of rows in this test, or none: a planner that knows its rows may read them as it likes.
FEW = {"job", "delivery", "idempotency", "image"}


@pytest.fixture(scope="module")
def grown(opened) -> Iterator[Opened]:
    """Yield a database with many ended items, a few that wait and run, and fresh statistics."""
    empty(opened.database)
    done = new_job(images=1000)
    opened.store.submissions.submit(done)
    drain(opened.store, most=500)
    _multiply(opened, done.id)
    for principal in ("alice", "bob"):
        opened.store.submissions.submit(new_job(principal, images=40, deadline_s=1000, webhook="http://x/"))
    opened.store.claims.claim("busy", HELD, most=10, lease_s=LEASE_S)
    _gather_statistics(opened)
    yield opened
    empty(opened.database)


def _gather_statistics(opened):
    """Let a server know its rows, as it does by itself after a while; SQLite never does."""
    words = {"postgresql": "ANALYZE", "sqlite": None}.get(opened.database.dialect, "ANALYZE TABLE")
    if words is None:
        return
    with opened.database.engine.connect() as connection:
        for table in metadata.sorted_tables:
            connection.exec_driver_sql(f"{words} {table.name}")
        connection.commit()


def _multiply(opened, job_id):
    """Copy an ended job with all that belongs to it until there are enough."""
    for number in range(1, ENDED // 1000):
        copy = f"00-copy-{number}"
        _copy(opened, "job", job_id, {"id": f"'{copy}'"})
        _copy(opened, "job_image", job_id, {"job_id": f"'{copy}'", "blob_key": f"'{copy}'"})
        _copy(opened, "item", job_id, {"job_id": f"'{copy}'", "id": f"id + {number * 1_000_000}"})
        _copy(opened, "result", job_id, {"job_id": f"'{copy}'", "item_id": f"item_id + {number * 1_000_000}"})


def _copy(opened, table, job_id, changes):
    columns = [column.name for column in metadata.tables[table].columns]
    chosen = ", ".join(changes.get(name, name) for name in columns)
    quoted = ", ".join(columns)
    key = "id" if table == "job" else "job_id"
    opened.run(f"INSERT INTO {table} ({quoted}) SELECT {chosen} FROM {table} WHERE {key} = :id", id=job_id)


def asked(opened, work):
    """Return the statements that a call runs, with their parameters."""
    found = []

    def note(connection, cursor, statement, parameters, context, executemany):
        found.append((statement, parameters, executemany))

    engines = {opened.database.engine, opened.database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    return [each for each in found if each[0].lstrip().split()[0] in {"SELECT", "UPDATE", "DELETE"}]


def plan_of(opened, statement, parameters, executemany):
    """Return the database's plan for a statement, and the tables that it reads from end to end."""
    values = parameters[0] if executemany else parameters
    dialect = opened.database.dialect
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN (FORMAT JSON)"}.get(dialect, "EXPLAIN")
    with opened.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"{explain} {statement}", values).mappings().all()
    if dialect == "sqlite":
        return rows, {found[1] for row in rows if (found := re.match(r"SCAN (?!CONSTANT)(\w+)", row["detail"]))}
    if dialect == "postgresql":
        nodes = list(_nodes(rows[0]["QUERY PLAN"][0]["Plan"]))
        return nodes, {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    return rows, {row["table"] for row in rows if row["type"] in {"ALL", "index"} and row["table"]}


def _nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _finish_one(opened):
    store = opened.store
    taken = store.claims.claim("finisher", HELD, most=2, lease_s=LEASE_S)
    store.claims.extend("finisher", [each.id for each in taken], lease_s=LEASE_S)
    store.claims.finish("finisher", [succeeded(each) for each in taken])


CALLS = {
    "claim, extend, finish": _finish_one,
    "reap": lambda opened: opened.store.upkeep.reap(),
    "expire": lambda opened: opened.store.upkeep.expire(),
    "sweep": lambda opened: opened.store.upkeep.unhinted(older_than_s=1000),
    "purge": lambda opened: opened.store.upkeep.purge(retention_s=10_000),
    "job": lambda opened: opened.store.records.job("alice", _a_job(opened)),
    "list": lambda opened: opened.store.records.jobs("alice", before="z"),
    "items": lambda opened: opened.store.records.items("alice", _a_job(opened), after=(3, 0), limit=20),
    "events": lambda opened: opened.store.records.events("alice", "00-copy-5", after=990, limit=5),
    "queue": lambda opened: opened.store.records.queue(span_s=0.001),
    "open items": lambda opened: opened.store.records.open_items(),
    "stored image": lambda opened: opened.store.records.blob_of("alice", "f" * 64),
    "latest items": lambda opened: opened.store.records.latest_items("bob", "f" * 64),
    "totals": lambda opened: opened.store.records.totals("bob"),
    "ownerless": lambda opened: opened.store.upkeep.ownerless(["jobs/x", "jobs/y"]),
    "deliveries": lambda opened: opened.store.deliveries.due("d", most=5, lease_s=1),
}


def _a_job(opened):
    return opened.store.records.jobs("alice", limit=1)[0].id


@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_read_from_end_to_end(grown, call):
    """No statement of the call reads a table that grows as a whole."""
    statements = asked(grown, lambda: CALLS[call](grown))
    assert statements

    found = {}
    for statement, *rest in statements:
        plan, tables = plan_of(grown, statement, *rest)
        tables -= SMALL if grown.database.dialect == "sqlite" else SMALL | FEW
        if tables:
            found[statement] = (tables, plan)

    assert found == {}


@pytest.mark.parametrize(
    ("call", "index"),
    [
        ("claim, extend, finish", "ix_item_claim"),
        ("reap", "ix_item_lease"),
        ("expire", "ix_item_deadline"),
        ("sweep", "ix_item_hint"),
        ("events", "ix_item_event"),
        ("items", "ux_item_place"),
        ("job", "ix_item_running"),
    ],
)
def test_each_index_serves_its_question(grown, call, index):
    """The index that was made for a question answers it."""
    plans = [plan_of(grown, *each)[0] for each in asked(grown, lambda: CALLS[call](grown))]

    assert index in str(plans)
