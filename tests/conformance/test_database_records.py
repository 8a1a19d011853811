"""What owners see, on every database: pages without gaps, foreign as absent, counts that are true."""

import threading

import pytest

from conformance.stores import (
    CIRCLES,
    HELD,
    LEASE_S,
    SQUARES,
    broken_promises,
    drain,
    new_image,
    new_job,
    succeeded,
)
from saccade.errors import JobUnknown
from saccade.jobs.records import Failed
from saccade.jobs.states import Counts, ItemState, JobState


def submit(store, principal="alice", **fields):
    job = new_job(principal, **fields)
    store.submissions.submit(job)
    return job


def test_jobs_are_listed_newest_first_without_gap(store):
    """Pages by the last id hold every job once."""
    made = [submit(store).id for _ in range(7)]
    seen, before = [], None
    while page := store.records.jobs("alice", before=before, limit=3):
        seen += [job.id for job in page]
        before = page[-1].id

    assert seen == sorted(made, reverse=True)  # those of one millisecond are in any order, but in the same one always
    assert store.records.jobs("bob") == []


def test_jobs_are_listed_by_state(store):
    """Only those that stand where one asks."""
    done = submit(store)
    drain(store)
    running = submit(store)

    assert [job.id for job in store.records.jobs("alice", state=JobState.SUCCEEDED)] == [done.id]
    assert [job.id for job in store.records.jobs("alice", state=JobState.RUNNING)] == [running.id]


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_items_come_in_pages_without_gap(store, limit):
    """Pages by the last place hold every item once, in order."""
    job = submit(store, images=5, models=(CIRCLES, SQUARES))
    seen, after = [], None
    while page := store.records.items("alice", job.id, after=after, limit=limit):
        seen += [(item.position, item.model_index) for item in page]
        after = seen[-1]

    assert seen == [(position, model) for position in range(5) for model in range(2)]


def test_events_are_numbered_without_gap_while_many_finish(db):
    """A reader that follows by the last number sees every end once, in order, however many workers end them."""
    job = submit(db.store, images=60)
    seen = []
    done = threading.Event()

    def follow():
        while len(seen) < 60 and not done.wait(0.002):
            after = seen[-1] if seen else 0
            seen.extend(event.event_seq for event in db.store.records.events("alice", job.id, after=after, limit=7))

    reader = threading.Thread(target=follow)
    workers = [threading.Thread(target=drain, args=(db.store,), kwargs={"owner": f"w{n}", "most": 3}) for n in range(4)]
    for thread in [reader, *workers]:
        thread.start()
    for thread in workers:
        thread.join(60)
    drain(db.store)
    reader.join(20)
    done.set()

    assert seen == list(range(1, 61))


def test_a_foreign_job_is_as_absent_as_one_that_never_was(db):
    """Every question about it and every order to it gets the same answer."""
    job = submit(db.store)
    for principal, job_id in (("bob", job.id), ("alice", "0192f000-0000-7000-8000-000000000000")):
        for ask in (
            db.store.records.job,
            db.store.records.items,
            db.store.records.events,
            db.store.records.cancel,
            db.store.records.erase,
            db.store.deliveries.of_job,
        ):
            with pytest.raises(JobUnknown):
                ask(principal, job_id)
    assert db.store.records.job("alice", job.id).counts.open == 1
    assert db.store.records.blob_of("bob", job.images[0].sha256) is None
    assert db.store.records.blob_of("alice", job.images[0].sha256) == job.images[0].blob_key


def test_cancelling_ends_what_is_open_and_leaves_what_has_ended(db):
    """Succeeded items stay, the rest is cancelled, the job too; a second time changes nothing."""
    job = submit(db.store, images=4)
    taken = db.store.claims.claim("worker", HELD, most=2, lease_s=LEASE_S)
    db.store.claims.finish("worker", [succeeded(taken[0])])

    first = db.store.records.cancel("alice", job.id)
    second = db.store.records.cancel("alice", job.id)

    assert first == second
    assert (first.state, first.counts) == (JobState.CANCELLED, Counts(4, succeeded=1, cancelled=3))
    assert db.store.claims.finish("worker", [succeeded(taken[1])]) == set()
    assert broken_promises(db.database) == []


def test_an_ended_job_cannot_be_cancelled(db):
    """It stays what it became."""
    job = submit(db.store)
    drain(db.store)

    assert db.store.records.cancel("alice", job.id).state is JobState.SUCCEEDED
    assert db.store.records.job("alice", job.id).cancelled_at_us is None


def test_cancelling_while_it_ends_is_one_or_the_other(db):
    """A cancel that races with the last finish: each item has one end, and the job agrees with its items."""
    for _ in range(12):
        job = submit(db.store, images=6)
        taken = db.store.claims.claim("worker", HELD, most=6, lease_s=LEASE_S)
        threads = [
            threading.Thread(target=db.store.claims.finish, args=("worker", [succeeded(each) for each in taken])),
            threading.Thread(target=db.store.records.cancel, args=("alice", job.id)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert db.store.records.job("alice", job.id).counts.open == 0

    assert broken_promises(db.database) == []


def test_a_job_tells_when_it_began_and_ended(db):
    """Times are the database's: created, begun with the first claim, finished with the last end."""
    job = submit(db.store, images=2)
    assert db.store.records.job("alice", job.id).started_at_us is None
    taken = db.store.claims.claim("worker", HELD, most=1, lease_s=LEASE_S)
    running = db.store.records.job("alice", job.id)
    assert running.running == 1
    assert running.started_at_us is not None
    db.store.claims.finish("worker", [Failed(taken[0], "image_unreadable", "No.")])
    drain(db.store)

    record = db.store.records.job("alice", job.id)

    assert record.state is JobState.FAILED
    assert record.created_at_us <= record.started_at_us <= record.finished_at_us
    assert record.started_at_us == running.started_at_us


def test_the_queue_is_counted_by_model(db):
    """Queued, running, the oldest age, and how many were worked off; cancelled ones say nothing of the speed."""
    submit(db.store, images=3, models=(CIRCLES, SQUARES))
    db.run("UPDATE item SET created_at = created_at - 5000000 WHERE model = 'squares@2'")
    taken = db.store.claims.claim("worker", {CIRCLES.reference: CIRCLES.digest}, most=2, lease_s=LEASE_S)
    db.store.claims.finish("worker", [succeeded(taken[0])])
    gone = submit(db.store, images=5)
    db.store.records.cancel("alice", gone.id)

    report = db.store.records.queue(span_s=60)

    circles, squares = report.rows
    assert (circles.queued, circles.running, circles.ended_recently) == (1, 1, 1)
    assert (squares.queued, squares.running, squares.ended_recently) == (3, 0, 0)
    assert 5 <= squares.oldest_age_s < 60
    assert report.ended_recently == 1


def test_open_items_are_counted_by_principal(db):
    """What has ended is not counted, and who has nothing open is left out."""
    submit(db.store, images=3)
    submit(db.store, "bob")
    done = submit(db.store, "carol")
    db.store.records.cancel("carol", done.id)

    assert db.store.records.open_items() == {"alice": 3, "bob": 1}


def test_states_select_items(db):
    """A page may be of certain ends only."""
    job = submit(db.store, made=tuple(new_image() for _ in range(3)))
    taken = db.store.claims.claim("worker", HELD, most=1, lease_s=LEASE_S)
    db.store.claims.finish("worker", [Failed(taken[0], "x", "x")])

    found = db.store.records.items("alice", job.id, states=(ItemState.FAILED, ItemState.EXPIRED))

    assert [item.id for item in found] == [taken[0].id]


def test_several_may_erase_one_job_at_once(store):
    """A client that repeats its request meets itself, and whoever purges; each key becomes garbage once."""
    job = submit(store, images=400)
    faults = []

    def forget(erases):
        try:
            if erases:
                store.records.erase("alice", job.id)
            else:
                store.upkeep.purge(retention_s=0)
        except JobUnknown:  # somebody else was faster
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            faults.append(error)

    threads = [threading.Thread(target=forget, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert faults == []
    assert len(store.upkeep.garbage(most=1000)) == 400
    with pytest.raises(JobUnknown):
        store.records.job("alice", job.id)
