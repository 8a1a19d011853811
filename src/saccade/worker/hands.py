"""What a worker holds: each claim with its lease, and how far it has come."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from saccade.caller import Caller
from saccade.clock import monotonic_s
from saccade.jobs.records import Claim

#: Results that wait to be written, for each place; beyond it nothing more is claimed.
_UNWRITTEN_EACH = 4


class DeadlinePassed(Exception):
    """Why nobody waits any more: the item's deadline passed before its run began."""


class Drained(Exception):
    """Why nobody waits any more: the worker stops, and the item's run has not begun."""


class LeaseLost(Exception):
    """Why nobody waits any more: the item was cancelled, or it is somebody else's by now."""


class Stage(Enum):
    """How far a claim has come in these hands."""

    WAITING = auto()
    RUNNING = auto()
    DONE = auto()
    DROPPED = auto()


@dataclass(eq=False, slots=True)
class Hold:
    """A claim in hand. Times are of the monotonic clock.

    Attributes:
        lease_until_s: Until when it is surely ours.
        expires_s: The item's deadline; infinite if it has none.
        caller: Leaves when nobody needs the outcome any more.
    """

    claim: Claim
    lease_until_s: float
    expires_s: float
    taken_s: float = field(default_factory=monotonic_s)
    caller: Caller = field(default_factory=Caller)
    stage: Stage = Stage.WAITING

    @property
    def is_suspect(self) -> bool:
        """Whether somebody died while working on it."""
        return self.claim.crash_count > 0

    @property
    def is_ours(self) -> bool:
        """Whether what becomes of it may still be written, as far as is known here."""
        return self.stage is not Stage.DROPPED


class Hands:
    """All claims of one worker, and how many more it may take. Thread-safe."""

    def __init__(self, places: int, *, suspects: int) -> None:
        """Begin with nothing.

        Args:
            places: Items that may be in hand at once.
            suspects: Items that wait to run alone; they take no place of the others, but beyond this many nothing is
                claimed at all.
        """
        self.places = places
        self._suspects = suspects
        self._changed = threading.Condition()
        self._holds: dict[int, Hold] = {}

    @property
    def running(self) -> int:
        """Items that are in hand and not done."""
        with self._changed:
            return sum(hold.stage in {Stage.WAITING, Stage.RUNNING} for hold in self._holds.values())

    def take(self, claims: Sequence[Claim], *, asked_s: float, lease_s: float) -> list[Hold]:
        """Hold what was claimed; ``asked_s`` is when the database was asked, so that no lease is thought longer."""
        taken = []
        with self._changed:
            for claim in claims:
                left_s = math.inf if claim.deadline_in_s is None else claim.deadline_in_s
                hold = Hold(claim, asked_s + lease_s, asked_s + left_s)
                stale = self._holds.pop(claim.id, None)
                if stale is not None:  # our lease had run out unseen, and the item came back to us
                    stale.stage = Stage.DROPPED
                    stale.caller.leave(LeaseLost())
                self._holds[claim.id] = hold
                taken.append(hold)
        return taken

    def await_room(self, least: int, *, timeout_s: float) -> int:
        """Return how many more may be taken, as soon as it is at least ``least``; 0 if it is less after that time."""
        with self._changed:
            self._changed.wait_for(lambda: self._room() >= least, timeout_s)
            room = self._room()
            return room if room >= least else 0

    def begin(self, hold: Hold) -> bool:
        """Note that work on it begins; False if there is no need any more."""
        with self._changed:
            if hold.stage is not Stage.WAITING:
                return False
            hold.stage = Stage.RUNNING
            return True

    def done(self, hold: Hold) -> bool:
        """Free its place, for its outcome is known and waits to be written; False if nobody needs it any more."""
        with self._changed:
            if hold.stage is Stage.DROPPED:
                return False
            hold.stage = Stage.DONE
            self._changed.notify_all()
            return True

    def release(self, holds: Iterable[Hold]) -> None:
        """Let go of what was written, or what never will be."""
        with self._changed:
            for hold in holds:
                if self._holds.get(hold.claim.id) is hold:
                    del self._holds[hold.claim.id]
            self._changed.notify_all()

    def all(self) -> list[Hold]:
        """Return everything in hand."""
        with self._changed:
            return list(self._holds.values())

    def extended(self, asked: Sequence[Hold], ours: Collection[int], *, until_s: float) -> list[Hold]:
        """Note new leases; drop and return what of ``asked`` is not ours any more and was still being worked on."""
        lost = []
        with self._changed:
            for hold in asked:
                if hold.claim.id in ours:
                    hold.lease_until_s = until_s
                elif self._holds.get(hold.claim.id) is hold and hold.stage in {Stage.WAITING, Stage.RUNNING}:
                    hold.stage = Stage.DROPPED
                    del self._holds[hold.claim.id]
                    lost.append(hold)
            self._changed.notify_all()
        for hold in lost:
            hold.caller.leave(LeaseLost())
        return lost

    def call_overdue(self) -> None:
        """Tell those whose deadline has passed; what runs already goes on to its end."""
        now_s = monotonic_s()
        for hold in self.all():
            if hold.expires_s <= now_s and not hold.caller.left:
                hold.caller.leave(DeadlinePassed())

    def call_back(self) -> list[Hold]:
        """Take back what nobody has begun, and return it; the rest is told, and comes back unless it runs already."""
        with self._changed:
            waiting = [hold for hold in self._holds.values() if hold.stage is Stage.WAITING]
            running = [hold for hold in self._holds.values() if hold.stage is Stage.RUNNING]
            for hold in waiting:
                hold.stage = Stage.DONE
        for hold in running:
            hold.caller.leave(Drained())
        return waiting

    def await_empty(self, timeout_s: float) -> int:
        """Wait until nothing is in hand; return how much is after that time."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holds, max(0.0, timeout_s))
            return len(self._holds)

    def _room(self) -> int:
        """Return how many more may be taken. The lock is held."""
        busy = suspects = unwritten = 0
        for hold in self._holds.values():
            if hold.stage is Stage.DONE:
                unwritten += 1
            elif hold.is_suspect:
                suspects += 1
            else:
                busy += 1
        if suspects >= self._suspects or unwritten >= _UNWRITTEN_EACH * self.places:
            return 0
        return self.places - busy
