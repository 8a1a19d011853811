"""A TCP proxy that resets some connections: before the request arrives, or when it was answered and nobody knows."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Sequence

_CHUNK = 65536
_CONNECT_TIMEOUT_S = 2.0
_SILENCE_S = 30.0


class FaultProxy:
    """Passes connections on to one of several servers, and breaks a part of them. One request a connection."""

    def __init__(self, upstreams: Sequence[int], *, seed: int, share: float) -> None:
        """Listen on a free port.

        Args:
            upstreams: Ports on loopback.
            seed: Decides the fates.
            share: Of connections that are reset, half of them before and half after the reply.
        """
        self._upstreams = upstreams
        self._random = random.Random(seed)
        self._share = share
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])
        self.resets = 0
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            upstream, fate = self._random.choice(self._upstreams), self._random.random()
            threading.Thread(target=self._serve, args=(client, upstream, fate), daemon=True).start()

    def _serve(self, client: socket.socket, port: int, fate: float) -> None:
        client.settimeout(_SILENCE_S)
        if fate < self._share / 2:
            with contextlib.suppress(OSError):
                client.recv(_CHUNK)
            self._reset(client)
            return
        try:
            upstream = socket.create_connection(("127.0.0.1", port), _CONNECT_TIMEOUT_S)
        except OSError:
            _reset(client)
            return
        upstream.settimeout(_SILENCE_S)
        up = threading.Thread(target=_pump, args=(client, upstream), daemon=True)
        up.start()
        if fate < self._share:
            with contextlib.suppress(OSError):
                upstream.recv(1)
            self._reset(client)
            upstream.close()
            return
        _pump(upstream, client)
        for end in (client, upstream):
            end.close()

    def _reset(self, client: socket.socket) -> None:
        self.resets += 1
        _reset(client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        _reset(target)


def _reset(end: socket.socket) -> None:
    """Close with a reset instead of an end."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
