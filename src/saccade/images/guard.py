"""The way out to URLs that strangers chose: every address is checked, and only checked addresses are dialled."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import httpcore2
import httpx2

from saccade.errors import UrlUnreachable
from saccade.images.addresses import AllowList, parse_allow_list
from saccade.images.pinned import Deadline, PinnedNetwork, PinnedTransport
from saccade.images.targets import (
    Resolve,
    Target,
    check_unresolved,
    choose_target,
    parse_url,
    resolve_within,
    system_resolve,
)


class Guard:
    """Opens connections to strangers' URLs under one policy; thread-safe, keeps no connection open and no cookie.

    A URL's host is resolved once, every answer is checked, and exactly the checked addresses are dialled, so that a
    name that changes its address between check and connection leads nowhere. Host header, TLS name and certificate
    check remain those of the URL. The environment's proxies are not used, and no redirect is followed.
    """

    def __init__(
        self,
        *,
        allow: tuple[str, ...] = (),
        only_allowed: bool = False,
        resolve: Resolve = system_resolve,
        network: httpcore2.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Read the policy.

        Args:
            allow: ``host:port`` and networks that may be reached beside public addresses; see ``parse_allow_list``.
            only_allowed: The list is the only door: public addresses are not reached either.
            resolve: Host and port to addresses.
            network: Opens the connections; None takes the system's sockets.
            ssl_context: Trusted authorities; None takes the default ones.

        Raises:
            SettingInvalid: An entry of the allow-list cannot be read.
        """
        self._allow: AllowList = parse_allow_list(allow)
        self._only_allowed = only_allowed
        self._resolve = resolve
        self._network = network or httpcore2.SyncBackend()
        self._given_ssl_context = ssl_context
        self._lock = threading.Lock()

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        """Loaded with the first https URL, for it takes milliseconds."""
        return self._given_ssl_context or httpx2.create_ssl_context()

    def check(self, url: str) -> None:
        """Look at a URL without resolving its host, so that what can never be reached is refused early.

        Raises:
            UrlRefused: It leads where this server does not go, whatever its host resolves to.
        """
        check_unresolved(parse_url(url), allow=self._allow, only_allowed=self._only_allowed)

    def target(self, url: str, deadline: Deadline) -> Target:
        """Resolve a URL's host and check every answer.

        Raises:
            UrlRefused: It leads where this server does not go.
            UrlUnreachable: Its host was not resolved.
        """
        return choose_target(
            parse_url(url),
            allow=self._allow,
            only_allowed=self._only_allowed,
            resolve=resolve_within(self._resolve, deadline.left_s()),
        )

    @contextmanager
    def client(self, target: Target, deadline: Deadline, headers: Mapping[str, str]) -> Iterator[httpx2.Client]:
        """Yield a client that reaches this target and no other, until the time is up."""
        network = PinnedNetwork(self._network, addresses=target.addresses, deadline=deadline)
        with self._lock:
            context = self._ssl_context if target.url.scheme == "https" else None
        transport = PinnedTransport(network, context)
        with httpx2.Client(
            transport=transport, trust_env=False, follow_redirects=False, headers=dict(headers)
        ) as client:
            yield client


@contextmanager
def told_as_unreachable() -> Iterator[None]:
    """Raise UrlUnreachable for whatever stands between us and an answer."""
    try:
        yield
    except (httpcore2.TimeoutException, httpx2.TimeoutException):
        raise UrlUnreachable("The URL did not answer in time.", passing=True) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.HTTPError, ssl.SSLError, OSError) as failure:
        # The reason may name an address; it is for the log, not for the caller.
        raise UrlUnreachable("The URL could not be fetched.", passing=True) from failure
