"""Webhooks without a network: message, signature, schedule, and what is refused before anything is sent."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from saccade.clock import utc_now
from saccade.errors import UrlRefused
from saccade.images.guard import Guard
from saccade.jobs.records import DeliveryRecord, DeliveryState, JobPriority, JobRecord
from saccade.jobs.states import Counts, JobState
from saccade.jobs.webhooks import JITTER, Poster, delay_after, headers_of, is_delivered, message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECOND_US = 1_000_000
AT_US = 1_700_000_000 * SECOND_US
#: Standard Webhooks, "Deliverability and reliability": after a start at once.
SCHEDULE_S = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.fixture
def delivery():
    return DeliveryRecord(
        "0192f000-0000-7000-8000-00000000000d",
        "job-1",
        "alice",
        "https://example.org/hook",
        "job.ended",
        DeliveryState.PENDING,
        1,
        AT_US,
        None,
        None,
        AT_US,
        None,
    )


@pytest.fixture
def job():
    return JobRecord(
        id="job-1",
        principal="alice",
        state=JobState.FAILED,
        counts=Counts(3, succeeded=2, failed=1),
        running=0,
        models=("circles@1",),
        images=3,
        options={"top_k": 5, "threshold": None, "candidate_labels": []},
        priority=JobPriority.NORMAL,
        webhook="https://example.org/hook",
        retry_of=None,
        event_seq=3,
        created_at_us=AT_US,
        started_at_us=AT_US + SECOND_US,
        finished_at_us=AT_US + 2 * SECOND_US,
        cancelled_at_us=None,
        deadline_at_us=None,
    )


def test_the_message_says_what_happened_and_when(delivery, job):
    """Type, the time of the event, and the job as its owner sees it; no principal and no secret."""
    told = json.loads(message(delivery, job))

    assert told["type"] == "job.ended"
    assert told["timestamp"] == "2023-11-14T22:13:22.000000Z"
    assert told["data"]["id"] == "job-1"
    assert told["data"]["state"] == "failed"
    assert told["data"]["counts"]["succeeded"] == 2
    assert "alice" not in json.dumps(told)


def test_the_package_of_the_standard_verifies_the_signature(delivery, job):
    """Whoever has the secret can tell that it is ours."""
    body = message(delivery, job)
    headers = headers_of(delivery, body, secret=SECRET, now=utc_now())

    assert Webhook(SECRET).verify(body, headers)["type"] == "job.ended"
    assert headers["webhook-id"] == delivery.id


@pytest.mark.parametrize("spoil", ["body", "id", "time", "secret"])
def test_whatever_is_changed_breaks_the_signature(delivery, job, spoil):
    """Body, id and time are signed; another secret does not do."""
    body = message(delivery, job)
    headers = headers_of(delivery, body, secret=SECRET, now=utc_now())
    if spoil == "body":
        body = body.replace(b"failed", b"succeeded", 1)
    elif spoil == "id":
        headers["webhook-id"] = "another"
    elif spoil == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    other = "whsec_" + "A" * 32

    with pytest.raises(WebhookVerificationError):
        Webhook(other if spoil == "secret" else SECRET).verify(body, headers)


def test_an_old_message_is_refused_by_its_receiver(delivery, job):
    """Each attempt has its own time, for a receiver refuses one of long ago."""
    body = message(delivery, job)
    headers = headers_of(delivery, body, secret=SECRET, now=datetime(2020, 1, 1, tzinfo=UTC))

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


def test_attempts_follow_the_schedule_of_the_standard():
    """5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h after each failure, with a little chance; then no more."""
    delays = [delay_after(attempt, status=500) for attempt in range(1, 11)]

    assert delays[-1] is None
    for expected_s, delay_s in zip(SCHEDULE_S, delays[:-1], strict=True):
        assert expected_s <= delay_s <= expected_s * (1 + JITTER)


def test_gone_is_gone():
    """410 ends it at the first attempt; no other status does."""
    assert delay_after(1, status=410) is None
    assert all(delay_after(1, status=status) is not None for status in (None, 301, 400, 404, 429, 500, 503))


def test_only_2xx_is_a_success():
    """A redirect is a failure, and so is everything else."""
    assert [status for status in range(100, 600) if is_delivered(status)] == list(range(200, 300))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://user:pass@example.org/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://example.org:22/",
        "https://exa mple.org/",
        "http://" + "x" * 5000,
        "",
    ],
)
def test_what_can_never_be_reached_is_refused_at_once(url):
    """Without resolving any name."""
    with pytest.raises(UrlRefused):
        Poster(Guard(), timeout_s=1).check(url)


@pytest.mark.parametrize("url", ["https://example.org/hook?x=1", "http://example.org/", "http://93.184.216.34/"])
def test_what_may_be_reached_is_let_through(url):
    """What a name resolves to is looked at when it is delivered."""
    Poster(Guard(), timeout_s=1).check(url)
    Poster(Guard(allow=("hook.lab:9000",)), timeout_s=1).check("http://hook.lab:9000/")
