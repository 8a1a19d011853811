"""What usage needs of a database: rows written in batches, and read as sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from saccade.usage.event import Batch
from saccade.usage.figures import Edges, ModelCell, RecentRequest, RouteCell, Slice, SlotCell, UserFigures

T = TypeVar("T")


class Ledger(Protocol):
    """The rows of who did what."""

    def write(self, batch: Batch) -> None:
        """Keep all of a batch, or none; durable when it returns. Idempotent: a batch sent twice is kept once.

        Raises:
            DatabaseUnreachable: The database does not answer; whether it was kept may be unknown, so send it again.
        """

    def forget(self, *, before_us: int, most: int) -> int:
        """Delete rows older than this, at most so many, and what need not be known of batches any more.

        Returns:
            How many rows there were.
        """


class LedgerSnapshot(Protocol):
    """The ledger as it was at one moment, so that all sums agree with each other. An iterator is read to its end."""

    def principals(self, name: str, *, among: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the ids that are this text, or that a request names so; of these only, if any are given."""

    def edges(self, chosen: Slice) -> Edges:
        """Return where the rows of a service and of principals begin, and how many come after the window."""

    def routes(self, chosen: Slice) -> Iterator[RouteCell]:
        """Yield requests by what they asked for and how they ended; equal (route, model) come one after another."""

    def slots(self, chosen: Slice, *, width_us: int) -> Iterator[SlotCell]:
        """Yield requests by time: each slot begins at a multiple of its width since 1970, UTC. In any order."""

    def users(self, chosen: Slice, *, most: int) -> tuple[list[UserFigures], int]:
        """Return those with most requests, the busiest first, and how many principals there are in all."""

    def models(self, chosen: Slice) -> Iterator[ModelCell]:
        """Yield predictions by model and how they ended."""

    def recent(self, chosen: Slice, *, most: int) -> list[RecentRequest]:
        """Return the last requests, the newest first."""


class LedgerReader(Protocol):
    """Reads the ledger."""

    def read(self, work: Callable[[LedgerSnapshot], T]) -> T:
        """Run work on a snapshot; it may be run twice, so it must do nothing outside.

        Raises:
            DatabaseUnreachable: The database does not answer.
        """
