"""A loop that dies is seen, started again, and well once it turns."""

import threading

import pytest

from saccade.failpoints import FAILPOINTS
from saccade.worker.loops import Loop
from unit.worker.waiting import eventually


@pytest.fixture
def loops():
    """Return a function that makes a started loop; all are stopped at the end."""
    made = []

    def start(turn, patience_s=30.0):
        loop = Loop("claimer", turn, patience_s=patience_s)
        made.append(loop)
        loop.start()
        return loop

    yield start
    for loop in made:
        loop.stop()
        assert loop.join(5.0)


def test_loop_that_died_is_unwell_until_it_turns_again(loops):
    """Its death is told with its cause; it is not started before its time, and is well after a turn."""
    may_live = threading.Event()
    turns = []

    def turn():
        turns.append(may_live.wait(0.01))
        if not turns[-1]:
            raise KeyError("gone")

    loop = loops(turn)
    eventually(lambda: loop.problem() is not None)

    assert loop.problem() == "the claimer died of KeyError and is started again"
    may_live.set()
    loop.revive()
    assert len(turns) == 1, "it is started again at once, and would spin"
    eventually(lambda: loop.revive() or loop.problem() is None)


def test_loop_that_ends_its_thread_is_seen_too(loops):
    """Even what is no ordinary exception, sys.exit for one, is a death like any other."""

    def turn():
        raise SystemExit(3)

    loop = loops(turn)

    eventually(lambda: loop.problem() == "the claimer died of SystemExit and is started again")


def test_loop_that_hangs_is_stuck(loops):
    """A thread that lives but does not turn is not well; one that says that it goes on is."""
    go_on = threading.Event()
    loop = loops(lambda: go_on.wait(5.0), patience_s=0.05)

    eventually(lambda: "stuck" in (loop.problem() or ""))

    loop.tick()
    assert loop.problem() is None
    go_on.set()


def test_loop_that_is_told_to_stop_is_well(loops):
    """A stop is no death."""
    loop = loops(lambda: None)
    loop.stop()

    assert loop.join(5.0)
    assert loop.problem() is None


def test_turn_of_a_worker_is_a_failpoint():
    """The death of a loop can be tried on a real server."""
    assert "worker.turn" in FAILPOINTS
