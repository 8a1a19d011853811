"""The way to jobs while database, store and broker may still be coming up: opened in the background, with patience."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from saccade.clock import monotonic_s
from saccade.errors import ConfigurationError, DatabaseUnreachable, SaccadeError, UnavailableError

if TYPE_CHECKING:
    from saccade.jobs.service import Jobs

log = logging.getLogger("saccade.jobs")

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


class Door:
    """Opens jobs on a thread of its own, again and again until it works. Parts may come up in any order."""

    def __init__(self, open_jobs: Callable[[], Jobs], *, on_wait: Callable[[SaccadeError, float], None]) -> None:
        """Set how to open, and whom to tell.

        Args:
            open_jobs: Opens everything, or raises.
            on_wait: Told why it is not open yet, and the seconds until the next try.
        """
        self._open_jobs = open_jobs
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self._closing = threading.Event()
        self._jobs: Jobs | None = None
        self._problem: SaccadeError | None = None
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> SaccadeError | None:
        """Why it is not open; None while it is, or while it was not tried yet."""
        return self._problem

    @property
    def is_open(self) -> bool:
        """Whether jobs can be accepted and read."""
        return self._opened.is_set()

    def start(self) -> None:
        """Begin to open. Idempotent."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_trying, name="jobs-door", daemon=True)
                self._thread.start()

    def jobs(self) -> Jobs:
        """Return jobs.

        Raises:
            UnavailableError: They are not open yet, and why.
        """
        if self._jobs is None:
            if self._problem is not None:
                raise self._problem
            raise DatabaseUnreachable("The database is still being opened.")
        return self._jobs

    def wait(self, timeout_s: float) -> Jobs:
        """Return jobs once they are open.

        Raises:
            SaccadeError: Why they are not after that time.
        """
        deadline_s = monotonic_s() + timeout_s
        while not self._opened.wait(min(0.1, max(0.0, deadline_s - monotonic_s()))):
            if isinstance(self._problem, ConfigurationError) or monotonic_s() >= deadline_s:
                break
        return self.jobs()

    def close(self) -> None:
        """Stop trying, and give back what was opened. Idempotent."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_LONGEST_PAUSE_S)
        with self._lock:
            jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.close()

    def _keep_trying(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            try:
                jobs = self._open_jobs()
            except UnavailableError as error:
                pause_s = self._pause(error, pause_s)
            except ConfigurationError as error:  # no patience mends a setting
                self._problem = error
                self._on_wait(error, 0.0)
                return
            except Exception as error:  # a driver's own: an option that it does not know, for example
                log.error("jobs could not be opened", exc_info=error)  # noqa: TRY400 - with its trace
                told = DatabaseUnreachable(f"Jobs could not be opened: {type(error).__name__}; the log has the trace.")
                pause_s = self._pause(told, _LONGEST_PAUSE_S)
            else:
                with self._lock:
                    self._jobs, self._problem = jobs, None
                self._opened.set()
                return

    def _pause(self, error: SaccadeError, pause_s: float) -> float:
        """Tell why it is not open, wait, and return how long to wait the next time."""
        self._problem = error
        self._on_wait(error, pause_s)
        self._closing.wait(pause_s)
        return min(_LONGEST_PAUSE_S, pause_s * 2)
