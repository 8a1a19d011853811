"""Fetching a picture from a URL that a stranger chose, without being led anywhere inside."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import unquote

import httpcore2
import httpx2

from saccade.errors import ImageTooLarge, UrlRefused, UrlUnreachable
from saccade.images.guard import Guard, told_as_unreachable
from saccade.images.pinned import Deadline
from saccade.images.targets import Resolve, Target, system_resolve

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200
#: Statuses by which a server asks to come again: its own failures, too slow, too early, too often.
_SERVER_AT_FAULT = 500
_LATER = frozenset({408, 425, 429})
_BINARY = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_HEADERS = {"accept": "image/*, application/octet-stream;q=0.5", "accept-encoding": "identity", "user-agent": "saccade"}
_MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Where picture URLs may lead, and what fetching one may cost.

    Attributes:
        allow: ``host:port`` and networks that may be reached beside public addresses; see ``parse_allow_list``.
        only_allowed: The list is the only door: public addresses are not reached either.
        timeout_s: For everything together: lookups, connections, redirects, body.
        max_bytes: Largest body.
        max_redirects: Longest chain of redirects.
    """

    allow: tuple[str, ...] = ()
    only_allowed: bool = False
    timeout_s: float = 10.0
    max_bytes: int = 50 * 1024 * 1024
    max_redirects: int = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, and the last part of the path it came from, fit to be shown."""

    data: bytes
    name: str


class Fetcher:
    """Fetches picture URLs under one policy; thread-safe. Each hop goes through the guard."""

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        resolve: Resolve = system_resolve,
        network: httpcore2.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Read the policy.

        Args:
            policy: What is allowed.
            resolve: Host and port to addresses.
            network: Opens the connections; None takes the system's sockets.
            ssl_context: Trusted authorities; None takes the default ones.

        Raises:
            SettingInvalid: An entry of the allow-list cannot be read.
        """
        self._policy = policy
        self._guard = Guard(
            allow=policy.allow,
            only_allowed=policy.only_allowed,
            resolve=resolve,
            network=network,
            ssl_context=ssl_context,
        )

    def fetch(self, url: str) -> Fetched:
        """Fetch a picture.

        Args:
            url: Whatever the caller sent.

        Raises:
            UrlRefused: The URL, or one that it redirects to, leads where this server does not go.
            UrlUnreachable: No answer, not in time, or none that could be a picture.
            ImageTooLarge: The body has more bytes than the limit.
        """
        deadline = Deadline(self._policy.timeout_s)
        with told_as_unreachable():
            for _ in range(self._policy.max_redirects + 1):
                target = self._guard.target(url, deadline)
                body, url = self._ask(target, deadline)
                if body is not None:
                    return Fetched(body, _name_of(target.url))
        raise UrlRefused(f"The URL redirects more than {self._policy.max_redirects} times.")

    def _ask(self, target: Target, deadline: Deadline) -> tuple[bytes | None, str]:
        """Return the body, or None and where it redirects to."""
        with (
            self._guard.client(target, deadline, _HEADERS) as client,
            client.stream("GET", target.url) as response,
        ):
            if response.status_code in _REDIRECTS and "location" in response.headers:
                return None, _joined(target.url, response.headers["location"])
            _check_answer(response, self._policy.max_bytes)
            return _read(response, deadline, self._policy.max_bytes), ""


def _joined(url: httpx2.URL, location: str) -> str:
    """Return where a redirect leads, to be read as strictly as the first URL."""
    if not location.isascii() or "\\" in location:
        raise UrlRefused("The URL redirects to something that is no URL.")
    try:
        return str(url.join(location))
    except (httpx2.InvalidURL, ValueError):
        raise UrlRefused("The URL redirects to something that is no URL.") from None


def _check_answer(response: httpx2.Response, max_bytes: int) -> None:
    """Refuse what by its head is no picture, or too large."""
    if response.status_code != _OK:
        raise UrlUnreachable(
            f"The URL answered with status {response.status_code}.",
            passing=response.status_code >= _SERVER_AT_FAULT or response.status_code in _LATER,
        )
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not media_type.startswith("image/") and media_type not in _BINARY:
        raise UrlUnreachable("The URL answered with something that does not call itself a picture.")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UrlUnreachable("The URL answered with a compressed body although none was asked for.")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise ImageTooLarge(f"The URL's body is larger than {max_bytes} bytes.")


def _read(response: httpx2.Response, deadline: Deadline, max_bytes: int) -> bytes:
    """Read the body as it comes, and stop at the limit or when the time is up."""
    body = bytearray()
    for piece in response.iter_raw():
        deadline.left_s()
        body += piece
        if len(body) > max_bytes:
            raise ImageTooLarge(f"The URL's body is larger than {max_bytes} bytes.")
    return bytes(body)


def _name_of(url: httpx2.URL) -> str:
    """Return the last part of the path, without anything that a terminal or a path would act on."""
    last = unquote(url.path, errors="replace").rstrip("/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable() and letter not in '\\/:"<>|')
    return shown[:_MAX_NAME_CHARS].lstrip(".") or "image"
