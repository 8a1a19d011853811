"""A picture URL, read strictly: scheme, host, port, and the addresses that may be dialled for it."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from saccade.errors import UrlRefused, UrlUnreachable
from saccade.images.addresses import HOST_NAME, WEB_PORTS, Address, AllowList, is_public

Resolve = Callable[[str, int], tuple[str, ...]]

MAX_URL_CHARS = 4096
# A lookup cannot be interrupted. This many may be under way before others have to wait.
MAX_LOOKUPS = 32

_VISIBLE_ASCII = re.compile(r"[!-~]+")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]+)(?:[/?#].*)?")
# A last label that is a number, in any base, makes the whole an address in some spelling (0x7f.1, 2130706433).
_NUMBER_LAST = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?")
_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked, and where.

    Attributes:
        url: As parsed; Host header and TLS name come from it.
        addresses: Every address of its host; all were checked, and only these are dialled.
    """

    url: httpx2.URL
    addresses: tuple[Address, ...]


def parse_url(text: str) -> httpx2.URL:
    """Read a URL strictly; what two parsers could read in two ways is refused.

    Raises:
        UrlRefused: It is too long, has characters that a URL has not, another scheme than http and https, a user or
            password, or a host that is neither a name nor a plainly written address.
    """
    if len(text) > MAX_URL_CHARS:
        raise UrlRefused(f"The URL has more than {MAX_URL_CHARS} characters.")
    if not _VISIBLE_ASCII.fullmatch(text) or "\\" in text:
        raise UrlRefused(
            "The URL has characters that a URL has not.", hint="Percent-encode the path; write the host in punycode."
        )
    authority = _AUTHORITY.fullmatch(text)
    if authority is None:
        raise UrlRefused("The URL is malformed.")
    if "@" in authority[1]:
        raise UrlRefused("The URL carries a user name or password.")
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError):
        raise UrlRefused("The URL is malformed.") from None
    if url.scheme not in {"http", "https"}:
        raise UrlRefused("Only http and https URLs are fetched.")
    if url.port == 0:
        raise UrlRefused("The URL's port is not one that is fetched from.")
    check_host(host_of(url))
    return url


def host_of(url: httpx2.URL) -> str:
    """Return the host as it is sent and resolved: lower case, punycode, an IPv6 address without brackets."""
    return url.raw_host.decode("ascii").lower()


def check_host(host: str) -> None:
    """Refuse a host that is neither a name nor an address in its usual spelling.

    Raises:
        UrlRefused: It is neither.
    """
    if "%" in host:
        raise UrlRefused("The URL's host is neither a name nor a plainly written address.")
    if literal_address(host) is None and (not HOST_NAME.fullmatch(host) or _NUMBER_LAST.fullmatch(host)):
        raise UrlRefused("The URL's host is neither a name nor a plainly written address.")


def literal_address(host: str) -> Address | None:
    """Return the address that the host is written as; None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def port_of(url: httpx2.URL) -> int:
    """Return the URL's port, or its scheme's."""
    return url.port or (443 if url.scheme == "https" else 80)


def choose_target(url: httpx2.URL, *, allow: AllowList, only_allowed: bool, resolve: Resolve) -> Target:
    """Resolve a URL's host once and check every answer.

    Args:
        url: From ``parse_url``.
        allow: What may be reached beside public addresses.
        only_allowed: Public addresses are not enough; the host or each address must be in ``allow``.
        resolve: Host and port to addresses.

    Raises:
        UrlRefused: Port or address are not allowed. Which address answered is not said.
        UrlUnreachable: The host has no address.
    """
    host, port = host_of(url), port_of(url)
    named = _check_port(host, port, allow)
    literal = literal_address(host)
    addresses = (literal,) if literal else _parsed(resolve(host, port))
    if not addresses:
        raise UrlUnreachable("The URL's host could not be resolved.")
    for address in addresses:
        public = is_public(address) and port in WEB_PORTS and not only_allowed
        if not (named or public or allow.holds(address, port)):
            raise UrlRefused("The URL's host is not one that is fetched from.")
    return Target(url, addresses)


def check_unresolved(url: httpx2.URL, *, allow: AllowList, only_allowed: bool) -> None:
    """Refuse a URL that leads nowhere allowed whatever its host resolves to, without resolving it.

    Raises:
        UrlRefused: Its port is not allowed, or its host is written as an address that is not.
    """
    host = host_of(url)
    _check_port(host, port_of(url), allow)
    if literal_address(host) is not None:
        choose_target(url, allow=allow, only_allowed=only_allowed, resolve=system_resolve)


def _check_port(host: str, port: int, allow: AllowList) -> bool:
    """Refuse a port that is allowed for no address; return whether the host is allowed by its name."""
    named = allow.names_host(host, port)
    if not named and port not in WEB_PORTS and not allow.knows_port(port):
        raise UrlRefused("The URL's port is not one that is fetched from.")
    return named


def _parsed(answers: tuple[str, ...]) -> tuple[Address, ...]:
    """Return the answers as addresses; an answer that is none (a scope, say) refuses the URL."""
    try:
        return tuple(dict.fromkeys(ipaddress.ip_address(answer) for answer in answers))
    except ValueError:
        raise UrlRefused("The URL's host is not one that is fetched from.") from None


def system_resolve(host: str, port: int) -> tuple[str, ...]:
    """Ask the system's resolver; no answer is an empty tuple."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(str(answer[4][0]) for answer in found)


def resolve_within(resolve: Resolve, timeout_s: float) -> Resolve:
    """Return a resolver that gives up after ``timeout_s``, with ``UrlUnreachable``; the lookup itself ends later."""

    def limited(host: str, port: int) -> tuple[str, ...]:
        answers: list[tuple[str, ...]] = []
        failures: list[Exception] = []
        done = threading.Event()

        def look_up() -> None:
            try:
                answers.append(resolve(host, port))
            except Exception as failure:  # noqa: BLE001 - handed over to the thread that asked
                failures.append(failure)
            finally:
                _lookups.release()
                done.set()

        if not _lookups.acquire(timeout=max(0.0, timeout_s)):
            raise UrlUnreachable("Too many hosts are being resolved.", passing=True)
        threading.Thread(target=look_up, name="saccade-lookup", daemon=True).start()
        if not done.wait(max(0.0, timeout_s)):
            raise UrlUnreachable("The URL's host was not resolved in time.", passing=True)
        if failures:
            passing = getattr(failures[0], "errno", None) == socket.EAI_AGAIN
            raise UrlUnreachable("The URL's host could not be resolved.", passing=passing) from failures[0]
        return answers[0]

    return limited
