"""The caretaker looks for blobs that nothing names wherever blobs lie."""

from types import SimpleNamespace

import pytest

from saccade.backends import open_hints, open_objects
from saccade.backends.database.images import SqlImageRecords
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.images.blobs import IMAGE_BLOBS, JOB_BLOBS, new_blob_key
from saccade.images.records import NewImage, Traits
from saccade.jobs.ids import new_id
from saccade.jobs.records import ModelPin, NewJob
from saccade.jobs.records import NewImage as JobImage
from saccade.metrics import Metrics
from saccade.worker import caretaker as module
from saccade.worker.caretaker import Caretaker
from saccade.worker.trouble import Trouble

TRAITS = Traits("ab" * 32, "cd" * 16, "ef" * 20, 7, "png", 1, 1, 5)


@pytest.fixture
def database(tmp_path):
    """Return a migrated database."""
    opened = open_database(f"sqlite:///{tmp_path}/saccade.db")
    migrate(opened)
    yield opened
    opened.close()


def test_blobs_of_jobs_and_of_records_are_looked_through(database, monkeypatch):
    """What a job or a record names stays; what a request that died left behind goes, under either prefix."""
    monkeypatch.setattr(module, "_ORPHANS_EVERY_S", 0.0)
    monkeypatch.setattr(module, "_ORPHAN_AGE_S", -60.0)
    store, objects = open_store(database), open_objects("memory://")
    named, lost = ({place: new_blob_key(place=place) for place in (JOB_BLOBS, IMAGE_BLOBS)} for _ in range(2))
    objects.put_many({key: b"bytes" for keys in (named, lost) for key in keys.values()})
    image = JobImage("a.png", sha256="ab" * 32, blob_key=named[JOB_BLOBS], size_bytes=5)
    store.submissions.submit(NewJob(new_id(), "alice", (image,), (ModelPin("circles@1", "d"),)))
    SqlImageRecords(database).remember(NewImage("alice", TRAITS, named[IMAGE_BLOBS]))
    jobs = SimpleNamespace(store=store, objects=objects, hints=open_hints("memory://"))
    trouble = Trouble("the database", longest_pause_s=1.0)

    Caretaker(jobs, Metrics(), sweep_s=1.0, hint_age_s=60.0, retention_s=0.0, trouble=trouble).sweep()

    assert {each.key for each in objects.list("")} == set(named.values())
