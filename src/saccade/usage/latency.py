"""Latency from classes: percentiles of millions of requests out of a few hundred counts."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.usage.event import MOST_LATENCY_CLASS, latency_of


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What half, 95 % and 99 % of requests did not take longer than, in ms.

    Each is the longest duration of its class, so it is never too low, and too high by at most a tenth.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float


class Histogram:
    """How many requests there were of each latency class."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts = [0] * (MOST_LATENCY_CLASS + 1)

    def add(self, number: int, requests: int) -> None:
        """Count requests of a class."""
        self._counts[number] += requests

    def percentiles(self) -> Percentiles | None:
        """Return the percentiles; None if nothing was counted."""
        total = sum(self._counts)
        if not total:
            return None
        return Percentiles(*(self._below(total, percent) for percent in (50, 95, 99)))

    def _below(self, total: int, percent: int) -> float:
        """Return the longest duration of the first class up to which at least so many percent lie."""
        needed = -(-total * percent // 100)  # rounded up, in whole numbers
        seen = 0
        for number, count in enumerate(self._counts):
            seen += count
            if seen >= needed:
                return latency_of(number)
        raise AssertionError("all together are at least 100 percent")
