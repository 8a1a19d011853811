"""How much one principal may ask for: limits from the settings, counted where they say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from saccade.access.counting import Count, Limiter, Spent, Window
from saccade.access.quotas import QuotaPolicy, Quotas
from saccade.access.rate_policy import read_policy
from saccade.access.rates import Rates
from saccade.backends import open_limiter
from saccade.settings import OnFailure, Settings


class LateLimiter:
    """Counts once there is something to count: what counts takes time to import, and many servers limit nobody."""

    def __init__(self, open_limiter: Callable[[], Limiter], *, is_blocking: bool) -> None:
        """Open nothing yet.

        Args:
            open_limiter: Opens it.
            is_blocking: Whether it asks another machine once it is open.
        """
        self._open = open_limiter
        self._is_blocking = is_blocking
        self._lock = threading.Lock()
        self._limiter: Limiter | None = None

    @property
    def is_blocking(self) -> bool:
        """Whether it asks another machine, or is still to be imported: either belongs on a thread."""
        return self._is_blocking or self._limiter is None

    def admit(self, counted: Sequence[Window], tested: Sequence[Window] = ()) -> Count:
        """See ``Limiter``."""
        return self._opened().admit(counted, tested)

    def charge(self, window: Window, amount: int) -> None:
        """See ``Limiter``."""
        self._opened().charge(window, amount)

    def check(self) -> None:
        """See ``Limiter``."""
        self._opened().check()

    def close(self) -> None:
        """See ``Limiter``."""
        if self._limiter is not None:
            self._limiter.close()

    def _opened(self) -> Limiter:
        with self._lock:
            if self._limiter is None:
                self._limiter = self._open()
            return self._limiter


def open_rates(settings: Settings, *, on_uncounted: Callable[[], None] = lambda: None) -> Rates:
    """Return the limits that the settings name.

    Raises:
        SettingInvalid: One cannot be read.
        SchemeUnknown: Nothing counts at such a URL.
    """
    wanted = settings.rate
    policy = read_policy(
        requests=wanted.requests,
        images=wanted.images,
        pixels=wanted.pixels,
        routes=wanted.routes,
        login=wanted.login,
        bytes_in_flight=wanted.bytes_in_flight,
        fails_open=wanted.on_failure is OnFailure.OPEN,
    )
    scheme = wanted.url.partition("://")[0]
    is_local = scheme == "memory"
    if not is_local:  # what cannot be opened is told at the start
        own = LateLimiter(lambda: open_limiter("memory://"), is_blocking=False)
        return Rates(policy, open_limiter(wanted.url), own=own, on_uncounted=on_uncounted)
    late = LateLimiter(lambda: open_limiter(wanted.url), is_blocking=False)
    return Rates(policy, late, on_uncounted=on_uncounted)


def open_quotas(settings: Settings, spent: Callable[[], Spent]) -> Quotas:
    """Return the daily quotas that the settings name."""
    wanted = settings.quota
    policy = QuotaPolicy(
        requests=wanted.requests_per_day,
        images=wanted.images_per_day,
        pixels=wanted.pixels_per_day,
        look_s=max(2.0, 2.0 * settings.usage.flush_s),
        fails_open=settings.rate.on_failure is OnFailure.OPEN,
    )
    return Quotas(policy, spent)
