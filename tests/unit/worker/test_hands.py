"""What a worker holds: how much more it may take, and what it lets go of."""

import math
import threading

import pytest

from saccade.caller import CallerLeft
from saccade.clock import monotonic_s
from saccade.worker.hands import DeadlinePassed, Drained, Hands, LeaseLost, Stage
from unit.worker.claims import claim


@pytest.fixture
def hands():
    """Return hands with four places, and room for two suspects."""
    return Hands(4, suspects=2)


def take(hands, *claims):
    """Take claims with a lease of ten seconds."""
    return hands.take(claims, asked_s=monotonic_s(), lease_s=10.0)


def reason_of(hold):
    """Return why nobody waits for a hold any more."""
    with pytest.raises(CallerLeft) as left:
        hold.caller.check()
    return type(left.value.reason)


def test_place_is_free_when_the_outcome_is_known(hands):
    """The next item need not wait until the last one is written down; but it is still kept alive until then."""
    holds = take(hands, *(claim(number) for number in range(3)))

    assert hands.await_room(1, timeout_s=0) == 1
    assert hands.await_room(2, timeout_s=0) == 0
    assert hands.begin(holds[0])
    assert hands.done(holds[0])
    assert hands.await_room(2, timeout_s=0) == 2
    assert len(hands.all()) == 3
    hands.release([holds[0]])
    assert len(hands.all()) == 2


def test_room_is_waited_for(hands):
    """Whoever waits for room is woken when there is enough."""
    holds = take(hands, *(claim(number) for number in range(4)))
    threading.Timer(0.05, lambda: [hands.done(hold) for hold in holds]).start()

    assert hands.await_room(4, timeout_s=5.0) == 4


def test_suspects_take_no_place_of_others_until_there_are_too_many(hands):
    """Suspects run one by one; they must not keep the others from being claimed, but do not pile up without end."""
    take(hands, claim(1, crash_count=1))
    assert hands.await_room(1, timeout_s=0) == 4

    take(hands, claim(2, crash_count=1))

    assert hands.await_room(1, timeout_s=0) == 0


def test_results_that_cannot_be_written_stop_the_claims(hands):
    """While the database is away nothing more is claimed than can be kept."""
    for hold in take(hands, *(claim(number) for number in range(16))):
        hands.done(hold)

    assert hands.await_room(1, timeout_s=0) == 0


def test_item_that_is_somebody_elses_is_dropped(hands):
    """What the heartbeat no longer finds ours is called off, and what comes of it is not written."""
    mine, lost = take(hands, claim(1), claim(2))
    hands.begin(lost)

    dropped = hands.extended([mine, lost], {1}, until_s=99.0)

    assert dropped == [lost]
    assert mine.lease_until_s == 99.0
    assert reason_of(lost) is LeaseLost
    assert hands.done(lost) is False
    assert [hold.claim.id for hold in hands.all()] == [1]


def test_item_that_comes_back_to_the_same_worker_replaces_the_stale_claim(hands):
    """After a stall the same item may be ours again, at a later attempt: the earlier one is a zombie of our own."""
    (old,) = take(hands, claim(1, attempt=1))
    hands.begin(old)

    (new,) = take(hands, claim(1, attempt=2))

    assert (old.stage, new.stage) == (Stage.DROPPED, Stage.WAITING)
    assert reason_of(old) is LeaseLost
    hands.release([old])
    assert hands.all() == [new]


def test_deadline_calls_off_what_has_not_run(hands):
    """An item whose deadline passes while it waits is told so; one without a deadline never."""
    late, patient = take(hands, claim(1, deadline_in_s=-1.0), claim(2))

    hands.call_overdue()

    assert reason_of(late) is DeadlinePassed
    assert patient.expires_s == math.inf
    patient.caller.check()


def test_drain_takes_back_what_nobody_has_begun(hands):
    """What waits is handed back at once and never begun; what runs is told, and may still end."""
    waiting, running = take(hands, claim(1), claim(2))
    hands.begin(running)

    assert hands.call_back() == [waiting]

    assert hands.begin(waiting) is False
    assert reason_of(running) is Drained
    assert hands.done(running) is True
