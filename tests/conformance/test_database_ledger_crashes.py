"""The ledger of processes that die: after any history of crashes every total of a report equals the rows that are left.

Requests go through the meter, items of jobs through the store that workers use, both into a database of each kind. A
crash before a commit undoes a transaction, one after it leaves nobody who heard of it, and a killed server takes along
what waited in its memory.
"""

import contextlib
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from conformance.ledgers import EDGES, ZONES, plain_report, predictions, requests
from conformance.stores import HELD, LEASE_S, empty, new_job, succeeded
from conformance.test_database_ledger import report_on
from saccade.backends.database.ledger import SqlLedger
from saccade.backends.database.opening import open_store
from saccade.errors import DatabaseUnreachable
from saccade.jobs.records import Failed
from saccade.usage.calendar import Bucket
from saccade.usage.event import PredictionEvent, RequestEvent
from saccade.usage.meter import Meter, MeterPlan

EDGE, _ = EDGES[0]
DAYS_US = 4 * 86_400_000_000
STEPS = ("note", "note", "note", "flush", "flush", "flush", "kill", "work")
FAULTS = some.sampled_from([None, "before", "after"])


class Died(Exception):
    """Whoever wrote is dead."""


class Mortal:
    """A database whose client may die, or lose its connection, before or after a commit."""

    def __init__(self, database):
        self.database = database
        self.fault, self.error = None, Died

    def __getattr__(self, name):
        return getattr(self.database, name)

    def write(self, work, **more):
        def cut_short(tx):
            value = work(tx)
            if self.fault == "before":
                raise self.error("before the commit")
            return value

        value = self.database.write(cut_short, **more)
        if self.fault == "after":
            raise self.error("after the commit")
        return value


class Service:
    """A server and its workers, that are killed and started again; remembers what must be left of what they wrote."""

    def __init__(self, opened):
        self.database = Mortal(opened.database)
        self.store = open_store(self.database)
        self.ledger = SqlLedger(self.database)
        self.requests, self.predictions, self.items = Counter(), Counter(), Counter()
        self.start()

    def start(self):
        """Begin anew, without what the one before had in memory."""
        self.meter = Meter(lambda: self.ledger, MeterPlan("saccade", 60.0, 1000))
        self.waiting = []

    def note(self, request, predictions):
        self.meter.note(request, predictions)
        self.waiting.append((request, predictions))

    def flush(self, fault, *, is_death):
        """Write what waits. With a lost connection it is tried once more, with a death it is not."""
        self.database.fault, self.database.error = fault, Died if is_death else DatabaseUnreachable
        is_dead = False
        try:
            self.meter.flush()
        except DatabaseUnreachable:
            self.database.fault = None
            self.meter.flush()
        except Died:
            is_dead = True
        self.database.fault = None
        if not is_dead or fault == "after":
            self.requests.update(request for request, _ in self.waiting)
            self.predictions.update(event for _, events in self.waiting for event in events)
        self.waiting = []
        if is_dead:
            self.start()

    def work(self, images, fault, *, is_good):
        """Submit a job and end its items; whoever dies over it is followed by another worker."""
        self.items.update(self.store.submissions.submit(new_job(images=images)).item_ids)
        self.database.error = Died
        while claims := self.store.claims.claim("worker", HELD, most=images, lease_s=-1 if fault else LEASE_S):
            self.database.fault, fault = fault, None
            outcomes = [succeeded(each) if is_good else Failed(each, "image_unreadable", "No.") for each in claims]
            with contextlib.suppress(Died):
                self.store.claims.finish("worker", outcomes)
            self.database.fault = None
            self.store.upkeep.reap()


def rows_of(opened):
    """Return the ledger as it stands: requests, and predictions with the sign of whether they were items."""
    asked = opened.rows(
        "SELECT principal, user_name, via, method, route, model, status, bytes_in, duration_us, request_id, created_at "
        "FROM request_event ORDER BY id"
    )
    spent = opened.rows(
        "SELECT item_id, principal, model, digest, outcome, pixels, compute_ms + 0, cached, created_at "  # all digits
        "FROM usage_event ORDER BY id"
    )
    return [RequestEvent(*row) for row in asked], [
        (item_id, PredictionEvent(who, model, digest, outcome == "succeeded", pixels, compute_ms, bool(cached), at_us))
        for item_id, who, model, digest, outcome, pixels, compute_ms, cached, at_us in spent
    ]


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=some.data())
def test_every_total_equals_the_rows_whoever_died(opened, data):
    """What was confirmed is there once, what died with its process is not, and reports add up to just that."""
    empty(opened.database)
    service = Service(opened)
    for step in data.draw(some.lists(some.sampled_from(STEPS), min_size=6, max_size=12), "steps"):
        if step == "note":
            spent = data.draw(some.lists(predictions(EDGE), max_size=2), "predictions")
            service.note(data.draw(requests(EDGE), "request"), tuple(event for _, event in spent))
        elif step == "flush":
            service.flush(data.draw(FAULTS, "fault"), is_death=data.draw(some.booleans(), "death"))
        elif step == "kill":
            service.start()
        else:
            good = data.draw(some.booleans(), "good")
            service.work(data.draw(some.integers(1, 3), "images"), data.draw(FAULTS, "fault"), is_good=good)
    # Items are written at the time of the database; a report on months is no better than one on days.
    opened.run("UPDATE usage_event SET created_at = :at_us WHERE item_id IS NOT NULL", at_us=EDGE)
    asked, spent = rows_of(opened)
    window = {"since_us": None, "until_us": EDGE + DAYS_US}
    bucket, zone = data.draw(some.sampled_from(["hour", "day"]), "bucket"), data.draw(some.sampled_from(ZONES), "zone")

    assert service.requests == Counter(asked)
    assert service.predictions == Counter(event for item_id, event in spent if item_id is None)
    assert service.items == Counter(item_id for item_id, _ in spent if item_id is not None)
    found = report_on(opened, **window, zone=zone, bucket=Bucket(bucket), recent_limit=30)
    expected = plain_report(
        asked,
        [(item_id is not None, event) for item_id, event in spent],
        zone_name=zone,
        bucket=bucket,
        recent_limit=30,
        **window,
    )
    found["recent"] = [each["at"] for each in found["recent"]]
    assert expected == {name: found[name] for name in expected}
