"""The meter: nothing waits for it, nothing is lost at the end, nothing is written twice."""

import threading
from collections import Counter

import pytest

from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable
from saccade.usage.event import PredictionEvent, RequestEvent
from saccade.usage.meter import Meter, MeterPlan

NEVER_S = 60.0


class Pages:
    """A ledger in memory that keeps a batch once, and fails as it is told."""

    def __init__(self):
        self.batches = {}
        self.sent = []
        self.is_away = False
        self.loses_answers = 0
        self.written = threading.Event()

    def write(self, batch):
        self.sent.append(batch.id)
        if self.is_away:
            raise DatabaseUnreachable("away")
        self.batches.setdefault(batch.id, batch)
        self.written.set()
        if self.loses_answers:
            self.loses_answers -= 1
            raise DatabaseUnreachable("lost on the way back")

    @property
    def requests(self):
        return [event for batch in self.batches.values() for event in batch.requests]

    @property
    def predictions(self):
        return [event for batch in self.batches.values() for event in batch.predictions]


def request(number, principal="alice"):
    return RequestEvent(principal, principal, "key", "GET", "/v1/me", "", 200, 0, 10, f"r{number}", number)


def prediction(number):
    return PredictionEvent(
        "alice", "circles@1", "d", succeeded=True, pixels=1, compute_ms=1.0, cached=False, at_us=number
    )


@pytest.fixture
def pages():
    return Pages()


@pytest.fixture
def make_meter(pages):
    meters = []

    def make(*, flush_s=NEVER_S, buffer_rows=1000, **more):
        meters.append(Meter(lambda: pages, MeterPlan("lab", flush_s, buffer_rows), **more))
        return meters[-1]

    yield make
    pages.is_away = False
    for meter in meters:
        meter.close()


def until(is_true, *, seconds=10.0):
    deadline = monotonic_s() + seconds
    while not is_true():
        assert monotonic_s() < deadline
        threading.Event().wait(0.005)


def test_events_are_written_soon_with_the_name_of_the_service(pages, make_meter):
    """Within a flush interval, without anybody asking."""
    meter = make_meter(flush_s=0.02)
    meter.start()
    meter.note(request(1), [prediction(1)])
    until(lambda: pages.batches)

    [batch] = pages.batches.values()
    assert (batch.service, batch.requests, batch.predictions) == ("lab", (request(1),), (prediction(1),))


def test_close_writes_what_waits(pages, make_meter):
    """A process that is asked to stop loses nothing, however long its interval."""
    meter = make_meter(buffer_rows=100_000)
    meter.start()
    for number in range(5000):
        meter.note(request(number), [prediction(number)])
    meter.close()

    assert sorted(event.at_us for event in pages.requests) == list(range(5000))
    assert len(pages.predictions) == 5000
    assert meter.waiting == 0


def test_outage_delays_and_loses_nothing(pages, make_meter):
    """What cannot be written waits, in its order, and the database is asked again."""
    pages.is_away = True
    meter = make_meter(flush_s=0.01)
    meter.start()
    for number in range(10):
        meter.note(request(number))
    until(lambda: len(pages.sent) > 2)
    assert pages.requests == []
    pages.is_away = False
    until(lambda: meter.waiting == 0)

    assert [event.at_us for event in pages.requests] == list(range(10))


def test_lost_answer_writes_nothing_twice(pages, make_meter):
    """A batch whose commit was confirmed to nobody is sent again under the same id."""
    pages.loses_answers = 3
    meter = make_meter(flush_s=0.01)
    meter.start()
    meter.note(request(1))
    until(lambda: meter.waiting == 0)

    assert Counter(event.at_us for event in pages.requests) == {1: 1}
    assert len(pages.sent) == 4
    assert len(set(pages.sent)) == 1


def test_full_buffer_drops_the_newest_and_says_so(pages, make_meter):
    """A hole in the ledger is counted; memory has an end."""
    lost = []
    pages.is_away = True
    meter = make_meter(flush_s=0.01, buffer_rows=100, on_lost=lost.append)
    for number in range(150):
        meter.note(request(number))
    assert meter.waiting == 100
    pages.is_away = False
    meter.start()
    until(lambda: meter.waiting == 0 and lost)

    assert sum(lost) == 50
    assert [event.at_us for event in pages.requests] == list(range(100))


def test_noting_never_waits_for_the_database(pages, make_meter):
    """A ledger that hangs holds up nobody who answers requests."""
    gate = threading.Event()
    write, pages.write = pages.write, lambda batch: (gate.wait(20), write(batch))
    meter = make_meter(flush_s=0.01)
    meter.start()
    meter.note(request(0))
    until(lambda: meter.waiting == 1)
    begun = monotonic_s()
    for number in range(1, 1000):
        meter.note(request(number))
    spent_s = monotonic_s() - begun
    gate.set()
    meter.close()

    assert spent_s < 5.0
    assert len(pages.requests) == 1000


def test_many_threads_lose_nothing(pages, make_meter):
    """Every request's thread notes for itself."""
    meter = make_meter(flush_s=0.005, buffer_rows=100_000)
    meter.start()
    crew = [
        threading.Thread(target=lambda start=start: [meter.note(request(start + number)) for number in range(500)])
        for start in range(0, 4000, 500)
    ]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    meter.close()

    assert sorted(event.at_us for event in pages.requests) == list(range(4000))


def test_what_else_fails_does_not_end_it(pages, make_meter):
    """A driver's own error is logged, and the thread goes on."""
    calls = []

    def beside():
        calls.append(1)
        if len(calls) == 1:
            raise TypeError("nobody foresaw this")

    meter = make_meter(flush_s=0.01, beside=beside)
    meter.start()
    meter.note(request(1))
    until(lambda: len(calls) > 2)

    assert [event.at_us for event in pages.requests] == [1]
