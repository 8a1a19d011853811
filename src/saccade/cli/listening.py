"""The listening socket: whom it lets in, and how its address is written."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass

from saccade.errors import AddressUnavailable, BindRefused

#: Connections that wait while the server restarts; the system may cap it (net.core.somaxconn).
BACKLOG = 2048


#: A client that takes nothing of its answer for so long is cut off; the server itself would wait for ever.
STALL_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a client on this machine writes it: a wildcard host becomes loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def is_loopback(host: str, port: int) -> bool:
    """Tell whether only this machine can reach the address; every address of a name must be such.

    Raises:
        AddressUnavailable: The name has no address.
    """
    return all(ipaddress.ip_address(address).is_loopback for _, address in _resolve(host, port))


def listen(host: str, port: int, *, is_guarded: bool) -> tuple[socket.socket, Address]:
    """Bind and listen, so that connections wait in line from now on, whatever happens to the server behind.

    Args:
        host: Name or address to listen on.
        port: 0 takes a free one.
        is_guarded: Whether callers are asked who they are, or the operator said that everybody may use the server.

    Raises:
        BindRefused: The address lies beyond this machine and nobody said that this is meant.
        AddressUnavailable: The port is taken, or the address is not of this machine.
    """
    if not is_guarded and not is_loopback(host, port):
        raise BindRefused(f"{host} can be reached from other machines, and this server asks nobody who they are.")
    family, resolved = _resolve(host, port)[0]
    try:
        bound = socket.create_server(
            (resolved, port),
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=resolved == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise AddressUnavailable(f"Cannot listen on {host}:{port}: {reason}.") from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_TIMEOUT_S * 1000)
    return bound, Address(resolved, int(bound.getsockname()[1]))


def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Return every address of a name, best first, each with its family."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise AddressUnavailable(f"Cannot listen on {host}: {error}.") from None
    return [(entry[0], str(entry[4][0])) for entry in found]
