"""How many pictures are decoded at once: as many as fit into a memory budget, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class DecodeGate:
    """Lets threads in while the sum of what they need fits; thread-safe.

    Strictly first come, first served: a small picture never overtakes a large one, so that none starves. A picture
    larger than the whole budget waits until it is alone, and then passes.
    """

    def __init__(self, max_decoded_bytes: int) -> None:
        """Start with the whole budget free.

        Args:
            max_decoded_bytes: What all decodes together may need at their peaks; at least 1.
        """
        self._budget_bytes = max(1, max_decoded_bytes)
        self._held_bytes = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def held_bytes(self) -> int:
        """What is held at this moment."""
        return self._held_bytes

    @contextmanager
    def hold(self, decode_bytes: int) -> Iterator[None]:
        """Wait for one's turn and for room, then hold that room while inside.

        Args:
            decode_bytes: What this decode needs at its peak.
        """
        share_bytes = min(max(0, decode_bytes), self._budget_bytes)
        self._enter(share_bytes)
        try:
            yield
        finally:
            with self._changed:
                self._held_bytes -= share_bytes
                self._changed.notify_all()

    def _enter(self, share_bytes: int) -> None:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._is_next(ticket, share_bytes))
                self._held_bytes += share_bytes
            finally:
                # An interrupted wait must not block those behind it.
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _is_next(self, ticket: object, share_bytes: int) -> bool:
        return self._waiting[0] is ticket and self._held_bytes + share_bytes <= self._budget_bytes
