"""Sums over the cells that the ledger answers with: of endpoints, paths, statuses and models."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass, field

from saccade.usage.figures import LEAST_ERROR, ModelCell, RouteCell
from saccade.usage.latency import Histogram, Percentiles

_MODEL = re.compile(r"\{model(:path)?\}")


@dataclass(slots=True)
class EndpointTotal:
    """Requests of one method and route."""

    method: str
    route: str
    requests: int = 0
    errors: int = 0
    bytes_in: int = 0
    histogram: Histogram = field(default_factory=Histogram)

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.method} {self.route}"

    @property
    def latency(self) -> Percentiles | None:
        """How long its requests took."""
        return self.histogram.percentiles()


@dataclass(slots=True)
class ModelTotal:
    """Predictions of one model, by how they ended.

    Attributes:
        succeeded: Computed anew.
        cached: Answered from the cache.
        jobs: Items of jobs, of all three.
    """

    model: str
    succeeded: int = 0
    failed: int = 0
    cached: int = 0
    jobs: int = 0
    pixels: int = 0
    compute_ms: float = 0.0

    @property
    def predictions(self) -> int:
        """All of them."""
        return self.succeeded + self.failed + self.cached

    @property
    def sync(self) -> int:
        """Those that were answered at once."""
        return self.predictions - self.jobs

    def add(self, cell: ModelCell | ModelTotal) -> None:
        """Add what is alike, or another model's sums."""
        if isinstance(cell, ModelTotal):
            self.succeeded += cell.succeeded
            self.failed += cell.failed
            self.cached += cell.cached
        elif not cell.succeeded:
            self.failed += cell.predictions
        elif cell.cached:
            self.cached += cell.predictions
        else:
            self.succeeded += cell.predictions
        self.jobs += cell.jobs
        self.pixels += cell.pixels
        self.compute_ms += cell.compute_ms


class Span:
    """The first and the last row that was counted."""

    def __init__(self) -> None:
        """Begin with none."""
        self.first_us: int | None = None
        self.last_us: int | None = None

    def widen(self, first_us: int, last_us: int) -> None:
        """Take in rows between these."""
        self.first_us = first_us if self.first_us is None else min(self.first_us, first_us)
        self.last_us = last_us if self.last_us is None else max(self.last_us, last_us)


class RequestTotals:
    """Requests by endpoint, by path and by status. Strangers may name any model, so only the busiest paths are kept."""

    def __init__(self, *, most_paths: int) -> None:
        """Begin with none."""
        self.requests = self.errors = self.bytes_in = 0
        self.statuses: dict[int, int] = {}
        self.histogram = Histogram()
        self.paths_seen = 0
        self._endpoints: dict[tuple[str, str], EndpointTotal] = {}
        self._paths: list[tuple[int, int, str]] = []
        self._most_paths = most_paths
        self._path: tuple[str, str] | None = None
        self._path_requests = 0

    def add(self, cell: RouteCell, span: Span) -> None:
        """Add requests that are alike; those of one path come one after another."""
        errors = cell.requests if cell.status >= LEAST_ERROR else 0
        self.requests += cell.requests
        self.errors += errors
        self.bytes_in += cell.bytes_in
        self.statuses[cell.status] = self.statuses.get(cell.status, 0) + cell.requests
        self.histogram.add(cell.latency_class, cell.requests)
        span.widen(cell.first_us, cell.last_us)
        endpoint = self._endpoints.setdefault((cell.method, cell.route), EndpointTotal(cell.method, cell.route))
        endpoint.requests += cell.requests
        endpoint.errors += errors
        endpoint.bytes_in += cell.bytes_in
        endpoint.histogram.add(cell.latency_class, cell.requests)
        if self._path != (cell.route, cell.model):
            self._end_path()
            self._path = (cell.route, cell.model)
        self._path_requests += cell.requests

    def end(self) -> None:
        """Say that there are no more."""
        self._end_path()

    @property
    def endpoints(self) -> list[EndpointTotal]:
        """All of them, the busiest first."""
        return sorted(self._endpoints.values(), key=lambda each: (-each.requests, each.name))

    @property
    def paths(self) -> list[tuple[str, int]]:
        """The busiest paths and their requests, the busiest first."""
        ordered = sorted(self._paths, key=lambda each: (-each[0], each[1]))
        return [(path, requests) for requests, _, path in ordered]

    def _end_path(self) -> None:
        if self._path is not None:
            # Of equals the one that came first is kept: its number is less far below zero.
            entry = (self._path_requests, -self.paths_seen, path_of(*self._path))
            self.paths_seen += 1
            if len(self._paths) < self._most_paths:
                heapq.heappush(self._paths, entry)
            else:
                heapq.heappushpop(self._paths, entry)
        self._path, self._path_requests = None, 0


def path_of(route: str, model: str) -> str:
    """Return a route with the model that was asked for in its place, as far as the ledger knows paths."""
    if not model:
        return route
    filled, places = _MODEL.subn(lambda _: model, route, count=1)
    return filled if places else f"{route} [{model}]"
