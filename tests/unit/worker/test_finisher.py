"""How outcomes are written: together, again while the database is away, and never after their lease."""

import pytest

from saccade.clock import monotonic_s
from saccade.images.records import NewImage, NewPrediction, Traits
from saccade.jobs.records import Failed, Keeping, Succeeded
from saccade.metrics import Metrics
from saccade.worker.finisher import Finisher
from saccade.worker.hands import Hands
from saccade.worker.trouble import Trouble
from unit.worker.claims import Ledger, claim


class Writing:
    """A finisher over a ledger."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.hands = Hands(8, suspects=8)
        self.metrics = Metrics()
        self.ended = 0
        self.dropped = []
        self.finisher = Finisher(
            "me",
            ledger,
            self.hands,
            self.metrics,
            trouble=Trouble("the database", longest_pause_s=0.01),
            on_ended=self.count,
            on_dropped=self.dropped.extend,
        )

    def count(self, items):
        self.ended += items

    def succeed(self, *numbers, lease_s=60.0, kept=None):
        """Have items succeed."""
        claims = [claim(number) for number in numbers]
        for hold in self.hands.take(claims, asked_s=monotonic_s(), lease_s=lease_s):
            self.finisher.put(hold, Succeeded(hold.claim, "{}", 1, 1.0, cached=False, kept=kept))


def test_outcomes_that_are_ready_share_a_transaction():
    """What is ready when the writer comes is one commit; then it is out of our hands."""
    writing = Writing(Ledger())
    writing.succeed(1, 2, 3)

    writing.finisher.turn()

    assert writing.ledger.calls == [[1, 2, 3]]
    assert writing.hands.all() == []
    assert writing.ended == 3
    assert writing.metrics.items.labels("succeeded")._value.get() == 3


def test_outcomes_wait_for_a_database_that_is_away():
    """Nothing is dropped while the lease lasts, and nothing is written twice."""
    writing = Writing(Ledger(away=3))
    writing.succeed(1, 2)

    for _ in range(4):
        writing.finisher.turn()

    assert writing.ledger.calls == [[1, 2]]
    assert writing.hands.all() == []


def test_outcome_is_dropped_when_its_lease_has_run_out():
    """Somebody else may have the item by then; the fence would refuse it, and we do not even ask."""
    writing = Writing(Ledger())
    writing.succeed(1, lease_s=-1.0)
    writing.succeed(2)

    writing.finisher.turn()

    assert writing.ledger.calls == [[2]]
    assert writing.hands.all() == []


def test_outcome_of_a_dropped_item_is_not_written():
    """What the heartbeat found lost is not even put into the line."""
    writing = Writing(Ledger())
    (hold,) = writing.hands.take([claim(1)], asked_s=monotonic_s(), lease_s=60.0)
    writing.hands.begin(hold)
    writing.hands.extended([hold], set(), until_s=0.0)

    writing.finisher.put(hold, Succeeded(hold.claim, "{}", 1, 1.0, cached=False))
    writing.finisher.turn()

    assert writing.ledger.calls == []


@pytest.mark.parametrize("unwritable", [{(2, "Succeeded")}, {(2, "Succeeded"), (2, "Failed")}])
def test_outcome_that_no_database_takes_holds_up_nobody(unwritable):
    """The others are written; the one becomes a failure if that can be written, else it is left to the reaper."""
    writing = Writing(Ledger(unwritable=unwritable))
    writing.succeed(1, 2, 3)

    for _ in range(3):
        writing.finisher.turn()

    assert {1, 3} <= set(writing.ledger.written)
    assert writing.hands.all() == []
    left = writing.ledger.written.get(2)
    assert (left is None) == ((2, "Failed") in unwritable)
    assert left is None or (isinstance(left, Failed) and left.code == "internal")


def test_what_was_written_for_a_lost_outcome_is_given_back():
    """The image of an item that was cancelled because its owner erased it does not live on in a blob."""
    writing = Writing(Ledger())
    traits = Traits("ab" * 32, "cd" * 16, "ef" * 20, 0, "png", 4, 3, 100)
    said = NewPrediction("dummy@1", "12" * 32, "image-classification", "python/cpu", "{}", "{}", ())
    for key, is_new_blob in (("images/new", True), ("images/of-a-record", False)):
        kept = Keeping(NewImage("alice", traits, key), said, is_new_blob=is_new_blob)
        writing.succeed(len(writing.dropped) + 1 + is_new_blob, lease_s=-1.0, kept=kept)

    writing.finisher.turn()

    assert writing.ledger.calls == []
    assert writing.dropped == ["images/new"]
