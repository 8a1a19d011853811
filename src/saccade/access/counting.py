"""What limits need counted, and where: the ports behind rates and quotas.

What is made for each request is a named tuple: making one costs a third of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

#: Up to so many, a window remembers each request by itself; a larger one is counted by two weighted sums.
MOST_REMEMBERED = 10_000


class Window(NamedTuple):
    """One thing that is counted of one principal.

    Attributes:
        key: Tells it from everything else that is counted; short, and names nobody.
        most: So much fits.
        span_s: For so long what was counted stands.
        is_remembered: Whether each request is remembered with its moment, so that never more than ``most`` lie in any
            span of this length. Else two sums stand for all: of this span and of the last one, which weighs the less
            the further this one is. That costs the same for a billion pixels as for one, and can run over.
    """

    key: str
    most: int
    span_s: int
    is_remembered: bool


class Level(NamedTuple):
    """How a window stands.

    Attributes:
        remaining: So much fits at this moment.
        reset_s: Seconds until more fits than now.
    """

    remaining: int
    reset_s: float


class Count(NamedTuple):
    """What became of a request that was to be counted.

    Attributes:
        levels: Of all windows, as they stand after it.
        full: Positions of the windows that it did not fit into; empty if it was counted.
    """

    levels: tuple[Level, ...]
    full: tuple[int, ...] = ()


class Limiter(Protocol):
    """Counts. Thread-safe."""

    @property
    def is_blocking(self) -> bool:
        """Whether it asks another machine."""

    def admit(self, counted: Sequence[Window], tested: Sequence[Window] = ()) -> Count:
        """Count one in each of ``counted`` if there is room in all of them and in all of ``tested``; else in none.

        Args:
            counted: What the request is counted in.
            tested: Where only room for one more is wanted.

        Returns:
            The levels of ``counted``, then those of ``tested``.

        Raises:
            LimiterUnreachable: The place where it is counted does not answer.
        """

    def charge(self, window: Window, amount: int) -> None:
        """Count an amount, whether it fits or not; only in a window that does not remember.

        Raises:
            LimiterUnreachable: The place where it is counted does not answer.
        """

    def check(self) -> None:
        """Ask for a sign of life.

        Raises:
            LimiterUnreachable: There is none.
        """

    def close(self) -> None:
        """Give connections back. Idempotent."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What one principal has had in a day.

    Attributes:
        requests: That were answered; those refused for a limit, or because the server had no room, do not count.
        images: Predictions: each picture counts once for each model.
        pixels: Of those pictures.
    """

    requests: int = 0
    images: int = 0
    pixels: int = 0

    def __add__(self, other: Spending) -> Spending:
        """Return both together."""
        return Spending(self.requests + other.requests, self.images + other.images, self.pixels + other.pixels)


class Spent(Protocol):
    """Knows from the ledger what was had."""

    def today(self, principal_id: str) -> Spending:
        """Return what a principal has had since midnight UTC, by the ledger's own clock.

        Rows that are not written yet are not in it.

        Raises:
            DatabaseUnreachable: The ledger does not answer.
        """
