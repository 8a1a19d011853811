"""The outbox of webhooks on every database: one message for one end, leased, fenced, postponed, dead, begun anew."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.stores import drain, new_job
from saccade.errors import DeliveryUnknown, JobUnknown
from saccade.jobs.records import DeliveryState

URL = "https://example.org/hook"


def ended_job(store, principal="alice", **fields):
    job = new_job(principal, webhook=URL, **fields)
    store.submissions.submit(job)
    drain(store)
    return job


def due(store, owner="worker", *, most=10, lease_s=30.0):
    return store.deliveries.due(owner, most=most, lease_s=lease_s)


def test_the_end_of_a_job_is_one_message(db):
    """It is there when the last item has ended, not before, and due at once."""
    job = new_job(images=2, webhook=URL)
    db.store.submissions.submit(job)
    assert db.store.deliveries.of_job("alice", job.id) == []
    drain(db.store)

    (delivery,) = due(db.store)

    assert (delivery.job_id, delivery.principal, delivery.url, delivery.event) == (job.id, "alice", URL, "job.ended")
    assert (delivery.state, delivery.attempt) == (DeliveryState.PENDING, 1)


def test_a_job_without_webhook_tells_nobody(db):
    """No message is made that nobody asked for."""
    db.store.submissions.submit(new_job())
    drain(db.store)

    assert due(db.store) == []


def test_a_delivery_belongs_to_one(db):
    """Sixteen claimers, forty messages: each goes to one."""
    for _ in range(40):
        ended_job(db.store)
    with ThreadPoolExecutor(16) as pool:
        taken = [each.id for found in pool.map(lambda n: due(db.store, f"w{n}", most=4), range(16)) for each in found]

    assert max(Counter(taken).values()) == 1
    assert len(taken) + len(due(db.store, most=100)) == 40


def test_a_lease_that_ran_out_lets_others_deliver_it_again(db):
    """The same message with the same id; the first one's note is refused."""
    ended_job(db.store)
    (first,) = due(db.store, "dead", lease_s=-1)
    (second,) = due(db.store, "heir")

    assert (second.id, second.attempt) == (first.id, 2)
    assert not db.store.deliveries.delivered("dead", first, status_code=200)
    assert not db.store.deliveries.postpone("dead", first, delay_s=5, status_code=None, error="x")
    assert db.store.deliveries.delivered("heir", second, status_code=204)
    assert not db.store.deliveries.delivered("heir", second, status_code=204)


def test_a_failure_is_noted_and_comes_again_when_it_is_due(db):
    """Not before its delay; status and reason are there to be seen, whatever the reason's length."""
    job = ended_job(db.store)
    (delivery,) = due(db.store)
    assert db.store.deliveries.postpone("worker", delivery, delay_s=60, status_code=503, error="busy \0" + "x" * 9000)

    assert due(db.store) == []
    (noted,) = db.store.deliveries.of_job("alice", job.id)
    assert (noted.state, noted.status_code, noted.attempt) == (DeliveryState.PENDING, 503, 1)
    assert noted.error.startswith("busy")
    db.run("UPDATE delivery SET next_at = next_at - 61000000")
    (again,) = due(db.store)
    assert (again.id, again.attempt) == (delivery.id, 2)


def test_a_dead_letter_is_begun_anew_on_demand(db):
    """Given up it is due no more; redelivered it is, with its attempts counted anew."""
    job = ended_job(db.store)
    (delivery,) = due(db.store)
    db.store.deliveries.postpone("worker", delivery, delay_s=None, status_code=410, error="gone")
    (dead,) = db.store.deliveries.of_job("alice", job.id)
    assert (dead.state, dead.next_at_us) == (DeliveryState.DEAD, None)
    assert due(db.store) == []

    fresh = db.store.deliveries.redeliver("alice", job.id, delivery.id)

    assert (fresh.state, fresh.attempt) == (DeliveryState.PENDING, 0)
    (again,) = due(db.store)
    assert (again.id, again.attempt) == (delivery.id, 1)


def test_foreign_and_unknown_deliveries_are_absent(db):
    """Nobody starts another one's messages."""
    job = ended_job(db.store)
    (delivery,) = db.store.deliveries.of_job("alice", job.id)

    with pytest.raises(JobUnknown):
        db.store.deliveries.redeliver("bob", job.id, delivery.id)
    with pytest.raises(DeliveryUnknown):
        db.store.deliveries.redeliver("alice", job.id, "0192f000-0000-7000-8000-000000000000")


def test_a_principal_has_one_secret(db):
    """The newest counts, however often it is renewed, and also if two are made at once."""
    assert db.store.deliveries.secret("alice") is None
    for secret in ("whsec_a", "whsec_a", "whsec_b"):
        db.store.deliveries.new_secret("alice", secret)
    assert db.store.deliveries.secret("alice") == "whsec_b"
    assert db.store.deliveries.secret("bob") is None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: db.store.deliveries.new_secret("bob", f"whsec_{n}"), range(8)))

    assert db.store.deliveries.secret("bob").startswith("whsec_")
