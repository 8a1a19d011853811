"""What routes reach through the application: the platform, and threads to call it from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request

from saccade.errors import QueueFull
from saccade.wiring import Platform

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs blocking calls on a bounded number of threads, with a bounded line in front of them."""

    def __init__(self, *, threads: int, line: int) -> None:
        """Set the bounds.

        Args:
            threads: Calls that run at once.
            line: Calls that may wait for a thread; more are refused.
        """
        self._limiter = CapacityLimiter(threads)
        self._most = threads + line
        self._calls = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, called on a thread.

        Raises:
            QueueFull: The line is as long as it may be.
        """
        if self._calls >= self._most:
            raise QueueFull(f"{self._calls} requests are being worked on or wait in line, as many as the server takes.")
        self._calls += 1
        try:
            return await run_sync(partial(function, *args, **kwargs), limiter=self._limiter)
        finally:
            self._calls -= 1


def platform_of(request: Request) -> Platform:
    """Return the platform that this application serves."""
    platform: Platform = request.app.state.platform
    return platform


def predictions_of(request: Request) -> Threads:
    """Return the threads that predict."""
    threads: Threads = request.app.state.predictions
    return threads


def fetches_of(request: Request) -> Threads:
    """Return the threads that fetch pictures; apart, so that slow hosts never stand in the way of predictions."""
    threads: Threads = request.app.state.fetches
    return threads


def loads_of(request: Request) -> Threads:
    """Return the threads that load models; apart, so that slow loads never stand in the way of predictions."""
    threads: Threads = request.app.state.loads
    return threads


def submissions_of(request: Request) -> Threads:
    """Return the threads that take jobs in; apart, so that their disk and database never hold up predictions."""
    threads: Threads = request.app.state.submissions
    return threads


def reports_of(request: Request) -> Threads:
    """Return the thread that makes reports on usage; apart, for one may take seconds and nothing must wait for it."""
    threads: Threads = request.app.state.reports
    return threads


def authentications_of(request: Request) -> Threads:
    """Return the threads that look callers up; apart, so that who may come in is told while everything else waits."""
    threads: Threads = request.app.state.authentications
    return threads


def passwords_of(request: Request) -> Threads:
    """Return the threads that look at passwords; few, and apart, so that a flood of logins holds up nobody else."""
    threads: Threads = request.app.state.passwords
    return threads


def lookups_of(request: Request) -> Threads:
    """Return the threads that read and change jobs; apart, so that status is told while large jobs come in."""
    threads: Threads = request.app.state.lookups
    return threads
