"""What counts as public, what the allow-list opens, and which URLs are read at all."""

from __future__ import annotations

import ipaddress
import threading

import httpx2
import pytest

from saccade.errors import SettingInvalid, UrlRefused, UrlUnreachable
from saccade.images.addresses import is_public, parse_allow_list
from saccade.images.targets import choose_target, host_of, parse_url, resolve_within

NOT_PUBLIC = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1", "100.100.100.200"),
    *("192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "::", "::1", "::ffff:127.0.0.1"),
    *("::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::", "2002:808:808::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:20::1", "fe80::1"),
    *("fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
    *("100::1", "5f00::1", "3fff::1", "4000::1"),
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.1"),
    *("172.32.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001:80b::200e", "2001:4860:4860::8888"),
    *("2001:200::1", "2003::1"),
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_address_is_not_public_when_it_is_special(text: str):
    """Private, local, reserved, documentary, multicast and wrapping addresses are not public."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_address_is_public_when_it_is_global_unicast(text: str):
    """Addresses of the open internet are public, also right beside the special ranges."""
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("10.2.0.0/16", [("10.2.3.4", 80), ("10.2.0.0", 443)], [("10.3.0.1", 80), ("10.2.3.4", 8080)]),
        ("10.2.0.9", [("10.2.0.9", 80)], [("10.2.0.8", 80)]),
        ("10.2.0.9:9000", [("10.2.0.9", 9000)], [("10.2.0.9", 80)]),
        ("10.2.0.0/16:9000", [("10.2.7.7", 9000)], [("10.2.7.7", 443)]),
        ("fd00::/8", [("fd12::1", 443)], [("fe80::1", 443), ("10.0.0.1", 443)]),
        ("[fd00::/8]:8443", [("fd12::1", 8443)], [("fd12::1", 443)]),
        ("[::1]:9000", [("::1", 9000)], [("::1", 80)]),
        ("10.2.0.0/16:*", [("10.2.3.4", 1), ("10.2.3.4", 443), ("10.2.3.4", 65535)], [("10.3.0.1", 80)]),
        ("10.2.0.9:*", [("10.2.0.9", 8080)], [("10.2.0.8", 8080), ("::ffff:10.2.0.9", 8080)]),
        ("[fd00::/8]:*", [("fd12::1", 8080)], [("fe80::1", 8080), ("10.2.0.9", 8080)]),
    ],
)
def test_network_is_allowed_when_it_is_listed(entry: str, inside, outside):
    """An address entry opens its addresses at its port, or at 80 and 443, and nothing else."""
    allow = parse_allow_list((entry,))

    assert all(allow.holds(ipaddress.ip_address(address), port) for address, port in inside)
    assert not any(allow.holds(ipaddress.ip_address(address), port) for address, port in outside)


def test_name_is_allowed_when_it_is_listed():
    """A name entry opens that name, in any case, at its port, and no name below it."""
    allow = parse_allow_list(("Camera.Lab:8080", "store"))

    assert allow.names_host("camera.lab", 8080)
    assert allow.names_host("store", 80)
    assert allow.names_host("store", 443)
    assert not allow.names_host("camera.lab", 80)
    assert not allow.names_host("evil.camera.lab", 8080)


def test_name_is_allowed_at_every_port_when_the_entry_says_so():
    """A star stands for all ports of that name, and for no other name or address."""
    allow = parse_allow_list(("Models.Lab:*", "10.2.0.9"))

    assert all(allow.names_host("models.lab", port) for port in (1, 80, 65535))
    assert not allow.names_host("a.models.lab", 80)
    assert not allow.knows_port(8080)
    assert not allow.holds(ipaddress.ip_address("10.2.0.9"), 8080)
    assert parse_allow_list(("10.2.0.0/16:*",)).knows_port(8080)


@pytest.mark.parametrize(
    "entry", ["*", "*:*", "*:80", ":*", "host:**", "host:*0", "fd00::1:*", "10.0.0.0/33:*", "[::1]*"]
)
def test_star_stands_for_ports_alone(entry: str):
    """There is no word for every host."""
    with pytest.raises(SettingInvalid, match="SACCADE_REMOTE_ALLOW"):
        parse_allow_list((entry,), setting="SACCADE_REMOTE_ALLOW")


@pytest.mark.parametrize("entry", ["", "http://host", "host:0", "host:65536", "host:x", "a b", "10.0.0.0/33", "[::1"])
def test_allow_list_is_refused_when_an_entry_makes_no_sense(entry: str):
    """A mistyped entry is found at the start, not when it is needed."""
    with pytest.raises(SettingInvalid):
        parse_allow_list((entry,))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://Example.ORG/a.png?x=1#y", "example.org"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://a_b.example:80/@x", "a_b.example"),
        ("https://[2606:4700::1111]/", "2606:4700::1111"),
        ("http://1.1.1.1/", "1.1.1.1"),
    ],
)
def test_url_is_read_when_it_is_plain(text: str, host: str):
    """Ordinary URLs pass, and their host is what is resolved."""
    assert host == host_of(parse_url(text))


PUBLIC_ANSWER = ("93.184.216.34", "2606:4700::1111")


def _choose(url: str, *answers: str, allow: tuple[str, ...] = (), only_allowed: bool = False):
    target = choose_target(
        parse_url(url), allow=parse_allow_list(allow), only_allowed=only_allowed, resolve=lambda *_: answers
    )
    return [str(address) for address in target.addresses]


def test_every_answer_is_kept_when_all_are_public():
    """All checked addresses may be dialled, each once."""
    assert list(PUBLIC_ANSWER) == _choose("http://example.org/", *PUBLIC_ANSWER, *PUBLIC_ANSWER)


@pytest.mark.parametrize(
    ("url", "answers", "allow", "only_allowed"),
    [
        ("http://example.org/", ("10.0.0.1",), (), False),
        ("http://example.org/", ("93.184.216.34", "10.0.0.1"), (), False),
        ("http://example.org/", ("93.184.216.34", "fe80::1%eth0"), (), False),
        ("http://example.org:8080/", ("93.184.216.34",), (), False),
        ("http://example.org:8080/", ("93.184.216.34",), ("10.0.0.0/8:8080",), False),
        ("http://example.org/", ("93.184.216.34",), (), True),
        ("http://example.org/", ("93.184.216.34",), ("other.example",), True),
        ("http://other.example:81/", ("10.0.0.1",), ("other.example:80",), False),
    ],
)
def test_target_is_refused_when_one_answer_or_the_port_is_not_allowed(url, answers, allow, only_allowed: bool):
    """One bad answer among good ones is enough, and a strict list refuses public addresses too."""
    with pytest.raises(UrlRefused):
        _choose(url, *answers, allow=allow, only_allowed=only_allowed)


@pytest.mark.parametrize(
    ("url", "answer", "allow", "only_allowed"),
    [
        ("http://camera.lab:8080/", "10.0.0.1", ("camera.lab:8080",), False),
        ("http://camera.lab:8080/", "10.0.0.1", ("10.0.0.0/8:8080",), True),
        ("http://camera.lab/", "93.184.216.34", ("93.184.216.0/24",), True),
    ],
)
def test_target_is_chosen_when_the_list_allows_it(url: str, answer: str, allow, only_allowed: bool):
    """Names and networks of the list are reached, also where the list is the only door."""
    assert [answer] == _choose(url, answer, allow=allow, only_allowed=only_allowed)


def test_target_is_unreachable_when_the_name_has_no_address():
    """A name without an address is not refused but unreachable."""
    with pytest.raises(UrlUnreachable):
        _choose("http://example.org/")


def test_lookup_is_given_up_when_it_takes_too_long():
    """A resolver that hangs costs the time that was given, not its own."""
    hang = threading.Event()
    try:
        with pytest.raises(UrlUnreachable, match="in time"):
            resolve_within(lambda *_: (str(hang.wait(10)),), 0.05)("example.org", 80)
    finally:
        hang.set()


def test_lookup_is_unreachable_when_it_fails():
    """Whatever a resolver raises, the caller hears that the host could not be resolved."""

    def broken(host: str, port: int) -> tuple[str, ...]:
        raise RuntimeError(host, port)

    with pytest.raises(UrlUnreachable):
        resolve_within(broken, 5.0)("example.org", 80)


def test_url_port_is_read_as_httpx_reads_it_when_it_is_given():
    """The parser that checks is the parser that dials."""
    assert parse_url("http://example.org:8080/").port == httpx2.URL("http://example.org:8080/").port
