"""Rates while nobody can count: let through or refused as the setting says, told once, and counted again afterwards."""

import pytest

from saccade.access.rate_policy import read_policy
from saccade.access.rates import Rates
from saccade.backends.limiters import memory
from saccade.errors import LimiterUnreachable, RateExceeded

ROUTE = "POST /v1/jobs"


class Away:
    """A limiter whose place is away while it is told so."""

    is_blocking = True

    def __init__(self, inner):
        self.inner, self.is_away = inner, True

    def admit(self, counted, tested=()):
        if self.is_away:
            raise LimiterUnreachable("It is away.")
        return self.inner.admit(counted, tested)

    def charge(self, window, amount):
        if self.is_away:
            raise LimiterUnreachable("It is away.")
        self.inner.charge(window, amount)


def test_open_lets_everybody_through_while_nobody_counts(caplog):
    """Once said, each counted; and when it is back, limits hold again."""
    told = []
    limiter = Away(memory.open_memory("memory://"))
    rates = Rates(read_policy(requests="1/hour", images="9/hour"), limiter, on_uncounted=lambda: told.append(1))
    with caplog.at_level("INFO", "saccade.access"):
        for _ in range(5):
            assert rates.admit("alice", ROUTE).levels == ()
            rates.charge("alice", images=1)
        limiter.is_away = False
        rates.admit("alice", ROUTE)
        with pytest.raises(RateExceeded):
            rates.admit("alice", ROUTE)

    assert len(told) == 5
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_closed_refuses_everybody_while_nobody_counts():
    """Nobody who may have had too much comes in; what was let in before is finished all the same."""
    rates = Rates(read_policy(requests="1/hour", images="9/hour", fails_open=False), Away(None))

    with pytest.raises(LimiterUnreachable):
        rates.admit("alice", ROUTE)
    rates.charge("alice", images=1)


def test_only_what_is_asked_elsewhere_blocks():
    """A limiter that nobody has to ask does not send requests to a thread."""
    away = Away(None)

    assert not Rates(read_policy(login="1/minute"), away).is_blocking
    assert Rates(read_policy(login="1/minute"), away).is_login_blocking
    assert Rates(read_policy(images="1/minute"), away).is_blocking
    assert not Rates(read_policy(requests="1/minute"), memory.open_memory("memory://")).is_blocking
