"""The ledger over SQL: batches are kept once and whole, old rows go in pieces, and every total equals the rows."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import event as events

from conformance.ledgers import EDGES, EPOCH, MINUTE_US, ZONES, keep, plain_report, predictions, requests
from conformance.stores import Opened, empty
from saccade.backends.database.ledger import SqlLedger
from saccade.backends.database.ledger_reading import SqlLedgerReader
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.errors import ParameterInvalid
from saccade.usage.calendar import Bucket
from saccade.usage.document import report_to_json
from saccade.usage.event import Batch, PredictionEvent, RequestEvent
from saccade.usage.report import Question, make_report
from saccade.usage.window import Window, to_us, zone_of

NOON = to_us(datetime(2026, 6, 15, 12, tzinfo=UTC))
HOUR_US = 60 * MINUTE_US


def asked(at_us=NOON, principal="alice", **fields):
    """Return one request."""
    return RequestEvent(
        **{
            "principal": principal,
            "user_name": principal.title(),
            "via": "key",
            "method": "GET",
            "route": "/v1/jobs",
            "model": "",
            "status": 200,
            "bytes_in": 10,
            "duration_us": 1000,
            "request_id": "r",
            "at_us": at_us,
            **fields,
        }
    )


def predicted(at_us=NOON, principal="alice", **fields):
    """Return one prediction that was answered at once."""
    return PredictionEvent(
        **{
            "principal": principal,
            "model": "circles@1",
            "digest": "sha256:c1",
            "succeeded": True,
            "pixels": 100,
            "compute_ms": 1.5,
            "cached": False,
            "at_us": at_us,
            **fields,
        }
    )


def report_on(db, *, since_us=None, until_us=NOON + 1, zone="UTC", now_us=None, **fields):
    """Return the JSON report on a window."""

    def moment(at_us):
        return EPOCH + timedelta(microseconds=at_us)

    now = moment(now_us or until_us)
    window = Window(now, None if since_us is None else moment(since_us), moment(until_us), now_us is None)
    return report_to_json(make_report(SqlLedgerReader(db.database), Question(window, zone_of(zone), **fields)))


def count_of(db, table):
    """Return how many rows a table has."""
    return db.rows(f"SELECT COUNT(*) FROM {table}")[0][0]


def test_batch_that_is_sent_again_is_kept_once(db):
    """Whoever does not know whether a batch was kept sends it again, and nothing is counted twice."""
    batch = Batch("b", "saccade", (asked(), asked()), (predicted(),))
    for _ in range(3):
        SqlLedger(db.database).write(batch)

    assert (2, 1) == (count_of(db, "request_event"), count_of(db, "usage_event"))


def test_batch_that_is_sent_by_two_at_once_is_kept_once(db):
    """A batch that is still being written when it comes again ends up there once, and nobody gets an error."""
    batch = Batch("b", "saccade", tuple(asked() for _ in range(200)), ())
    failures = []

    def write():
        try:
            SqlLedger(db.database).write(batch)
        except Exception as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert count_of(db, "request_event") == 200


def test_batch_is_kept_whole_or_not_at_all(db):
    """When one row cannot be written none is, and the batch may be sent again."""
    poisoned = predicted(model=None)
    with pytest.raises(Exception):  # noqa: B017 - whatever the driver says of a null
        SqlLedger(db.database).write(Batch("b", "saccade", (asked(),), (poisoned,)))
    kept = (count_of(db, "request_event"), count_of(db, "usage_event"), count_of(db, "ledger_batch"))
    SqlLedger(db.database).write(Batch("b", "saccade", (asked(),), (predicted(),)))

    assert kept == (0, 0, 0)
    assert count_of(db, "request_event") == 1


def test_large_batch_is_written_in_pieces_and_complete(db):
    """More rows than any database takes in one statement are all kept."""
    SqlLedger(db.database).write(
        Batch("b", "saccade", tuple(asked() for _ in range(1201)), tuple(predicted() for _ in range(777)))
    )

    assert (1201, 777) == (count_of(db, "request_event"), count_of(db, "usage_event"))


def test_texts_of_strangers_fit_their_columns(db):
    """Whatever a name, a model or a request id holds, the row is kept: cut, and without what databases refuse."""
    odd = "\0\ud800" + "ö" * 500
    SqlLedger(db.database).write(
        Batch("b", "saccade", (asked(user_name=odd, model=odd, request_id=odd, method="PROPFINDS"),), ())
    )

    (name, model) = db.rows("SELECT user_name, model FROM request_event")[0]
    assert ("\ufffd?" + "ö" * 253, 200) == (name, len(model))


def test_old_rows_go_in_bounded_pieces_and_younger_ones_stay(db):
    """Each call deletes at most so many, requests and predictions together; the cut itself stays."""
    old = tuple(asked(NOON - 1 - number) for number in range(7))
    SqlLedger(db.database).write(Batch("b", "s", (*old, asked(NOON)), (predicted(NOON - 1), predicted(NOON))))
    ledger = SqlLedger(db.database)
    gone = [ledger.forget(before_us=NOON, most=3) for _ in range(4)]

    assert gone == [3, 3, 2, 0]
    assert db.rows("SELECT created_at FROM request_event") == db.rows("SELECT created_at FROM usage_event") == [(NOON,)]


def test_batches_are_forgotten_after_a_day(db):
    """By then nobody sends one again; until then it is known, whatever becomes of its rows."""
    ledger = SqlLedger(db.database)
    for name in ("old", "new"):
        ledger.write(Batch(name, "s", (asked(),), ()))
    db.run("UPDATE ledger_batch SET created_at = created_at - 86400000001 WHERE id = 'old'")
    ledger.forget(before_us=0, most=10)

    assert db.rows("SELECT id FROM ledger_batch") == [("new",)]
    assert count_of(db, "request_event") == 2


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=some.data())
def test_every_total_equals_the_rows(opened, data):
    """Whatever the history, the window, the zone and the bucket: a report says what a walk over the rows says."""
    empty(opened.database)
    edge, its_zone = data.draw(some.sampled_from(EDGES), "edge")
    history = data.draw(some.lists(requests(edge), max_size=30), "requests")
    spent = data.draw(some.lists(predictions(edge), max_size=20), "predictions")
    zone = data.draw(some.just(its_zone) | some.sampled_from(ZONES), "zone")
    bucket = data.draw(some.sampled_from(["minute", "hour", "day"]), "bucket")
    moments = some.integers(-2 * 1440, 2 * 1440).map(lambda minutes: edge + minutes * MINUTE_US)
    if history:  # ends that cut right at a row
        moments |= some.sampled_from([event.at_us for event in history])
    until_us = data.draw(moments, "until")
    since_us = data.draw(some.none() | moments.filter(lambda at_us: at_us < until_us), "since")
    limit = data.draw(some.integers(0, 30), "recent")
    keep(opened.database, "saccade", history, spent)

    found = report_on(
        opened, since_us=since_us, until_us=until_us, zone=zone, bucket=Bucket(bucket), recent_limit=limit
    )
    expected = plain_report(
        history, spent, zone_name=zone, bucket=bucket, since_us=since_us, until_us=until_us, recent_limit=limit
    )
    found["recent"] = [each["at"] for each in found["recent"]]
    assert expected == {name: found[name] for name in expected}


def test_filters_hold_for_requests_and_predictions(db):
    """A service and a person, by id or by name, are picked out of both tables; who has predictions only is found."""
    ledger = SqlLedger(db.database)
    ledger.write(Batch("1", "one", (asked(), asked(principal="bob")), (predicted(), predicted(principal="carol"))))
    ledger.write(Batch("2", "two", (asked(),), (predicted(), predicted())))

    def totals(**fields):
        found = report_on(db, **fields)
        return found["total"], found["predictions"]["n"]

    assert totals() == (3, 4)
    assert totals(service="two") == (1, 2)
    assert totals(principal="alice") == totals(principal="Alice") == (2, 3)
    assert totals(principal="Alice", service="one") == (1, 1)
    assert totals(principal="carol") == (0, 1)
    assert totals(principal="nobody") == (0, 0)


def test_who_may_see_only_their_own_sees_nobody_else(db):
    """Another's id or name, even one that both share, opens nothing; one's own does."""
    both = (asked(user_name="Same"), asked(principal="bob", user_name="Same"))
    SqlLedger(db.database).write(Batch("1", "s", both, (predicted(), predicted(principal="bob"))))

    def seen(principal):
        found = report_on(db, only="alice", principal=principal)
        return found["total"], found["predictions"]["n"], list(found["user_counts"])

    assert seen(None) == seen("alice") == seen("Same") == (1, 1, ["Same"])
    assert seen("bob") == seen("nobody") == (0, 0, [])


def test_rows_of_the_future_are_told_and_not_counted(db):
    """A server whose clock is ahead does not spoil a report that ends now; one with an end of its own says nothing."""
    SqlLedger(db.database).write(Batch("1", "s", (asked(NOON), asked(NOON + HOUR_US)), (predicted(NOON + HOUR_US),)))

    now = report_on(db)
    told = [note[:6] for note in now["data_quality"] if "clock of a server" in note]
    assert (now["total"], told) == (1, ["2 rows"])
    ended = report_on(db, now_us=NOON + 2 * HOUR_US)
    assert [note for note in ended["data_quality"] if "clock of a server" in note] == []


def test_only_the_busiest_users_and_paths_are_named_and_all_are_counted(db):
    """Beyond 25 the rest is in the totals, and a note says how many there are."""
    many = tuple(
        asked(principal=f"u{number:02}", route="/v1/models/{model}", model=f"m{number:02}")
        for number in range(40)
        for _ in range(number + 1)
    )
    SqlLedger(db.database).write(Batch("1", "s", many, ()))
    found = report_on(db)

    assert (found["total"], found["unique_users"]) == (820, 40)
    assert list(found["user_counts"]) == [f"U{number}" for number in range(39, 14, -1)]
    assert list(found["path_counts"]) == [f"/v1/models/m{number}" for number in range(39, 14, -1)]
    assert [note.partition(" are counted")[0] for note in found["data_quality"] if "are counted;" in note] == [
        "All 40 users",
        "All 40 paths",
    ]


def test_window_with_too_many_buckets_is_refused(db):
    """A report stays small: years by the minute are no timeline."""
    with pytest.raises(ParameterInvalid, match="at most 50000 buckets"):
        report_on(db, since_us=NOON - 365 * 24 * HOUR_US, bucket=Bucket.MINUTE)


def test_all_totals_are_of_one_moment(db):
    """Rows that are committed while a report is made are in none of its sums, or in all."""
    SqlLedger(db.database).write(Batch("1", "s", (asked(),), ()))
    reader = SqlLedgerReader(db.database)

    def add_one(_step):
        thread = threading.Thread(target=SqlLedger(db.database).write, args=(Batch(_step, "s", (asked(),), ()),))
        thread.start()
        thread.join()

    now = EPOCH + timedelta(microseconds=NOON + 1)
    report = make_report(reader, Question(Window(now, None, now, until_now=True), UTC), on_step=add_one)

    sums = {report.requests, sum(n for _, n, _ in report.buckets), sum(user.requests for user in report.users)}
    assert sums == {len(report.recent)}
    assert count_of(db, "request_event") > 1 + len(report.recent)


def plans_of_a_report(db, **window):
    """Return how SQLite goes about each statement of a report that groups rows, by what it groups them."""
    engine, statements = db.database._reader, []

    def remember(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    events.listen(engine, "before_cursor_execute", remember)
    report_on(db, **window)
    events.remove(engine, "before_cursor_execute", remember)
    found = {}
    for statement, parameters in statements:
        _, is_grouped, keys = statement.partition("GROUP BY ")
        if is_grouped:
            with engine.connect() as connection:
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found[keys.split()[0].strip(",)")] = "; ".join(row[-1] for row in rows)
    return found


@pytest.fixture
def sqlite_db(sqlite_url):
    """Yield a database of SQLite alone, which does not know its rows; servers do."""
    database = open_database(sqlite_url)
    migrate(database)
    empty(database)
    yield Opened(sqlite_url, database, open_store(database))
    database.close()


def test_long_window_is_read_along_indexes_and_short_one_by_its_time(sqlite_db):
    """SQLite sorts no ledger and fetches no row of it for a report on everything, nor reads all for one on an hour."""
    hours = tuple(asked(NOON - number * HOUR_US) for number in range(99))
    SqlLedger(sqlite_db.database).write(Batch("1", "s", hours, (predicted(),)))
    everything = plans_of_a_report(sqlite_db, since_us=NOON - 1000 * HOUR_US)
    an_hour = plans_of_a_report(sqlite_db, since_us=NOON - HOUR_US)

    for keys, index in {
        "request_event.route": "ix_request_route",
        "request_event.principal": "ix_request_principal",
        "usage_event.model": "ix_usage_model",
        "usage_event.principal": "ix_usage_principal",
    }.items():
        assert f"COVERING INDEX {index}" in everything[keys]
        assert "TEMP B-TREE FOR GROUP BY" not in everything[keys]
    assert "ix_request_created (created_at>? AND created_at<?)" in an_hour["request_event.route"]
