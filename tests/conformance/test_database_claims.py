"""Claims on every database: fair, in order, never shared; and a write of a worker that lost its item is refused."""

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import and_, bindparam, select, update

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
from saccade.backends.database import claims as claims_module
from saccade.backends.database.conditions import IS_RUNNING
from saccade.backends.database.schema import item
from saccade.jobs.records import Expired, Failed, HandedBack, JobPriority, TryAgain
from saccade.jobs.states import ItemState

CLAIMER = """
import sys
from conformance.stores import HELD, succeeded
from saccade.backends.database.opening import open_database, open_store

url, owner = sys.argv[1:]
store = open_store(open_database(url))
while claims := store.claims.claim(owner, HELD, most=7, lease_s=60):
    for claim in claims:
        print(claim.id, claim.attempt)
    accepted = store.claims.finish(owner, [succeeded(claim) for claim in claims])
    assert accepted == {claim.id for claim in claims}
"""


def claim(store, owner="worker", *, most=1, held=HELD, lease_s=LEASE_S):
    return store.claims.claim(owner, held, most=most, lease_s=lease_s)


def order_of(store, count):
    """Return file names in the order in which they are claimed one by one."""
    return [claim(store)[0].file_name for _ in range(count)]


def submit(store, *names, principal="alice", **fields):
    job = new_job(principal, made=tuple(new_image(name) for name in names), **fields)
    store.submissions.submit(job)
    return job


def test_a_claim_tells_what_is_needed(store):
    """Everything that a worker must know comes with the claim."""
    job = submit(store, "a.jpg", options={"top_k": 7}, deadline_s=100, max_attempts=3)

    taken = claim(store)[0]

    assert (taken.job_id, taken.principal, taken.position, taken.file_name) == (job.id, "alice", 0, "a.jpg")
    assert (taken.model, taken.digest) == (CIRCLES.reference, CIRCLES.digest)
    assert (taken.attempt, taken.max_attempts, taken.crash_count) == (1, 3, 0)
    assert taken.options == {"top_k": 7}
    assert 90 < taken.deadline_in_s <= 100
    assert 0 <= taken.waited_s < 10
    assert taken.blob_key == job.images[0].blob_key


def test_only_items_of_models_in_ones_hands_are_claimed(store):
    """The digest decides: the same name with another package is another model."""
    submit(store, "a.jpg", models=(CIRCLES, SQUARES))

    assert claim(store, held={CIRCLES.reference: "sha256:other"}) == []
    assert claim(store, held={}) == []
    taken = claim(store, most=8, held={SQUARES.reference: SQUARES.digest})
    assert [each.model for each in taken] == [SQUARES.reference]


def test_a_principal_is_served_first_in_first_out(store):
    """Within one principal the older item goes first."""
    submit(store, "1", "2")
    submit(store, "3")

    assert order_of(store, 3) == ["1", "2", "3"]


def test_priority_goes_before_age(store):
    """Within one principal higher priority goes first, whatever came before."""
    submit(store, "low", priority=JobPriority.LOW)
    submit(store, "normal")
    submit(store, "high", priority=JobPriority.HIGH)

    assert order_of(store, 3) == ["high", "normal", "low"]


def test_a_small_principal_is_in_the_next_claim(db):
    """One with 100,000 items and one with 1: the second is served in the next claim."""
    submit(db.store, *(f"{number}" for number in range(50)), principal="alice")
    db.store.claims.claim("worker", HELD, most=8, lease_s=LEASE_S)
    submit(db.store, "small", principal="bob")

    taken = claim(db.store, most=8)

    assert Counter(each.principal for each in taken) == {"alice": 7, "bob": 1}


def test_principals_take_turns_even_one_by_one(store):
    """With one place the turns go around, and nobody is served twice while another waits."""
    for principal in ("alice", "bob", "carol"):
        submit(store, "1", "2", principal=principal)

    taken = [claim(store)[0].principal for _ in range(6)]

    assert sorted(taken[:3]) == sorted(taken[3:]) == ["alice", "bob", "carol"]


def test_what_one_does_not_need_goes_to_the_others(store):
    """A claim is full while there is enough, however unequal the shares are."""
    submit(store, *(f"{number}" for number in range(20)), principal="alice")
    for principal in ("bob", "carol", "dave"):
        submit(store, "1", principal=principal)

    taken = claim(store, most=16)

    assert Counter(each.principal for each in taken) == {"alice": 13, "bob": 1, "carol": 1, "dave": 1}


def test_principals_whose_items_may_not_run_yet_are_passed_over(db):
    """Forty principals with items for later do not keep the one behind them waiting."""
    for number in range(40):
        submit(db.store, "later", principal=f"p{number:02}")
    db.run("UPDATE item SET not_before = not_before + 600000000")
    submit(db.store, "now", principal="zoe")

    assert [each.principal for each in claim(db.store, most=1)] == ["zoe"]
    assert claim(db.store, most=1) == []


def test_a_passed_deadline_is_not_claimed(store):
    """What has expired is left to the sweep that ends it."""
    submit(store, "late", deadline_s=-1)

    assert claim(store) == []


def test_an_item_that_is_handed_back_returns_to_its_place(store):
    """It goes before what was submitted while a worker held it, and the attempt does not count."""
    submit(store, "first")
    taken = claim(store)
    submit(store, "second")
    time.sleep(0.01)

    assert store.claims.finish("worker", [HandedBack(taken[0])]) == {taken[0].id}

    again = claim(store, "other", most=2)
    assert [(each.file_name, each.attempt) for each in again] == [("first", 1), ("second", 1)]


def test_an_item_that_is_tried_again_waits(db):
    """It counts, it waits its delay, and it goes behind what came in between."""
    job = submit(db.store, "first")
    taken = claim(db.store)
    db.store.claims.finish("worker", [TryAgain(taken[0], "url_unreachable", "No answer.", delay_s=30)])

    assert claim(db.store) == []
    assert db.store.records.job("alice", job.id).counts.open == 1
    db.run("UPDATE item SET not_before = not_before - 31000000")
    again = claim(db.store)[0]
    assert (again.attempt, again.crash_count) == (2, 0)


def test_the_last_attempt_fails(store):
    """What may pass fails for good at the last attempt, and says so."""
    job = submit(store, "a", max_attempts=1)
    taken = claim(store)

    store.claims.finish("worker", [TryAgain(taken[0], "url_unreachable", "No answer.", delay_s=0)])

    item_record = store.records.items("alice", job.id)[0]
    assert (item_record.state, item_record.error_code) == (ItemState.FAILED, "url_unreachable")
    assert "attempt 1, the last one" in item_record.error_detail


def test_three_crashes_fail_an_item(store):
    """The first death may be a neighbour's fault, the third one is its own."""
    job = submit(store, "poison")
    for crashes in range(3):
        taken = claim(store)[0]
        assert taken.crash_count == crashes
        store.claims.finish("worker", [TryAgain(taken, "worker_crashed", "It died.", delay_s=0, crashed=True)])

    assert claim(store) == []
    assert store.records.items("alice", job.id)[0].error_code == "worker_crashed"


def test_every_outcome_leaves_all_counts_right(db):
    """Success, failure, expiry and return in one batch: states, results, usage, counts and events agree."""
    job = new_job(images=5)
    db.store.submissions.submit(job)
    a, b, c, d, e = claim(db.store, most=5)

    outcomes = [succeeded(a), Failed(b, "image_unreadable", "No."), Expired(c), HandedBack(d), succeeded(e)]
    accepted = db.store.claims.finish("worker", outcomes)

    assert accepted == {a.id, b.id, c.id, d.id, e.id}
    assert broken_promises(db.database) == []
    counts = db.store.records.job("alice", job.id).counts
    assert (counts.succeeded, counts.failed, counts.expired, counts.open) == (2, 1, 1, 1)


def test_usage_is_written_under_the_service_that_accepted_the_job(db):
    """Two servers share a database: a worker ends items of both at once, and each usage row has its job's service."""
    for service in ("east", "west"):
        db.store.submissions.submit(new_job(images=2, service=service))
    claims = db.store.claims.claim("worker", HELD, most=4, lease_s=LEASE_S)
    outcomes = [Failed(each, "image_unreadable", "no picture") if each.position else succeeded(each) for each in claims]

    db.store.claims.finish("worker", outcomes)

    assert db.rows("SELECT id, service FROM job ORDER BY service") == [
        (claims[0].job_id, "east"),
        (claims[2].job_id, "west"),
    ]
    rows = db.rows("SELECT item_id, service, outcome FROM usage_event ORDER BY item_id")
    assert rows == [
        (claim.id, service, outcome)
        for claim, (service, outcome) in zip(
            claims,
            [("east", "succeeded"), ("east", "failed"), ("west", "succeeded"), ("west", "failed")],
            strict=True,
        )
    ]


def test_two_outcomes_of_one_item_are_one(db):
    """A batch that names an item twice ends it once, by the first."""
    submit(db.store, "a")
    taken = claim(db.store)[0]

    accepted = db.store.claims.finish("worker", [succeeded(taken), Failed(taken, "image_unreadable", "No.")])

    assert accepted == {taken.id}
    assert broken_promises(db.database) == []
    assert db.rows("SELECT state FROM item") == [("succeeded",)]


def test_leases_are_lengthened_for_what_is_still_ones_own(db):
    """A heartbeat tells which items were lost."""
    submit(db.store, "a", "b", "c")
    taken = claim(db.store, most=3, lease_s=1)
    db.store.claims.finish("worker", [succeeded(taken[0])])
    before = dict(db.rows("SELECT id, lease_until FROM item WHERE lease_until IS NOT NULL"))

    kept = db.store.claims.extend("worker", [each.id for each in taken], lease_s=100)

    assert kept == {taken[1].id, taken[2].id}
    after = dict(db.rows("SELECT id, lease_until FROM item WHERE lease_until IS NOT NULL"))
    assert all(after[item_id] > before[item_id] + 90_000_000 for item_id in kept)
    assert db.store.claims.extend("stranger", list(kept), lease_s=100) == set()
    assert db.store.claims.extend("worker", [], lease_s=100) == set()


def test_a_zombie_writes_nothing(db):
    """A worker whose lease ran out, and whose item another one has, changes nothing by any outcome."""
    submit(db.store, "a")
    zombie = claim(db.store, "zombie", lease_s=-1)[0]
    db.store.upkeep.reap()
    heir = claim(db.store, "heir")[0]
    before = db.rows("SELECT * FROM item")

    for outcome in (
        succeeded(zombie),
        Failed(zombie, "x", "x"),
        Expired(zombie),
        HandedBack(zombie),
        TryAgain(zombie, "x", "x", delay_s=0),
    ):
        assert db.store.claims.finish("zombie", [outcome]) == set()
    assert db.store.claims.extend("zombie", [zombie.id], lease_s=100) == set()

    assert db.rows("SELECT * FROM item") == before
    assert db.store.claims.finish("heir", [succeeded(heir)]) == {heir.id}
    assert db.store.claims.finish("heir", [succeeded(heir)]) == set()
    assert broken_promises(db.database) == []


def test_an_earlier_life_of_the_same_worker_writes_nothing(db):
    """The attempt is part of the fence: the same owner with an older claim is refused."""
    submit(db.store, "a")
    older = claim(db.store, lease_s=-1)[0]
    db.store.upkeep.reap()
    newer = claim(db.store)[0]

    assert (older.attempt, newer.attempt) == (1, 2)
    assert db.store.claims.finish("worker", [succeeded(older)]) == set()
    assert db.store.claims.finish("worker", [succeeded(newer)]) == {newer.id}


@pytest.mark.parametrize(
    ("fence", "zombie"),
    [
        (item.c.id.is_not(None), {"owner": "zombie", "attempt": 2}),  # neither owner nor state
        (IS_RUNNING, {"owner": "zombie", "attempt": 2}),  # no owner
    ],
    ids=["no-fence", "state-only"],
)
def test_without_the_owner_a_zombie_is_heard(db, monkeypatch, fence, zombie):
    """The mutant: with the owner gone from the fence, the zombie's answer is taken and the heir's is lost."""
    ids = claims_module._IDS
    held = select(item.c.id, item.c.attempt).where(and_(ids, fence)).order_by(item.c.id).with_for_update()
    monkeypatch.setattr(claims_module, "_HELD", held)
    submit(db.store, "a")
    stale = claim(db.store, "zombie", lease_s=-1)[0]
    db.store.upkeep.reap()
    heir = claim(db.store, "heir")[0]

    heard = db.store.claims.finish(zombie["owner"], [succeeded(replace(stale, attempt=zombie["attempt"]))])

    assert heard == {stale.id}
    lost = db.store.claims.finish("heir", [succeeded(heir)]) if fence is IS_RUNNING else set()
    assert lost == set()


def test_without_the_attempt_an_earlier_life_is_heard(db, monkeypatch):
    """The mutant: with the attempt gone from the fence, the older claim of the same owner is taken."""
    submit(db.store, "a")
    older = claim(db.store, lease_s=-1)[0]
    db.store.upkeep.reap()
    newer = claim(db.store)[0]
    held = (
        select(item.c.id, (item.c.attempt - 1).label("attempt"))
        .where(claims_module._IDS, claims_module._IS_MINE)
        .with_for_update()
    )
    monkeypatch.setattr(claims_module, "_HELD", held)

    assert db.store.claims.finish("worker", [succeeded(older)]) == {older.id}
    assert db.store.claims.finish("worker", [succeeded(newer)]) == set()


def test_a_claim_without_its_state_condition_shares_items(db, monkeypatch):
    """The mutant: an UPDATE that does not look at the state takes an item from the worker that has it."""
    submit(db.store, "a")
    first = claim(db.store, "first")[0]
    mutant = (
        update(item)
        .where(claims_module._IDS)
        .values(
            attempt=item.c.attempt + 1,
            lease_owner=bindparam("b_owner"),
            lease_until=bindparam("b_until"),
            started_at=bindparam("b_now"),
        )
    )
    take = claims_module._take

    def steal():
        return db.database.write(lambda tx: take(tx, [first.id], owner="second", now=1, lease_us=10**18))

    assert steal() == []
    monkeypatch.setattr(claims_module, "_CLAIM", mutant)
    assert [each.id for each in steal()] == [first.id]


def test_threads_never_share_an_item(db):
    """Eight claimers drain 600 items: each item is claimed once, by one."""
    for principal in ("alice", "bob", "carol"):
        db.store.submissions.submit(new_job(principal, images=100, models=(CIRCLES, SQUARES)))

    def work(number):
        mine = []
        while claims := db.store.claims.claim(f"worker-{number}", HELD, most=5, lease_s=LEASE_S):
            mine += [each.id for each in claims]
            assert db.store.claims.finish(f"worker-{number}", [succeeded(each) for each in claims])
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = [item_id for mine in pool.map(work, range(8)) for item_id in mine]
    taken += [0] * drain(db.store)  # who found all locked by others at that moment went home early

    assert len(taken) == 600
    assert max(Counter(each for each in taken if each).values()) == 1
    assert broken_promises(db.database) == []


def test_processes_never_share_an_item(db):
    """Three processes drain 300 items: each item is claimed once, by one."""
    db.store.submissions.submit(new_job(images=150, models=(CIRCLES, SQUARES)))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, db.url, f"process-{number}"],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": "tests"},
        )
        for number in range(3)
    ]

    lines = [line for process in processes for line in process.communicate(timeout=60)[0].split("\n") if line]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(lines) + drain(db.store) == 300
    assert {count for _, count in Counter(lines).items()} == {1}
    assert all(line.endswith(" 1") for line in lines)
    assert broken_promises(db.database) == []
