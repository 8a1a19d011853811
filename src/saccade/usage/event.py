"""What is counted: one event a request that told who asked, one a prediction that was answered at once.

Predictions of jobs are not here: their rows are written in the item's own transaction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Duration of latency class 0, in microseconds; all shorter ones are in it too.
_BASE_US = 64
#: Classes for each doubling: a percentile read from them is off by at most a tenth.
_PER_DOUBLING = 8
#: The last class holds all that is longer: more than a day.
MOST_LATENCY_CLASS = 255


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One request of a principal.

    Attributes:
        principal: Id of who asked.
        user_name: As people know them.
        via: How they came in, as ``Via`` has it.
        method: Of HTTP.
        route: The path's template.
        model: That was asked for; empty on other routes.
        status: Of the answer; 499 if the client left before it.
        bytes_in: Of the body that came.
        duration_us: From the request's head to the end of the answer.
        request_id: By which the log is searched.
        at_us: When it came, microseconds since 1970.
    """

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
    at_us: int


@dataclass(frozen=True, slots=True)
class PredictionEvent:
    """One prediction that was answered at once, or that failed.

    Attributes:
        principal: Id of who asked.
        model: ``name@version``.
        digest: Of the model's package.
        succeeded: Whether there was a prediction.
        pixels: Of the upright picture; 0 if it could not be read.
        compute_ms: Preparing, running and decoding; 0 if it came from the cache.
        cached: Whether it came from the cache.
        at_us: When it was answered, microseconds since 1970.
    """

    principal: str
    model: str
    digest: str
    succeeded: bool
    pixels: int
    compute_ms: float
    cached: bool
    at_us: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that are written together.

    Attributes:
        id: By which the database knows a batch that it has already.
        service: Name of the service that counted them.
    """

    id: str
    service: str
    requests: tuple[RequestEvent, ...]
    predictions: tuple[PredictionEvent, ...]


def latency_class(duration_us: int) -> int:
    """Return the class of a duration: what histograms are made of without reading every duration again."""
    if duration_us <= _BASE_US:
        return 0
    return min(MOST_LATENCY_CLASS, math.ceil(_PER_DOUBLING * math.log2(duration_us / _BASE_US)))


def latency_of(number: int) -> float:
    """Return the longest duration of a class, in ms."""
    return float(_BASE_US * 2.0 ** (number / _PER_DOUBLING) / 1000)
