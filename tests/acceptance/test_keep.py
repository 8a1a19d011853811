"""Jobs that keep their images, with real workers: what lasts is whole, whatever happens to those who make it."""

import hashlib

import pytest

from saccade import settings
from saccade.backends.database.images import SqlImageRecords
from saccade.backends.database.opening import open_database
from saccade.errors import ImageUnknown, NothingToRetry
from saccade.images.intake import take
from saccade.images.limits import Limits
from saccade.images.traits import traits_of
from saccade.jobs.states import JobState
from saccade.jobs.submission import Source, Submission
from saccade.wiring import open_platform
from working.fickle import FAILING, FINE, picture
from working.processes import eventually, place, work

__all__ = ["place", "work"]


class Desk:
    """Where jobs are handed in beside the workers' processes, and what is kept is looked at."""

    def __init__(self, place):
        loaded = settings.load({name: value for name, value in place.settings.items() if name.startswith("SACCADE_")})
        self.platform = open_platform(loaded)
        self.platform.start()
        self.platform.open_jobs()
        self.jobs = self.platform.door.wait(30).jobs
        self.database = open_database(loaded.database_url)
        self.images = SqlImageRecords(self.database)

    def submit(self, *sources, models=("fickle",), keep=True):
        """Hand in a job and return its id."""
        eventually(lambda: self.platform.registry.readiness().ready, "the models do not load")
        asked = Submission("alice", sources, models, keep=keep)
        return self.jobs.submit(asked).job.id

    def await_end(self, job_id):
        """Return a job once it has ended."""
        eventually(lambda: self.job(job_id).state is not JobState.RUNNING, "the job does not end")
        return self.job(job_id)

    def job(self, job_id):
        """Return a job."""
        return self.jobs.store.records.job("alice", job_id)

    def blobs(self):
        """Return the keys of all blobs of remembered images."""
        return {each.key for each in self.jobs.objects.list("images/")}

    def close(self):
        """Give everything back."""
        self.database.close()
        self.platform.close()


@pytest.fixture
def desk(place, monkeypatch):
    """Return a desk in the place."""
    monkeypatch.setenv("FICKLE_LOG", place.settings["FICKLE_LOG"])  # the desk loads the model too
    made = Desk(place)
    yield made
    made.close()


def id_of(data):
    """Return the id of an image."""
    return hashlib.sha256(data).hexdigest()


def test_kept_images_outlive_their_job(desk, work):
    """Two models, an image that fails and two that do not: records of what was seen, with bytes of their own."""
    fine, other, bad = picture(FINE, 1), picture(FINE, 2), picture(FAILING, 3)
    work().await_begun()

    job = desk.await_end(
        desk.submit(Source("fine.png", fine), Source("other.png", other), models=("fickle", "circles"))
    )
    failed = desk.await_end(desk.submit(Source("bad.png", bad)))
    desk.jobs.store.records.erase("alice", job.id)

    record = desk.images.image("alice", id_of(fine))
    assert (job.state, job.keep, failed.state) == (JobState.SUCCEEDED, True, JobState.FAILED)
    assert record.traits == traits_of(fine, take(fine, Limits()))
    assert record.file_names == ("fine.png",)
    assert [each.model for each in record.predictions] == ["circles@1", "fickle@1"]
    assert record.predictions[1].labels == (("seen", 1.0, 1),)
    assert '"timing_ms"' not in record.predictions[1].prediction
    assert desk.jobs.objects.get(record.blob_key) == fine
    assert desk.images.image("alice", id_of(other)).blob_key != record.blob_key
    with pytest.raises(ImageUnknown):
        desk.images.image("alice", id_of(bad))


def test_a_job_that_does_not_ask_keeps_nothing(desk, work):
    """Its results are there, and there is no record and no blob for one."""
    fine = picture(FINE, 1)
    work().await_begun()

    assert desk.await_end(desk.submit(Source("fine.png", fine), keep=False)).state is JobState.SUCCEEDED

    with pytest.raises(ImageUnknown):
        desk.images.image("alice", id_of(fine))
    assert desk.blobs() == set()


def test_a_remembered_image_is_shown_to_another_model(desk, work):
    """Named by its id in a new job: the record gets the new prediction, keeps its blob, and no other blob is left."""
    fine = picture(FINE, 1)
    work().await_begun()
    desk.jobs.store.records.erase("alice", desk.await_end(desk.submit(Source("fine.png", fine))).id)
    before = desk.images.image("alice", id_of(fine))

    again = desk.await_end(desk.submit(Source(image_id=id_of(fine)), models=("circles",)))

    record = desk.images.image("alice", id_of(fine))
    assert again.state is JobState.SUCCEEDED
    assert [each.model for each in record.predictions] == ["circles@1", "fickle@1"]
    assert desk.blobs() == {record.blob_key} == {before.blob_key}


def test_an_item_that_runs_alone_is_remembered_too(desk, work):
    """The process for suspects tells what its model saw and what the picture is; the record is as any other."""
    fine = picture(FINE, 1)
    job_id = desk.submit(Source("fine.png", fine), models=("fickle", "circles"))
    desk.database.write(lambda tx: tx.exec_driver_sql("UPDATE item SET crash_count = 1"))
    worker = work()
    worker.await_begun()

    assert desk.await_end(job_id).state is JobState.SUCCEEDED

    record = desk.images.image("alice", id_of(fine))
    assert "a process for suspect items was started" in worker.log.read_text()
    assert record.traits == traits_of(fine, take(fine, Limits()))
    assert [(each.model, each.labels) for each in record.predictions] == [
        ("circles@1", ()),
        ("fickle@1", (("seen", 1.0, 1),)),
    ]


def test_a_worker_that_is_killed_before_it_commits_leaves_nothing(desk, work):
    """Its blob is there and named by nothing; the next worker makes the record, whole, with another."""
    fine = picture(FINE, 1)
    job_id = desk.submit(Source("fine.png", fine))
    killed = work("--no-supervisor", SACCADE_FAILPOINTS="finish.before_commit:kill")

    assert killed.process.wait(40) == -9

    (lost,) = desk.blobs()
    with pytest.raises(ImageUnknown):
        desk.images.image("alice", id_of(fine))
    work().await_begun()
    assert desk.await_end(job_id).state is JobState.SUCCEEDED
    record = desk.images.image("alice", id_of(fine))
    assert desk.blobs() == {lost, record.blob_key}
    assert desk.jobs.store.upkeep.ownerless(sorted(desk.blobs())) == [lost]


def test_an_image_that_is_erased_leaves_no_blob(desk, work):
    """Of the record and of the job: the worker that sweeps deletes both, and nothing is listed any more."""
    fine = picture(FINE, 1)
    work(SACCADE_WORKER_SWEEP_S="0.2").await_begun()
    job_id = desk.submit(Source("fine.png", fine))
    desk.await_end(job_id)

    desk.images.erase("alice", id_of(fine))

    eventually(lambda: not list(desk.jobs.objects.list("")), "blobs are left")
    (item,) = desk.jobs.store.records.items("alice", job_id)
    assert (item.error_code, item.prediction, item.file_name) == ("image_deleted", None, None)


def test_a_retry_keeps_too_and_leaves_erased_images_out(desk, work):
    """Of two images that failed one was erased: the new job is of the other alone; erased as well, nothing is left."""
    first, second = picture(FAILING, 1), picture(FAILING, 2)
    work().await_begun()
    job_id = desk.submit(Source("first.png", first), Source("second.png", second))
    desk.await_end(job_id)
    desk.images.erase("alice", id_of(first))

    again = desk.jobs.retry("alice", job_id).job

    assert (again.images, again.keep) == (1, True)
    assert [each.file_name for each in desk.jobs.store.records.items("alice", again.id)] == ["second.png"]
    desk.await_end(again.id)
    desk.images.erase("alice", id_of(second))
    with pytest.raises(NothingToRetry):
        desk.jobs.retry("alice", job_id)
