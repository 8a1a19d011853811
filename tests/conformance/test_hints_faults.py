"""The port ``Hints`` while the broker is emptied, dies, comes back, says nothing or is not who it says it is."""

import contextlib
import time

import pytest

from conformance.hint_places import broker, gather, opened, place_of, refused_after_s, until_it_works
from saccade.errors import HintsUnreachable

__all__ = ["broker", "opened"]


def test_broker_that_was_emptied_loses_hints_and_nothing_else(broker, opened):
    """Hints are gone with the broker's memory; nobody notices but the sweep, and new ones arrive."""
    hints, sender = opened(broker), opened(broker)
    hints.wait(most=1, timeout_s=0.1)
    for number in range(5):
        sender.publish(range(100))
        broker.empty()
        with contextlib.suppress(HintsUnreachable):  # RabbitMQ tells its consumer that the queue is gone
            while hints.wait(most=100, timeout_s=0.3):
                pass
        until_it_works(lambda number=number: sender.publish([1000 + number]), 5)
        got = []
        until_it_works(lambda got=got: got.extend(hints.wait(most=100, timeout_s=2)), 5)

        assert set(got) <= {*range(100), 1000 + number}  # one message may have been on its way already


def test_hints_arrive_after_the_queue_was_deleted(broker, opened):
    """A waiting worker finds the queue that is made anew."""
    hints, sender = opened(broker), opened(broker)
    sender.publish([1])
    assert gather(hints, 1) == [1]
    broker.empty()
    got = []
    for _ in range(20):
        with contextlib.suppress(HintsUnreachable):
            sender.publish([2])
            got += hints.wait(most=1, timeout_s=0.5)
        if got:
            break

    assert got[:1] == [2]


def test_broker_that_died_is_named_and_found_again(broker, opened):
    """Away: said within two seconds, at once after that, and no loop runs hot. Back: all works within seconds."""
    hints = opened(broker)
    hints.publish([1])
    assert gather(hints, 1) == [1]

    broker.proxy.cut()

    assert refused_after_s(lambda: hints.publish([2])) < 3
    assert refused_after_s(lambda: hints.publish([2])) < 0.2
    with pytest.raises(HintsUnreachable) as refusal:
        hints.publish([2])
    assert str(refusal.value) == "The broker of hints does not answer."
    assert "refused" in refusal.value.in_full  # why is for the log and the operator
    assert refused_after_s(lambda: hints.wait(most=1, timeout_s=5)) < 3
    assert refused_after_s(hints.check) < 3
    calls, started = 0, time.monotonic()
    while time.monotonic() - started < 2:
        with contextlib.suppress(HintsUnreachable):
            hints.wait(most=1, timeout_s=5)
        calls += 1
    assert calls <= 5

    broker.proxy.mend()

    until_it_works(lambda: hints.publish([3]), 3)
    until_it_works(lambda: hints.wait(most=1, timeout_s=0.1), 3)
    hints.publish([4])
    assert {3, 4} >= set(gather(hints, 2, within_s=3)) >= {4}


def test_restarted_broker_is_not_noticed_by_who_publishes(broker, opened):
    """A connection that died while nobody looked is replaced in the same call."""
    hints = opened(broker)
    hints.publish([1])
    broker.proxy.cut()
    broker.proxy.mend()

    hints.publish([2])

    assert set(gather(hints, 2)) == {1, 2}


@pytest.mark.slow
def test_silent_broker_is_given_up_in_time(broker, opened):
    """A broker that takes connections and says nothing is as one that is away."""
    hints = opened(broker)
    hints.publish([1])

    broker.proxy.freeze()

    assert refused_after_s(lambda: hints.publish([2])) < 4
    fresh = opened(broker)
    assert refused_after_s(fresh.check) < 5
    assert refused_after_s(lambda: fresh.wait(most=1, timeout_s=10)) < 5

    broker.proxy.thaw()

    until_it_works(lambda: hints.publish([3]), 5)


@pytest.mark.slow
def test_half_open_connection_is_found_out(broker, opened):
    """A connection that the network forgot, without an end, is replaced within seconds, and hints arrive again."""
    hints, sender = opened(broker), opened(broker)
    sender.publish([1])
    assert gather(hints, 1) == [1]
    hints.wait(most=1, timeout_s=0.2)
    broker.proxy.freeze()
    broker.proxy.thaw()
    started = time.monotonic()

    got = []
    while not got and time.monotonic() - started < 30:
        with contextlib.suppress(HintsUnreachable):
            sender.publish([2])
            got = hints.wait(most=1, timeout_s=1)

    assert got == [2]
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("scheme", ["amqps", "rediss"])
def test_certificate_that_nobody_vouches_for_is_refused(request, opened, scheme):
    """TLS without a check of the certificate would be none."""
    with place_of(request, scheme) as place:
        place.url = place.url.partition("&ca=")[0]
        hints = opened(place)

        with pytest.raises(HintsUnreachable) as refusal:
            hints.check()
        assert "certificate" in refusal.value.reason.lower()
