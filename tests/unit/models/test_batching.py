"""The batcher: work-conserving, fair, bounded, and hard to spoil."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.errors import GraphFailed, OutputInvalid, QueueFull
from saccade.models.batching import Batcher, BatchLimits, Priority


class Gated:
    """A run that notes its batches and stops in them until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, works: Sequence[int]) -> list[int]:
        self.batches.append(list(works))
        self.entered.release()
        assert self.go.acquire(timeout=20)
        return [work * 10 for work in works]


def wait_for_line(lengths: list[int], wanted: int, told: threading.Condition) -> None:
    """Block until the batcher has told that this many wait."""
    with told:
        assert told.wait_for(lambda: lengths and lengths[-1] == wanted, timeout=20)


class Line:
    """Hears how many wait."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.told = threading.Condition()

    def __call__(self, length: int) -> None:
        with self.told:
            self.lengths.append(length)
            self.told.notify_all()

    def wait(self, length: int) -> None:
        wait_for_line(self.lengths, length, self.told)


def submit_in_order(pool, batcher, line, works, **options):
    """Submit works from threads of their own, each only after the one before stands in line."""
    futures = []
    for position, work in enumerate(works, start=1):
        futures.append(pool.submit(batcher.submit, work, key="k", cost=1, **options))
        line.wait(position)
    return futures


def test_submit_runs_at_once_when_idle():
    """A lone picture runs on its caller's own thread, in a batch of one."""
    threads = []

    def run(works):
        threads.append(threading.get_ident())
        return works

    outcome = Batcher(run, BatchLimits()).submit(7, key="k", cost=1)

    assert (7, 1) == (outcome.value, outcome.batch_items)
    assert [threading.get_ident()] == threads


def test_submit_grows_a_batch_while_the_slot_is_busy():
    """What waited for one run shares the next one, and everybody gets their own answer."""
    run, line = Gated(), Line()
    batcher = Batcher(run, BatchLimits(slots=1), on_queue=line)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.submit, 0, key="k", cost=1)
        assert run.entered.acquire(timeout=20)
        others = submit_in_order(pool, batcher, line, [1, 2, 3, 4])
        run.go.release(2)

        assert [0, 10, 20, 30, 40] == [future.result(20).value for future in [first, *others]]
    assert [[0], [1, 2, 3, 4]] == run.batches


def test_submit_uses_every_slot_before_it_makes_anybody_wait():
    """With two slots, two pictures run at the same time, alone."""
    run = Gated()
    batcher = Batcher(run, BatchLimits(slots=2))
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(batcher.submit, work, key="k", cost=1) for work in (1, 2)]
        assert all(run.entered.acquire(timeout=20) for _ in futures)
        run.go.release(2)

        assert [10, 20] == [future.result(20).value for future in futures]
    assert [[1], [2]] == sorted(run.batches)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (BatchLimits(max_items=2), [[0], [1, 2], [3, 4]]),
        (BatchLimits(max_cost=3), [[0], [1, 2, 3], [4]]),
    ],
)
def test_batches_stay_within_items_and_cost(limits, expected):
    """A batch holds no more pictures and no more cost than allowed."""
    run, line = Gated(), Line()
    batcher = Batcher(run, limits, on_queue=line)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.submit, 0, key="k", cost=1)
        assert run.entered.acquire(timeout=20)
        others = submit_in_order(pool, batcher, line, [1, 2, 3, 4])
        run.go.release(len(expected))
        for future in [first, *others]:
            future.result(20)

    assert expected == run.batches


def test_only_equal_keys_share_a_batch():
    """Pictures whose tensors differ in shape never meet in a run."""
    run, line = Gated(), Line()
    batcher = Batcher(run, BatchLimits(), on_queue=line)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(batcher.submit, 0, key="a", cost=1)]
        assert run.entered.acquire(timeout=20)
        for position, (work, key) in enumerate([(1, "a"), (2, "b"), (3, "a"), (4, "b")], start=1):
            futures.append(pool.submit(batcher.submit, work, key=key, cost=1))
            line.wait(position)
        run.go.release(3)
        for future in futures:
            future.result(20)

    assert [[0], [1, 3], [2, 4]] == run.batches


def test_sync_goes_before_async_before_bulk():
    """Of those who wait about equally long, the one somebody is watching goes first."""
    run, line = Gated(), Line()
    batcher = Batcher(run, BatchLimits(max_items=1), on_queue=line)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(batcher.submit, 0, key="k", cost=1)]
        assert run.entered.acquire(timeout=20)
        for position, priority in enumerate([Priority.BULK, Priority.ASYNC, Priority.SYNC], start=1):
            futures.append(pool.submit(batcher.submit, int(priority), key="k", cost=1, priority=priority))
            line.wait(position)
        run.go.release(4)
        for future in futures:
            future.result(20)

    assert [[0], [Priority.SYNC], [Priority.ASYNC], [Priority.BULK]] == run.batches


def test_one_bad_picture_fails_alone_when_its_batch_fails():
    """Bisection finds the guilty one; its neighbours get their answers."""
    run, line = Gated(), Line()

    def poisoned(works):
        values = run(works)
        if 3 in works:
            raise GraphFailed("three")
        return values

    batcher = Batcher(poisoned, BatchLimits(), on_queue=line)
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(batcher.submit, 0, key="k", cost=1)
        assert run.entered.acquire(timeout=20)
        others = submit_in_order(pool, batcher, line, range(1, 9))
        run.go.release(50)
        answers = [future.exception(20) or future.result().value for future in [first, *others]]

    assert [0, 10, 20, 40, 50, 60, 70, 80] == [answer for answer in answers if isinstance(answer, int)]
    assert isinstance(answers[3], GraphFailed)


def test_a_run_that_loses_a_picture_fails_rather_than_mixes_answers():
    """Too few answers can't be matched to pictures, so nobody gets one."""
    with pytest.raises(OutputInvalid):
        Batcher(lambda works: works[:-1], BatchLimits()).submit(1, key="k", cost=1)


def test_submit_refuses_when_the_line_is_full():
    """The line is bounded; the one too many is told so at once."""
    run, line = Gated(), Line()
    batcher = Batcher(run, BatchLimits(queue_items=1), on_queue=line)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(batcher.submit, 0, key="k", cost=1)
        assert run.entered.acquire(timeout=20)
        second = submit_in_order(pool, batcher, line, [1])[0]

        with pytest.raises(QueueFull):
            batcher.submit(2, key="k", cost=1)
        run.go.release(2)
        assert [0, 10] == [first.result(20).value, second.result(20).value]


def test_many_threads_get_exactly_their_own_answers():
    """Under a storm nobody waits for ever, nobody gets another's answer, and nothing runs twice."""
    seen: list[int] = []
    lock = threading.Lock()

    def run(works):
        with lock:
            seen.extend(works)
        if any(work % 97 == 0 for work in works):
            raise GraphFailed("97")
        return [work + 1 for work in works]

    batcher = Batcher(run, BatchLimits(slots=2, max_items=7, queue_items=10_000))

    def ask(work):
        try:
            return batcher.submit(work, key=work % 3, cost=1, priority=Priority(work % 3)).value
        except GraphFailed:
            return None

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(1, 2001)))

    assert [None if work % 97 == 0 else work + 1 for work in range(1, 2001)] == answers
    assert {work: seen.count(work) for work in range(1, 2001) if seen.count(work) < 1} == {}
    assert (0, []) == (batcher._running, batcher._waiting)
