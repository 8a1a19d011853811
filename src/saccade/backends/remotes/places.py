"""Where a model runs: an address that the operator wrote down, or one that is looked at again whenever it is asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx2

from saccade.clock import monotonic_s
from saccade.errors import RequestError, ServiceRefused, UrlRefused, UrlUnreachable
from saccade.images.addresses import AllowList
from saccade.images.targets import (
    Resolve,
    check_unresolved,
    choose_target,
    host_of,
    parse_url,
    port_of,
    resolve_within,
    system_resolve,
)

#: How long the addresses of a host are believed; those are dialled that were looked at, whatever the name means since.
_BELIEVED_S = 2.0
_RESOLVE_S = 3.0
_LAST_PORT = 65_535
_PLAIN = "Register it as scheme://host:port, with a path where it needs one."


@dataclass(frozen=True, slots=True)
class Spot:
    """What a request is sent to at this moment.

    Attributes:
        url: Paths of the protocol are put behind it.
        headers: The host's name, where the URL has its address.
        extensions: The name to which the certificate must belong, likewise.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)


class Place(Protocol):
    """Where a model runs. Thread-safe."""

    def spot(self) -> Spot:
        """Return where it is now.

        Raises:
            RequestError: It is nowhere, or where no model may be.
        """
        ...


class FixedPlace:
    """A URL that the operator wrote down."""

    def __init__(self, url: str) -> None:
        """Keep it."""
        self._spot = Spot(url)

    def spot(self) -> Spot:
        """Return the URL."""
        return self._spot


class LimitedPlace:
    """A URL that somebody else said: each address of its host must be one where models may run."""

    def __init__(self, url: str, allow: AllowList, *, resolve: Resolve = system_resolve) -> None:
        """Resolve nothing yet.

        Args:
            url: As it was said.
            allow: Where models may run.
            resolve: Host and port to addresses.
        """
        self._url = url
        self._allow = allow
        self._resolve = resolve
        self._known: tuple[float, Spot] | None = None

    def spot(self) -> Spot:
        """Return the URL with an address in the place of its host.

        Raises:
            ServiceRefused: No model may be there.
            UrlUnreachable: Its host has no address.
        """
        known = self._known
        if known is not None and monotonic_s() - known[0] < _BELIEVED_S:
            return known[1]
        try:
            target = choose_target(
                parse_url(self._url),
                allow=self._allow,
                only_allowed=True,
                resolve=resolve_within(self._resolve, _RESOLVE_S),
            )
        except UrlRefused:
            raise _refused() from None
        url = target.url
        address = min(target.addresses, key=lambda each: each.version)  # most services listen on IPv4 alone
        host = f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)
        spot = Spot(
            f"{url.scheme}://{host}:{port_of(url)}{_path_of(url)}",
            {"Host": url.netloc.decode("ascii")},
            {"sni_hostname": host_of(url)},
        )
        self._known = (monotonic_s(), spot)
        return spot


def admit(url: str, allow: AllowList) -> str:
    """Look at a URL that somebody says a model runs at; return it in the spelling in which places are compared.

    Raises:
        ServiceRefused: None may run there, or paths cannot be put behind it.
    """
    try:
        read = parse_url(url)
        check_unresolved(read, allow=allow, only_allowed=True)
        if read.query or read.fragment or url.endswith(("?", "#")):
            raise ServiceRefused("The service's address cannot be used: it has a query or a fragment.", hint=_PLAIN)
        if port_of(read) > _LAST_PORT:  # some resolvers count on from zero
            raise _refused()
        LimitedPlace(url, allow).spot()
    except UrlRefused:
        raise _refused() from None
    except UrlUnreachable as error:
        raise ServiceRefused(f"The service's address cannot be used: {error}") from None
    return f"{read.scheme}://{read.netloc.decode('ascii').lower()}{_path_of(read)}"  # without its scheme's own port


def _path_of(url: httpx2.URL) -> str:
    """Return a URL's path as it is sent, without a slash at the end: decoded, a %23 would cut off what follows."""
    return url.raw_path.decode("ascii").partition("?")[0].rstrip("/")


def problem_of(error: RequestError) -> str:
    """Return why a place is none, in words that go on a sentence."""
    if isinstance(error, ServiceRefused):
        return "its address is not one where models may run"
    return "its host has no address"


def _refused() -> ServiceRefused:
    return ServiceRefused("This server takes no model that runs at this address.")
