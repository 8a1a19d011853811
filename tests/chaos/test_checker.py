"""The checker itself: a sound database passes, and each planted fault is found under its name."""

import json
from collections import Counter

import pytest
from sqlalchemy import delete, text, update

from chaos.audit import install
from chaos.checker import PROMISES, check, gather
from chaos.inside import label_connections
from chaos.journal import Journal, read_story
from chaos.pictures import label_of, name_of, picture
from saccade.backends import open_objects
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.backends.database.schema import item, job, result, usage_event
from saccade.jobs.ids import new_id
from saccade.jobs.records import ModelPin, NewImage, NewJob, Succeeded
from saccade.jobs.submission import Source

PIN = ModelPin("recorder@1", "a digest")


@pytest.fixture(scope="module", autouse=True)
def labelled():
    """Let this process write under its name, as the processes of a run do."""
    label_connections()


class Place:
    """A small world after a run: two jobs of three items that have succeeded, and what a client was told."""

    def __init__(self, folder):
        self.folder = folder
        self.database = open_database(f"sqlite:///{folder / 'saccade.db'}")
        migrate(self.database)
        install(self.database)
        self.objects = open_objects((folder / "objects").as_uri())
        self.store = open_store(self.database)
        self.journal = Journal(folder / "journal.jsonl")
        self.jobs = [self.submit(f"key-{number}", range(3 * number, 3 * number + 3)) for number in range(2)]
        self.work("a worker")

    def submit(self, key, serials, *, told=True):
        """Store a job; by default the client is told."""
        blobs = {f"jobs/{key}/{serial}": picture(serial) for serial in serials}
        self.objects.put_many(blobs)
        images = tuple(
            NewImage(name_of(key, s), None, Source(data=data).hashed().sha256, blob, len(data))
            for s, (blob, data) in zip(serials, blobs.items(), strict=True)
        )
        new = NewJob(id=new_id(), principal="anonymous", images=images, models=(PIN,))
        self.store.submissions.submit(new)
        if told:
            self.journal.write("accepted", key=key, job_id=new.id, serials=list(serials), models=["recorder"])
        return new.id

    def work(self, owner):
        """Finish all that waits."""
        while claims := self.store.claims.claim(owner, {PIN.reference: PIN.digest}, most=8, lease_s=5.0):
            self.store.claims.finish(owner, [Succeeded(claim, answer(claim), 1, 1.0, cached=False) for claim in claims])

    def write(self, statement):
        """Change the database behind everybody's back."""
        self.database.write(lambda tx: tx.execute(statement))

    def found(self):
        """Return the promises that the checker finds broken."""
        facts = gather(self.database, self.objects, read_story(self.folder / "journal.jsonl"), Counter())
        return {name for name, count in check(facts, lease_s=5.0).counts.items() if count}


def answer(claim):
    """Return what the model says of the claim's picture."""
    serial = int(claim.file_name.partition("~")[2].removesuffix(".png"))
    return json.dumps({"predictions": [{"label": label_of(serial), "score": 1.0}]})


@pytest.fixture
def place(tmp_path):
    """Return a sound world."""
    made = Place(tmp_path)
    yield made
    made.journal.close()
    made.objects.close()
    made.database.close()


def lose_a_job(place):
    place.journal.write("accepted", key="lost", job_id=new_id(), serials=[9], models=["recorder"])


def leave_an_item(place):
    place.submit("left", [7])


def double_a_job(place):
    place.submit("key-0", range(3), told=False)
    place.work("a worker")


def lose_a_result(place):
    place.write(delete(result).where(result.c.item_id == 1))


def swap_results(place):
    place.write(update(result).where(result.c.item_id == 1).values(prediction='{"predictions": [{"label": "n5"}]}'))


def meter_twice(place):
    place.write(update(usage_event).where(usage_event.c.item_id == 1).values(item_id=99))


def miscount(place):
    place.write(update(job).where(job.c.id == place.jobs[0]).values(succeeded=2, failed=1))


def skip_a_number(place):
    place.write(update(item).where(item.c.id == 1).values(event_seq=9))


def lose_a_blob(place):
    place.objects.delete_many(["jobs/key-0/0"])


def leave_an_end(place):
    place.write(update(item).where(item.c.id == 1).values(state="queued"))


def write_as_a_zombie(place):
    place.submit("zombie", [7])
    place.store.claims.claim("a worker", {PIN.reference: PIN.digest}, most=8, lease_s=60.0)
    with place.database.engine.connect() as connection:
        connection.connection.driver_connection.create_function("chaos_writer", 0, lambda: "somebody else")
        connection.execute(text("UPDATE item SET state = 'queued', lease_owner = NULL WHERE state = 'running'"))
        connection.commit()
    place.database.engine.dispose()
    place.work("a worker")


def claim_without_counting(place):
    place.submit("claim", [7])
    place.write(update(item).where(item.c.state == "queued").values(state="running", lease_owner="a worker"))


def age_a_result(place):
    place.write(update(result).where(result.c.item_id == 1).values(attempt=7))


def keep_a_stray_result(place):
    place.write(update(item).where(item.c.id == 1).values(state="failed"))


def promise_a_webhook(place):
    place.write(update(job).where(job.c.id == place.jobs[0]).values(webhook="http://127.0.0.1:1/"))


def contradict(place):
    place.journal.write("accepted", key="key-0", job_id=place.jobs[1], serials=[3, 4, 5], models=["recorder"])


FAULTS = {
    lose_a_job: "lost_jobs",
    leave_an_item: "lost_items",
    double_a_job: "duplicate_jobs",
    lose_a_result: "missing_results",
    swap_results: "wrong_results",
    meter_twice: "usage_errors",
    miscount: "count_errors",
    skip_a_number: "event_errors",
    lose_a_blob: "rows_without_blob",
    leave_an_end: "left_end",
    write_as_a_zombie: "zombie_writes",
    claim_without_counting: "claim_errors",
    age_a_result: "stale_results",
    keep_a_stray_result: "stray_results",
    promise_a_webhook: "webhook_errors",
    contradict: "contradictions",
}


def test_sound_world_breaks_no_promise(place):
    """Where nothing is wrong, nothing is found."""
    assert place.found() == set()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_planted_fault_is_found(place, fault):
    """Each fault is reported under the promise that it breaks."""
    fault(place)

    assert FAULTS[fault] in place.found()


def test_item_that_ends_twice_is_found(place):
    """A second end is seen by the witness even if the row looks as if there had been one."""
    place.write(update(item).where(item.c.id == 1).values(state="failed"))
    place.write(update(item).where(item.c.id == 1).values(state="succeeded"))

    assert "double_ends" in place.found()


def test_broken_file_is_found(place):
    """What SQLite's own check says is passed on."""
    facts = gather(place.database, place.objects, read_story(place.folder / "journal.jsonl"), Counter())
    damaged = type(facts)(facts.tables, facts.changes, facts.blobs, facts.story, "row 1 missing", facts.executions)

    assert check(damaged, lease_s=5.0).counts["integrity"] == 1


def test_job_that_was_erased_is_not_lost(place):
    """What its owner erased may be gone, and its usage stays right."""
    place.journal.write("erase_sent", job_id=place.jobs[0])
    place.store.records.erase("anonymous", place.jobs[0])
    place.journal.write("erased", job_id=place.jobs[0])

    assert place.found() == set()


def test_reaper_and_the_one_who_cancels_are_no_zombies(place):
    """Who takes an item after its lease, and who cancels, may write to what somebody else holds."""
    held = {PIN.reference: PIN.digest}
    place.submit("reaped", [7])
    place.store.claims.claim("a dead worker", held, most=8, lease_s=-1.0)
    place.store.upkeep.reap()
    place.work("a worker")
    cancelled = place.submit("cancelled", [8])
    place.store.claims.claim("a worker", held, most=8, lease_s=60.0)
    place.store.records.cancel("anonymous", cancelled)

    assert place.found() == set()


def test_every_promise_has_a_fault():
    """No promise is checked by a rule that was never seen to find anything."""
    assert set(PROMISES) - set(FAULTS.values()) == {"double_ends", "double_results", "integrity"}
