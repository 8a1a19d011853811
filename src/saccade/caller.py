"""Who waits for an answer, and whether they still do: work that nobody waits for any more is not begun."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CallerLeft(Exception):
    """Raised in the place of an answer that nobody waits for.

    No ``SaccadeError``: it is shown to nobody. Whoever said that the caller left finds their own ``reason`` in it.
    """

    def __init__(self, reason: Exception) -> None:
        """Keep why the caller left."""
        super().__init__(str(reason))
        self.reason = reason


class Caller:
    """One who asked. They may leave at any moment; work asks before it begins, and waits are ended. Thread-safe.

    To leave is a wish: work that has begun goes on to its end, for there is nothing to win by then.
    """

    __slots__ = ("_listeners", "_lock", "_reason", "owner")

    def __init__(self, owner: str = "") -> None:
        """Begin to wait.

        Args:
            owner: Id of the principal on whose behalf; what was computed for one is not shown to another.
        """
        self.owner = owner
        self._lock = threading.Lock()
        self._reason: Exception | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def left(self) -> bool:
        """Whether they wait no more."""
        return self._reason is not None

    @property
    def reason(self) -> Exception | None:
        """Why they left; None while they wait."""
        return self._reason

    def leave(self, reason: Exception) -> None:
        """Stop waiting; everybody who listens is told, on this thread. Idempotent: the first reason stands.

        Args:
            reason: Why; what is withdrawn fails with it, inside of ``CallerLeft``.
        """
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def check(self) -> None:
        """Return if somebody still waits.

        Raises:
            CallerLeft: Nobody does.
        """
        if self._reason is not None:
            raise CallerLeft(self._reason)

    @contextmanager
    def told(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have a function called when they leave while the block runs; at once, if they have left already.

        Args:
            listener: Must be quick and may be called from any thread, even shortly after the block has ended.
        """
        with self._lock:
            self._listeners.append(listener)
            left = self._reason is not None
        if left:
            listener()
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)
