"""Small servers on the loopback interface: one that misbehaves in every way, and a canary that nobody may reach."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PICTURE = b"BM picture bytes"
Answer = Callable[[socket.socket, str], None]


def head(status: str = "200 OK", **fields: str) -> bytes:
    """Return a response head."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _picture(peer: socket.socket, _: str) -> None:
    peer.sendall(head(Content_Type="image/bmp", Content_Length=str(len(PICTURE)), Connection="close") + PICTURE)


def _drip(piece: bytes, start: bytes) -> Answer:
    """Return an answer that sends a little and then a byte now and then, for ever."""

    def answer(peer: socket.socket, _: str) -> None:
        peer.sendall(start)
        while True:
            peer.sendall(piece)
            time.sleep(0.05)

    return answer


def _flood(piece: bytes, start: bytes) -> Answer:
    """Return an answer that sends as fast as it can, for ever."""

    def answer(peer: socket.socket, _: str) -> None:
        peer.sendall(start)
        while True:
            peer.sendall(piece)

    return answer


def _silent(peer: socket.socket, _: str) -> None:
    peer.recv(1)


def _whole(data: bytes) -> Answer:
    return lambda peer, _: peer.sendall(data)


def _redirect(peer: socket.socket, path: str) -> None:
    """Redirect to whatever stands behind the path's question mark."""
    peer.sendall(head("302 Found", Location=path.partition("?")[2], Content_Length="0"))


_ZIPPED = gzip.compress(bytes(1_000_000))
_CHUNKED = head(Content_Type="image/png", Transfer_Encoding="chunked")

ANSWERS: dict[str, Answer] = {
    "/picture": _picture,
    "/redirect": _redirect,
    "/loop": _whole(head("302 Found", Location="/loop", Content_Length="0")),
    "/silent": _silent,
    "/slow-head": _drip(b"x", b"HTTP/1.1 200 OK\r\nX-A: "),
    "/slow-body": _drip(b"x", head(Content_Type="image/png")),
    "/slow-chunks": _drip(b"1\r\nx\r\n", _CHUNKED),
    "/endless-body": _flood(bytes(65_536), head(Content_Type="image/png")),
    "/endless-chunks": _flood(b"1\r\nx\r\n" * 1_000, _CHUNKED),
    "/endless-head": _flood(b"X-A: " + b"x" * 1_000 + b"\r\n", b"HTTP/1.1 200 OK\r\n"),
    "/endless-interim": _flood(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, b""),
    "/endless-line": _flood(b"x" * 65_536, b"HTTP/1.1 200 "),
    "/claims-gigabytes": _whole(head(Content_Type="image/png", Content_Length="99999999999")),
    "/claims-nonsense": _whole(head(Content_Type="image/png", Content_Length="-1")),
    "/claims-more": _whole(head(Content_Type="image/png", Content_Length="100") + b"x"),
    "/gzip": _whole(
        head(Content_Type="image/png", Content_Encoding="gzip", Content_Length=str(len(_ZIPPED))) + _ZIPPED
    ),
    "/brotli": _whole(head(Content_Type="image/png", Content_Encoding="br", Content_Length="1") + b"x"),
    "/html": _whole(head(Content_Type="text/html", Content_Length="1") + b"x"),
    "/missing": _whole(head("404 Not Found", Content_Length="0")),
    "/login": _whole(head("401 Unauthorized", Content_Length="0")),
    "/no-content": _whole(head("204 No Content")),
    "/upgrade": _whole(head("101 Switching Protocols", Upgrade="x", Connection="upgrade")),
    "/nonsense": _whole(b"\x00\x01\x02 nonsense\r\n\r\n"),
    "/ssh": _whole(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "/nothing": _whole(b""),
}


class Listener:
    """A listening socket on the loopback interface that counts who came."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        """Listen on a free port."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, 0), family=family, backlog=64)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._peers: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                self.connections += 1
                self._peers.append(peer)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        """Read one request's head and answer by its path."""
        peer.settimeout(20)
        with suppress(OSError), peer:
            request = b""
            while b"\r\n\r\n" not in request:
                piece = peer.recv(4096)
                if not piece:
                    return
                request += piece
            path = request.split(b" ", 2)[1].decode()
            ANSWERS.get(path.partition("?")[0], ANSWERS["/missing"])(peer, path)

    def close(self) -> None:
        """Stop listening and hang up on everybody."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)


@contextmanager
def listening(address: str = "127.0.0.1") -> Iterator[Listener]:
    """Listen, and stop at the end."""
    listener = Listener(address)
    try:
        yield listener
    finally:
        listener.close()
