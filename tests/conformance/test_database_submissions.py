"""Submissions on every database: what is accepted is there, whole, once, whatever its texts and its size."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from conformance.stores import CIRCLES, HELD, LEASE_S, SQUARES, broken_promises, new_image, new_job
from saccade.backends.database.connection import Database
from saccade.backends.database.opening import open_store
from saccade.errors import DatabaseUnreachable, IdempotencyInFlight, IdempotencyMismatch
from saccade.jobs.records import IdempotencyKey, JobPriority
from saccade.jobs.states import Counts, JobState

KEY = IdempotencyKey("alice", "/v1/jobs", "a key", "f" * 64)


class Deaf:
    """Writes like the real one, and loses the connection before it hears that the commit took place."""

    def __init__(self, database, losses):
        self.write = database._writer
        self.losses = losses

    def __call__(self, work):
        value = self.write(work)
        if self.losses:
            self.losses -= 1
            raise OperationalError("COMMIT", {}, ConnectionError("gone"), connection_invalidated=True)
        return value


def deaf_store(db, *, losses=1):
    """Return a store whose first commits take place and are not heard of."""
    return open_store(Database(db.database.engine, reader=db.database._reader, writer=Deaf(db.database, losses)))


def test_items_are_every_image_with_every_model_in_order(store):
    """A job of 3 images and 2 models has 6 items by (position, model), all queued, and ids in that order."""
    job = new_job(
        images=3, models=(CIRCLES, SQUARES), options={"top_k": 3}, priority=JobPriority.HIGH, webhook="http://x"
    )

    ids = store.submissions.submit(job).item_ids

    items = store.records.items("alice", job.id)
    assert [item.id for item in items] == list(ids)
    assert [(item.position, item.model) for item in items] == [
        (position, pin.reference) for position in range(3) for pin in (CIRCLES, SQUARES)
    ]
    record = store.records.job("alice", job.id)
    assert (record.state, record.counts, record.running) == (JobState.RUNNING, Counts(6), 0)
    assert (record.options, record.priority, record.webhook) == ({"top_k": 3}, JobPriority.HIGH, "http://x")


@pytest.mark.parametrize("deadline_s", [None, 12.5])
def test_what_is_stored_is_told_without_being_read(db, deadline_s):
    """The submitter gets the job as any reader finds it, for one question about the time and one insert a table."""
    asked = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement.split()[0])

    fields = {"deadline_s": deadline_s, "options": {"candidate_labels": ("a", "b")}, "retry_of": "x", "service": "east"}
    event.listen(Engine, "before_cursor_execute", note)
    try:
        stored = db.store.submissions.submit(new_job(models=(CIRCLES,), priority=JobPriority.LOW, **fields))
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert [word for word in asked if word in {"SELECT", "INSERT", "UPDATE"}] == ["SELECT", *["INSERT"] * 3]
    assert db.store.records.job("alice", stored.job.id) == stored.job
    until_us = None if deadline_s is None else stored.job.created_at_us + int(deadline_s * 1e6)
    assert db.rows("SELECT job_id, deadline_at FROM item") == [(stored.job.id, until_us)]
    assert db.rows("SELECT deadline_at, service FROM job") == [(until_us, "east")]


def test_chosen_pairs_are_the_items(store):
    """A retry's job has only the pairs that it names."""
    job = new_job(images=2, models=(CIRCLES, SQUARES), pairs=((0, 1), (1, 0)))

    store.submissions.submit(job)

    items = store.records.items("alice", job.id)
    assert [(item.position, item.model_index) for item in items] == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    "name",
    [
        "ordinary.jpg",
        "x" * 5000,
        "null\0inside.jpg",
        "\U0001f9ff eye \U0001f52c.png",
        "half \ud83d letter.jpg",
        "quote ' and \\ and %s and :name and ;--",
        "",
    ],
    ids=["ordinary", "long", "null", "four-bytes", "surrogate", "injection", "empty"],
)
def test_any_file_name_can_be_stored(db, name):
    """A name that a stranger chose never makes a database refuse the job; what fits is kept as it is."""
    job = new_job(made=(new_image(name or "", file_name=name),), request_id=name)

    db.store.submissions.submit(job)

    kept = db.store.records.items("alice", job.id)[0].file_name
    assert kept == (name.replace("\0", "\ufffd").replace("\ud83d", "?"))[:1024]


def test_strange_texts_in_results_can_be_stored(store):
    """What a worker writes of an item is stored whatever is in it, and hurts no neighbour in its batch."""
    from conformance.stores import succeeded
    from saccade.jobs.records import Failed

    job = new_job(images=3)
    store.submissions.submit(job)
    claims = store.claims.claim("worker", HELD, most=3, lease_s=LEASE_S)
    prediction = json.dumps({"label": "\U0001f9ff \0", "long": "x" * 200_000}, ensure_ascii=True)
    outcomes = [
        Failed(claims[0], "c" * 100, "null \0 and half \ud83d and \U0001f9ff and long " + "x" * 100_000),
        succeeded(claims[1]),
        type(succeeded(claims[2]))(claims[2], prediction, 1, 1.0, cached=True),
    ]

    assert store.claims.finish("worker", outcomes) == {claim.id for claim in claims}
    items = store.records.items("alice", job.id)
    assert items[0].error_detail.startswith("null \ufffd and half ? and \U0001f9ff")
    assert json.loads(items[2].prediction)["long"] == "x" * 200_000


def test_the_largest_job_is_one_transaction(db):
    """1,000 images and 20 models are stored, counted, cancelled and erased, each within seconds."""
    models = tuple(type(CIRCLES)(f"model-{number}@1", f"sha256:{number}") for number in range(20))
    job = new_job(images=1000, models=models)
    took_s = {}

    def timed(name, work):
        begun_s = time.perf_counter()
        value = work()
        took_s[name] = time.perf_counter() - begun_s
        return value

    ids = timed("submit", lambda: db.store.submissions.submit(job)).item_ids
    assert len(set(ids)) == 20_000
    assert timed("count", db.store.records.open_items) == {"alice": 20_000}
    cancelled = timed("cancel", lambda: db.store.records.cancel("alice", job.id))
    assert cancelled.counts == Counts(20_000, cancelled=20_000)
    assert broken_promises(db.database) == []
    timed("erase", lambda: db.store.records.erase("alice", job.id))
    assert db.rows("SELECT count(*) FROM item") == [(0,)]
    assert max(took_s.values()) < 20, took_s


def test_a_commit_that_nobody_heard_of_counts_as_stored(db):
    """The connection is lost at COMMIT: the job is there once, and its submitter gets its ids."""
    job = new_job(images=2)

    stored = deaf_store(db).submissions.submit(job)

    assert [item.id for item in db.store.records.items("alice", job.id)] == list(stored.item_ids)
    assert db.store.records.job("alice", job.id) == stored.job
    assert db.store.records.open_items() == {"alice": 2}


def test_a_commit_that_nobody_heard_of_keeps_its_key(db):
    """The same with an Idempotency-Key: it belongs to the job, and to nobody else."""
    store = deaf_store(db, losses=0)
    reservation = deaf_store(db).submissions.reserve(KEY)
    job = new_job()

    deaf_store(db).submissions.submit(job, reserved=(KEY, reservation))

    assert store.submissions.reserve(KEY).job_id == job.id
    assert len(store.records.jobs("alice")) == 1


def test_an_unheard_commit_of_other_writes_is_said_to_be_unknown(db):
    """What is not repeated by itself is an error in our words, and may be repeated by whoever asked."""
    job = new_job()
    db.store.submissions.submit(job)

    with pytest.raises(DatabaseUnreachable):
        deaf_store(db).records.cancel("alice", job.id)

    assert db.store.records.cancel("alice", job.id).state is JobState.CANCELLED
    assert broken_promises(db.database) == []


def test_a_key_is_taken_answered_and_refused(store):
    """In flight while it is worked on, replayed once it has a job, refused for another request."""
    reservation = store.submissions.reserve(KEY)
    assert reservation.job_id is None
    with pytest.raises(IdempotencyInFlight):
        store.submissions.reserve(KEY)
    with pytest.raises(IdempotencyMismatch):
        store.submissions.reserve(IdempotencyKey("alice", "/v1/jobs", "a key", "0" * 64))
    assert store.submissions.reserve(IdempotencyKey("bob", "/v1/jobs", "a key", "0" * 64)).job_id is None

    job = new_job()
    store.submissions.submit(job, reserved=(KEY, reservation))

    assert store.submissions.reserve(KEY).job_id == job.id


def test_a_released_key_is_free(store):
    """A request that was refused gives its key back; one that was accepted cannot."""
    reservation = store.submissions.reserve(KEY)
    store.submissions.release(KEY, reservation)
    again = store.submissions.reserve(KEY)
    job = new_job()
    store.submissions.submit(job, reserved=(KEY, again))

    store.submissions.release(KEY, again)

    assert store.submissions.reserve(KEY).job_id == job.id


def test_a_dead_request_loses_its_key(db):
    """After its time another request may take the key over; the dead one stores nothing if it wakes up."""
    dead = db.store.submissions.reserve(KEY, held_s=0.2)
    with pytest.raises(IdempotencyInFlight):
        db.store.submissions.reserve(KEY)
    deadline = time.monotonic() + 10
    while True:
        try:
            alive = db.store.submissions.reserve(KEY)
        except IdempotencyInFlight:
            assert time.monotonic() < deadline
        else:
            break

    with pytest.raises(IdempotencyInFlight):
        db.store.submissions.submit(new_job(), reserved=(KEY, dead))
    db.store.submissions.submit(new_job(), reserved=(KEY, alive))

    assert db.rows("SELECT count(*) FROM job") == [(1,)]
    assert db.rows("SELECT count(*) FROM item") == [(1,)]


def test_of_many_equal_requests_one_wins(store):
    """16 threads with one key: one job; the others are told to wait, or of that job."""
    job_ids, refused = [], []

    def ask(_):
        try:
            reservation = store.submissions.reserve(KEY)
        except IdempotencyInFlight:
            refused.append(1)
            return
        if reservation.job_id is not None:
            job_ids.append(reservation.job_id)
            return
        job = new_job()
        store.submissions.submit(job, reserved=(KEY, reservation))
        job_ids.append(job.id)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(32)))

    assert len(set(job_ids)) == 1
    assert len(job_ids) + len(refused) == 32
    assert len(store.records.jobs("alice")) == 1


def test_submissions_from_many_threads_are_all_there(db):
    """400 jobs from 16 threads are 400 jobs; none shares an item's id with another."""
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda _: db.store.submissions.submit(new_job()).item_ids, range(400)))

    assert len({item_id for each in ids for item_id in each}) == 400
    assert db.store.records.open_items() == {"alice": 400}
    assert broken_promises(db.database) == []
