"""Quotas of a day: the ledger's total and what came in since, refused until midnight; and what holds in an outage."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from saccade.access.counting import Spending
from saccade.access.quotas import QuotaPolicy, Quotas
from saccade.errors import DatabaseUnreachable, QuotaReached

LOOK_S = 2.0


class Ledger:
    """A ledger in memory, and the time: rows get into it when they are written."""

    def __init__(self):
        self.rows, self.looks, self.is_away = {}, [], False
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def today(self, principal_id):
        self.looks.append(principal_id)
        if self.is_away:
            raise DatabaseUnreachable("It is away.")
        return self.rows.get(principal_id, Spending())

    def write(self, principal_id, **amounts):
        self.rows[principal_id] = self.rows.get(principal_id, Spending()) + Spending(**amounts)

    def clock(self):
        return self.now

    def ticks(self):
        return self.now.timestamp()

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def ledger():
    return Ledger()


def opened(ledger, **limits):
    policy = QuotaPolicy(look_s=LOOK_S, **limits)
    return Quotas(policy, lambda: ledger, clock=ledger.clock, ticks=ledger.ticks)


def is_admitted(quotas, who="alice"):
    try:
        quotas.admit(who)
    except QuotaReached:
        return False
    return True


def test_without_quota_nobody_is_asked(ledger):
    """Where nothing is limited, the ledger is left alone."""
    quotas = opened(ledger)

    assert quotas.admit("alice").levels == ()
    quotas.charge("alice", images=5)
    quotas.give_back("alice")
    assert not quotas.blocks("alice")
    assert ledger.looks == []


def test_ledger_and_what_was_let_in_since_count_together(ledger):
    """Seven were written, three more fit, and none after that, whether they are written yet or not."""
    ledger.write("alice", requests=7)
    quotas = opened(ledger, requests=10)

    assert [is_admitted(quotas) for _ in range(5)] == [True, True, True, False, False]
    ledger.write("alice", requests=3)
    ledger.wait(LOOK_S)
    assert not is_admitted(quotas)
    assert ledger.looks == ["alice", "alice"]


def test_other_processes_are_seen_at_the_next_look(ledger):
    """What somebody had elsewhere counts within a look."""
    quotas = opened(ledger, requests=10)
    assert is_admitted(quotas)
    ledger.write("alice", requests=10)
    assert is_admitted(quotas)
    ledger.wait(LOOK_S)

    assert not is_admitted(quotas)


@pytest.mark.parametrize(("spent", "name"), [({"images": 100}, "daily images"), ({"pixels": 5000}, "daily pixels")])
def test_pictures_and_pixels_run_out_too(ledger, spent, name):
    """What requests cost is added when it is known; whoever has used it up is refused, with the name of what it was."""
    quotas = opened(ledger, requests=10, images=100, pixels=5000)
    assert is_admitted(quotas)
    quotas.charge("alice", **spent)

    with pytest.raises(QuotaReached) as caught:
        quotas.admit("alice")
    assert caught.value.policies == (name,)
    assert is_admitted(quotas, "bob")


def test_refusal_lasts_until_midnight(ledger):
    """The refusal tells the time to midnight UTC, and then the day begins anew."""
    ledger.now = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)
    ledger.write("alice", requests=10)
    quotas = opened(ledger, requests=10)
    with pytest.raises(QuotaReached) as caught:
        quotas.admit("alice")
    assert caught.value.retry_after_s == 2.5 * 3600
    ledger.wait(caught.value.retry_after_s - 1)
    assert not is_admitted(quotas)
    ledger.rows.clear()
    ledger.wait(1)

    assert is_admitted(quotas)


def test_standing_tells_what_is_left_of_the_day(ledger):
    """Each limit with what is left after this request, and the time to midnight."""
    ledger.write("alice", requests=3, images=250)
    quotas = opened(ledger, requests=10, images=200)
    with pytest.raises(QuotaReached):
        quotas.admit("alice")
    ledger.write("bob", requests=3, images=20)

    levels = [(policy.name, level.remaining, level.reset_s) for policy, level in quotas.admit("bob").levels]

    assert levels == [("daily requests", 6, 43_200), ("daily images", 180, 43_200)]


def test_what_was_given_back_is_not_counted(ledger):
    """A request that another limit refused does not eat of the day."""
    quotas = opened(ledger, requests=2)
    for _ in range(10):
        quotas.admit("alice")
        quotas.give_back("alice")

    assert [is_admitted(quotas) for _ in range(3)] == [True, True, False]


def test_ledger_is_asked_once_for_all(ledger):
    """Sixteen threads that know nothing wait for one slow look; exactly as many come in as still may."""
    ledger.write("alice", requests=95)
    quotas, came, answer, clock = opened(ledger, requests=100), threading.Semaphore(0), ledger.today, ledger.clock

    def tell_time():
        came.release()
        return clock()

    def look(principal_id):
        for _ in range(0 if ledger.looks else 16):  # each thread asks for the time before it asks for the ledger
            assert came.acquire(timeout=10)
        return answer(principal_id)

    quotas._clock, ledger.today = tell_time, look

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: is_admitted(quotas), range(16))) == 5
    assert ledger.looks == ["alice"]


def test_slow_ledger_is_asked_less_often(ledger):
    """A look that takes a second is believed for twenty, so that looks are a small part of all work."""
    quotas = opened(ledger, requests=100)
    ledger.today = lambda _: ledger.looks.append("slow") or ledger.wait(1) or Spending()
    quotas.admit("alice")
    for _ in range(9):
        ledger.wait(2)
        assert not quotas.blocks("alice")
        quotas.admit("alice")
    ledger.wait(3)

    assert quotas.blocks("alice")
    assert len(ledger.looks) == 1


def test_what_is_let_in_during_a_look_is_kept(ledger):
    """Others go by what is known while one looks, and count; the look forgets only what was before it."""
    quotas = opened(ledger, requests=5)
    quotas.admit("alice")
    ledger.wait(LOOK_S)

    def look(_):
        for _ in range(3):
            quotas.charge("alice")
            quotas._add("alice", Spending(requests=1))
        return Spending(requests=1)

    ledger.today = look

    assert [is_admitted(quotas) for _ in range(3)] == [True, False, False]


def test_open_lets_through_while_the_ledger_is_away(ledger, caplog):
    """What is known stands and goes on counting; the outage is said once and costs one look at a time."""
    quotas = opened(ledger, requests=5)
    quotas.admit("alice")
    ledger.is_away = True
    ledger.wait(LOOK_S)
    with caplog.at_level("INFO", "saccade.access"):
        assert [is_admitted(quotas) for _ in range(6)] == [True, True, True, True, False, False]
        assert is_admitted(quotas, "bob")
        ledger.wait(LOOK_S)
        is_admitted(quotas)
        ledger.is_away = False
        ledger.wait(LOOK_S)
        assert is_admitted(quotas)

    assert ledger.looks == ["alice"] * 4
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_closed_refuses_while_the_ledger_is_away(ledger):
    """Nobody can tell, so nobody passes; and not every request waits for the ledger."""
    quotas = opened(ledger, requests=5, fails_open=False)
    ledger.is_away = True
    for _ in range(10):
        with pytest.raises(DatabaseUnreachable):
            quotas.admit("alice")
    assert len(ledger.looks) == 1
    ledger.is_away = False
    ledger.wait(LOOK_S)

    assert is_admitted(quotas)
