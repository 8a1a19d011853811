"""No URL leads the server inside: a canary listens on the loopback interface, and nobody ever comes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpcore2
import pytest

from hostile.servers import ANSWERS, PICTURE, Listener, listening
from hostile.urls import INSIDE, OUTSIDE, SPELLINGS, crooked_urls, literal_urls
from saccade.errors import ImageTooLarge, RequestError, UrlRefused, UrlUnreachable
from saccade.images.fetch import Fetcher, FetchPolicy
from saccade.images.targets import system_resolve

TIMEOUT_S = 0.6
MAX_BYTES = 2_000_000


class Offline(httpcore2.SyncBackend):
    """The system's sockets, cut off from everything but the loopback interface; remembers who was dialled."""

    def __init__(self) -> None:
        super().__init__()
        self.dialled: list[str] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append(host)
        if not host.startswith("127."):
            raise httpcore2.ConnectError("This test has no network.")
        return super().connect_tcp(host, port, timeout, local_address, socket_options)


@pytest.fixture(scope="module")
def canary() -> Iterator[Listener]:
    """Listen where nobody may come."""
    with listening() as listener:
        yield listener


@pytest.fixture(scope="module")
def crook() -> Iterator[Listener]:
    """Listen where the operator allows fetching, and answer in every wrong way."""
    with listening() as listener:
        yield listener


def _fetcher(*allow: str, resolve=system_resolve, network=None, **policy) -> Fetcher:
    limits = {"timeout_s": TIMEOUT_S, "max_bytes": MAX_BYTES, **policy}
    return Fetcher(FetchPolicy(allow=allow, **limits), resolve=resolve, network=network or Offline())


def _refusal(fetcher: Fetcher, url: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        fetcher.fetch(url)
    return caught.value


def test_no_inside_address_is_dialled_when_a_url_is_written_with_it(canary: Listener):
    """Every spelling of every inside address, and every crooked URL, is refused without one connection."""
    network = Offline()
    fetcher = _fetcher(network=network)
    urls = [*literal_urls(canary.port), *crooked_urls(canary.port)]

    codes = {url: _refusal(fetcher, url).code for url in urls}

    assert len(urls) >= 100
    assert {url: code for url, code in codes.items() if code not in {"url_refused", "url_unreachable"}} == {}
    assert network.dialled == []
    assert canary.connections == 0


@pytest.mark.parametrize("address", INSIDE)
def test_no_inside_address_is_dialled_when_a_name_resolves_to_it(address: str, canary: Listener):
    """A public name whose answer, or one of whose answers, is an inside address is refused; the address is not told."""
    for answers in ((address,), ("8.8.8.8", address), (address, "8.8.8.8")):
        network = Offline()
        refusal = _refusal(_fetcher(resolve=lambda *_: answers, network=network), "http://public.example/")  # noqa: B023

        assert type(refusal) is UrlRefused
        assert address not in f"{refusal} {refusal.hint}"
        assert network.dialled == []
    assert canary.connections == 0


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside_address_is_dialled_when_a_name_resolves_to_it(address: str):
    """The guard lets public addresses through: exactly the resolved one is dialled."""
    network = Offline()
    refusal = _refusal(_fetcher(resolve=lambda *_: (address,), network=network), "http://public.example/")

    assert type(refusal) is UrlUnreachable
    assert network.dialled == [address]


def test_no_inside_address_is_dialled_when_a_server_redirects_to_it(canary: Listener, crook: Listener):
    """A redirect is checked like a first URL: of all the spellings none leads to the canary."""
    fetcher = _fetcher(f"127.0.0.1:{crook.port}")
    urls = [*literal_urls(canary.port), *crooked_urls(canary.port)]
    sent = [url for url in urls if url.isascii() and url.isprintable() and not set(url) & set("# ")]
    start = f"http://127.0.0.1:{crook.port}/redirect?"
    before = crook.connections

    refused = [_refusal(fetcher, start + url) for url in sent if 0 < len(url) < 999]

    assert len(refused) >= 100
    assert {type(refusal) for refusal in refused} <= {UrlRefused, UrlUnreachable}
    assert crook.connections - before >= 100
    assert canary.connections == 0


def test_canary_is_not_reached_when_a_name_rebinds_between_check_and_connection(canary: Listener):
    """A name that answers a public address to the check and a loopback address to anyone after is resolved once."""
    network = Offline()
    asked = []

    def rebinding(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("8.8.8.8",) if len(asked) == 1 else ("127.0.0.1",)

    fetcher = _fetcher(resolve=rebinding, network=network)
    refusals = [_refusal(fetcher, "http://rebinding.example/") for _ in range(3)]

    assert [type(refusal) for refusal in refusals] == [UrlUnreachable, UrlRefused, UrlRefused]
    assert network.dialled == ["8.8.8.8"]
    assert canary.connections == 0


def test_only_the_allowed_port_is_reached_when_one_is_allowed(canary: Listener, crook: Listener):
    """Allowing one port of a host opens no other."""
    fetcher = _fetcher(f"127.0.0.1:{crook.port}")

    assert fetcher.fetch(f"http://127.0.0.1:{crook.port}/picture").data == PICTURE
    assert type(_refusal(fetcher, f"http://127.0.0.1:{canary.port}/picture")) is UrlRefused
    assert canary.connections == 0


def test_environment_proxy_is_not_used_when_one_is_set(canary: Listener, crook: Listener, monkeypatch):
    """A proxy in the environment would see, and choose, where requests go."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")

    fetched = _fetcher(f"127.0.0.1:{crook.port}").fetch(f"http://127.0.0.1:{crook.port}/picture")

    assert fetched.data == PICTURE
    assert canary.connections == 0


@pytest.mark.parametrize("path", sorted(set(ANSWERS) - {"/picture", "/redirect"}))
def test_misbehaving_server_is_given_up_when_it_is_asked(path: str, crook: Listener):
    """Whatever a server answers, the fetch ends in a coded refusal, on time, without a large body."""
    started = time.perf_counter()
    refusal = _refusal(_fetcher(f"127.0.0.1:{crook.port}"), f"http://127.0.0.1:{crook.port}{path}")

    assert type(refusal) in {UrlRefused, UrlUnreachable, ImageTooLarge}
    assert "127.0.0.1" not in str(refusal)
    assert time.perf_counter() - started <= TIMEOUT_S + 1.5


@pytest.mark.parametrize("path", ["/endless-body", "/claims-gigabytes"])
def test_body_is_cut_off_when_it_is_larger_than_the_limit(path: str, crook: Listener):
    """The limit holds for what is announced and for what is sent."""
    refusal = _refusal(_fetcher(f"127.0.0.1:{crook.port}", timeout_s=5.0), f"http://127.0.0.1:{crook.port}{path}")

    assert type(refusal) is ImageTooLarge


def test_vectors_are_more_than_a_hundred_when_they_are_counted(canary: Listener):
    """The corpus of URLs keeps its promised size."""
    assert len(INSIDE) >= 40
    assert len(SPELLINGS) >= 20
    assert len([*literal_urls(canary.port), *crooked_urls(canary.port)]) >= 150
