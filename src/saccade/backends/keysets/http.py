"""A key set at a URL that the operator chose, wherever it leads: inside or outside.

It goes through the guard of strangers' URLs with just this one place allowed. So there is one bound on the whole time,
the head and the body are bounded, no redirect is followed, and the environment's proxies are not used.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpcore2
import httpx2

from saccade.backends.keysets.document import MAX_BYTES, read_document
from saccade.errors import KeySetUnreachable, SettingInvalid, UrlRefused, UrlUnreachable
from saccade.images.guard import Guard, told_as_unreachable
from saccade.images.pinned import Deadline
from saccade.images.targets import Resolve, host_of, parse_url, port_of, system_resolve

TIMEOUT_S = 3.0

_OK = 200
_HEADERS = {
    "accept": "application/jwk-set+json, application/json",
    "accept-encoding": "identity",
    "user-agent": "saccade",
}


class HttpKeySet:
    """The key set of one URL; thread-safe, keeps no connection open."""

    def __init__(
        self,
        url: httpx2.URL,
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = system_resolve,
        network: httpcore2.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Ask nobody yet.

        Args:
            url: From ``parse_url``.
            timeout_s: For everything together: lookup, connection, head and body.
            resolve: Host and port to addresses.
            network: Opens the connections; None takes the system's sockets.
            ssl_context: Trusted authorities; None takes the default ones.
        """
        host = host_of(url)
        place = f"[{host}]:{port_of(url)}" if ":" in host else f"{host}:{port_of(url)}"
        self._url = str(url)
        self._timeout_s = timeout_s
        self._guard = Guard(
            allow=(place,), only_allowed=True, resolve=resolve, network=network, ssl_context=ssl_context
        )

    def fetch(self) -> Mapping[str, object]:
        """See ``KeySet``."""
        deadline = Deadline(self._timeout_s)
        try:
            with told_as_unreachable():
                return read_document(self._ask(deadline))
        except (UrlRefused, UrlUnreachable) as failure:
            raise KeySetUnreachable("The provider of keys for tokens could not be reached.") from failure

    def _ask(self, deadline: Deadline) -> bytes:
        """Return the body, at most one byte longer than it may be."""
        target = self._guard.target(self._url, deadline)
        with (
            self._guard.client(target, deadline, _HEADERS) as client,
            client.stream("GET", target.url) as response,
        ):
            if response.status_code != _OK:
                raise KeySetUnreachable(f"The provider of keys for tokens answered {response.status_code}.")
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise KeySetUnreachable("The provider of keys for tokens answered compressed, which was not asked for.")
            body = bytearray()
            for piece in response.iter_raw():
                body += piece
                if len(body) > MAX_BYTES:
                    break
            return bytes(body[: MAX_BYTES + 1])


def open_http(text: str) -> HttpKeySet:
    """Open a key set; nobody is asked yet.

    Raises:
        SettingInvalid: The URL cannot be read, or holds a user or password.
    """
    try:
        return HttpKeySet(parse_url(text))
    except UrlRefused as refused:
        raise SettingInvalid(f"SACCADE_JWT_JWKS cannot be asked. {refused}", hint="Write https://host/path.") from None
