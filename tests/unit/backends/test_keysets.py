"""Key sets from every scheme of the table: the same promises, then what each has of its own.

Real HTTP is spoken, by a server on a Unix socket.
"""

import json
import os
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpcore2
import pytest

from saccade.backends.keysets import KEYSETS, open_key_set
from saccade.backends.keysets.document import MAX_BYTES
from saccade.backends.keysets.file import FileKeySet, open_file
from saccade.backends.keysets.http import HttpKeySet
from saccade.clock import monotonic_s
from saccade.errors import KeySetUnreachable, SchemeUnknown, SettingInvalid
from saccade.images.targets import parse_url

GOOD = {"keys": [{"kty": "RSA", "kid": "a"}]}
BAD = {
    "empty": b"",
    "no JSON": b"<html>",
    "a list": b"[]",
    "no keys": b'{"issuer": "x"}',
    "keys no list": b'{"keys": {}}',
    "a member twice": b'{"keys": [], "keys": []}',
    "a key's member twice": b'{"keys": [{"kid": "a", "kid": "b"}]}',
    "not UTF-8": b'{"keys": ["\xff"]}',
    "nested deeply": b'{"keys":' + b"[" * 100_000,
    "too large": b'{"keys": []}' + b" " * MAX_BYTES,
}


class Handler(BaseHTTPRequestHandler):
    """Answers with what the test wants, and remembers what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingUnixStreamServer):
    """A provider."""

    daemon_threads = True
    body = json.dumps(GOOD).encode()
    status = 200

    def __init__(self, path):
        super().__init__(path, Handler)
        self.asked = []
        self.fields = {"Content-Type": "application/json"}
        self.answer = self.whole
        self.stopped = threading.Event()

    def get_request(self):
        request, _ = super().get_request()
        return request, ("client", 0)

    def whole(self, handler):
        handler.send_response(self.status)
        for name, value in self.fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)

    def trickle(self, handler):
        """Send letters of a head for ever, each in time."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.stopped.wait(0.02):
            handler.wfile.write(b"x")

    def trickle_body(self, handler):
        """Send letters of a body for ever, each in time."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        while not self.stopped.wait(0.02):
            handler.wfile.write(b" ")

    def flood(self, handler):
        """Send a body without an end."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.stopped.is_set():
            handler.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    def handle_error(self, request, client_address):
        """A client that has seen enough leaves."""


class Socket(httpcore2.NetworkBackend):
    """A network on which every address is one Unix socket."""

    def __init__(self, path):
        self._path = path
        self.dialled = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port))
        if not Path(self._path).exists():  # the library would leave its socket open
            raise httpcore2.ConnectError("nobody at 10.0.0.1")
        return httpcore2.SyncBackend().connect_unix_socket(self._path, timeout)


@pytest.fixture
def server(tmp_path_factory):
    with Server(str(tmp_path_factory.mktemp("s") / "s")) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.stopped.set()
        running.shutdown()
        thread.join()


def over_http(server, url="http://id.example/jwks", **options):
    """Return the key set of a URL, asked over the server's socket."""
    network = Socket(server.server_address)
    resolve = options.pop("resolve", lambda *_: ("10.0.0.1",))
    return HttpKeySet(parse_url(url), network=network, resolve=resolve, **options), network


@pytest.fixture(params=sorted(KEYSETS))
def place(request, server, tmp_path):
    """Return a key set of each scheme, and a function that writes its bytes there."""
    if request.param == "file":
        path = tmp_path / "jwks.json"
        path.write_bytes(json.dumps(GOOD).encode())
        return FileKeySet(path), path.write_bytes
    if request.param == "https":  # the same but for TLS, for which a Unix socket has no certificate
        made = open_key_set("https://id.example/jwks")
        assert isinstance(made, HttpKeySet)

    def write(data):
        server.body = data

    return over_http(server)[0], write


def test_key_set_is_what_lies_there(place):
    """The document comes as it is."""
    assert place[0].fetch() == GOOD


def test_key_set_follows_what_lies_there(place):
    """What was changed is there with the next fetch."""
    key_set, write = place
    key_set.fetch()
    write(json.dumps({"keys": []}).encode())

    assert key_set.fetch() == {"keys": []}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_key_set_is_refused(place, name):
    """A page of an error, a document that can be read in two ways, a flood: none is a key set."""
    key_set, write = place
    write(BAD[name])

    with pytest.raises(KeySetUnreachable):
        key_set.fetch()


def test_key_set_as_large_as_may_be_is_taken(place):
    """The bound is where it says."""
    key_set, write = place
    write(json.dumps(GOOD).encode().ljust(MAX_BYTES))

    assert key_set.fetch() == GOOD


def test_provider_is_asked_as_a_stranger(server):
    """The path and the host are those of the URL; no cookie, no credentials, no compression."""
    key_set, network = over_http(server, "http://id.example:8080/realms/lab/certs?x=1")
    key_set.fetch()
    path, headers = server.asked[0]

    assert path == "/realms/lab/certs?x=1"
    assert network.dialled == [("10.0.0.1", 8080)]
    assert headers["Host"] == "id.example:8080"
    assert {name.lower() for name in headers} <= {"host", "accept", "accept-encoding", "user-agent", "connection"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/jwks", "http://[::1]:8080/jwks", "http://keycloak/jwks", "https://10.0.0.1/jwks"]
)
def test_operator_may_name_any_place(server, url):
    """The URL is the operator's: inside is as good as outside."""
    key_set, network = over_http(server, url)
    if url.startswith("https"):
        with pytest.raises(KeySetUnreachable):  # this far, and then there is no TLS
            key_set.fetch()
    else:
        assert key_set.fetch() == GOOD

    assert len(network.dialled) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(server, status):
    """Keys come from where the operator said, and from nowhere else."""
    server.status, server.fields = status, {"Location": "http://id.example/other"}

    with pytest.raises(KeySetUnreachable, match=str(status)):
        over_http(server)[0].fetch()
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [204, 401, 404, 500, 503])
def test_other_answers_are_no_key_set(server, status):
    """Whatever body they come with."""
    server.status = status

    with pytest.raises(KeySetUnreachable):
        over_http(server)[0].fetch()


def test_compressed_answer_is_refused(server):
    """None was asked for, and what unpacks to gigabytes is not unpacked."""
    server.fields = {"Content-Encoding": "gzip"}

    with pytest.raises(KeySetUnreachable, match="compressed"):
        over_http(server)[0].fetch()


@pytest.mark.parametrize("way", ["trickle", "trickle_body"])
def test_slow_answer_ends_in_time(server, way):
    """One bound for the whole, however steadily letters come."""
    server.answer = getattr(server, way)
    begun_s = monotonic_s()

    with pytest.raises(KeySetUnreachable):
        over_http(server, timeout_s=0.3)[0].fetch()
    assert monotonic_s() - begun_s < 5


def test_answer_without_an_end_is_cut_off(server):
    """Memory holds no more than the bound."""
    server.answer = server.flood

    with pytest.raises(KeySetUnreachable, match="larger"):
        over_http(server)[0].fetch()


def test_provider_that_is_not_there_is_told(server, tmp_path):
    """Nobody listens, or the name is unknown: the same error, without the address."""
    away, _ = over_http(server, resolve=lambda *_: ())
    refused = HttpKeySet(
        parse_url("http://id.example/"), network=Socket(str(tmp_path / "no")), resolve=lambda *_: ("10.0.0.1",)
    )

    for key_set in (away, refused):
        with pytest.raises(KeySetUnreachable) as told:
            key_set.fetch()
        assert "10.0.0.1" not in str(told.value)
        assert "id.example" not in str(told.value)


def test_certificates_are_checked():
    """Over https somebody vouches for the provider: chain and name."""
    context = open_key_set("https://id.example/jwks")._guard._ssl_context

    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_file_that_stays_is_not_read_again(tmp_path):
    """The same document is handed out until the file is another, also one of the same size, put in its place."""
    path, newer = tmp_path / "jwks.json", tmp_path / "newer"
    path.write_text('{"keys": ["a"]}')
    key_set = FileKeySet(path)
    first = key_set.fetch()
    assert key_set.fetch() is first

    newer.write_text('{"keys": ["b"]}')
    os.utime(newer, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    newer.replace(path)
    assert key_set.fetch() == {"keys": ["b"]}


def test_file_that_is_missing_or_a_folder_is_told(tmp_path):
    """And is found when it comes; a missing file keeps no keys of before."""
    key_set = FileKeySet(tmp_path / "jwks.json")
    with pytest.raises(KeySetUnreachable):
        key_set.fetch()
    with pytest.raises(KeySetUnreachable):
        FileKeySet(tmp_path).fetch()

    (tmp_path / "jwks.json").write_text(json.dumps(GOOD))
    assert key_set.fetch() == GOOD
    (tmp_path / "jwks.json").unlink()
    with pytest.raises(KeySetUnreachable):
        key_set.fetch()


def test_file_is_named_in_several_ways(tmp_path, monkeypatch):
    """A path, one from the working folder, one from the home, a URL."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "jwks.json").write_text(json.dumps(GOOD))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))

    for text in (str(folder / "jwks.json"), "jwks.json", "~/jwks.json", (folder / "jwks.json").as_uri()):
        assert open_key_set(text).fetch() == GOOD


@pytest.mark.parametrize("text", ["file://host/x", "file:///x?y", "file:///x#y", "file://x"])
def test_file_url_of_no_path_here_is_refused(text):
    """What means nothing is told."""
    with pytest.raises(SettingInvalid, match="SACCADE_JWT_JWKS"):
        open_file(text)


@pytest.mark.parametrize("text", ["ftp://u:hunter2@host/x", "HTTPS://host", "://", "redis://host"])
def test_unknown_scheme_is_refused_and_known_ones_are_listed(text):
    """The operator learns which setting is wrong and what there is, and the log learns no password."""
    with pytest.raises(SchemeUnknown, match="SACCADE_JWT_JWKS") as refused:
        open_key_set(text)

    assert all(scheme in refused.value.hint for scheme in KEYSETS)
    assert "hunter2" not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    "text", ["https://u:hunter2@host/x", "https://", "http://a b/", "https://host:0/", "http://0x7f.1/"]
)
def test_url_that_cannot_be_asked_is_refused_at_the_start(text):
    """A setting that can never work is told before anybody waits for it."""
    with pytest.raises(SettingInvalid, match="SACCADE_JWT_JWKS") as refused:
        open_key_set(text)

    assert "hunter2" not in str(refused.value) + refused.value.hint
