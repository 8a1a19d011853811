"""Jobs whose images are kept, and images that are erased, on every database: both or neither, and nothing is left."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest

from conformance.remembering import (
    everything,
    found,
    kept,
    new_record,
    rows_with,
    said,
    sha256_of,
    traits,
)
from conformance.stores import CIRCLES, HELD, LEASE_S, SQUARES, broken_promises, drain, new_image, new_job, succeeded
from conformance.test_database_plans import asked
from saccade import failpoints
from saccade.backends.database.images import SqlImageRecords
from saccade.errors import ImageErased, ImageUnknown, JobUnknown
from saccade.images.records import NewImage
from saccade.jobs.records import Failed
from saccade.jobs.states import ItemState, JobState

#: What of an image may outlive it: what was spent on it, and the keys of blobs that are about to be deleted.
LASTING = frozenset({"usage_event", "garbage"})


@pytest.fixture
def images(db):
    """Return the records of an empty database."""
    return SqlImageRecords(db.database)


@pytest.fixture
def failing_finish():
    """Let what finishes items fail just before it commits, until the test says otherwise."""
    failpoints.arm("finish.before_commit:raise")
    yield failpoints._armed.clear
    failpoints._armed.clear()


def of(name, **fields):
    """Return a job's image that is the picture which a test calls so."""
    return new_image(f"{name}.jpg", sha256=sha256_of(name), **fields)


def submit(store, *names, principal="alice", keep=True, **fields):
    job = new_job(principal, made=tuple(of(name) for name in names), keep=keep, **fields)
    store.submissions.submit(job)
    return job


def claim(store, most=1, owner="worker"):
    return store.claims.claim(owner, HELD, most=most, lease_s=LEASE_S)


def record_of(taken, name, **fields):
    """Return what is to be remembered of an item's picture, with a fresh blob."""
    return replace(new_record(name, taken.principal, taken.file_name), **fields)


def garbage(db):
    return set(db.store.upkeep.garbage())


def items_of(db, job, owner="alice"):
    return db.store.records.items(owner, job.id)


def test_a_job_says_whether_its_images_are_kept(db):
    """From its submission on, in lists, and to the worker that claims; a job that did not ask says no."""
    job, other = submit(db.store, "a"), submit(db.store, "b", keep=False)

    assert db.store.records.job("alice", job.id).keep
    assert not db.store.records.job("alice", other.id).keep
    assert {each.id: each.keep for each in db.store.records.jobs("alice")} == {job.id: True, other.id: False}
    assert {each.job_id: each.keep for each in claim(db.store, most=2)} == {job.id: True, other.id: False}


def test_a_kept_image_is_the_record_that_an_upload_makes(db, images):
    """Everything but ids and times is equal, whichever way the picture came."""
    submit(db.store, "a")
    (taken,) = claim(db.store)
    new = record_of(taken, "a")
    assert db.store.claims.finish("worker", [kept(taken, image=new)]) == {taken.id}
    images.remember(replace(new, owner="bob", blob_key="images/bobs"), [said("circles@1")])

    mine, theirs = images.image("alice", sha256_of("a")), images.image("bob", sha256_of("a"))

    no_times = {"number": 0, "owner": "", "blob_key": "", "created_at_us": 0, "updated_at_us": 0}
    said_then = tuple(replace(each, created_at_us=0) for each in mine.predictions)
    assert replace(mine, **no_times, predictions=said_then) == replace(
        theirs, **no_times, predictions=tuple(replace(each, created_at_us=0) for each in theirs.predictions)
    )
    assert mine.blob_key == new.blob_key
    assert garbage(db) == set()
    assert broken_promises(db.database) == []


def test_a_worker_is_told_of_a_record_that_is_there(db, images):
    """Its traits and its blob; nothing of another owner's."""
    written = images.remember(new_record("a", file_name="a.jpg")).record

    assert db.store.claims.remembered("alice", sha256_of("a")) == NewImage("alice", written.traits, written.blob_key)
    assert db.store.claims.remembered("bob", sha256_of("a")) is None


def test_a_blob_that_is_not_needed_becomes_garbage(db, images):
    """Two models see one image at once, each with a blob for the record: one is the record's, one is garbage."""
    submit(db.store, "a", models=(CIRCLES, SQUARES))
    one, two = claim(db.store), claim(db.store)
    first, second = record_of(one[0], "a"), record_of(two[0], "a")

    db.store.claims.finish("worker", [kept(one[0], image=first), kept(two[0], image=second)])

    record = images.image("alice", sha256_of("a"))
    assert {each.model for each in record.predictions} == {CIRCLES.reference, SQUARES.reference}
    assert {record.blob_key} | garbage(db) == {first.blob_key, second.blob_key}
    assert len(garbage(db)) == 1


def test_a_record_that_was_found_gets_the_prediction_and_the_name(db, images):
    """No blob is written for it, and none becomes garbage."""
    images.remember(new_record("a", file_name="first.jpg"))
    submit(db.store, "a")
    (taken,) = claim(db.store)
    there = replace(db.store.claims.remembered("alice", sha256_of("a")), file_name=taken.file_name)

    db.store.claims.finish("worker", [kept(taken, image=there, is_new_blob=False)])

    record = images.image("alice", sha256_of("a"))
    assert record.file_names == ("first.jpg", "a.jpg")
    assert [each.model for each in record.predictions] == ["circles@1"]
    assert (record.blob_key, garbage(db)) == (there.blob_key, set())


def test_an_item_whose_record_has_gone_since_runs_again(db, images):
    """It was found, and erased by the time of the end: the item goes back, and no record names a blob that goes."""
    submit(db.store, "b")
    (taken,) = claim(db.store)
    there = images.remember(new_record("a")).record
    images.erase("alice", sha256_of("a"))
    gone = NewImage("alice", there.traits, there.blob_key)

    assert db.store.claims.finish("worker", [kept(taken, image=gone, is_new_blob=False)]) == {taken.id}

    (again,) = claim(db.store)
    assert (again.id, again.attempt) == (taken.id, 1)
    assert rows_with(db, sha256_of("a")) == []
    assert broken_promises(db.database) == []


def test_an_item_that_was_lost_remembers_nothing(db, images):
    """Its lease ran out and another worker has it: the late one's blob is garbage, and there is no record."""
    submit(db.store, "a")
    (late,) = claim(db.store)
    db.run("UPDATE item SET lease_until = 1")
    db.store.upkeep.reap()
    (taken,) = claim(db.store, owner="other")
    first, second = record_of(late, "a"), record_of(taken, "a")

    assert db.store.claims.finish("worker", [kept(late, image=first)]) == set()

    assert garbage(db) == {first.blob_key}
    with pytest.raises(ImageUnknown):
        images.image("alice", sha256_of("a"))
    assert db.store.claims.finish("other", [kept(taken, image=second)]) == {taken.id}
    assert images.image("alice", sha256_of("a")).blob_key == second.blob_key


def test_a_cancelled_item_remembers_nothing(db):
    """The worker was not told yet: its write is refused, and so is what it would have remembered."""
    job = submit(db.store, "a")
    (taken,) = claim(db.store)
    db.store.records.cancel("alice", job.id)
    late = record_of(taken, "a")

    assert db.store.claims.finish("worker", [kept(taken, image=late)]) == set()

    assert garbage(db) == {late.blob_key}
    assert everything(db)["image"] == everything(db)["image_prediction"] == []


def test_a_finish_that_was_heard_of_by_nobody_keeps_its_blob(db, images):
    """It was committed, and the worker sends it again: refused now, and the blob that the record names stays."""
    submit(db.store, "a")
    (taken,) = claim(db.store)
    outcome = kept(taken, image=record_of(taken, "a"))
    db.store.claims.finish("worker", [outcome])

    assert db.store.claims.finish("worker", [outcome]) == set()

    assert garbage(db) == set()
    assert images.image("alice", sha256_of("a")).blob_key == outcome.kept.image.blob_key


def test_a_crash_leaves_neither_half(db, images, failing_finish):
    """Everything is written and nothing is committed: no result, no record, no word; the next run has both."""
    submit(db.store, "a")
    (taken,) = claim(db.store)
    before = everything(db)

    with pytest.raises(failpoints.Failed):
        db.store.claims.finish("worker", [kept(taken, image=record_of(taken, "a"))])

    assert everything(db) == before
    failing_finish()
    db.store.claims.finish("worker", [kept(taken, image=record_of(taken, "a"))])
    assert images.image("alice", sha256_of("a")).predictions[0].object_count == 1
    assert broken_promises(db.database) == []


def test_what_cannot_be_remembered_does_not_end_the_item(db):
    """The record breaks in the middle: the item is still the worker's, which ends it as it sees fit."""
    submit(db.store, "a")
    (taken,) = claim(db.store)
    broken = said("circles@1", prediction=None)
    before = everything(db)

    with pytest.raises(Exception, match="prediction"):
        db.store.claims.finish("worker", [kept(taken, image=record_of(taken, "a"), prediction=broken)])

    assert everything(db) == before
    assert db.store.claims.finish("worker", [Failed(taken, "internal", "no")]) == {taken.id}


def test_many_workers_keep_one_picture(db, images):
    """Forty items of one picture, finished by eight threads in batches: one record, all in it, the rest is garbage."""
    models = (CIRCLES, SQUARES)
    for _ in range(5):
        submit(db.store, *["same"] * 4, models=models)
    written = []

    def work(number):
        owner = f"worker {number}"
        while taken := claim(db.store, most=3, owner=owner):
            outcomes = [kept(each, image=record_of(each, "same", file_name=f"{each.id}.jpg")) for each in taken]
            accepted = db.store.claims.finish(owner, outcomes)
            written.extend(each for each in outcomes if each.claim.id in accepted)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(work, number) for number in range(8)]:
            each.result()

    record = images.image("alice", sha256_of("same"))
    assert len(written) == 40
    assert len(record.file_names) == 40
    assert [each.model for each in record.predictions] == ["circles@1", "squares@2"]
    assert garbage(db) == {each.kept.image.blob_key for each in written} - {record.blob_key}
    assert broken_promises(db.database) == []


def test_a_blob_of_a_record_has_an_owner(db, images):
    """What a record names is no orphan, and what nothing names is."""
    written = images.remember(new_record("a")).record

    assert db.store.upkeep.ownerless([written.blob_key, "images/nobody"]) == ["images/nobody"]


def test_a_remembered_image_can_be_named_in_a_job(db, images):
    """The record's bytes count, and go before those of jobs, which end with them."""
    job = submit(db.store, "a")
    assert db.store.records.blob_of("alice", sha256_of("a")) == job.images[0].blob_key
    written = images.remember(new_record("a")).record

    assert db.store.records.blob_of("alice", sha256_of("a")) == written.blob_key
    assert db.store.records.blob_of("bob", sha256_of("a")) is None


def a_life_of(db, images, owner):
    """Let an owner have a picture in every way: remembered, in ended jobs, running, waiting, and from a URL."""
    images.remember(
        new_record("secret", owner, f"{owner} private.jpg"), [said("circles@1", found("hush")), said("rings@2")]
    )
    images.remember(new_record("other", owner, "other.jpg"), [said("circles@1")])
    done = submit(db.store, "secret", "other", "secret", principal=owner)
    drain(db.store, owner=owner)
    failing = submit(db.store, "secret", principal=owner, models=(SQUARES,))
    (taken,) = claim(db.store, owner=owner)
    db.store.claims.finish(owner, [Failed(taken, "image_unreadable", "secret detail")])
    fetched = of("secret", source_url=f"https://{owner}.example.org/secret.jpg")
    running = new_job(owner, made=(fetched,), keep=True, webhook="http://hook.example.org/")
    db.store.submissions.submit(running)
    (held,) = claim(db.store, owner=owner)
    waiting = submit(db.store, "secret", "other", principal=owner, models=(CIRCLES, SQUARES))
    return done, failing, running, waiting, held


def test_erasing_leaves_nothing_of_the_owner(db, images):
    """Record, results, names, addresses and hashes: of all tables only the usage and the garbage know of it."""
    done, failing, _, waiting, held = a_life_of(db, images, "alice")
    (hidden,) = images.objects("alice", sha256_of("secret"), model="circles")
    number = images.image("alice", sha256_of("secret")).number
    keys = {row[0] for row in db.rows("SELECT blob_key FROM image WHERE sha256 = :sha", sha=sha256_of("secret"))}
    keys |= {row[0] for row in db.rows("SELECT blob_key FROM job_image WHERE sha256 = :sha", sha=sha256_of("secret"))}
    facts = traits("secret")
    needles = (facts.sha256, facts.md5, facts.sha1, "secret", "private", "hush", hidden.id)
    usage = everything(db)["usage_event"]
    assert rows_with(db, *needles)

    images.erase("alice", sha256_of("secret"))

    assert rows_with(db, *needles) == []
    assert rows_with(db, *keys, but=LASTING) == []
    for table in ("image_prediction", "image_object", "image_label", "image_word"):
        assert db.rows(f"SELECT count(*) FROM {table} WHERE image_id = :number", number=number) == [(0,)]
    assert garbage(db) == keys
    assert everything(db)["usage_event"] == usage
    with pytest.raises(ImageUnknown):
        images.erase("alice", sha256_of("secret"))
    assert images.image("alice", sha256_of("other")).file_names == ("other.jpg",)
    late = record_of(held, "secret")
    assert db.store.claims.finish("alice", [kept(held, image=late)]) == set()
    assert rows_with(db, *needles) == []
    assert garbage(db) == {*keys, late.blob_key}

    states = [[(each.state, each.error_code, each.sha256) for each in items_of(db, job)] for job in (done, failing)]
    other = sha256_of("other")
    erased = "image_deleted"
    assert states == [
        [(ItemState.SUCCEEDED, erased, None), (ItemState.SUCCEEDED, None, other), (ItemState.SUCCEEDED, erased, None)],
        [(ItemState.FAILED, erased, None)],
    ]
    assert [each.prediction is None for each in items_of(db, done)] == [True, False, True]
    assert [(each.state, each.error_code) for each in items_of(db, waiting)] == [
        *[(ItemState.CANCELLED, erased)] * 2,
        *[(ItemState.QUEUED, None)] * 2,
    ]


def test_jobs_end_rightly_when_their_images_are_erased(db, images):
    """Counts, events, the end and its webhook: as if the items had ended in any other way."""
    done, _, running, waiting, _ = a_life_of(db, images, "alice")

    images.erase("alice", sha256_of("secret"))

    job = db.store.records.job("alice", running.id)
    assert (job.state, job.counts.cancelled, job.cancelled_at_us) == (JobState.FAILED, 1, None)
    assert [each.job_id for each in db.store.deliveries.due("w", most=5, lease_s=5)] == [running.id]
    (event,) = db.store.records.events("alice", running.id)
    assert (event.event_seq, event.error_code) == (1, "image_deleted")
    assert db.store.records.job("alice", waiting.id).counts.cancelled == 2
    assert db.store.records.job("alice", waiting.id).state is JobState.RUNNING
    assert db.store.records.job("alice", done.id).state is JobState.SUCCEEDED
    assert drain(db.store) == 2
    assert db.store.records.job("alice", waiting.id).counts.succeeded == 2
    assert [fault for fault in broken_promises(db.database) if "results are not" not in fault] == []


def test_erasing_touches_nobody_else(db, images):
    """Another owner has the same picture in the same ways: not one of their rows is another afterwards."""
    a_life_of(db, images, "bob")
    db.run("UPDATE item SET state = 'cancelled', lease_owner = NULL, lease_until = NULL WHERE state = 'queued'")
    before = rows_with(db, "bob")
    tables = ("image", "image_prediction", "image_object", "image_label", "image_word", "result", "job_image", "item")
    theirs = {table: everything(db)[table] for table in tables}
    a_life_of(db, images, "alice")

    images.erase("alice", sha256_of("secret"))

    after = everything(db)
    assert before
    assert [row for row in before if row not in rows_with(db, "bob")] == []
    assert {table: [row for row in rows if row not in after[table]] for table, rows in theirs.items()} == {
        table: [] for table in tables
    }


def test_an_image_in_jobs_alone_is_erased_too(db, images):
    """It never became a record; another's, and one that is nowhere, are absent."""
    submit(db.store, "a", keep=False)
    with pytest.raises(ImageUnknown):
        images.erase("bob", sha256_of("a"))

    images.erase("alice", sha256_of("a"))

    assert rows_with(db, sha256_of("a")) == []
    with pytest.raises(ImageUnknown):
        images.erase("alice", sha256_of("a"))


def test_an_image_in_more_places_than_one_transaction_takes_is_erased_whole(db, images):
    """It goes on until there is none, and says once whether there was any."""
    job = new_job(made=tuple(of("a") for _ in range(450)), models=(CIRCLES, SQUARES))
    db.store.submissions.submit(job)
    images.remember(new_record("a"))

    images.erase("alice", sha256_of("a"))

    assert rows_with(db, sha256_of("a")) == []
    assert db.store.records.job("alice", job.id).counts.cancelled == 900
    assert len(garbage(db)) == 451
    assert broken_promises(db.database) == []


def test_a_picture_that_is_fetched_while_it_is_erased_is_not_noted(db, images):
    """One model's worker fetched it, it was erased, and the other model's worker comes with its bytes."""
    url = "https://example.org/a.jpg"
    made = new_image("a.jpg", source_url=url, sha256=None, blob_key=None, size_bytes=None)
    db.store.submissions.submit(new_job(made=(made,), models=(CIRCLES, SQUARES)))
    (one,), (two,) = claim(db.store), claim(db.store)
    arrived = {"sha256": sha256_of("a"), "size_bytes": 1}
    assert db.store.claims.image_arrived(one, blob_key="jobs/one", **arrived) is None
    images.erase("alice", sha256_of("a"))

    with pytest.raises(ImageErased):
        db.store.claims.image_arrived(two, blob_key="jobs/two", **arrived)

    assert rows_with(db, sha256_of("a"), url) == []
    assert garbage(db) == {"jobs/one"}


def keep_all(db, owner, names, stop):
    """Claim and finish whatever there is of these pictures, each to be remembered, until it is time to stop."""
    by_sha = {sha256_of(name): name for name in names}
    while not stop.is_set():
        taken = claim(db.store, most=5, owner=owner)
        outcomes = [kept(each, image=record_of(each, by_sha[each.sha256])) for each in taken if each.sha256]
        db.store.claims.finish(owner, outcomes)


def forget_jobs(db, jobs):
    """Cancel every second job and erase the others, one after the other."""
    for number, job in enumerate(jobs):
        time.sleep(0.01)
        (db.store.records.cancel if number % 2 else db.store.records.erase)("alice", job.id)


def test_erasing_an_image_and_its_job_at_once_is_no_trouble(db, images):
    """While workers finish and owners cancel and erase jobs, images are erased: nobody fails, and nothing is left."""
    names = [f"picture {number}" for number in range(6)]
    jobs = [submit(db.store, *names, models=(CIRCLES, SQUARES)) for _ in range(8)]
    for name in names:
        images.remember(new_record(name, file_name=f"{name}.jpg"))
    stop = threading.Event()

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(keep_all, db, f"worker {number}", names, stop) for number in range(2)]
        erasing = [
            pool.submit(forget_jobs, db, jobs),
            pool.submit(lambda: [images.erase("alice", sha256_of(name)) for name in names]),
        ]
        wait(erasing)
        stop.set()
        for each in (*working, *erasing):
            each.result()

    assert rows_with(db, *map(sha256_of, names)) == []
    assert [fault for fault in broken_promises(db.database) if "results are not" not in fault] == []
    with pytest.raises(JobUnknown):
        db.store.records.job("alice", jobs[0].id)


def test_a_job_that_keeps_nothing_asks_nothing_more(db):
    """Its end is written by the same statements as ever: none reads or writes a table of images."""
    submit(db.store, "a", keep=False)
    (taken,) = claim(db.store)

    statements = asked(db, lambda: db.store.claims.finish("worker", [succeeded(taken)]))

    assert statements
    assert [each[0] for each in statements if re.search(r"\b(image|image_\w+)\b", each[0])] == []
