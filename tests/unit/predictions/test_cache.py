"""The answer cache: bounded in bytes and time, one computation per key, failures never kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saccade.errors import GraphFailed
from saccade.predictions.cache import AnswerCache


def make(max_bytes=100, ttl_s=60.0):
    """Return a cache in which every value has the size of its length."""
    return AnswerCache[str](max_bytes=max_bytes, ttl_s=ttl_s, size_of=len)


def test_get_computes_once_then_remembers():
    """The second caller gets the first one's value and is told so."""
    cache = make()

    assert ("a", False) == cache.get("k", lambda: "a")
    assert ("a", True) == cache.get("k", lambda: "b")


def test_get_drops_the_least_recently_used_when_full():
    """Memory stays within the bound; what was used last stays longest."""
    cache = make(max_bytes=3)
    for key in "abc":
        cache.get(key, lambda key=key: key)
    cache.get("a", lambda: "never")
    cache.get("d", lambda: "d")

    assert cache.size_bytes == 3
    assert ("a", True) == cache.get("a", lambda: "again")
    assert ("again", False) == cache.get("b", lambda: "again")


def test_get_computes_anew_when_the_value_is_too_old():
    """A value lives no longer than its time."""
    cache = make(ttl_s=-1.0)
    cache.get("k", lambda: "old")

    assert ("new", False) == cache.get("k", lambda: "new")


def test_get_keeps_nothing_when_off():
    """Zero bytes turn the cache off altogether."""
    cache = make(max_bytes=0)
    cache.get("k", lambda: "")

    assert ("new", False) == cache.get("k", lambda: "new")


def test_get_never_keeps_a_failure():
    """A failed computation is tried again by the next caller."""
    cache = make()

    def fail():
        raise GraphFailed("no")

    with pytest.raises(GraphFailed):
        cache.get("k", fail)
    assert ("yes", False) == cache.get("k", lambda: "yes")


def test_get_computes_once_for_many_at_the_same_time():
    """A hundred identical requests cost one computation."""
    cache, calls, everybody = make(), [], threading.Barrier(20)
    release = threading.Event()

    def compute():
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
    cache.get("small", lambda: "s")
    cache.get("huge", lambda: "hhh")

    assert ("s", True) == cache.get("small", lambda: "again")
