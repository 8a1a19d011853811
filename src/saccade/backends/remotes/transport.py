"""Connections to models that run elsewhere: kept open, and no step of a request lasts longer than the request may.

The client library's own limits are for one step each: a server that sends its headers a byte at a time keeps within
them for days, and whoever waits for it with it.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpcore2
import httpx2
from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream
from typing_extensions import override

from saccade.clock import monotonic_s

#: A connection that was not used for as long is closed.
_KEPT_S = 5.0


class Patience(threading.local):
    """Until when the thread that asks waits, whatever connection its request goes over."""

    def __init__(self) -> None:
        """Wait for ever, as far as this goes."""
        self._until_s: float | None = None

    @contextmanager
    def until(self, until_s: float) -> Iterator[None]:
        """Wait no longer than until this moment, by ``monotonic_s``, while the block lasts."""
        self._until_s = until_s
        try:
            yield
        finally:
            self._until_s = None

    def left_s(self, timeout_s: float | None) -> float | None:
        """Return how long one step may take that has itself as long as this.

        Raises:
            httpcore2.ReadTimeout: The time is up.
        """
        if self._until_s is None:
            return timeout_s
        left_s = self._until_s - monotonic_s()
        if left_s <= 0:
            raise httpcore2.ReadTimeout("The time is up.")
        return left_s if timeout_s is None else min(left_s, timeout_s)


class TimedTransport(httpx2.BaseTransport):
    """A pool of connections under one patience; no proxy, no HTTP/2. Thread-safe."""

    def __init__(
        self, patience: Patience, *, is_tls: bool, connections: int, network: NetworkBackend | None = None
    ) -> None:
        """Open nothing yet.

        Args:
            patience: Of those who ask.
            is_tls: Whether certificates have to be looked at; reading the known authorities takes milliseconds.
            connections: That may be open at once.
            network: Opens them; None takes the system's sockets.
        """
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context() if is_tls else None,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_KEPT_S,
            network_backend=_Network(network or httpcore2.SyncBackend(), patience),
        )

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        with _told_by_the_client():
            answer = self._pool.handle_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(status_code=answer.status, headers=answer.headers, stream=_Body(answer))

    @override
    def close(self) -> None:
        self._pool.close()


class _Network(NetworkBackend):
    """Opens connections that have a patience."""

    def __init__(self, network: NetworkBackend, patience: Patience) -> None:
        self._network = network
        self._patience = patience

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        left_s = self._patience.left_s(timeout)
        return _Stream(self._network.connect_tcp(host, port, left_s, local_address, socket_options), self._patience)


class _Stream(NetworkStream):
    """A connection whose every step has the time that is left, at most."""

    def __init__(self, stream: NetworkStream, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._patience.left_s(timeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._patience.left_s(timeout))

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        left_s = self._patience.left_s(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left_s), self._patience)

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Body(httpx2.SyncByteStream):
    """The body as it comes from the connection."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    @override
    def __iter__(self) -> Iterator[bytes]:
        with _told_by_the_client():
            yield from self._answer.iter_stream()

    @override
    def close(self) -> None:
        self._answer.close()


@contextmanager
def _told_by_the_client() -> Iterator[None]:
    """Raise what the connection raises as the client's error of the same name."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        told: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
        raise told(str(error)) from error
