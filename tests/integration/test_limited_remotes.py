"""Models that said themselves where they run, over real sockets: what they are sent, and how long is waited."""

import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from saccade.backends.remotes import client, open_remote
from saccade.backends.remotes.client import RemoteModel
from saccade.backends.remotes.microservice import Microservice
from saccade.backends.remotes.places import LimitedPlace
from saccade.errors import ModelUnavailable, RemoteFailed
from saccade.images.addresses import parse_allow_list
from saccade.models.package import RemoteSpec

IMAGE = np.zeros((4, 6, 3), np.uint8)
GOOD = json.dumps({"status": "success", "result": {"classes": ["a"], "result": {"a": 0.5}}}).encode()
HERE = parse_allow_list(("127.0.0.0/8:*", "[::1]:*"))


class Service(ThreadingHTTPServer):
    """A model service that keeps what it was asked; all its answers may be redirects."""

    daemon_threads = True

    def __init__(self, *, answer=GOOD, redirect=""):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.redirect = redirect
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(b"{}")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.server.answer)

    def _answer(self, body):
        self.server.asked.append((self.command, self.path, self.headers["Host"]))
        self.send_response(302 if self.server.redirect else 200)
        if self.server.redirect:
            self.send_header("Location", self.server.redirect)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def running():
    """Return a function that starts a service; all end with the test."""
    made = []

    def run(**way):
        made.append(Service(**way))
        return made[-1]

    yield run
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def opening():
    """Return a function that opens what asks; all are closed with the test."""
    made = []

    def opened(url, *, allow=HERE, resolve=None, timeout_s=5.0, pulse_s=60.0):
        spec = RemoteSpec(url, "microservice", "m", timeout_s, 0, is_limited=True)
        if resolve is None:
            made.append(open_remote(spec, allow=allow))
        else:
            place = LimitedPlace(url, allow, resolve=resolve)
            made.append(RemoteModel(spec, Microservice("m"), place, pulse_s=pulse_s))
        return made[-1]

    yield opened
    for each in made:
        each.close()


@contextlib.contextmanager
def dripping(head, *, host="127.0.0.1", port=0):
    """Run a server that sends this first, and then a header's letters one by one, without end."""
    ended = threading.Event()
    listener = socket.create_server((host, port))

    def drip(connection):
        with contextlib.suppress(OSError), connection:
            connection.sendall(head)
            while not ended.wait(0.05):
                connection.sendall(b"x")

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.close()


def wait_until(is_so):
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_service_behind_a_name_sees_its_name(running, opening):
    """The address is dialled, and the host header is the one of the URL: a proxy may stand before several services."""
    server = running()
    names = f"models.lab:{server.server_port}"
    remote = opening(f"http://{names}/finder/", resolve=lambda *_: ("127.0.0.1",))

    assert remote.problem is None
    [answer] = remote.predict([IMAGE])
    assert [entry["label"] for entry in answer] == ["a"]
    assert server.asked == [("GET", "/finder/status", names), ("POST", "/finder/predict", names)]


def test_service_at_an_address_sees_the_address(running, opening):
    """As any client would send it."""
    server = running()
    remote = opening(f"http://127.0.0.1:{server.server_port}")

    assert remote.problem is None
    assert server.asked == [("GET", "/status", f"127.0.0.1:{server.server_port}")]


def test_encoded_path_is_sent_as_it_was_written(running, opening):
    """A %23 that became a # would cut off the protocol's own path, and any path of that server could be asked."""
    server = running()
    opening(f"http://127.0.0.1:{server.server_port}/admin%3Fdelete=all%23")

    assert [path for _, path, _ in server.asked] == ["/admin%3Fdelete=all%23/status"]


def test_redirect_is_not_followed(running, opening):
    """Neither by the pulse nor by a picture: nobody is led elsewhere, and such a service is not there."""
    other = running()
    server = running(redirect=f"http://127.0.0.1:{other.server_port}/")
    remote = opening(f"http://127.0.0.1:{server.server_port}")

    assert "302" in remote.problem
    with pytest.raises(ModelUnavailable):
        remote.predict([IMAGE])
    assert other.asked == []


def test_service_that_redirects_pictures_has_failed(running, opening):
    """Its own status was well."""
    other, server = running(), running()
    remote = opening(f"http://127.0.0.1:{server.server_port}")
    server.redirect = f"http://127.0.0.1:{other.server_port}/"

    with pytest.raises(RemoteFailed, match="302"):
        remote.predict([IMAGE])
    assert other.asked == []


def test_place_that_is_not_allowed_is_not_dialled(running, opening):
    """However it came to be asked: the list may be shorter after a restart."""
    server = running()
    remote = opening(f"http://127.0.0.1:{server.server_port}", allow=parse_allow_list(("10.0.0.0/8:*",)))

    assert remote.problem == "its address is not one where models may run"
    with pytest.raises(ModelUnavailable):
        remote.predict([IMAGE])
    assert server.asked == []


def test_name_that_comes_to_mean_another_address_is_not_dialled_there(running, opening, monkeypatch):
    """It is away until its name means an allowed address again; then it is back by itself."""
    monkeypatch.setattr("saccade.backends.remotes.places._BELIEVED_S", 0.0)
    server = running()
    addresses = ["127.0.0.1"]
    remote = opening(f"http://m.lab:{server.server_port}", resolve=lambda *_: tuple(addresses), pulse_s=0.05)
    assert remote.problem is None
    addresses[:] = ["192.0.2.1"]
    wait_until(lambda: remote.problem == "its address is not one where models may run")
    asked = len(server.asked)
    time.sleep(0.2)
    assert len(server.asked) == asked
    addresses[:] = []
    wait_until(lambda: remote.problem == "its host has no address")
    addresses[:] = ["127.0.0.1"]

    wait_until(lambda: remote.problem is None)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2"])
def test_service_that_sends_its_head_a_letter_at_a_time_is_not_waited_for(opening, monkeypatch, head):
    """Whoever registers it would else hold a thread of this server for days."""
    monkeypatch.setattr(client, "_PULSE_TIMEOUT_S", 0.5)
    begun = time.monotonic()
    with dripping(head) as url:
        remote = opening(url)

        assert remote.problem is not None
        assert time.monotonic() - begun < 3


def test_picture_is_not_waited_for_longer_than_a_try_may_take(opening, running, monkeypatch):
    """Also where the head of the answer comes a letter at a time: here from the address that its name means now."""
    monkeypatch.setattr("saccade.backends.remotes.places._BELIEVED_S", 0.0)
    port, addresses = running().server_port, ["127.0.0.1"]
    remote = opening(f"http://m.lab:{port}", resolve=lambda *_: tuple(addresses), timeout_s=0.4)
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", host="127.0.0.2", port=port):
        addresses[:] = ["127.0.0.2"]
        begun = time.monotonic()
        with pytest.raises(ModelUnavailable, match="within"):
            remote.predict([IMAGE])

        assert time.monotonic() - begun < 3


def test_connections_are_kept(opening, running, monkeypatch):
    """One for the pulse and the pictures, as long as nobody asks at the same time."""
    monkeypatch.setattr(_Handler, "protocol_version", "HTTP/1.1")
    server, opened = running(), []
    accept = server.get_request
    server.get_request = lambda: opened.append(accept()) or opened[-1]
    remote = opening(f"http://127.0.0.1:{server.server_port}")
    for _ in range(3):
        remote.predict([IMAGE])

    assert len(opened) == 1


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400, "1e999", "NaN"])
def test_number_that_is_none_is_the_remotes_failure(opening, running, number):
    """JSON has numbers that no float can hold."""
    body = GOOD.replace(b"0.5", number.encode())
    remote = opening(f"http://127.0.0.1:{running(answer=body).server_port}")

    with contextlib.suppress(RemoteFailed):  # what passes here is refused where scores are looked at
        [answer] = remote.predict([IMAGE])
        assert not 0 <= answer[0]["score"] <= 1
