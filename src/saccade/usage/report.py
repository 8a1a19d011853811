"""The report: everything that is told of a window of the ledger, gathered in one walk over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from saccade.usage.calendar import DAYS, HOURS, Bucket, Timeline, bucket_for
from saccade.usage.figures import Edges, RecentRequest, Slice, UserFigures
from saccade.usage.latency import Percentiles
from saccade.usage.ports import LedgerReader, LedgerSnapshot
from saccade.usage.totals import EndpointTotal, ModelTotal, RequestTotals, Span
from saccade.usage.window import Window, from_us, to_us

#: Users and paths that are named; all are counted.
MOST_NAMED = 25
#: Recent requests that are shown unless asked otherwise, and at most.
DEFAULT_RECENT = 25
MAX_RECENT = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is asked for.

    Attributes:
        window: Which time.
        zone: Whose clock buckets and hours of the week follow.
        bucket: How long the spans of the timeline are; None for what suits the window.
        recent_limit: How many of the last requests are shown.
        service: Only of this service.
        principal: Only of those with this id or name.
        only: Only of the principal with this id, whatever else is asked for: who may see no others.
    """

    window: Window
    zone: tzinfo
    bucket: Bucket | None = None
    recent_limit: int = DEFAULT_RECENT
    service: str | None = None
    principal: str | None = None
    only: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What was found.

    Attributes:
        question: What was asked.
        first: The oldest row that was counted, in the report's zone; None if there was none.
        last: The newest one.
        ledger_begins: The oldest row of all times that could count.
        rows_after: Rows of the future, if the report ends now.
        bucket: The one that was taken.
        buckets: Begin, requests and errors of each.
        week: Requests by day, Monday first, and hour.
        users: Those with most requests.
        users_seen: How many there were in all.
        paths_seen: The same for paths.
    """

    question: Question
    first: datetime | None
    last: datetime | None
    ledger_begins: datetime | None
    rows_after: int
    requests: int
    errors: int
    bytes_in: int
    latency: Percentiles | None
    statuses: list[tuple[int, int]]
    endpoints: list[EndpointTotal]
    paths: list[tuple[str, int]]
    paths_seen: int
    users: list[UserFigures]
    users_seen: int
    models: list[ModelTotal]
    predictions: ModelTotal
    bucket: Bucket
    buckets: list[tuple[str, int, int]]
    week: list[list[int]]
    recent: list[RecentRequest]

    @property
    def begins(self) -> datetime | None:
        """Where the window begins, or the first row if it takes in everything; None if there is none."""
        since = self.question.window.since
        return self.first if since is None else since.astimezone(self.question.zone)

    @property
    def error_share(self) -> float:
        """Errors among the requests, 0..1."""
        return self.errors / self.requests if self.requests else 0.0


def make_report(
    reader: LedgerReader, question: Question, *, on_step: Callable[[str], None] = lambda _: None
) -> UsageReport:
    """Read the ledger and return what it says.

    Args:
        reader: The ledger.
        question: What is asked for.
        on_step: Told what is being read.

    Raises:
        ParameterInvalid: The window has too many buckets.
        DatabaseUnreachable: The database does not answer.
    """
    return reader.read(lambda snapshot: _gather(snapshot, question, on_step))


def _gather(snapshot: LedgerSnapshot, question: Question, on_step: Callable[[str], None]) -> UsageReport:
    window = question.window
    on_step("whose rows")
    chosen = Slice(
        until_us=to_us(window.until),
        since_us=None if window.since is None else to_us(window.since),
        service=question.service,
        principals=_whose(snapshot, question),
    )
    edges = snapshot.edges(chosen)
    on_step("requests by endpoint")
    span, totals = Span(), RequestTotals(most_paths=MOST_NAMED)
    for cell in snapshot.routes(chosen):
        totals.add(cell, span)
    totals.end()
    on_step("predictions by model")
    models: dict[str, ModelTotal] = {}
    for found in snapshot.models(chosen):
        models.setdefault(found.model, ModelTotal(found.model)).add(found)
        span.widen(found.first_us, found.last_us)
    on_step("requests by time")
    bucket, timeline = _timeline(snapshot, chosen, question, span)
    on_step("users")
    users, users_seen = snapshot.users(chosen, most=MOST_NAMED)
    on_step("recent requests")
    recent = snapshot.recent(chosen, most=question.recent_limit)
    every = ModelTotal("")
    for model in models.values():
        every.add(model)
    return UsageReport(
        question=question,
        first=_shown(span.first_us, question.zone),
        last=_shown(span.last_us, question.zone),
        ledger_begins=_begin(edges, question.zone),
        rows_after=edges.rows_after if window.until_now else 0,
        requests=totals.requests,
        errors=totals.errors,
        bytes_in=totals.bytes_in,
        latency=totals.histogram.percentiles(),
        statuses=sorted(totals.statuses.items()),
        endpoints=totals.endpoints,
        paths=totals.paths,
        paths_seen=totals.paths_seen,
        users=users,
        users_seen=users_seen,
        models=sorted(models.values(), key=lambda each: (-each.predictions, each.model)),
        predictions=every,
        bucket=bucket,
        buckets=timeline.buckets if timeline else [],
        week=timeline.week if timeline else [[0] * HOURS for _ in range(DAYS)],
        recent=recent,
    )


def _whose(snapshot: LedgerSnapshot, question: Question) -> tuple[str, ...] | None:
    """Return the principals that count, None for all."""
    among = None if question.only is None else (question.only,)
    if question.principal is None:
        return among
    return snapshot.principals(question.principal, among=among)


def _timeline(
    snapshot: LedgerSnapshot, chosen: Slice, question: Question, span: Span
) -> tuple[Bucket, Timeline | None]:
    """Count by time, from the window's begin, or from the first row if it has none; None if there is nothing at all."""
    window = question.window
    begin = window.since or (None if span.first_us is None else from_us(span.first_us))
    if begin is None:
        return question.bucket or Bucket.DAY, None
    bucket = question.bucket or bucket_for(begin, window.until)
    timeline = Timeline(bucket, question.zone, begin, window.until)
    for cell in snapshot.slots(chosen, width_us=bucket.slot_us):
        timeline.add(cell)
    return bucket, timeline


def _begin(edges: Edges, zone: tzinfo) -> datetime | None:
    return None if edges.first_us is None else from_us(edges.first_us, zone)


def _shown(moment_us: int | None, zone: tzinfo) -> datetime | None:
    return None if moment_us is None else from_us(moment_us, zone)
