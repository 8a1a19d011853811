"""The batcher and callers who leave: what nobody waits for is not run, and takes nothing with it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.caller import Caller, CallerLeft
from saccade.models.batching import Batcher, BatchLimits


class Gated:
    """A run that notes its works and stops until it is let go."""

    def __init__(self):
        self.seen = []
        self.entered, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, works):
        self.seen.extend(works)
        self.entered.release()
        assert self.go.acquire(timeout=20)
        return works


class Line:
    """Hears how many wait."""

    def __init__(self):
        self.length = 0
        self.told = threading.Condition()

    def __call__(self, length):
        with self.told:
            self.length = length
            self.told.notify_all()

    def wait(self, length):
        with self.told:
            assert self.told.wait_for(lambda: self.length == length, timeout=20)


@pytest.fixture
def scene():
    """Yield a batcher whose only slot is busy, its run, its line, and a function that submits in a thread."""
    run, line = Gated(), Line()
    batcher = Batcher(run, BatchLimits(slots=1), on_queue=line)
    with ThreadPoolExecutor(40) as pool:

        def submit(work, caller=None):
            return pool.submit(batcher.submit, work, key="k", cost=1, caller=caller)

        first = submit("first")
        assert run.entered.acquire(timeout=20)
        yield batcher, run, line, submit
        run.go.release(100)
        assert first.result(20).value == "first"


def test_those_who_left_are_not_run_and_the_others_are(scene):
    """Thirty wait, every other one leaves: exactly the others are run, and the line is empty afterwards."""
    batcher, run, line, submit = scene
    callers = [Caller() for _ in range(30)]
    futures = [submit(number, caller) for number, caller in enumerate(callers)]
    line.wait(30)
    for caller in callers[::2]:
        caller.leave(RuntimeError("gone"))
    line.wait(15)
    run.go.release(100)

    assert {type(future.exception(20)) for future in futures[::2]} == {CallerLeft}
    assert [future.result(20).value for future in futures[1::2]] == list(range(1, 30, 2))
    assert sorted(run.seen[1:]) == list(range(1, 30, 2))
    assert batcher._waiting == []


def test_who_leaves_does_not_wait_for_the_run_before(scene):
    """The thread of a caller who left is free at once, though the slot is still busy."""
    _, run, line, submit = scene
    caller = Caller()
    future = submit("late", caller)
    line.wait(1)
    caller.leave(RuntimeError("gone"))

    assert isinstance(future.exception(20), CallerLeft)
    assert run.seen == ["first"]


def test_a_run_that_has_begun_is_answered_though_its_caller_left():
    """Leaving too late changes nothing: the work is done, so it is given."""
    run, caller = Gated(), Caller()
    batcher = Batcher(run, BatchLimits(slots=1))
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(batcher.submit, "work", key="k", cost=1, caller=caller)
        assert run.entered.acquire(timeout=20)
        caller.leave(RuntimeError("gone"))
        run.go.release()

        assert future.result(20).value == "work"


def test_who_left_before_they_came_is_not_run_on_an_idle_slot():
    """Nobody waits, so nothing runs, and the slot stays free for the next one."""
    caller, seen = Caller(), []
    caller.leave(RuntimeError("gone"))
    batcher = Batcher(lambda works: seen.extend(works) or works, BatchLimits(slots=1))

    with pytest.raises(CallerLeft):
        batcher.submit("work", key="k", cost=1, caller=caller)
    assert seen == []
    assert batcher.submit("next", key="k", cost=1).value == "next"


def test_nobody_is_lost_when_callers_leave_in_a_storm():
    """However leaving and running race, each is answered or has left, none waits for ever, and the slots are free."""
    batcher = Batcher(lambda works: works, BatchLimits(slots=2, max_items=5, queue_items=10_000))
    callers = [Caller() for _ in range(2000)]

    def ask(number):
        try:
            return batcher.submit(number, key=number % 3, cost=1, caller=callers[number]).value
        except CallerLeft:
            return "left"

    with ThreadPoolExecutor(17) as pool:
        leaving = pool.submit(lambda: [caller.leave(RuntimeError()) for caller in callers[::3]])
        answers = list(pool.map(ask, range(2000)))
        leaving.result(20)

    assert all(answer in {number, "left"} for number, answer in enumerate(answers))
    assert not any(answer == "left" for number, answer in enumerate(answers) if number % 3)
    assert (0, []) == (batcher._running, batcher._waiting)
