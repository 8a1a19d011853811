"""A worker in a process of its own: waits for what it depends on, works, and stops gently."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import FrameType

from saccade.clock import monotonic_s
from saccade.errors import ConfigurationError, UnavailableError
from saccade.jobs.service import Jobs
from saccade.settings import Preload, Settings
from saccade.wiring import Platform, Reports, open_platform

log = logging.getLogger("saccade.worker")

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Begun:
    """What a worker that has begun says of itself."""

    worker: str
    models: int
    concurrency: int


def run(
    settings: Settings, *, models: Collection[str] = (), reports: Reports, on_begin: Callable[[Begun], None]
) -> None:
    """Work until SIGTERM or SIGINT; what was begun then gets ``grace_s`` to end. Prints nothing but log lines.

    Args:
        settings: What is wanted.
        models: Names, or ``name@version``, of which items are taken; none means all.
        reports: Whom to tell of trouble in the background.
        on_begin: Told when it works.

    Raises:
        ModelUnknown: There is no model of one of the names.
        UnavailableError: The database, the place of bytes or the broker did not answer in time.
        ConfigurationError: One of them cannot be opened at all.
    """
    stopping = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    platform = open_platform(settings, reports=reports)
    try:
        if models:  # only what is wanted is loaded, by the worker itself
            platform.registry.start(preload=False)
        else:
            platform.start()
        platform.open_jobs()
        _work(platform, models, stopping, on_begin)
    finally:
        platform.close()


def _work(
    platform: Platform, models: Collection[str], stopping: threading.Event, on_begin: Callable[[Begun], None]
) -> None:
    for name in models:
        platform.registry.status(name)
    jobs = _await_jobs(platform, stopping)
    if jobs is None:
        return
    from saccade.worker.loop import Worker

    settings = platform.settings
    worker = Worker(platform, jobs, models=models, eager=settings.place.preload is Preload.ALL)
    worker.start()
    try:
        while settings.place.preload is Preload.ALL and not worker.models.held and not stopping.wait(_LOOK_S):
            if not platform.registry.readiness().loading and platform.registry.readiness().failed:
                break
        on_begin(Begun(worker.id, len(worker.models.held), worker.concurrency))
        _watch(worker.problem, stopping)
    finally:
        worker.stop()


def _await_jobs(platform: Platform, stopping: threading.Event) -> Jobs | None:
    """Return jobs once they are open; None if somebody wants to stop before.

    Raises:
        UnavailableError: They are not open after the time that the settings give them.
        ConfigurationError: No patience would open them.
    """
    wait_s = platform.settings.database.wait_s
    latest_s = monotonic_s() + wait_s
    while not stopping.is_set():
        try:
            return platform.door.wait(_LOOK_S).jobs
        except ConfigurationError:
            raise
        except UnavailableError as error:
            if monotonic_s() >= latest_s:
                error.hint = f"It was waited for, for {wait_s:g} s (SACCADE_DATABASE_WAIT_S). {error.hint}"
                raise
    return None


def _watch(problem: Callable[[], str | None], stopping: threading.Event) -> None:
    """Wait for the wish to stop; say meanwhile when the worker is not well, and when it is again."""
    said: str | None = None
    while not stopping.wait(_LOOK_S):
        found = problem()
        if (found is None) != (said is None):
            log.log(
                logging.INFO if found is None else logging.ERROR,
                "the worker is well again" if found is None else "the worker is not well",
                extra={"facts": {} if found is None else {"error.message": found}},
            )
        said = found
