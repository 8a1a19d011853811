"""Where an item and a job may stand. Terminal states absorb: nothing leaves them, a retry is a new job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ItemState(StrEnum):
    """Where one (image, model) pair of a job stands: queued → running → one of the four ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


#: States in which an item still waits for something.
OPEN = (ItemState.QUEUED, ItemState.RUNNING)
#: States that no item leaves.
ENDED = (ItemState.SUCCEEDED, ItemState.FAILED, ItemState.CANCELLED, ItemState.EXPIRED)
#: Ends after which a second try makes sense.
RETRYABLE = (ItemState.FAILED, ItemState.EXPIRED)


class JobState(StrEnum):
    """Where a job stands: running until its last item has ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a job have come to which end, and how many there are."""

    total: int
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0

    @property
    def ended(self) -> int:
        """Items in a terminal state."""
        return self.succeeded + self.failed + self.cancelled + self.expired

    @property
    def open(self) -> int:
        """Items that still wait or run."""
        return self.total - self.ended


def state_of(counts: Counts, *, is_cancelled: bool) -> JobState:
    """Return what a job is: cancelled if its owner cancelled it, succeeded if all its items did, else failed."""
    if counts.open:
        return JobState.RUNNING
    if is_cancelled:
        return JobState.CANCELLED
    return JobState.SUCCEEDED if counts.succeeded == counts.total else JobState.FAILED
