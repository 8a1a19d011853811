"""The worker inside of ``saccade serve``, and the opening of jobs, beside the server and never in its way.

A first answer needs neither the database nor the worker, so both wait until the models are loaded: their imports would
take time away from that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from saccade.clock import monotonic_s
from saccade.errors import ConfigurationError, SaccadeError, UnavailableError
from saccade.settings import AccessMode
from saccade.wiring import Platform
from saccade.worker.trouble import DATABASE_PAUSE_S, Trouble

if TYPE_CHECKING:
    from saccade.jobs.service import Jobs
    from saccade.wiring import Kept

log = logging.getLogger("saccade.worker")

#: How long slow models may keep jobs from being opened.
_MODELS_FIRST_S = 10.0
_LOOK_S = 0.05
#: Who waited for the models gets the first answer before anything is imported beside it.
_SETTLE_S = 0.1
_DOOR_S = 0.5


class Background:
    """Opens jobs and works on them, for as long as a server runs."""

    def __init__(self, platform: Platform, on_fatal: Callable[[], None]) -> None:
        """Start nothing yet.

        Args:
            platform: Of the server; its models are shared.
            on_fatal: Told that a setting keeps jobs from being opened, which no patience mends; see ``fatal``.
        """
        self._platform = platform
        self._on_fatal = on_fatal
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self._drains: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self.fatal: SaccadeError | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._platform.expect_jobs()
        if self._platform.settings.worker.embedded:
            self._platform.health.watch("worker", lambda: "the worker has not begun yet")
        self._thread = threading.Thread(target=self._open, name="worker-start", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Let the worker take nothing more. Returns at once; idempotent."""
        self._closing.set()
        with self._lock:
            drains = tuple(self._drains)
        for drain in drains:
            drain()

    def stop(self) -> None:
        """Drain, and wait until what was begun has ended or the grace is over. Idempotent."""
        self.drain()
        with self._lock:
            stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    def _open(self) -> None:
        """Open jobs, then work on them."""
        self._await_models()
        self._platform.open_jobs()
        while not self._closing.is_set():
            try:
                kept = self._platform.door.wait(_DOOR_S)
                self._begin(kept.jobs)
                self._tell_if_nobody_can_come_in(kept)
            except UnavailableError:  # the door tells the log by itself
                continue
            except ConfigurationError as error:
                self.fatal = error
                self._on_fatal()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must be seen
                self._tell_failure(error)
            return

    def _tell_if_nobody_can_come_in(self, kept: Kept) -> None:
        """Say how the first account is made, where everybody is asked who they are and nobody could answer."""
        settings = self._platform.settings
        if settings.access.mode is AccessMode.REQUIRED and not settings.jwt.jwks and not kept.accounts.list(limit=1):
            log.warning("nobody can come in yet: saccade users create NAME --admin makes the first account")

    def _tell_failure(self, error: Exception) -> None:
        """Let a server without its worker say so."""
        log.error("the worker could not begin", exc_info=error)
        reason = f"the worker could not begin: {type(error).__name__}"
        self._platform.health.watch("worker", lambda: reason)

    def _await_models(self) -> None:
        """Wait until the models are loaded, but not for ever."""
        latest_s = monotonic_s() + _MODELS_FIRST_S
        while monotonic_s() < latest_s and not self._closing.is_set():
            readiness = self._platform.registry.readiness()
            if readiness.ready or (readiness.failed and not readiness.loading):
                break
            self._closing.wait(_LOOK_S)
        self._closing.wait(_SETTLE_S)

    def _begin(self, jobs: Jobs) -> None:
        from saccade.worker.pulse import Pulse

        database = Trouble("the database", longest_pause_s=DATABASE_PAUSE_S)
        pulse = Pulse(jobs.store.upkeep, database)
        with self._lock:
            if self._closing.is_set():
                return
            pulse.start()
            self._stops.append(pulse.stop)
            self._platform.health.watch("database", pulse.problem)
            if self._platform.settings.worker.embedded:
                self._work(jobs, database)

    def _work(self, jobs: Jobs, database: Trouble) -> None:
        """Start the worker. The lock is held."""
        from saccade.worker.loop import Worker

        worker = Worker(self._platform, jobs, database=database)
        worker.start()
        self._drains.append(worker.drain)
        self._stops.append(worker.stop)
        self._platform.health.watch("worker", worker.problem)
        log.info("the worker has begun", extra={"facts": {"saccade.worker.concurrency": worker.concurrency}})
