"""The way to what is kept while database, store and broker may still be coming up: opened in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from saccade.clock import monotonic_s
from saccade.errors import ConfigurationError, DatabaseUnreachable, SaccadeError, UnavailableError

log = logging.getLogger("saccade.jobs")

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


class Closable(Protocol):
    """What can be given back."""

    def close(self) -> None:
        """Give it back."""


T = TypeVar("T", bound=Closable)


class Door(Generic[T]):
    """Opens what is kept on a thread of its own, again and again until it works. Parts may come up in any order."""

    def __init__(self, open_all: Callable[[], T], *, on_wait: Callable[[SaccadeError, float], None]) -> None:
        """Set how to open, and whom to tell.

        Args:
            open_all: Opens everything, or raises.
            on_wait: Told why it is not open yet, and the seconds until the next try.
        """
        self._open_all = open_all
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self._closing = threading.Event()
        self._kept: T | None = None
        self._problem: SaccadeError | None = None
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> SaccadeError | None:
        """Why it is not open; None while it is, or while it was not tried yet."""
        return self._problem

    @property
    def is_open(self) -> bool:
        """Whether all is there."""
        return self._opened.is_set()

    def start(self) -> None:
        """Begin to open. Idempotent."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_trying, name="door", daemon=True)
                self._thread.start()

    def kept(self) -> T:
        """Return what is behind the door.

        Raises:
            UnavailableError: It is not open yet, and why.
        """
        kept = self._kept
        if kept is None:
            if self._problem is not None:
                raise self._problem
            raise DatabaseUnreachable("The database is still being opened.")
        return kept

    def wait(self, timeout_s: float) -> T:
        """Return what is behind the door once it is open.

        Raises:
            SaccadeError: Why it is not after that time.
        """
        deadline_s = monotonic_s() + timeout_s
        while not self._opened.wait(min(0.1, max(0.0, deadline_s - monotonic_s()))):
            if isinstance(self._problem, ConfigurationError) or monotonic_s() >= deadline_s:
                break
        return self.kept()

    def close(self) -> None:
        """Stop trying, and give back what was opened. Idempotent."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_LONGEST_PAUSE_S)
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _keep_trying(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            try:
                kept = self._open_all()
            except UnavailableError as error:
                pause_s = self._pause(error, pause_s)
            except ConfigurationError as error:  # no patience mends a setting
                self._problem = error
                self._on_wait(error, 0.0)
                return
            except Exception as error:  # a driver's own: an option that it does not know, for example
                log.error("the database, the store or the broker could not be opened", exc_info=error)  # noqa: TRY400 - with its trace
                told = DatabaseUnreachable(f"Opening failed: {type(error).__name__}; the log has the trace.")
                pause_s = self._pause(told, _LONGEST_PAUSE_S)
            else:
                with self._lock:
                    self._kept, self._problem = kept, None
                self._opened.set()
                return

    def _pause(self, error: SaccadeError, pause_s: float) -> float:
        """Tell why it is not open, wait, and return how long to wait the next time."""
        self._problem = error
        self._on_wait(error, pause_s)
        self._closing.wait(pause_s)
        return min(_LONGEST_PAUSE_S, pause_s * 2)
