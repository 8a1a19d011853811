"""What a reader of the figures should know about them: data-quality notes, each one sentence that is true here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from saccade.usage.report import UsageReport
from saccade.usage.statuses import CLIENT_LEFT
from saccade.usage.window import name_of

#: Empty buckets in a row that are worth telling.
_LEAST_SILENCE = 3
_OFFSET_CHARACTERS = 6


def notes_on(report: UsageReport) -> list[str]:
    """Return the notes, those that limit what was counted first."""
    return [*_filters(report), *_coverage(report), *_cuts(report), *_meaning(report), *_gaps(report)]


def in_words(span: timedelta) -> str:
    """Return a span in its largest unit, and the next one where that says more."""
    minutes = round(span.total_seconds() / 60)
    for unit, size, smaller, step in (("day", 1440, "hour", 60), ("hour", 60, "minute", 1)):
        if minutes >= size:
            rest = minutes % size // step
            return _counted(minutes // size, unit) + (f" {_counted(rest, smaller)}" if rest else "")
    return _counted(minutes, "minute")


def moment(at: datetime) -> str:
    """Return a moment as people read it, to the minute."""
    return f"{at:%Y-%m-%d %H:%M}"


def _filters(report: UsageReport) -> Iterator[str]:
    question = report.question
    if question.only is not None:
        yield "Only your own requests and predictions are counted."
    if question.service is not None:
        yield f"Only the service {question.service} is counted."
    if question.principal is not None:
        yield f"Only who has the id or the name {question.principal} is counted."


def _coverage(report: UsageReport) -> Iterator[str]:
    window = report.question.window
    if report.first is None:
        yield "Nothing was counted in this window."
    begins = report.ledger_begins
    if window.since is not None and begins is not None and window.since < begins < window.until:
        late = in_words(begins - window.since)
        yield (
            f"The oldest row that could count is of {moment(begins)}, {late} after the window begins: "
            "use before it was not counted, or its rows were forgotten."
        )
    if report.rows_after:
        yield (
            f"{report.rows_after:,} rows are of a time after this report was made and are not counted: "
            "the clock of a server is ahead."
        )
    if window.until_now:
        yield "Servers write their rows in batches, so those of the last seconds may be missing."


def _cuts(report: UsageReport) -> Iterator[str]:
    if report.users_seen > len(report.users):
        yield f"All {report.users_seen:,} users are counted; the {len(report.users)} with most requests are named."
    if report.paths_seen > len(report.paths):
        yield f"All {report.paths_seen:,} paths are counted; the {len(report.paths)} with most requests are named."


def _meaning(report: UsageReport) -> Iterator[str]:
    if report.latency is not None:
        yield "Percentiles of latency are read from classes: none is too low, and none more than a tenth too high."
    left = dict(report.statuses).get(CLIENT_LEFT, 0)
    if left:
        whose = "error is a request whose client" if left == 1 else "errors are requests whose clients"
        yield f"{left:,} {whose} left before the answer (status 499)."
    if report.predictions.jobs and report.question.window.since is not None:
        yield "Predictions of jobs count when they end; some may belong to requests before this window."


def _gaps(report: UsageReport) -> Iterator[str]:
    labels = [label for label, _, _ in report.buckets]
    if len({label[-_OFFSET_CHARACTERS:] for label in labels}) > 1:
        yield (
            f"The clocks of {name_of(report.question.zone)} were changed in this window: "
            "an hour of the night came twice, or not at all."
        )
    silence = _longest_silence([requests for _, requests, _ in report.buckets])
    if silence is not None:
        begin, end = (datetime.fromisoformat(labels[number]) for number in silence)
        yield f"The longest time without a request: {in_words(end - begin)} from {moment(begin)}."


def _longest_silence(counts: list[int]) -> tuple[int, int] | None:
    """Return the longest run of empty buckets between two with requests: the first of it and the first after it."""
    best: tuple[int, int] | None = None
    last: int | None = None
    for number, count in enumerate(counts):
        if count:
            run = 0 if last is None else number - last - 1
            if last is not None and run >= _LEAST_SILENCE and (best is None or run > best[1] - best[0]):
                best = (last + 1, number)
            last = number
    return best


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number:,} {unit}s"
