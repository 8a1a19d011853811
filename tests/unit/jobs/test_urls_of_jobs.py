"""What a submission's URLs must be before anything of it is stored."""

from types import SimpleNamespace

import pytest

from saccade.backends import open_hints, open_objects
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.errors import ParameterInvalid, UrlRefused
from saccade.images.guard import Guard
from saccade.jobs.room import Room, RoomLimits
from saccade.jobs.service import JobLimits, Jobs
from saccade.jobs.submission import Source, Submission
from saccade.jobs.webhooks import Poster


class OneModel:
    """A registry that knows every name."""

    def status(self, name):
        return SimpleNamespace(reference=f"{name}@1", card=SimpleNamespace(digest="sha256:1"), detail="")


@pytest.fixture
def jobs(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/saccade.db")
    migrate(database)
    store = open_store(database)
    yield Jobs(
        store,
        open_objects("memory://"),
        open_hints("memory://"),
        OneModel(),
        room=Room(store.records, RoomLimits(100, 100)),
        limits=JobLimits(10, 10, 3),
        poster=Poster(Guard(), timeout_s=1),
    )
    database.close()


def submission(**fields):
    return Submission("alice", (Source("a.jpg", b"bytes"),), ("circles",), **fields)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://example.org/", "http://example.org:22/", "nonsense"])
def test_a_webhook_that_leads_inside_is_refused_at_once(jobs, url):
    """Nothing is stored and no key is taken."""
    jobs.store.deliveries.new_secret("alice", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    with pytest.raises(UrlRefused):
        jobs.submit(submission(webhook=url, idempotency_key="k"))

    assert jobs.store.records.jobs("alice") == []
    assert not jobs.submit(submission(idempotency_key="k")).replayed


def test_a_webhook_needs_a_secret_first(jobs):
    """Unsigned messages are not sent, so a job that asks for one is refused and told what to do."""
    with pytest.raises(ParameterInvalid) as caught:
        jobs.submit(submission(webhook="https://example.org/hook"))
    assert "POST /v1/webhooks/secret" in caught.value.hint
    assert "webhook" in caught.value.faults

    jobs.store.deliveries.new_secret("bob", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    with pytest.raises(ParameterInvalid):
        jobs.submit(submission(webhook="https://example.org/hook"))
    jobs.store.deliveries.new_secret("alice", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    accepted = jobs.submit(submission(webhook="https://example.org/hook"))

    assert accepted.job.webhook == "https://example.org/hook"


def test_a_picture_whose_url_is_too_long_is_refused(jobs):
    """No column holds it, and nothing would ever fetch it."""
    with pytest.raises(UrlRefused):
        jobs.submit(Submission("alice", (Source(url="https://example.org/" + "x" * 70_000),), ("circles",)))

    assert jobs.store.records.jobs("alice") == []
