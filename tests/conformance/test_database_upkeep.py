"""What is done again and again, on every database: dead workers, deadlines, hints, purging; bounded, by anybody."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.stores import HELD, LEASE_S, broken_promises, drain, new_image, new_job, succeeded
from saccade.backends.database import forgetting
from saccade.errors import JobUnknown
from saccade.jobs.records import IdempotencyKey, TryAgain, WorkerRecord
from saccade.jobs.states import ItemState, JobState

DAY_S = 86_400.0


def claim(store, owner="worker", *, most=1, lease_s=LEASE_S):
    return store.claims.claim(owner, HELD, most=most, lease_s=lease_s)


def age(db, job_id, seconds):
    """Let a job have ended so long ago."""
    db.run("UPDATE job SET finished_at = finished_at - :us WHERE id = :id", us=int(seconds * 1e6), id=job_id)


def test_a_dead_workers_items_are_free_again(db):
    """Reaped once, by one of several; suspect from then on, and not counted as a crash of its own twice."""
    job = new_job(images=5)
    db.store.submissions.submit(job)
    taken = claim(db.store, "dead", most=5, lease_s=-1)

    with ThreadPoolExecutor(4) as pool:
        reaped = [item_id for each in pool.map(lambda _: db.store.upkeep.reap(), range(8)) for item_id in each.queued]

    assert sorted(reaped) == [each.id for each in taken]
    assert sorted(db.store.upkeep.unhinted(older_than_s=DAY_S)) == sorted(reaped)
    assert broken_promises(db.database) == []
    again = claim(db.store, "heir", most=5)
    assert {(each.attempt, each.crash_count) for each in again} == {(2, 1)}


def test_a_dead_workers_item_keeps_its_place(db):
    """It has waited longest, so it goes first again: nobody waits through the whole line twice for another's death."""
    older, younger = new_job(), new_job()
    db.store.submissions.submit(older)
    claim(db.store, "dead", lease_s=-1)
    db.store.submissions.submit(younger)
    db.store.upkeep.reap()

    assert [each.job_id for each in claim(db.store, "heir", most=2)] == [older.id, younger.id]


def test_a_lease_that_lasts_is_left_alone(db):
    """Who gives signs of life keeps its items."""
    db.store.submissions.submit(new_job())
    taken = claim(db.store, lease_s=5)

    assert db.store.upkeep.reap().queued == ()
    assert db.store.claims.finish("worker", [succeeded(taken[0])]) == {taken[0].id}


def test_the_last_attempt_is_reaped_as_a_failure(db):
    """An item whose worker died at every attempt fails, is metered, and its job ends and tells its webhook."""
    job = new_job(max_attempts=2, webhook="http://example.org/")
    db.store.submissions.submit(job)
    for _ in range(2):
        claim(db.store, "dead", lease_s=-1)
        reaped = db.store.upkeep.reap()

    assert len(reaped.failed) == 1
    item = db.store.records.items("alice", job.id)[0]
    assert (item.state, item.error_code, item.attempt) == (ItemState.FAILED, "attempts_exhausted", 2)
    assert len(db.store.deliveries.of_job("alice", job.id)) == 1
    assert broken_promises(db.database) == []


def test_reaping_and_finishing_at_once_end_each_item_once(db):
    """A worker finishes what a reaper takes at that moment: one of the two is too late, never both or none."""
    job = new_job(images=120)
    db.store.submissions.submit(job)
    taken = claim(db.store, most=120, lease_s=-1)
    accepted, reaped = [], []

    def finish():
        for start in range(0, 120, 6):
            accepted.extend(db.store.claims.finish("worker", [succeeded(each) for each in taken[start : start + 6]]))

    def reap():
        for _ in range(40):
            reaped.extend(db.store.upkeep.reap(most=4).queued)

    threads = [threading.Thread(target=work) for work in (finish, reap, reap)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(accepted + reaped) == [each.id for each in taken]
    assert broken_promises(db.database) == []


def test_what_waited_too_long_expires(db):
    """Queued items past their deadline end; running ones may finish."""
    job = new_job(images=3, deadline_s=0.5)
    db.store.submissions.submit(job)
    running = claim(db.store)
    time.sleep(0.55)

    assert db.store.upkeep.expire(most=1) == 1
    assert db.store.upkeep.expire() == 1
    assert db.store.upkeep.expire() == 0
    db.store.claims.finish("worker", [succeeded(running[0])])

    assert db.store.records.job("alice", job.id).state is JobState.FAILED
    assert broken_promises(db.database) == []


def test_a_hint_is_sent_again_and_not_too_often(db):
    """Fresh items were hinted at their submission; old ones are hinted once an age, bounded."""
    db.store.submissions.submit(new_job(images=5))
    assert db.store.upkeep.unhinted(older_than_s=5) == ()

    time.sleep(0.02)
    first = db.store.upkeep.unhinted(older_than_s=0.01, most=3)
    second = db.store.upkeep.unhinted(older_than_s=0.01, most=3)

    assert len(first) == 3
    assert not set(db.store.upkeep.unhinted(older_than_s=5))
    assert len(set(first + second)) == 5


def test_items_that_may_not_run_yet_are_not_hinted(db):
    """What waits for its delay gets its hint when the delay is over."""
    db.store.submissions.submit(new_job())
    taken = claim(db.store)
    db.store.claims.finish("worker", [TryAgain(taken[0], "x", "x", delay_s=0.05)])

    assert db.store.upkeep.unhinted(older_than_s=DAY_S) == ()
    time.sleep(0.06)
    assert db.store.upkeep.unhinted(older_than_s=DAY_S) == (taken[0].id,)


def test_old_jobs_are_forgotten_and_their_blobs_are_garbage(db):
    """Only what ended long enough ago goes; its usage stays, its keys are garbage until they are swept."""
    old, young, running = new_job(images=2), new_job(), new_job("bob")
    for job in (old, young):
        db.store.submissions.submit(job)
    drain(db.store)
    db.store.submissions.submit(running)
    age(db, old.id, DAY_S)
    metered = db.rows("SELECT count(*) FROM usage_event")

    assert db.store.upkeep.purge(retention_s=0) == 0
    assert db.store.upkeep.purge(retention_s=DAY_S / 2) == 1

    with pytest.raises(JobUnknown):
        db.store.records.job("alice", old.id)
    assert db.store.records.job("alice", young.id)
    assert db.rows("SELECT count(*) FROM usage_event") == metered
    keys = db.store.upkeep.garbage()
    assert sorted(keys) == sorted(image.blob_key for image in old.images)
    db.store.upkeep.swept(keys)
    assert db.store.upkeep.garbage() == []
    assert broken_promises(db.database) == []


def test_expired_keys_are_forgotten(db):
    """An Idempotency-Key is remembered for a day."""
    key = IdempotencyKey("alice", "/v1/jobs", "k", "f" * 64)
    db.store.submissions.submit(new_job(), reserved=(key, db.store.submissions.reserve(key)))
    db.store.upkeep.purge(retention_s=0)
    assert db.store.submissions.reserve(key).job_id is not None

    db.run("UPDATE idempotency SET expires_at = 1")
    assert db.store.submissions.reserve(key).job_id is None
    db.run("UPDATE idempotency SET expires_at = 1")
    db.store.upkeep.purge(retention_s=0)

    assert db.rows("SELECT count(*) FROM idempotency") == [(0,)]


def test_big_jobs_are_forgotten_in_bounded_transactions(db, monkeypatch):
    """No transaction deletes more rows than it may, and between two of them nobody sees half a job."""
    monkeypatch.setattr("saccade.backends.database.upkeep.MOST_ROWS", 50)
    jobs = [new_job(images=images) for images in (120, 3, 70)]
    for job in jobs:
        db.store.submissions.submit(job)
        db.store.records.cancel("alice", job.id)
        age(db, job.id, DAY_S)
    sizes = []
    real = forgetting.forget_some

    def watched(tx, job_id, *, most, now):
        rows, is_gone = real(tx, job_id, most=most, now=now)
        sizes.append(rows)
        return rows, is_gone

    monkeypatch.setattr("saccade.backends.database.upkeep.forget_some", watched)
    gone = 0
    for _ in range(10):
        gone += db.store.upkeep.purge(retention_s=1, most=100)
        assert not [job for job in db.store.records.jobs("alice") if job.id == jobs[0].id]

    assert gone == 3
    assert max(sizes) <= 50
    assert [db.rows(f"SELECT count(*) FROM {table}") for table in ("job", "item", "job_image", "result")] == [
        [(0,)]
    ] * 4
    assert len(db.store.upkeep.garbage()) == 193


def test_an_erasure_that_died_is_finished_by_the_purge(db):
    """Once its first transaction is through the job is absent; what was left goes even if jobs are kept for ever."""
    job = new_job(images=4, webhook="http://example.org/")
    db.store.submissions.submit(job)
    taken = claim(db.store)
    db.database.write(lambda tx: forgetting.hide_job(tx, job.id, now=1))

    with pytest.raises(JobUnknown):
        db.store.records.job("alice", job.id)
    assert db.store.records.open_items() == {}
    assert claim(db.store) == []
    assert db.store.claims.finish("worker", [succeeded(taken[0])]) == set()
    assert db.store.records.blob_of("alice", job.images[0].sha256) is None
    assert db.store.upkeep.purge(retention_s=0) == 1
    assert db.rows("SELECT count(*) FROM item") == [(0,)]
    assert db.rows("SELECT count(*) FROM delivery") == [(0,)]
    assert len(db.store.upkeep.garbage()) == 4


def test_an_erased_job_ends_for_its_workers(db):
    """Erased while it runs: the worker's write is refused, the blobs are garbage, nobody is told."""
    job = new_job(images=3, webhook="http://example.org/")
    db.store.submissions.submit(job)
    taken = claim(db.store, most=2)

    db.store.records.erase("alice", job.id)

    assert db.store.claims.finish("worker", [succeeded(each) for each in taken]) == set()
    assert db.store.claims.extend("worker", [each.id for each in taken], lease_s=10) == set()
    assert db.store.deliveries.due("worker", most=5, lease_s=5) == []
    assert len(db.store.upkeep.garbage()) == 3
    with pytest.raises(JobUnknown):
        db.store.records.erase("alice", job.id)


def test_blobs_that_nothing_names_are_told(db):
    """Of many keys, those of no image and not of the garbage either."""
    job, erased = new_job(), new_job()
    db.store.submissions.submit(job)
    db.store.submissions.submit(erased)
    db.store.records.erase("alice", erased.id)
    known = [job.images[0].blob_key, erased.images[0].blob_key]
    strange = [f"jobs/strange/{number}" for number in range(40_000)]

    assert db.store.upkeep.ownerless([*known, *strange]) == strange
    db.store.upkeep.swept(strange)


def test_workers_are_listed_until_they_are_silent(db):
    """A sign of life is noted as often as it comes; who stops signs off."""
    worker = WorkerRecord("w", "host", 1, {"circles@1": "d"}, 4, 2, 0, 0)
    for _ in range(3):
        db.store.upkeep.report(worker)
    seen = db.store.records.queue().workers
    assert [(each.id, each.models, each.running) for each in seen] == [("w", {"circles@1": "d"}, 2)]
    assert seen[0].started_at_us <= seen[0].seen_at_us

    db.store.upkeep.retire("w")

    assert db.store.records.queue().workers == ()


def test_an_image_that_was_fetched_is_noted_once(db):
    """The first bytes count; a second fetcher learns whose; repeated unheard it is still the first."""
    job = new_job(made=(new_image(None, source_url="http://x/", sha256=None, blob_key=None, size_bytes=None),))
    db.store.submissions.submit(job)
    taken = claim(db.store)[0]

    note = db.store.claims.image_arrived
    assert note(taken, sha256="a" * 64, blob_key="jobs/a", size_bytes=3) is None
    assert note(taken, sha256="a" * 64, blob_key="jobs/a", size_bytes=3) is None
    assert note(taken, sha256="b" * 64, blob_key="jobs/b", size_bytes=4) == "jobs/a"
    assert db.store.records.items("alice", job.id)[0].blob_key == "jobs/a"


def repeat(work, stop, faults):
    """Do it again and again until the time is up; what it meets must be seen."""
    for number in itertools.count():
        if time.monotonic() > stop:
            return
        try:
            work(number)
        except JobUnknown:
            continue
        except Exception as error:  # noqa: BLE001 - it would be lost with its thread
            faults.append(error)


def test_everything_at_once_keeps_every_promise(db):
    """Claims, finishes, reaps, expiries, cancels and erasures from many threads: nothing disagrees at the end."""
    jobs = [new_job(principal, images=20) for principal in ("alice", "bob", "carol") for _ in range(6)]
    for job in jobs:
        db.store.submissions.submit(job)
    stop = time.monotonic() + 4
    faults = []

    def work_on(owner):
        def work(number):
            taken = claim(db.store, owner, most=6, lease_s=-1 if number % 3 == 0 else LEASE_S)
            db.store.claims.finish(owner, [succeeded(each) for each in taken])
            time.sleep(0.01)

        return work

    works = [
        work_on("w1"),
        work_on("w2"),
        lambda _: db.store.upkeep.reap(most=10),
        lambda _: db.store.upkeep.expire(most=10),
        lambda _: db.store.upkeep.unhinted(older_than_s=0, most=50),
        lambda number: number % 25 or db.store.records.cancel("alice", jobs[number // 25 % 6].id),
        lambda number: number % 40 or db.store.records.erase("bob", jobs[6 + number // 40 % 6].id),
        lambda _: db.store.submissions.submit(new_job("carol", images=3)) and time.sleep(0.02),
    ]
    threads = [threading.Thread(target=repeat, args=(work, stop, faults)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    while db.store.upkeep.reap().queued:
        continue
    drain(db.store)

    assert faults == []
    assert broken_promises(db.database) == []
    assert db.store.records.open_items() == {}
