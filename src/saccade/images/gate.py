"""How many pictures are decoded at once: as fit into a memory budget, and as there are CPUs; first come, first served.

More at once would not be faster, only larger. Those for whom no room comes in time, or whose caller left, give up and
let the next one forward.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from saccade.caller import Caller
from saccade.clock import monotonic_s
from saccade.errors import QueueFull


@dataclass(eq=False, slots=True)
class _Ticket:
    """One who waits, or is inside."""

    share_bytes: int
    wake: threading.Event = field(default_factory=threading.Event)
    inside: bool = False
    decoding: bool = False


class Share:
    """A picture's part of the budget, and its place among those that are decoded.

    Attributes:
        waited_s: How long it stood before the gate.
    """

    __slots__ = ("_gate", "_ticket", "waited_s")

    def __init__(self, gate: DecodeGate, ticket: _Ticket, waited_s: float) -> None:
        """Be held."""
        self._gate = gate
        self._ticket = ticket
        self.waited_s = waited_s

    def end_decoding(self) -> None:
        """Let the next one decode; the memory is held on. Idempotent."""
        self._gate.leave(self._ticket, decoded_only=True)


class DecodeGate:
    """Lets threads in while the sum of what they need fits; thread-safe.

    Strictly first come, first served: a small picture never overtakes a large one, so that none starves. A picture
    larger than the whole budget waits until it is alone, and then passes.
    """

    def __init__(self, max_decoded_bytes: int, *, max_at_once: int | None = None) -> None:
        """Start with the whole budget free.

        Args:
            max_decoded_bytes: What all decodes together may need at their peaks; at least 1.
            max_at_once: Pictures that are decoded at the same time; None bounds them by memory alone.
        """
        self._budget_bytes = max(1, max_decoded_bytes)
        self._max_at_once = max_at_once
        self._lock = threading.Lock()
        self._held_bytes = 0
        self._decoding = 0
        self._waiting: deque[_Ticket] = deque()

    @property
    def held_bytes(self) -> int:
        """What is held at this moment."""
        return self._held_bytes

    @contextmanager
    def hold(
        self, decode_bytes: int, *, caller: Caller | None = None, max_wait_s: float | None = None
    ) -> Iterator[Share]:
        """Wait for one's turn and for room, then hold that room while inside.

        Args:
            decode_bytes: What this decode needs at its peak.
            caller: Who waits for the picture.
            max_wait_s: How long they wait at most; None for as long as it takes.

        Raises:
            QueueFull: No room came in time.
            CallerLeft: The caller left before it came.
        """
        ticket = _Ticket(min(max(0, decode_bytes), self._budget_bytes))
        begun_s = monotonic_s()
        self._enter(ticket, caller or Caller(), max_wait_s)
        try:
            yield Share(self, ticket, monotonic_s() - begun_s)
        finally:
            self.leave(ticket)

    def leave(self, ticket: _Ticket, *, decoded_only: bool = False) -> None:
        """Give back what a ticket holds, or only its place among those that are decoded; see ``Share``."""
        with self._lock:
            if ticket.decoding:
                ticket.decoding = False
                self._decoding -= 1
            if ticket.inside and not decoded_only:
                ticket.inside = False
                self._held_bytes -= ticket.share_bytes
            self._let_in()

    def _enter(self, ticket: _Ticket, caller: Caller, max_wait_s: float | None) -> None:
        with self._lock:
            self._waiting.append(ticket)
            self._let_in()
        if not ticket.inside:
            with caller.told(partial(self._give_up, ticket)):
                ticket.wake.wait(max_wait_s)
            self._give_up(ticket)
        if not ticket.inside:
            caller.check()
            raise QueueFull(f"The picture could not be decoded within {max_wait_s:g} s: too many others wait.")

    def _give_up(self, ticket: _Ticket) -> None:
        """Stop waiting, if one still waits."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._let_in()
        ticket.wake.set()

    def _let_in(self) -> None:
        """Let those in front in as far as there is room. The lock is held."""
        while self._waiting and self._fits(self._waiting[0]):
            ticket = self._waiting.popleft()
            self._held_bytes += ticket.share_bytes
            self._decoding += 1
            ticket.inside = ticket.decoding = True
            ticket.wake.set()

    def _fits(self, ticket: _Ticket) -> bool:
        if self._max_at_once is not None and self._decoding >= self._max_at_once:
            return False
        return self._held_bytes + ticket.share_bytes <= self._budget_bytes
