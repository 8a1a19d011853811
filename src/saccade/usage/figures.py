"""What the ledger is asked for, and what it answers with: sums, and single rows only of the last requests."""

from __future__ import annotations

from dataclasses import dataclass

#: The least status of an answer that counts as an error; 499, a client that left, is one too.
LEAST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows count.

    Attributes:
        until_us: Only rows before this, microseconds since 1970.
        since_us: Only rows at this or later; None where all before ``until_us`` count.
        service: Only of this service; None for all.
        principals: Only of these, by id; None for all. Empty means that no row counts.
    """

    until_us: int
    since_us: int | None = None
    service: str | None = None
    principals: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the rows begin and end, whatever the window.

    Attributes:
        first_us: The oldest row; None if there is none.
        rows_after: Rows at or after the end of the window.
    """

    first_us: int | None
    rows_after: int


@dataclass(frozen=True, slots=True)
class RouteCell:
    """Requests that are alike in all these."""

    route: str
    model: str
    method: str
    status: int
    latency_class: int
    requests: int
    bytes_in: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class SlotCell:
    """Requests of one short span of time."""

    start_us: int
    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class UserFigures:
    """What one principal did.

    Attributes:
        principal: Their id.
        name: As people know them, of their last request.
        images: Predictions, failed ones too: each picture counts once for each model.
    """

    principal: str
    name: str
    requests: int
    errors: int
    bytes_in: int
    images: int
    pixels: int
    compute_ms: float


@dataclass(frozen=True, slots=True)
class ModelCell:
    """Predictions of one model that are alike in how they ended.

    Attributes:
        jobs: How many of them were items of jobs; the others were answered at once.
    """

    model: str
    succeeded: bool
    cached: bool
    predictions: int
    jobs: int
    pixels: int
    compute_ms: float
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class RecentRequest:
    """One request, as it stands in the ledger."""

    at_us: int
    service: str
    principal: str
    user_name: str
    via: str
    method: str
    route: str
    model: str
    status: int
    bytes_in: int
    duration_us: int
    request_id: str
