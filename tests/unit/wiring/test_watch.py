"""The watch on the database: it looks again and again, keeps on when it cannot, and tells the log once."""

import logging
import threading
import time

import pytest

from saccade.errors import DatabaseUnreachable
from saccade.wiring.watch import LOOK_S, Watch


class Looks:
    """Counts looks, and raises what it is told to."""

    def __init__(self):
        self.changed = threading.Condition()
        self.count = 0
        self.fault = None

    def __call__(self):
        with self.changed:
            self.count += 1
            self.changed.notify_all()
            if self.fault is not None:
                raise self.fault

    def wait_for(self, more):
        """Wait until it was looked so many times more; the last of them has ended then."""
        with self.changed:
            wanted = self.count + more + 1
            assert self.changed.wait_for(lambda: self.count >= wanted, 20)

    def set_fault(self, fault):
        with self.changed:
            self.fault = fault


@pytest.fixture
def looks():
    return Looks()


@pytest.fixture
def watch(looks):
    watch = Watch(looks, look_s=0.005)
    watch.start()
    yield watch
    watch.stop()


def test_looks_often_enough_for_five_seconds():
    """Two looks that miss a promotion by a hair still leave time for the database's answer."""
    assert 2 * LOOK_S < 5


def test_looks_until_it_is_stopped(watch, looks):
    """Again and again, and never more once ``stop`` has returned."""
    looks.wait_for(3)
    watch.stop()
    count = looks.count
    time.sleep(0.05)

    assert looks.count == count


def test_stop_does_not_wait_for_the_next_look(looks):
    """Whoever shuts down does not wait as long as a look is apart."""
    watch = Watch(looks, look_s=60.0)
    watch.start()
    begun_s = time.monotonic()
    watch.stop()

    assert time.monotonic() - begun_s < 10
    assert looks.count == 0


@pytest.mark.parametrize(("fault", "has_trace"), [(DatabaseUnreachable("It is away."), False), (KeyError("x"), True)])
def test_what_cannot_be_looked_at_is_told_once_and_looked_at_again(watch, looks, caplog, fault, has_trace):
    """The log hears of the first of many faults and of their end; a trace comes only with what nobody foresaw."""
    caplog.set_level(logging.INFO, "saccade.models")
    looks.set_fault(fault)
    looks.wait_for(4)
    looks.set_fault(None)
    looks.wait_for(2)

    assert [(each.levelname, each.exc_info is not None) for each in caplog.records] == [
        ("WARNING", has_trace),
        ("INFO", False),
    ]
    assert caplog.records[0].facts == {"error.message": str(fault)}


def test_second_outage_is_told_too(watch, looks, caplog):
    """What was told once is told again after it was over."""
    caplog.set_level(logging.WARNING, "saccade.models")
    for _ in range(2):
        looks.set_fault(DatabaseUnreachable("It is away."))
        looks.wait_for(2)
        looks.set_fault(None)
        looks.wait_for(2)

    assert len(caplog.records) == 2
