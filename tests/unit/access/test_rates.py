"""Rates in the memory of one process: never more than the limit, nobody pays for another, refusals cost nothing."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from saccade.access.rate_policy import read_policy
from saccade.access.rates import Rates
from saccade.backends.limiters import memory
from saccade.errors import LimiterUnreachable, RateExceeded

ROUTE = "POST /v1/jobs"


class Clock:
    """The time, as a test wants it."""

    def __init__(self):
        self.now_s = 1_800_000_000.0

    def time(self):
        return self.now_s

    def utc_now(self):
        return datetime.fromtimestamp(self.now_s, UTC)


@contextmanager
def stopped_clock():
    """Yield the clock that the storage and we go by."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limits.storage.memory.time", SimpleNamespace(time=clock.time))
        patch.setattr(memory, "utc_now", clock.utc_now)
        yield clock


@pytest.fixture
def clock():
    with stopped_clock() as stopped:
        yield stopped


def opened(**limits):
    return Rates(read_policy(**limits), memory.open_memory("memory://"))


def is_admitted(rates, who="alice", route=ROUTE):
    try:
        rates.admit(who, route)
    except RateExceeded:
        return False
    return True


def refusal(rates, who="alice", route=ROUTE):
    with pytest.raises(RateExceeded) as caught:
        rates.admit(who, route)
    return caught.value


@settings(max_examples=200, deadline=None)
@given(
    most=some.integers(1, 8),
    span_s=some.integers(1, 20),
    gaps_s=some.lists(some.one_of(some.floats(0, 30), some.sampled_from([0.0, 1.0, 5.0, 19.999])), max_size=80),
)
def test_no_span_holds_more_than_the_limit(most, span_s, gaps_s):
    """Wherever a window is laid over the times of those let in, it holds at most as many as may be."""
    with stopped_clock() as clock:
        rates, times_s = opened(requests=f"{most}/{span_s} seconds"), []
        for gap_s in gaps_s:
            clock.now_s += gap_s
            if is_admitted(rates):
                times_s.append(clock.now_s)

    assert all(later - first >= span_s for first, later in zip(times_s, times_s[most:], strict=False))


@settings(max_examples=100, deadline=None)
@given(most=some.integers(1, 8), span_s=some.integers(1, 20), gaps_s=some.lists(some.floats(0, 30), max_size=60))
def test_who_comes_back_when_told_is_let_in(most, span_s, gaps_s):
    """The time of a refusal is the true one: just after it a request fits, and shortly before it none did."""
    with stopped_clock() as clock:
        rates = opened(requests=f"{most}/{span_s} seconds")
        for gap_s in gaps_s:
            clock.now_s += gap_s
            if is_admitted(rates):
                continue
            wait_s = refusal(rates).retry_after_s
            assert 0 <= wait_s <= span_s + 0.000_01  # the fineness of a time in seconds since 1970
            early_s = min(wait_s, 0.001)
            clock.now_s += wait_s - early_s
            assert early_s < 0.001 or not is_admitted(rates)
            clock.now_s += early_s + 0.000_01

            assert is_admitted(rates)


@pytest.mark.parametrize("amount", [5, 10, 25, 1000])
def test_what_was_charged_is_paid_for_by_later_requests(clock, amount):
    """More than fits is counted too; nobody comes in before the time that a refusal told, and then somebody does."""
    rates = opened(images="10/minute")
    rates.admit("alice", ROUTE)
    rates.charge("alice", images=amount)
    if amount < 10:
        assert rates.admit("alice", ROUTE).levels[0][1].remaining == 10 - amount
        return
    told = refusal(rates)
    clock.now_s += told.retry_after_s - 0.01
    assert not is_admitted(rates)
    clock.now_s += 0.02

    assert is_admitted(rates)
    assert told.policies == ("images",)
    assert 60 * (1 - 10 / amount) < told.retry_after_s <= 120


def test_debt_is_carried_into_the_next_span(clock):
    """A hundred times the limit at once is not forgotten when the span in which it came is over."""
    rates = opened(pixels="1000/minute")
    rates.charge("alice", pixels=100_000)
    clock.now_s += 60

    assert not is_admitted(rates)


def test_fading_sum_tells_the_true_time(clock):
    """Where the last span's sum stands in the way, the refusal says when it has faded enough."""
    rates = opened(images="100/minute")
    clock.now_s -= clock.now_s % 60
    rates.charge("alice", images=90)
    clock.now_s += 66
    rates.charge("alice", images=40)

    wait_s = refusal(rates).retry_after_s
    clock.now_s += wait_s - 0.5
    assert not is_admitted(rates)
    clock.now_s += 0.6
    assert is_admitted(rates)


def test_refused_request_eats_nothing(clock):
    """What one limit refuses is counted in no other: neither in those before it nor in those after."""
    rates = opened(requests="5/minute;8/hour", routes=[f"{ROUTE}=2/minute"], images="3/minute")
    for _ in range(2):
        rates.admit("alice", ROUTE)
    for _ in range(10):
        assert refusal(rates).policies == (ROUTE,)
    standing = {policy.name: level.remaining for policy, level in rates.admit("alice", "GET /v1/jobs").levels}

    assert standing == {"requests per minute": 2, "requests per hour": 5, "images": 3}
    rates.charge("alice", images=3)
    for _ in range(10):
        assert refusal(rates, route="GET /v1/jobs").policies == ("images",)
    clock.now_s += 60
    clock.now_s += 60
    levels = {policy.name: level.remaining for policy, level in rates.admit("alice", ROUTE).levels}
    assert levels == {"requests per minute": 4, "requests per hour": 4, ROUTE: 1, "images": 3}


def test_all_limits_in_the_way_are_named(clock):
    """The refusal names each, and its time is that of the last."""
    rates = opened(requests="1/minute", routes=[f"{ROUTE}=1/hour"])
    rates.admit("alice", ROUTE)
    clock.now_s += 10

    error = refusal(rates)

    assert error.policies == ("requests", ROUTE)
    assert error.retry_after_s == pytest.approx(3590)


def test_standing_tells_what_is_left(clock):
    """After each request: what is left, and when the first one is given back."""
    rates = opened(requests="3/minute", bytes_in_flight=100)
    first = rates.admit("alice", ROUTE)
    clock.now_s += 20
    rates.hold("alice", 30)
    second = rates.admit("alice", ROUTE)

    assert [(policy.name, level.remaining, level.reset_s) for policy, level in first.levels] == [
        ("requests", 2, 60),
        ("bytes-in-flight", 100, 0),
    ]
    assert [(level.remaining, round(level.reset_s)) for _, level in second.levels] == [(1, 40), (70, 0)]


#: Pairs of which a careless key would make one.
LOOKALIKES = [
    ("alice", "alice2"),
    ("alice", "alice/"),
    ("a/b", "a"),
    ("jwt:a", "jwt"),
    ("1:a", "a"),
    ("alice", "Alice"),
    ("alice", "alice\u200b"),
    ("é", "e\u0301"),
    ("x" * 200, "x" * 201),
    ("{alice}", "alice"),
    ("alice:requests", "alice"),
    ("", "0:"),
]


@pytest.mark.parametrize(("one", "other"), LOOKALIKES)
def test_lookalikes_share_nothing(clock, one, other):
    """Ids that begin alike, or hold what keys are made of, belong to different people."""
    rates = opened(requests="1/hour", images="1/hour")
    rates.admit(one, ROUTE)
    rates.charge(one, images=5)

    assert is_admitted(rates, other)
    assert not is_admitted(rates, one)


@settings(max_examples=150, deadline=None)
@given(
    ids=some.lists(some.text(), min_size=2, max_size=4, unique=True),
    steps=some.lists(some.tuples(some.integers(0, 3), some.floats(0, 20), some.integers(0, 6)), max_size=60),
)
def test_each_is_served_as_if_alone(ids, steps):
    """The answers to one principal are the same whatever all others do in between."""

    def answers(only):
        with stopped_clock() as clock:
            rates, got = opened(requests="4/10 seconds", images="7/30 seconds"), []
            for number, gap_s, images in steps:
                who = ids[number % len(ids)]
                clock.now_s += gap_s
                if only is not None and who != only:
                    continue
                passed = is_admitted(rates, who)
                if passed:
                    rates.charge(who, images=images)
                got.append((who, passed))
        return got

    together = answers(None)

    for who in ids:
        assert answers(who) == [each for each in together if each[0] == who]


def test_errors_and_keys_name_nobody(clock):
    """Who was refused stands neither in the error nor in what is kept, and keys are short however long an id is."""
    rates = opened(requests="1/hour", images="1/hour")
    who = "somebody-secret" * 100
    rates.admit(who, ROUTE)
    rates.charge(who, images=1)
    error = refusal(rates, who)
    storage = rates._limiter._counts._storage
    keys = [*storage.events, *storage.storage]

    assert "secret" not in f"{error} {error.hint} {keys}"
    assert len(keys) == 2
    assert max(map(len, keys)) < 64


@pytest.fixture
def busy_interpreter():
    """Have threads take turns as often as the interpreter lets them."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual_s)


def test_threads_never_get_more_than_the_limit(clock, busy_interpreter):
    """Eight threads at once, a hundred places for each of five: a hundred are let in."""
    rates = opened(requests="100/hour", routes=[f"{ROUTE}=200/hour"], images="1000/hour")
    barrier = threading.Barrier(8)

    def ask(_):
        barrier.wait()
        return [sum(is_admitted(rates, who) for _ in range(20)) for who in "abcde"]

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(ask, range(8)))

    assert [sum(each) for each in zip(*counts, strict=True)] == [100] * 5


def test_no_thread_is_started_and_idle_keys_go(clock):
    """Counting in memory leaves nothing behind: no thread, and no key of somebody who does not come any more."""
    before = threading.active_count()
    rates = opened(requests="5/minute", pixels="1000/minute")
    for number in range(500):
        rates.admit(f"user {number}", ROUTE)
        rates.charge(f"user {number}", pixels=1)
    assert len(rates._limiter._counts) >= 1000
    clock.now_s += 1000
    for _ in range(600):
        rates.admit("alice", "GET /")
        rates.charge("alice", pixels=1)
        clock.now_s += 60

    assert len(rates._limiter._counts) <= 6
    for _ in range(50):
        clock.now_s += 13
        rates.admit("alice", ROUTE)
    assert max(map(len, rates._limiter._counts._storage.events.values())) <= 5
    assert threading.active_count() == before


def test_large_limits_are_counted_by_sums(clock):
    """A limit of a million requests remembers no million moments, and still ends."""
    rates = opened(requests="1000000/hour")
    rates.admit("alice", ROUTE)
    meter = rates._requests.windows("alice")
    rates._limiter.charge(meter[0], 999_998)

    assert rates.admit("alice", ROUTE).levels[0][1].remaining == 0
    assert refusal(rates).policies == ("requests",)
    assert rates._limiter._counts._storage.events == {}


def test_tries_to_come_in_are_counted_by_address_and_by_name(clock):
    """Neither many names from one address nor one name from many addresses; a network of IPv6 is one address."""
    rates = opened(login="3/minute")
    for number in range(3):
        rates.admit_login("192.0.2.1", f"name {number}")
        rates.admit_login(f"2001:db8::{number}", f"other {number}")
    for number in range(30):
        rates.admit_login(f"198.51.100.{number}", "alice")
    for address, name, policy in (
        ("192.0.2.1", "new", "login"),
        ("::ffff:192.0.2.1", "new", "login"),
        ("203.0.113.9", "alice", "login for a name"),
        ("2001:db8::ffff", "new", "login"),
    ):
        with pytest.raises(RateExceeded) as caught:
            rates.admit_login(address, name)
        assert caught.value.policies == (policy,)

    rates.admit_login("2001:db8:0:1::1", "new")
    rates.admit_login("unix:", "192.0.2.1")


def test_one_stranger_keeps_nobody_out(clock):
    """Who uses up their own tries on a name leaves its owner theirs."""
    rates = opened(login="3/minute")
    for _ in range(3):
        rates.admit_login("192.0.2.1", "alice")
    with pytest.raises(RateExceeded):
        rates.admit_login("192.0.2.1", "alice")

    rates.admit_login("198.51.100.1", "alice")


def test_tries_to_come_in_are_counted_while_nobody_else_counts(clock):
    """An outage of the limiter lets requests through, and no guesses."""

    class Away:
        is_blocking = True

        def admit(self, counted, tested=()):
            raise LimiterUnreachable("away")

        def close(self):
            pass

    rates = Rates(read_policy(login="3/minute", requests="1/minute"), Away(), own=memory.open_memory("memory://"))
    for _ in range(3):
        assert rates.admit("alice", ROUTE).levels == ()
        rates.admit_login("192.0.2.1", "alice")
    with pytest.raises(RateExceeded):
        rates.admit_login("192.0.2.1", "alice")


def test_bytes_under_way_are_bounded_for_each_alone():
    """Who holds too many waits until some are released; a larger body passes alone; others are not concerned."""
    rates = opened(bytes_in_flight=100)
    held = rates.hold("alice", 60)
    with pytest.raises(RateExceeded) as caught:
        rates.hold("alice", 41)
    assert caught.value.policies == ("bytes-in-flight",)
    with rates.hold("alice", 40), rates.hold("bob", 100), pytest.raises(RateExceeded):
        held.add(1)
    held.release()
    held.release()

    with rates.hold("alice") as alone:
        for _ in range(4):
            alone.add(100)
        with pytest.raises(RateExceeded):
            rates.hold("alice", 1)
    assert rates._held_bytes == {}
