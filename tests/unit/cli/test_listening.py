"""Where a server may listen, and how its address is written."""

import pytest

from saccade.cli.listening import Address, is_loopback, listen
from saccade.errors import AddressUnavailable, BindRefused


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        (Address("0.0.0.0", 80), "http://127.0.0.1:80"),
        (Address("::", 8000), "http://[::1]:8000"),
        (Address("::1", 8000), "http://[::1]:8000"),
        (Address("192.0.2.7", 8000), "http://192.0.2.7:8000"),
    ],
)
def test_url_is_what_a_client_on_this_machine_writes(address, url):
    """A wildcard is no address to ask; IPv6 stands in brackets."""
    assert address.url == url


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("192.0.2.7", False)],
)
def test_loopback_is_told_from_the_rest(host, expected):
    """Wildcards reach beyond this machine."""
    assert is_loopback(host, 8000) is expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_open_bind_is_refused_unless_said_in_so_many_words(host):
    """Nobody serves the world by accident."""
    with pytest.raises(BindRefused, match="asks nobody who they are"):
        listen(host, 0, is_guarded=False)


def test_name_without_an_address_is_an_error_of_ours():
    """A misspelt host is a setting to change and no trace."""
    with pytest.raises(AddressUnavailable, match="Cannot listen on"):
        listen("no such host.invalid", 0, is_guarded=False)
