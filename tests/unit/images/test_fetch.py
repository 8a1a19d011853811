"""Fetching over a network that is made up: who is dialled, what is sent, and how each answer ends."""

from __future__ import annotations

import httpcore2
import pytest

from saccade.errors import ImageTooLarge, SettingInvalid, UrlRefused, UrlUnreachable
from saccade.images.fetch import Fetcher, FetchPolicy
from saccade.images.pinned import MAX_HEAD_BYTES

BODY = b"picture"
HOSTS = {
    "example.org": ("93.184.216.34",),
    "other.example": ("1.1.1.1",),
    "inside.example": ("10.0.0.1",),
    "two.example": ("8.8.4.4", "8.8.8.8"),
}


class Wire(httpcore2.NetworkStream):
    """A connection that plays one answer and keeps what was asked."""

    def __init__(self, network: MadeUpNetwork, answer: bytes) -> None:
        self._network, self._answer = network, answer

    def read(self, max_bytes, timeout=None):
        piece, self._answer = self._answer[:max_bytes], self._answer[max_bytes:]
        self._network.received_bytes += len(piece)
        return piece

    def write(self, buffer, timeout=None):
        self._network.sent += buffer

    def close(self):
        self._network.closed += 1

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        self._network.tls_names.append(server_hostname)
        return self


class MadeUpNetwork(httpcore2.NetworkBackend):
    """Answers each connection with the next of the given answers."""

    def __init__(self, *answers: bytes, dead: tuple[str, ...] = ()) -> None:
        self._answers, self._dead = list(answers), dead
        self.dialled: list[tuple[str, int]] = []
        self.sent = b""
        self.received_bytes = 0
        self.closed = 0
        self.tls_names: list[str] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port))
        if host in self._dead:
            raise httpcore2.ConnectError("nobody at 10.9.8.7")
        return Wire(self, self._answers.pop(0))


def _answer(body: bytes = BODY, status: str = "200 OK", **fields: str) -> bytes:
    fields = {"Content_Type": "image/png", "Content_Length": str(len(body)), **fields}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def _fetcher(network: MadeUpNetwork, **policy: object) -> Fetcher:
    return Fetcher(
        FetchPolicy(**{"timeout_s": 5.0, **policy}), resolve=lambda host, _: HOSTS.get(host, ()), network=network
    )


def test_checked_address_is_dialled_when_a_picture_is_fetched():
    """The connection goes to the resolved address; the Host header stays the URL's; only identity is asked for."""
    network = MadeUpNetwork(_answer())
    fetched = _fetcher(network).fetch("http://Example.org/a/b%20c.png?size=3#x")

    assert (fetched.data, fetched.name) == (BODY, "b c.png")
    assert network.dialled == [("93.184.216.34", 80)]
    assert network.sent.startswith(b"GET /a/b%20c.png?size=3 HTTP/1.1\r\n")
    assert b"\r\nHost: example.org\r\n" in network.sent
    assert b"\r\naccept-encoding: identity\r\n" in network.sent.lower()
    assert b"cookie" not in network.sent.lower()
    assert network.closed >= 1


def test_certificate_name_is_the_urls_when_https_is_fetched():
    """TLS asks for the URL's name although a bare address is dialled."""
    network = MadeUpNetwork(_answer())
    _fetcher(network).fetch("https://example.org/")

    assert network.dialled == [("93.184.216.34", 443)]
    assert network.tls_names == ["example.org"]


def test_certificates_are_checked_when_no_context_is_given():
    """The default context verifies chain and name."""
    context = _fetcher(MadeUpNetwork())._guard._ssl_context

    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_next_address_is_tried_when_one_is_dead():
    """A name with a dead address is reached at its other one."""
    network = MadeUpNetwork(_answer(), dead=("8.8.4.4",))

    assert _fetcher(network).fetch("http://two.example/").data == BODY
    assert [host for host, _ in network.dialled] == ["8.8.4.4", "8.8.8.8"]


def test_reason_is_kept_from_the_caller_when_nobody_answers():
    """A failed connection's own words, which may name addresses, stay in the log."""
    with pytest.raises(UrlUnreachable) as caught:
        _fetcher(MadeUpNetwork(dead=HOSTS["example.org"])).fetch("http://example.org/")

    assert "10.9.8.7" not in str(caught.value)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirect_is_followed_when_it_leads_to_a_public_host(status: str):
    """Each hop is resolved and dialled anew."""
    network = MadeUpNetwork(_answer(b"", status, Location="https://other.example/x.png"), _answer())

    assert _fetcher(network).fetch("http://example.org/").data == BODY
    assert network.dialled == [("93.184.216.34", 80), ("1.1.1.1", 443)]


def test_redirect_is_followed_when_it_is_relative():
    """A path alone stays on the host."""
    network = MadeUpNetwork(_answer(b"", "302 Found", Location="../x.png"), _answer())

    assert _fetcher(network).fetch("http://example.org/a/b").name == "x.png"
    assert b"GET /x.png HTTP/1.1" in network.sent


@pytest.mark.parametrize(
    "location",
    [
        "http://inside.example/",
        "http://10.0.0.1/",
        "//10.0.0.1/",
        "http://example.org:22/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://user@example.org/",
        "http://0x7f.1/",
        "http://[::1",
        "\\\\10.0.0.1\\x",
    ],
)
def test_redirect_is_refused_when_it_leads_inside(location: str):
    """A redirect is read as strictly as the first URL, and nothing is dialled for it."""
    network = MadeUpNetwork(_answer(b"", "302 Found", Location=location))

    with pytest.raises(UrlRefused):
        _fetcher(network).fetch("http://example.org/")
    assert network.dialled == [("93.184.216.34", 80)]


@pytest.mark.parametrize(("limit", "reached"), [(0, 1), (3, 4)])
def test_redirects_are_refused_when_there_are_too_many(limit: int, reached: int):
    """The chain ends at the limit."""
    network = MadeUpNetwork(*[_answer(b"", "302 Found", Location="/")] * 9)

    with pytest.raises(UrlRefused, match="redirects more than"):
        _fetcher(network, max_redirects=limit).fetch("http://example.org/")
    assert len(network.dialled) == reached


@pytest.mark.parametrize(
    "kind", ["image/png", "IMAGE/JPEG; x=y", "application/octet-stream", "binary/octet-stream", ""]
)
def test_body_is_taken_when_its_type_may_be_a_picture(kind: str):
    """Pictures, raw bytes and no type at all are taken: the bytes decide later."""
    assert _fetcher(MadeUpNetwork(_answer(Content_Type=kind))).fetch("http://example.org/").data == BODY


@pytest.mark.parametrize(
    "answer",
    [
        _answer(Content_Type="text/html"),
        _answer(Content_Encoding="gzip"),
        _answer(status="404 Not Found"),
        _answer(status="206 Partial Content"),
        _answer(status="304 Not Modified"),
        _answer(b"", "302 Found"),
        _answer(Content_Length="99"),
        _answer(Content_Length="x"),
        b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_BYTES,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_HEAD_BYTES // 20),
    ],
)
def test_answer_is_unreachable_when_it_cannot_be_a_picture(answer: bytes):
    """Other types, codings and statuses, broken and endless heads end as ``url_unreachable``."""
    with pytest.raises(UrlUnreachable):
        _fetcher(MadeUpNetwork(answer)).fetch("http://example.org/")


def test_interim_answers_are_cut_off_when_they_do_not_end():
    """A server that keeps announcing its answer is given up after 128 KiB and the piece that was being read."""
    network = MadeUpNetwork(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000)

    with pytest.raises(UrlUnreachable):
        _fetcher(network).fetch("http://example.org/")
    assert network.received_bytes <= MAX_HEAD_BYTES + 65_536


def test_name_is_not_looked_up_when_its_port_is_refused():
    """A refused port costs no lookup, whose time could tell something."""
    asked: list[str] = []
    fetcher = Fetcher(FetchPolicy(), resolve=lambda host, _: (asked.append(host),), network=MadeUpNetwork())

    with pytest.raises(UrlRefused):
        fetcher.fetch("http://example.org:6379/")
    assert asked == []


@pytest.mark.parametrize("announced", [True, False])
def test_body_is_refused_when_it_is_larger_than_the_limit(announced: bool):
    """The limit is exact, for announced and for streamed sizes."""
    fields = {} if announced else {"Content_Length": "", "Connection": "close"}

    assert (
        len(_fetcher(MadeUpNetwork(_answer(bytes(100), **fields)), max_bytes=100).fetch("http://example.org/").data)
        == 100
    )
    with pytest.raises(ImageTooLarge):
        _fetcher(MadeUpNetwork(_answer(bytes(101), **fields)), max_bytes=100).fetch("http://example.org/")


def test_fetch_is_unreachable_when_the_time_is_already_up():
    """One deadline holds for everything together."""
    with pytest.raises(UrlUnreachable, match="in time"):
        _fetcher(MadeUpNetwork(_answer()), timeout_s=0.0).fetch("http://example.org/")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "image"),
        ("/", "image"),
        ("/a/b.png", "b.png"),
        ("/a/", "a"),
        ("/..%2f..%2fetc%2fpasswd", "passwd"),
        ("/%0d%0aX%1b[31m.png", "X[31m.png"),
        ("/.htaccess", "htaccess"),
        ("/" + "a" * 300, "a" * 200),
        ("/%ff.png", "\ufffd.png"),
    ],
)
def test_name_is_fit_to_be_shown_when_the_path_is_crooked(path: str, name: str):
    """The name never carries a path, a control character or a leading dot."""
    assert name == _fetcher(MadeUpNetwork(_answer())).fetch(f"http://example.org{path}").name


def test_policy_is_refused_when_its_list_makes_no_sense():
    """A bad allow-list is a mistake of the operator, found at the start."""
    with pytest.raises(SettingInvalid):
        Fetcher(FetchPolicy(allow=("http://x",)))
