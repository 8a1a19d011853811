"""What a stress run measured, counted as it comes: times per stage, call and user, and a sample of each failure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import stdev
from typing import TYPE_CHECKING

from saccade.cli.stress_plan import Mode

if TYPE_CHECKING:
    from saccade.cli.stress_visit import Failure, Outcome
    from saccade.predictions.render import Json

#: Stages in the order in which they happen; ``rest`` is what of ``end_to_end`` lies in none of them.
STAGES = ("told_to_wait", "submit", "queue_wait", "processing", "look", "fetch", "rest", "end_to_end")
#: A call without an answer, where others have their status.
NO_ANSWER = "none"
_NORMAL_95 = 1.96
_SHARES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, many times, in ms.

    Attributes:
        mean_ms: The only one of these that can be added up.
        error_ms: Half of the mean's 95 % confidence interval, by the normal distribution; None of a single time.
    """

    count: int
    min_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    mean_ms: float
    error_ms: float | None

    @classmethod
    def of(cls, times_s: Iterable[float]) -> Spread:
        """Return the spread of at least one time; a percentile is the least time that so many do not exceed."""
        ordered = sorted(time_s * 1e3 for time_s in times_s)
        shares = {name: ordered[max(0, math.ceil(share * len(ordered)) - 1)] for name, share in _SHARES.items()}
        error_ms = _NORMAL_95 * stdev(ordered) / math.sqrt(len(ordered)) if len(ordered) > 1 else None
        return cls(
            count=len(ordered),
            min_ms=ordered[0],
            max_ms=ordered[-1],
            mean_ms=math.fsum(ordered) / len(ordered),
            error_ms=error_ms,
            **shares,
        )

    def to_json(self) -> dict[str, Json]:
        """Return it with microseconds as the last digits."""
        times: dict[str, Json] = {
            name: round(getattr(self, name), 3) for name in ("min_ms", *_SHARES, "max_ms", "mean_ms")
        }
        error_ms = None if self.error_ms is None else round(self.error_ms, 3)
        return {"count": self.count, **times, "mean_error_ms": error_ms}


@dataclass(slots=True)
class FailureKind:
    """Failures that look the same, and the first of them."""

    sample: Failure
    count: int = 0

    def to_json(self) -> dict[str, Json]:
        """Return it as a flat object."""
        sample = self.sample
        return {
            "count": self.count,
            "code": sample.code,
            "status": sample.status,
            "endpoint": sample.endpoint,
            "detail": sample.detail,
            "request_id": sample.request_id,
            "job_id": sample.job_id,
        }


@dataclass(slots=True)
class UserFigures:
    """What became of one user's requests."""

    failed: int = 0
    times_s: list[float] = field(default_factory=list)

    @property
    def spread(self) -> Spread | None:
        """How long those took that succeeded; None if none did."""
        return Spread.of(self.times_s) if self.times_s else None

    def to_json(self) -> dict[str, Json]:
        """Return counts, and times of those that succeeded."""
        spread = self.spread
        return {
            "succeeded": len(self.times_s),
            "failed": self.failed,
            "end_to_end": spread.to_json() if spread else None,
        }


@dataclass(slots=True)
class Figures:
    """The figures of one run. Stages are those of requests that succeeded, so that each has all of them."""

    succeeded: int = 0
    failed: int = 0
    waits: int = 0
    users: dict[str, UserFigures] = field(default_factory=lambda: defaultdict(UserFigures))
    failures: dict[tuple[str, int | None, str], FailureKind] = field(default_factory=dict)
    _stages: dict[Mode, dict[str, list[float]]] = field(default_factory=dict)
    _calls: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, outcome: Outcome) -> None:
        """Count one request."""
        for call in outcome.calls:
            self._calls[call.endpoint, NO_ANSWER if call.status is None else str(call.status)].append(call.took_s)
            self.waits += call.was_told_to_wait
        user = self.users[outcome.user]
        failure = outcome.failure
        if failure is not None:
            self.failed += 1
            user.failed += 1
            key = (failure.code, failure.status, failure.endpoint)
            self.failures.setdefault(key, FailureKind(failure)).count += 1
            return
        self.succeeded += 1
        user.times_s.append(outcome.took_s)
        stages = self._stages.setdefault(outcome.mode, defaultdict(list))
        for name, time_s in {**outcome.stages, "end_to_end": outcome.took_s}.items():
            stages[name].append(time_s)

    @property
    def stages(self) -> dict[Mode, dict[str, Spread]]:
        """By kind of request, each stage in order; being told to wait only where somebody was."""
        return {
            mode: {
                name: Spread.of(stages[name])
                for name in STAGES
                if name in stages and (name != "told_to_wait" or self.waits)
            }
            for mode in Mode
            if (stages := self._stages.get(mode))
        }

    @property
    def calls(self) -> dict[tuple[str, str], Spread]:
        """By endpoint and status, each HTTP request."""
        return {key: Spread.of(times_s) for key, times_s in sorted(self._calls.items())}

    @property
    def statuses(self) -> Mapping[str, int]:
        """How many calls were answered with which status."""
        counted: Counter[str] = Counter()
        for (_, status), times_s in self._calls.items():
            counted[status] += len(times_s)
        return dict(sorted(counted.items()))

    @property
    def ranked_failures(self) -> list[FailureKind]:
        """Return kinds of failures, most frequent first."""
        return sorted(self.failures.values(), key=lambda kind: -kind.count)

    def to_json(self) -> dict[str, Json]:
        """Return everything as ``--json`` writes it."""
        return {
            "succeeded": self.succeeded,
            "failed": self.failed,
            "told_to_wait": self.waits,
            "stages": {
                mode.value: {name: spread.to_json() for name, spread in stages.items()}
                for mode, stages in self.stages.items()
            },
            "statuses": dict(self.statuses),
            "calls": [
                {"endpoint": endpoint, "status": None if status == NO_ANSWER else int(status), **spread.to_json()}
                for (endpoint, status), spread in self.calls.items()
            ],
            "users": {name: user.to_json() for name, user in sorted(self.users.items())},
            "failures": [kind.to_json() for kind in self.ranked_failures],
        }
