"""What people may write for a window, a time zone and a bucket."""

from datetime import UTC, datetime, timedelta

import pytest

from saccade.errors import ParameterInvalid
from saccade.usage.calendar import Bucket, Timeline, bucket_for, read_bucket
from saccade.usage.figures import SlotCell
from saccade.usage.window import from_us, name_of, read_window, to_us, zone_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ROME = zone_of("Europe/Rome")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - timedelta(hours=24)),
        ("45m", NOW - timedelta(minutes=45)),
        ("30d", NOW - timedelta(days=30)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-06-01", datetime(2026, 5, 31, 22, tzinfo=UTC)),
        ("2026-06-01T08:00", datetime(2026, 6, 1, 6, tzinfo=UTC)),
        ("2026-06-01T08:00+00:00", datetime(2026, 6, 1, 8, tzinfo=UTC)),
        ("2026-06-01T08:00:00.5Z", datetime(2026, 6, 1, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-01 08:00", datetime(2026, 1, 1, 7, tzinfo=UTC)),
    ],
)
def test_moment_is_read_in_the_zone_of_the_report(text, moment):
    """A span counts back from now; a moment without an offset is on the clock of the report's zone, in its season."""
    assert moment == read_window(text, None, zone=ROME, now=NOW).since


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "24", "0h", "-1h", "999999999w", "1969-12-31", "9999-12-31T23:59", "2026-13-01", "٣h", "1h\x00"],
)
@pytest.mark.parametrize("name", ["since", "until"])
def test_what_is_no_moment_is_refused_by_name(text, name):
    """Nonsense, the very ends of the calendar and spans from before 1970 are the caller's mistake, not a crash."""
    with pytest.raises(ParameterInvalid) as caught:
        read_window(**{"since": None, "until": None, name: text}, zone=ROME, now=NOW)

    assert [name] == list(caught.value.faults)


def test_window_that_ends_before_it_begins_is_refused():
    """An empty window is a mistake too."""
    for since, until in (("1h", "2h"), ("1h", "1h"), ("2027-01-01", None)):
        with pytest.raises(ParameterInvalid, match="before it begins"):
            read_window(since, until, zone=UTC, now=NOW)


def test_window_says_whether_it_ends_now():
    """Only where nobody gave an end are rows of the future strange."""
    assert read_window(None, None, zone=UTC, now=NOW).until_now
    assert not read_window(None, "1h", zone=UTC, now=NOW).until_now


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 10_000]
)
def test_zone_that_does_not_exist_is_refused(name):
    """No name leads out of the time zone database, and none is repeated at length."""
    with pytest.raises(ParameterInvalid) as caught:
        zone_of(name)

    assert len(str(caught.value)) < 300


def test_zone_keeps_its_name():
    """The report says whose clock it followed; UTC needs no database of time zones."""
    assert ("Europe/Rome", "UTC", UTC) == (name_of(ROME), name_of(zone_of("utc")), zone_of("UTC"))


def test_microseconds_are_exact():
    """No moment is rounded on its way into the database and back."""
    moment = datetime(2026, 6, 15, 12, 34, 56, 789_123, tzinfo=UTC)

    assert moment == from_us(to_us(moment))


def test_bucket_suits_the_window():
    """Minutes up to 6 hours, hours up to 7 days, then days; a name that is none is refused."""
    spans = [timedelta(hours=6), timedelta(hours=6, seconds=1), timedelta(days=7), timedelta(days=7, seconds=1)]

    assert [Bucket.MINUTE, Bucket.HOUR, Bucket.HOUR, Bucket.DAY] == [bucket_for(NOW - span, NOW) for span in spans]
    assert (None, Bucket.DAY) == (read_bucket("auto"), read_bucket("day"))
    with pytest.raises(ParameterInvalid, match="auto, minute, hour, day"):
        read_bucket("week")


def hours_of(day, zone):
    """Return the labels of the hours of a local day."""
    begin = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=zone)
    return [label for label, _, _ in Timeline(Bucket.HOUR, zone, begin.astimezone(UTC), end.astimezone(UTC)).buckets]


def test_day_on_which_clocks_change_has_23_or_25_hours():
    """The hour that comes twice is there twice, each with its own offset; the one that is left out is not there."""
    spring, autumn = hours_of("2026-03-29", ROME), hours_of("2026-10-25", ROME)

    assert (23, 25) == (len(spring), len(autumn))
    assert [label[11:] for label in autumn if "T02" in label] == ["02:00:00+02:00", "02:00:00+01:00"]
    assert [label for label in spring if "T02" in label] == []


def test_requests_are_counted_in_local_days_and_hours():
    """Half an hour before midnight in Kathmandu is Monday there and 17:45 UTC."""
    zone = zone_of("Asia/Kathmandu")
    at = datetime(2026, 6, 15, 17, 45, tzinfo=UTC)
    timeline = Timeline(Bucket.DAY, zone, at, at + timedelta(hours=1))
    timeline.add(SlotCell(to_us(at), 5, 2))

    assert timeline.buckets[0] == ("2026-06-15T00:00:00+05:45", 5, 2)
    assert timeline.week[0][23] == 5
