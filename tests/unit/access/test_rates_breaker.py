"""The breaker in front of a place that may be away: one asks for all, and nobody waits twice."""

import pytest

from saccade.backends.limiters.breaker import PAUSE_S, Breaker
from saccade.errors import LimiterUnreachable


class Clock:
    """Seconds, as a test wants them."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def fail():
    raise LimiterUnreachable("It is away.")


def is_refused(breaker, work):
    try:
        breaker.call(work)
    except LimiterUnreachable:
        return True
    return False


def test_whole_breaker_is_not_there():
    """What succeeds is answered, and what is our own fault is no outage."""
    breaker = Breaker(clock=Clock())
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 // 0)

    assert [breaker.call(iter([number]).__next__) for number in range(3)] == [0, 1, 2]


def test_after_a_failure_nobody_asks_for_a_while():
    """The pause counts from the end of the failed attempt, however long that took."""
    clock, asked = Clock(), []
    breaker = Breaker(clock=clock)

    def fail_slowly():
        clock.now_s += 30
        fail()

    assert is_refused(breaker, fail_slowly)
    clock.now_s += PAUSE_S - 0.01
    assert is_refused(breaker, lambda: asked.append(1))
    assert asked == []
    clock.now_s += 0.01

    assert not is_refused(breaker, lambda: asked.append(1))
    assert asked == [1]


def test_one_tries_for_all():
    """While one finds out whether the place is back, the others are refused at once; then all are let through."""
    clock, asked = Clock(), []
    breaker = Breaker(clock=clock)
    assert is_refused(breaker, fail)
    clock.now_s += PAUSE_S

    def try_it():
        assert is_refused(breaker, lambda: asked.append("beside"))

    breaker.call(try_it)

    assert not is_refused(breaker, lambda: asked.append("after"))
    assert asked == ["after"]
