"""Time as people read it: buckets and the hours of the week, in one time zone, through every change of its clock.

The database adds up by short slots of UTC. Offsets of time zones are whole quarters of an hour, so no slot lies in two
hours or two days of anybody's clock, and each is added to one bucket and one hour of the week.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from saccade.errors import ParameterInvalid
from saccade.usage.figures import SlotCell
from saccade.usage.window import from_us

#: The name that leaves the choice to the report.
AUTO = "auto"
#: Most buckets of one report.
MAX_BUCKETS = 50_000
DAYS = 7
HOURS = 24

_HOUR_S = 3_600
_DAY_S = 86_400
_SECOND_US = 1_000_000
#: Up to these spans ``auto`` takes minutes and hours.
_MINUTES_UP_TO_S = 6 * _HOUR_S
_HOURS_UP_TO_S = 7 * _DAY_S


class Bucket(StrEnum):
    """How long the spans of a timeline are."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def span_s(self) -> int:
        """Its usual length; where clocks are changed an hour or a day is longer or shorter."""
        return {"minute": 60, "hour": _HOUR_S, "day": _DAY_S}[self.value]

    @property
    def slot_us(self) -> int:
        """The slots that the database adds up for it: 15 minutes, or one."""
        return (60 if self is Bucket.MINUTE else 900) * _SECOND_US


def read_bucket(text: str) -> Bucket | None:
    """Return the bucket of a name; None for ``auto``.

    Raises:
        ParameterInvalid: There is none of this name.
    """
    if text == AUTO:
        return None
    try:
        return Bucket(text)
    except ValueError:
        fault = f"must be one of {', '.join((AUTO, *Bucket))}"
        raise ParameterInvalid(f"'bucket' {fault}.", faults={"bucket": fault}) from None


def bucket_for(begin: datetime, end: datetime) -> Bucket:
    """Return the bucket in which a window is read well."""
    span_s = (end - begin).total_seconds()
    if span_s <= _MINUTES_UP_TO_S:
        return Bucket.MINUTE
    return Bucket.HOUR if span_s <= _HOURS_UP_TO_S else Bucket.DAY


class Timeline:
    """Counts of every bucket of a window, empty ones too, and of every hour of the week."""

    def __init__(self, bucket: Bucket, zone: tzinfo, begin: datetime, end: datetime) -> None:
        """Lay out the buckets.

        Args:
            bucket: How long they are.
            zone: Whose clock they follow.
            begin: In the first bucket.
            end: Where the last one ends, or within it.

        Raises:
            ParameterInvalid: There would be too many.
        """
        number = int((end - begin).total_seconds() / bucket.span_s)
        if number > MAX_BUCKETS:
            raise ParameterInvalid(
                f"The window has {number} {bucket.value}s, and a report has at most {MAX_BUCKETS} buckets.",
                hint="Take a longer bucket or a shorter window.",
                faults={"bucket": f"must be so long that there are at most {MAX_BUCKETS}"},
            )
        self.bucket = bucket
        self._zone = zone
        self._counts: dict[str, list[int]] = {label: [0, 0] for label in self._labels(begin, end)}
        self._week = [[0] * HOURS for _ in range(DAYS)]

    def add(self, cell: SlotCell) -> None:
        """Add a slot to its bucket and its hour of the week."""
        moment = from_us(cell.start_us, self._zone)
        counts = self._counts.setdefault(_label(moment, self.bucket), [0, 0])
        counts[0] += cell.requests
        counts[1] += cell.errors
        self._week[moment.weekday()][moment.hour] += cell.requests

    @property
    def buckets(self) -> list[tuple[str, int, int]]:
        """Begin, requests and errors of each bucket, the oldest first."""
        return [(label, requests, errors) for label, (requests, errors) in self._counts.items()]

    @property
    def week(self) -> list[list[int]]:
        """Requests of each hour, by day, Monday first."""
        return self._week

    def _labels(self, begin: datetime, end: datetime) -> list[str]:
        """Return where each bucket begins, in order, without repetition."""
        if self.bucket is Bucket.DAY:
            first, last = begin.astimezone(self._zone).date(), _before(end).astimezone(self._zone).date()
            days = range((last - first).days + 1)
            return [_day(first.year, first.month, first.day, self._zone, number) for number in days]
        step = timedelta(microseconds=self.bucket.slot_us)
        slots = int((end - begin) / step) + 2
        moments = (begin + step * number for number in range(slots))
        inside = (min(moment, _before(end)).astimezone(self._zone) for moment in moments)
        return list(dict.fromkeys(_label(moment, self.bucket) for moment in inside))


def _before(end: datetime) -> datetime:
    return end - timedelta(microseconds=1)


def _label(moment: datetime, bucket: Bucket) -> str:
    """Return where the bucket of a moment begins, on the clock that this moment has."""
    if bucket is Bucket.DAY:
        return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).isoformat()
    if bucket is Bucket.HOUR:
        return moment.replace(minute=0, second=0, microsecond=0).isoformat()
    return moment.replace(second=0, microsecond=0).isoformat()


def _day(year: int, month: int, day: int, zone: tzinfo, later: int) -> str:
    return (datetime(year, month, day, tzinfo=zone) + timedelta(days=later)).isoformat()
