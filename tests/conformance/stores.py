"""What the suites of the databases share: an empty store of each kind, jobs to fill it, and what must always hold."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import delete, select, text

from saccade.backends.database.connection import Database
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.backends.database.schema import item, job, metadata, result, usage_event
from saccade.jobs.ids import new_id
from saccade.jobs.records import Claim, ModelPin, NewImage, NewJob, Succeeded
from saccade.jobs.states import Counts, ItemState, JobState, state_of
from saccade.jobs.store import Store

#: One URL scheme of each kind of database; the others are names for the same.
KINDS = ("sqlite", "postgresql", "mysql")
CIRCLES = ModelPin("circles@1", "sha256:c1")
SQUARES = ModelPin("squares@2", "sha256:52")
HELD = {CIRCLES.reference: CIRCLES.digest, SQUARES.reference: SQUARES.digest}
LEASE_S = 60.0

_numbers = itertools.count()


@dataclass(frozen=True)
class Opened:
    """An open database and jobs' ports over it."""

    url: str
    database: Database
    store: Store

    def run(self, statement: str, **values: object) -> None:
        """Write past all ports, as no part of the program does: to age rows, mostly."""
        self.database.write(lambda tx: tx.execute(text(statement), values))

    def rows(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Read past all ports."""
        return self.database.read(lambda tx: [tuple(row) for row in tx.execute(text(statement), values)])


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of a file that this session has to itself."""
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/saccade.db"


@pytest.fixture(scope="session", params=KINDS)
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Yield a migrated database of each kind; skip, counted, where a server is not here."""
    names = {"sqlite": "sqlite_url", "postgresql": "postgres_url", "mysql": "mariadb_url"}
    url = request.getfixturevalue(names[request.param])
    database = open_database(url)
    migrate(database)
    yield Opened(url, database, open_store(database))
    database.close()


@pytest.fixture
def db(opened: Opened) -> Opened:
    """Return the database, emptied."""
    empty(opened.database)
    return opened


@pytest.fixture
def store(db: Opened) -> Store:
    """Return the ports over an empty database."""
    return db.store


def empty(database: Database) -> None:
    """Delete every row of ours."""

    def work(tx) -> None:
        for table in metadata.sorted_tables:
            tx.execute(delete(table))

    database.write(work)


def new_image(name: str | None = None, **fields) -> NewImage:
    """Return an image with bytes of its own."""
    number = next(_numbers)
    return NewImage(
        **{
            "file_name": name or f"{number}.jpg",
            "sha256": f"{number:064x}",
            "blob_key": f"jobs/{number}",
            "size_bytes": 10,
            **fields,
        }
    )


def new_job(principal: str = "alice", *, images: int = 1, models=(CIRCLES,), **fields) -> NewJob:
    """Return a job of so many images."""
    made = fields.pop("made", None) or tuple(new_image() for _ in range(images))
    return NewJob(id=new_id(), principal=principal, images=made, models=tuple(models), **fields)


def succeeded(claim: Claim) -> Succeeded:
    """Return a success."""
    return Succeeded(claim, '{"predictions":[]}', pixels=100, compute_ms=1.5, cached=False)


def drain(store: Store, *, owner: str = "worker", most: int = 16) -> int:
    """Claim and finish until nothing waits; return how many items that were."""
    done = 0
    while claims := store.claims.claim(owner, HELD, most=most, lease_s=LEASE_S):
        done += len(store.claims.finish(owner, [succeeded(claim) for claim in claims]))
    return done


def broken_promises(database: Database) -> list[str]:
    """Return what does not hold of what must always hold, between any two transactions."""

    def work(tx) -> list[str]:
        found: list[str] = []
        items = tx.execute(select(item)).all()
        by_job: dict[str, list] = {}
        for row in items:
            by_job.setdefault(row.job_id, []).append(row)
        for row in tx.execute(select(job)).all():
            found += _job_faults(row, by_job.get(row.id, []))
        ended = {row.id: row.state for row in items}
        results = [row.item_id for row in tx.execute(select(result.c.item_id))]
        if sorted(results) != sorted(key for key, state in ended.items() if state == ItemState.SUCCEEDED.value):
            found.append("results are not those of the items that succeeded")
        metered = Counter(row.item_id for row in tx.execute(select(usage_event.c.item_id)))
        spent = {key for key, state in ended.items() if state in {"succeeded", "failed"}}
        if any(count > 1 for count in metered.values()) or not spent <= set(metered):
            found.append("usage is not that of the items on which something was spent")
        if any(key in ended and key not in spent for key in metered):
            found.append("usage of an item that has neither succeeded nor failed")
        return found

    return database.read(work)


def _job_faults(row, items) -> Iterator[str]:
    states = Counter(each.state for each in items)
    counts = Counts(row.total, row.succeeded, row.failed, row.cancelled, row.expired)
    if row.total != len(items):
        yield f"{row.id} has {len(items)} items and says {row.total}"
    for state in ("succeeded", "failed", "cancelled", "expired"):
        if getattr(row, state) != states[state]:
            yield f"{row.id} says {getattr(row, state)} {state} and has {states[state]}"
    numbers = sorted(each.event_seq for each in items if each.event_seq is not None)
    if numbers != list(range(1, counts.ended + 1)) or row.event_seq != counts.ended:
        yield f"{row.id} has events {numbers} and says {row.event_seq}"
    if row.state != state_of(counts, is_cancelled=row.cancelled_at is not None).value:
        yield f"{row.id} says {row.state} with {dict(states)}"
    if (row.finished_at is None) != (row.state == JobState.RUNNING.value):
        yield f"{row.id} is {row.state} and finished at {row.finished_at}"
    for each in items:
        yield from _item_faults(each)


def _item_faults(each) -> Iterator[str]:
    is_running = each.state == ItemState.RUNNING.value
    if (each.lease_owner is not None) != is_running or (each.lease_until is not None) != is_running:
        yield f"item {each.id} is {each.state} and leased to {each.lease_owner}"
    if (each.finished_at is None) != (each.event_seq is None):
        yield f"item {each.id} finished at {each.finished_at} as event {each.event_seq}"
