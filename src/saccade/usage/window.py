"""The window of a report as people write it: moments, spans before now, and the name of a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from saccade.durations import parse_duration_s
from saccade.errors import ParameterInvalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: No moment beyond these: no zone's clock can show those at the very ends of the calendar.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
_MOST_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Window:
    """Which time a report is about.

    Attributes:
        now: When it is made, UTC.
        since: Where it begins, UTC; None where it takes in all that was before its end.
        until: Where it ends, UTC; this moment itself is outside.
        until_now: Nobody asked for an end, so it ends when the report is made.
    """

    now: datetime
    since: datetime | None
    until: datetime
    until_now: bool


def read_window(since: str | None, until: str | None, *, zone: tzinfo, now: datetime) -> Window:
    """Return the window that was asked for.

    Args:
        since: A moment in ISO 8601, in ``zone`` if it names no offset; or a span before now, as ``24h``; None means
            from the first row.
        until: The same; None means now.
        zone: The report's time zone.
        now: When the report is made.

    Raises:
        ParameterInvalid: One is neither, or it ends before it begins.
    """
    begin = None if since is None else _moment("since", since, zone=zone, now=now)
    end = now if until is None else _moment("until", until, zone=zone, now=now)
    if begin is not None and begin >= end:
        told = f"The window ends at {end:%Y-%m-%d %H:%M:%S} UTC, before it begins at {begin:%Y-%m-%d %H:%M:%S} UTC."
        raise ParameterInvalid(told, faults={"since": "must be before 'until'"})
    return Window(now, begin, end, until is None)


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name as ``Europe/Rome``.

    Raises:
        ParameterInvalid: There is none of this name.
    """
    if name.upper() in {"UTC", "Z", "ETC/UTC"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no name at all; the name of a folder of zones
        fault = "must be a name as UTC or Europe/Rome"
        raise ParameterInvalid(
            f"There is no time zone {name[:_MOST_CHARACTERS]!a}.",
            hint="Take a name of the IANA time zone database, as UTC or Europe/Rome.",
            faults={"timezone": fault},
        ) from None


def name_of(zone: tzinfo) -> str:
    """Return the name of a time zone."""
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def to_us(moment: datetime) -> int:
    """Return a moment in microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int, zone: tzinfo = UTC) -> datetime:
    """Return the moment so many microseconds after 1970, in a time zone."""
    return (_EPOCH + timedelta(microseconds=moment_us)).astimezone(zone)


def _moment(name: str, text: str, *, zone: tzinfo, now: datetime) -> datetime:
    try:
        moment = _read(text.strip(), zone=zone, now=now)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not _FIRST <= moment <= _LAST:
        fault = "must be a moment as 2026-03-01T12:00, or a span before now as 24h, 7d or 2w"
        raise ParameterInvalid(
            f"{name!r} {fault}, not {text[:_MOST_CHARACTERS]!a}.",
            hint="In a URL the + of an offset is written %2B.",
            faults={name: fault},
        )
    return moment


def _read(text: str, *, zone: tzinfo, now: datetime) -> datetime | None:
    if text[-1:] in {*"smhdw"}:
        return now - timedelta(seconds=parse_duration_s(text))
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC)
