"""The answer cache: bounded in bytes and time, one computation per key, failures never kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.caller import Caller, CallerLeft
from saccade.errors import GraphFailed
from saccade.predictions.cache import AnswerCache


def make(max_bytes=100, ttl_s=60.0):
    """Return a cache in which every value has the size of its length."""
    return AnswerCache[str](max_bytes=max_bytes, ttl_s=ttl_s, size_of=len)


def test_get_computes_once_then_remembers():
    """The second caller gets the first one's value and is told so."""
    cache = make()

    assert ("a", False) == cache.get("k", lambda _: "a")
    assert ("a", True) == cache.get("k", lambda _: "b")


def test_get_drops_the_least_recently_used_when_full():
    """Memory stays within the bound; what was used last stays longest."""
    cache = make(max_bytes=3)
    for key in "abc":
        cache.get(key, lambda _, key=key: key)
    cache.get("a", lambda _: "never")
    cache.get("d", lambda _: "d")

    assert cache.size_bytes == 3
    assert ("a", True) == cache.get("a", lambda _: "again")
    assert ("again", False) == cache.get("b", lambda _: "again")


def test_get_computes_anew_when_the_value_is_too_old():
    """A value lives no longer than its time."""
    cache = make(ttl_s=-1.0)
    cache.get("k", lambda _: "old")

    assert ("new", False) == cache.get("k", lambda _: "new")


def test_get_keeps_nothing_when_off():
    """Zero bytes turn the cache off altogether."""
    cache = make(max_bytes=0)
    cache.get("k", lambda _: "")

    assert ("new", False) == cache.get("k", lambda _: "new")


def test_get_never_keeps_a_failure():
    """A failed computation is tried again by the next caller."""
    cache = make()

    def fail(_):
        raise GraphFailed("no")

    with pytest.raises(GraphFailed):
        cache.get("k", fail)
    assert ("yes", False) == cache.get("k", lambda _: "yes")


def test_get_computes_once_for_many_at_the_same_time():
    """A hundred identical requests cost one computation."""
    cache, calls, everybody = make(), [], threading.Barrier(20)
    release = threading.Event()

    def compute(_):
        calls.append(1)
        assert release.wait(20)
        return "v"

    def ask(_):
        everybody.wait(20)
        return cache.get("k", compute)

    with ThreadPoolExecutor(20) as pool:
        futures = [pool.submit(ask, number) for number in range(20)]
        release.set()
        answers = [future.result(20) for future in futures]

    assert len(calls) == 1
    assert [("v", False)] + [("v", True)] * 19 == sorted(answers, key=lambda answer: answer[1])


def test_get_does_not_keep_what_is_larger_than_the_cache():
    """One huge value does not throw out everything else."""
    cache = make(max_bytes=2)
    cache.get("small", lambda _: "s")
    cache.get("huge", lambda _: "hhh")

    assert ("s", True) == cache.get("small", lambda _: "again")


class Work:
    """A computation that stops until it is let go, or until nobody waits for it."""

    def __init__(self):
        self.runs = 0
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, everybody):
        with everybody.told(self.go.set):
            self.begun.release()
            assert self.go.wait(20)
        everybody.check()
        self.runs += 1
        return "v"


def joined(cache, people):
    """Return when so many wait for the one computation."""
    pause = threading.Event()
    for _ in range(2000):
        with cache._lock:
            if [flight.waiting for flight in cache._flights.values()] == [people]:
                return
        pause.wait(0.005)
    pytest.fail(f"{people} never waited")


@pytest.mark.parametrize("leaver", [0, 1])
def test_computation_goes_on_when_one_of_two_leaves(leaver):
    """Whoever of them began it: the one who stays gets the value, of one computation."""
    cache, work, callers = make(), Work(), [Caller(), Caller()]
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(cache.get, "k", work, caller=callers[0])]
        assert work.begun.acquire(timeout=20)
        futures.append(pool.submit(cache.get, "k", work, caller=callers[1]))
        joined(cache, 2)
        callers[leaver].leave(RuntimeError("gone"))
        joined(cache, 1)
        work.go.set()

        assert futures[1 - leaver].result(20)[0] == "v"
    assert work.runs == 1
    assert ("v", True) == cache.get("k", lambda _: "again")


def test_computation_is_called_off_when_everybody_left():
    """Nothing is kept of it, and the next one who asks begins anew."""
    cache, work, callers = make(), Work(), [Caller(), Caller(), Caller()]
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(cache.get, "k", work, caller=callers[0])]
        assert work.begun.acquire(timeout=20)
        futures += [pool.submit(cache.get, "k", work, caller=caller) for caller in callers[1:]]
        joined(cache, 3)
        for caller in callers:
            caller.leave(RuntimeError("gone"))

        assert {type(future.exception(20)) for future in futures} == {CallerLeft}
    assert work.runs == 0
    assert ("new", False) == cache.get("k", lambda _: "new")


def test_who_leaves_does_not_wait_for_the_computation():
    """The thread of one who only waited is free at once."""
    cache, work, caller = make(), Work(), Caller()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "k", work)
        assert work.begun.acquire(timeout=20)
        second = pool.submit(cache.get, "k", work, caller=caller)
        joined(cache, 2)
        caller.leave(RuntimeError("gone"))

        assert isinstance(second.exception(20), CallerLeft)
        assert not first.done()
        work.go.set()
        assert first.result(20) == ("v", False)


def test_forget_drops_what_is_meant_and_nothing_else():
    """The memory is free again, and the next one computes."""
    cache = make()
    for key in ("mine", "theirs"):
        cache.get(key, lambda _, key=key: key)

    cache.forget(lambda key: key == "mine")

    assert cache.size_bytes == len("theirs")
    assert ("new", False) == cache.get("mine", lambda _: "new")
    assert ("theirs", True) == cache.get("theirs", lambda _: "never")


def test_forget_keeps_nothing_that_is_being_computed():
    """Who waits gets the value, who comes later does not, and it is not in memory afterwards."""
    cache, begun, go = make(), threading.Event(), threading.Event()

    def compute(_):
        begun.set()
        go.wait(10)
        return "old"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get, "k", compute)
        begun.wait(10)
        cache.forget(lambda key: key == "k")
        later = cache.get("k", lambda _: "new")
        go.set()

        assert first.result() == ("old", False)
    assert later == ("new", False)
    assert cache.get("k", lambda _: "never") == ("new", True)
    assert cache.size_bytes == len("new")


def test_forget_keeps_nothing_that_goes_on_though_nobody_waits():
    """Its caller left after the run had begun: it ends, and is not kept either."""
    cache, begun, go, caller = make(), threading.Event(), threading.Event(), Caller()

    def compute(_):
        begun.set()
        go.wait(10)
        return "old"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get, "k", compute, caller=caller)
        begun.wait(10)
        caller.leave(RuntimeError("gone"))
        cache.forget(lambda key: key == "k")
        go.set()
        first.result()

    assert cache.size_bytes == 0


def test_value_computed_twice_counts_once():
    """Everybody left one computation and a second one began: the memory of one value is held, not of two."""
    cache, begun, go, caller = make(), threading.Event(), threading.Event(), Caller()

    def compute(_):
        begun.set()
        go.wait(10)
        return "first"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get, "k", compute, caller=caller)
        begun.wait(10)
        caller.leave(RuntimeError("gone"))
        cache.get("k", lambda _: "second")
        go.set()
        first.result()

    assert cache.size_bytes == len("first")
