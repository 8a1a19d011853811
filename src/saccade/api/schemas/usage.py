"""The report on who used what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from saccade.api.schemas.shape import Shape


class UsageLatency(Shape):
    """Milliseconds that this share of requests did not take longer than: at most a tenth too high, never too low."""

    p50: float
    p95: float
    p99: float


class UsagePredictions(Shape):
    """Predictions by how they ended; each picture counts once for each model."""

    n: int
    succeeded: int
    """Computed anew; answers from the cache are counted apart."""

    failed: int
    cached: int
    """Answered from the cache."""

    sync: int
    """Answered at once."""

    jobs: int
    """Items of jobs; counted when they end."""

    pixels: int
    """Of the upright pictures."""

    compute_ms: float
    """Preparing, running and decoding, added up."""


class UsageModel(UsagePredictions):
    """The predictions of one model."""

    model: str
    """``name@version``."""


class UsageEndpoint(Shape):
    """The requests of one method and route."""

    endpoint: str
    method: str
    route: str
    n: int
    errors: int
    bytes_in: int
    latency_ms: UsageLatency | None


class UsageUser(Shape):
    """What one principal did."""

    principal: str
    name: str
    """As people know them, of their last request."""

    n: int
    """Requests."""

    errors: int
    bytes_in: int
    images: int
    """Predictions: each picture counts once for each model."""

    pixels: int
    compute_ms: float


class UsageBucket(Shape):
    """The requests of one span of the timeline."""

    bucket: datetime
    """Where it begins, on the clock of the report's time zone."""

    n: int
    errors: int


class UsageHour(Shape):
    """The requests of one hour of the week, in the report's time zone."""

    dow: int
    """Day: 0 is Monday."""

    hour: int
    n: int


class UsageRequest(Shape):
    """One request."""

    at: datetime
    service: str
    principal: str
    name: str
    via: str
    method: str
    route: str
    model: str
    status: int
    """499 if the client left before the answer."""

    bytes_in: int
    duration_ms: float
    request_id: str


class Usage(Shape):
    """What a window of the ledger says; all sums are of one moment. Errors are requests with status 400 or above."""

    generated_at_utc: datetime
    timezone: str
    bucket: Literal["minute", "hour", "day"]
    """How long the spans of ``time_buckets`` are."""

    requested_start_utc: datetime | None
    """Null where everything before the end counts."""

    requested_end_utc: datetime
    """This moment itself is outside."""

    coverage_start: datetime | None
    """The first row that was counted."""

    coverage_end: datetime | None
    """The last one."""

    service: str | None
    """The filter in force."""

    principal: str | None
    """The filter in force: always the caller, for who is no admin."""

    total: int
    """Requests."""

    unique_users: int
    error_count: int
    error_rate: float
    """0..1."""

    bytes_in: int
    latency_ms: UsageLatency | None
    predictions: UsagePredictions
    endpoint_counts: dict[str, int]
    """Requests by method and route."""

    status_counts: dict[str, int]
    user_counts: dict[str, int]
    """The 25 users with most requests."""

    path_counts: dict[str, int]
    """The 25 paths with most requests, models by their names."""

    endpoints: list[UsageEndpoint]
    users: list[UsageUser]
    """The 25 with most requests."""

    models: list[UsageModel]
    time_buckets: list[UsageBucket]
    """Every span of the window, empty ones too, the oldest first."""

    hour_heatmap: list[UsageHour]
    recent: list[UsageRequest]
    """The newest first."""

    data_quality: list[str]
    """What to know before the figures are used."""
