"""Which network addresses are public, and which others the operator lets us reach."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from saccade.errors import SettingInvalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WEB_PORTS = frozenset({80, 443})
#: What stands for every port in an allow-list.
_ANY_PORT = 0


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Written out rather than asked of ipaddress: its is_global differs between Python versions and lets multicast,
# 6to4, NAT64 and deprecated ranges through.
_V4_SPECIAL = _networks(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    # Multicast and all that is reserved.
    "224.0.0.0/3",
    # The one public-looking address that answers inside every machine of a large cloud.
    "168.63.129.16/32",
)
# Only this part of IPv6 is handed out as global unicast, and of it these parts are special: protocol assignments
# (Teredo among them), documentation, 6to4.
_V6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_V6_SPECIAL = _networks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

_ENTRY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+(?:/\d{1,3})?\]|[^:\[\]]+)(?::(?P<port>\d{1,5}|\*))?")
HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?")


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open internet's.

    Addresses that wrap another one (IPv4-mapped, 6to4, Teredo, NAT64) are never public, whatever they wrap.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _V4_SPECIAL)
    return address in _V6_GLOBAL and not any(address in network for network in _V6_SPECIAL)


@dataclass(frozen=True, slots=True)
class AllowList:
    """The places that may be reached although they are not public.

    Attributes:
        names: (host, port) pairs; whatever address the host has is meant. Port 0 stands for all.
        networks: (network, port) pairs, likewise.
    """

    names: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[tuple[Network, int], ...] = ()

    def names_host(self, host: str, port: int) -> bool:
        """Tell whether the host is listed by its name."""
        return not self.names.isdisjoint({(host, port), (host, _ANY_PORT)})

    def knows_port(self, port: int) -> bool:
        """Tell whether any network is listed with this port."""
        return any(listed in {port, _ANY_PORT} for _, listed in self.networks)

    def holds(self, address: Address, port: int) -> bool:
        """Tell whether a listed network holds this address at this port."""
        return any(listed in {port, _ANY_PORT} and address in network for network, listed in self.networks)


def parse_allow_list(entries: tuple[str, ...], *, setting: str = "SACCADE_FETCH_ALLOW") -> AllowList:
    """Read entries such as ``camera.lab:8080``, ``10.2.0.0/16``, ``10.2.0.9:9000`` or ``[fd00::/8]:8443``.

    An entry without a port means ports 80 and 443, and ``*`` in its place means every port.

    Args:
        entries: The list.
        setting: Where it was read, for the error.

    Raises:
        SettingInvalid: An entry is none of these.
    """
    names: set[tuple[str, int]] = set()
    networks: list[tuple[Network, int]] = []
    for entry in entries:
        host, ports = _split(entry.strip().lower(), setting)
        network = _network(host)
        if network is not None:
            networks.extend((network, port) for port in ports)
        elif HOST_NAME.fullmatch(host):
            names.update((host, port) for port in ports)
        else:
            raise SettingInvalid(f"{setting}: {entry!r} is no host:port and no network.")
    return AllowList(frozenset(names), tuple(networks))


def _split(entry: str, setting: str) -> tuple[str, tuple[int, ...]]:
    """Return the host or network, and its ports."""
    if _network(entry) is not None:
        return entry, tuple(sorted(WEB_PORTS))
    match = _ENTRY.fullmatch(entry)
    if match is not None and match["port"] == "*":
        return match["host"].strip("[]"), (_ANY_PORT,)
    if match is None or not 0 < int(match["port"] or 1) < 1 << 16:
        raise SettingInvalid(f"{setting}: {entry!r} is no host:port and no network.")
    ports = (int(match["port"]),) if match["port"] else tuple(sorted(WEB_PORTS))
    return match["host"].strip("[]"), ports


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
