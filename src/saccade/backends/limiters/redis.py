"""redis:// and rediss:// : limits counted by all processes together, by the scripts of ``limits``."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from saccade.access.counting import Window
from saccade.backends.limiters.breaker import Breaker
from saccade.backends.limiters.windows import Remembered, Summed, WindowLimiter
from saccade.backends.words import first_line
from saccade.clock import utc_now
from saccade.errors import LimiterUnreachable, SettingInvalid

T = TypeVar("T")

#: Longest wait for a connection, and for any answer on it: a request waits for it.
ANSWER_TIMEOUT_S = 0.5
DEFAULT_PREFIX = "saccade.rates"
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,100}")
_PARAMETERS = frozenset({"prefix", "ca"})
#: An even larger sum has no meaning; it is what lets an amount be counted that does not fit.
_WITHOUT_LIMIT = 2**62


class RedisCounts:
    """``Counts`` in a database of Redis. Thread-safe.

    The moments of requests are told by the clock of the process that counts them: clocks of different machines that
    are apart shift a window by so much.
    """

    def __init__(self, url: str, tls: Mapping[str, str | bool], *, prefix: str) -> None:
        """Set where; nothing is dialled yet.

        Args:
            url: As the driver reads it; it may hold a password.
            tls: Arguments of the TLS layer; empty speaks without.
            prefix: What all keys begin with.
        """
        from limits.storage import RedisStorage
        from redis import ConnectionPool, Redis, RedisError
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        pool = ConnectionPool.from_url(
            url,
            socket_timeout=ANSWER_TIMEOUT_S,
            socket_connect_timeout=ANSWER_TIMEOUT_S,
            # The pool itself notices a connection that the server has closed; what is silent is not asked again.
            retry=Retry(NoBackoff(), 0),
            **tls,
        )
        self._client = Redis(connection_pool=pool)
        self._storage = RedisStorage(url, connection_pool=pool, key_prefix=prefix)
        self._failures = (RedisError, OSError)
        self._breaker = Breaker()

    def remembered(self, window: Window) -> Remembered:
        """See ``Counts``."""
        begin_s, count = self._ask(lambda: self._storage.get_moving_window(window.key, window.most, window.span_s))
        return Remembered(count, begin_s + window.span_s - utc_now().timestamp() if count else float(window.span_s))

    def remember(self, window: Window) -> bool:
        """See ``Counts``."""
        return self._ask(lambda: self._storage.acquire_entry(window.key, window.most, window.span_s))

    def forget(self, window: Window) -> None:
        """See ``Counts``; the newest comes first."""
        self._ask(lambda: self._client.lpop(self._storage.prefixed_key(window.key)))

    def summed(self, window: Window) -> Summed:
        """See ``Counts``."""
        previous, previous_s, current, current_s = self._ask(
            lambda: self._storage.get_sliding_window(window.key, window.span_s)
        )
        return Summed(previous, previous_s, current, max(0.0, current_s - window.span_s))

    def add(self, window: Window, amount: int) -> None:
        """See ``Counts``."""
        self._ask(lambda: self._storage.acquire_sliding_window_entry(window.key, _WITHOUT_LIMIT, window.span_s, amount))

    def check(self) -> None:
        """See ``Counts``."""
        self._ask(self._client.ping)

    def close(self) -> None:
        """See ``Counts``."""
        self._client.connection_pool.disconnect()

    def _ask(self, question: Callable[[], T]) -> T:
        """Return the answer.

        Raises:
            LimiterUnreachable: There is none.
        """

        def named() -> T:
            try:
                return question()
            except self._failures as failure:
                error = LimiterUnreachable("The place where limits are counted does not answer.")
                error.reason = first_line(failure)
                raise error from failure

        return self._breaker.call(named)


def open_redis(url: str) -> WindowLimiter:
    """Open a limiter in a database of Redis; it is not dialled yet.

    Args:
        url: ``redis://[user:password@]host[:port]/number``, ``rediss://`` with TLS. ``?prefix=`` names another
            beginning of the keys than ``saccade.rates``, for several Saccades on one Redis; ``&ca=/path.pem`` names the
            authorities that a TLS certificate is checked against.

    Raises:
        SettingInvalid: It cannot be read, or has a parameter that means nothing.
    """
    importlib.import_module("redis")  # limits would name no module if it were missing
    try:
        parts = urlsplit(url)
        _ = parts.port
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise SettingInvalid("SACCADE_RATE_URL cannot be read.") from None
    unknown = sorted(set(parameters) - _PARAMETERS)
    prefix = parameters.get("prefix", DEFAULT_PREFIX)
    if unknown or parts.fragment or not _PREFIX.fullmatch(prefix):
        raise SettingInvalid(
            f"SACCADE_RATE_URL has a parameter that means nothing here: {', '.join(unknown) or 'prefix'}.",
            hint="Known are prefix (letters, digits, dots, dashes) and ca (a PEM file).",
        )
    tls = _tls(parameters.get("ca")) if parts.scheme == "rediss" else {}
    counts = RedisCounts(parts._replace(query="").geturl(), tls, prefix=prefix)
    return WindowLimiter(counts, is_blocking=True, lock=nullcontext())


def _tls(authorities: str | None) -> dict[str, str | bool]:
    """Check the certificate, said in so many words."""
    tls: dict[str, str | bool] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return {**tls, "ssl_ca_certs": authorities} if authorities else tls
