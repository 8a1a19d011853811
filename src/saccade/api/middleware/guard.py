"""Open access stays on this machine: refuses other names, other sites' pages and proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from saccade.api.problems import respond
from saccade.errors import AccessError, HostRefused, OriginRefused

_HARMLESS_SITES = frozenset({b"same-origin", b"none"})


class OpenAccessGuard:
    """Stands before a server that asks nobody who they are.

    A page of any web site can make its visitor's browser call a loopback address, under its own name (DNS rebinding) or
    across origins, and a proxy can lend its own loopback address to the world. All three are told apart by headers that
    a page cannot forge.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str] = ()) -> None:
        """Wrap an application.

        Args:
            app: The next layer.
            origins: Web origins whose pages may call; ``*`` allows all.
        """
        self.app = app
        self.origins = frozenset(origin.encode("latin-1") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await respond(scope, refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> AccessError | None:
        """Return why this request is refused, or None."""
        hosts: list[bytes] = []
        origins: list[bytes] = []
        sites: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
            elif name == b"sec-fetch-site":
                sites.append(value)
            elif name in {b"forwarded", b"x-real-ip"} or name.startswith(b"x-forwarded-"):
                return HostRefused(f"The request came through a proxy: it carries {name.decode('latin-1')}.")
        if len(hosts) != 1 or not _is_loopback(hosts[0]):
            return HostRefused("The Host header does not name this machine.")
        return _origin_refusal(hosts[0], origins, sites, self.origins)


def page_refusal(scope: Scope, origins: Collection[str]) -> AccessError | None:
    """Return why a request is refused that a page of another site had a browser send, or None.

    Args:
        scope: Of the request.
        origins: Web origins whose pages may call; ``*`` allows all.
    """
    shown: dict[bytes, list[bytes]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
    for name, value in scope["headers"]:
        shown.get(name, []).append(value)
    host = shown[b"host"][0] if len(shown[b"host"]) == 1 else b""
    allowed = frozenset(origin.encode("latin-1") for origin in origins)
    return _origin_refusal(host, shown[b"origin"], shown[b"sec-fetch-site"], allowed)


def _origin_refusal(
    host: bytes, origins: list[bytes], sites: list[bytes], allowed: frozenset[bytes]
) -> AccessError | None:
    if b"*" in allowed:
        return None
    own = {b"http://" + host, b"https://" + host}
    if any(origin not in own and origin not in allowed for origin in origins):
        return OriginRefused("A page of another origin sent the request.")
    allowed_page = bool(origins) and all(origin in allowed for origin in origins)
    if not allowed_page and any(site not in _HARMLESS_SITES for site in sites):
        return OriginRefused("A page of another site sent the request.")
    return None


def _is_loopback(host: bytes) -> bool:
    """Tell whether a Host header names this machine."""
    try:
        text = host.decode("ascii").lower()
    except UnicodeDecodeError:
        return False
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return False
        port = port.removeprefix(":")
    else:
        name, _, port = text.partition(":")
    if port and not port.isdigit():
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
