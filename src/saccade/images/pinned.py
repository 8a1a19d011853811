"""Connections that go to addresses checked beforehand and nowhere else, and that end when the time is up."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator

import httpcore2
import httpx2
from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream
from typing_extensions import override

from saccade.clock import monotonic_s
from saccade.images.addresses import Address

# Of everything before the body: status line, headers, interim responses; one read of the library is 64 KiB.
MAX_HEAD_BYTES = 128 * 1024


class Deadline:
    """One moment by which everything has to be over, however many steps it takes."""

    def __init__(self, timeout_s: float) -> None:
        """Start the clock."""
        self._ends_s = monotonic_s() + timeout_s

    def left_s(self) -> float:
        """Return the seconds that are left.

        Raises:
            httpcore2.TimeoutException: There are none.
        """
        left_s = self._ends_s - monotonic_s()
        if left_s <= 0:
            raise httpcore2.ReadTimeout("The time is up.")
        return left_s


class PinnedStream(NetworkStream):
    """A connection whose every step has only the time that is left, and whose head is bounded."""

    def __init__(self, stream: NetworkStream, deadline: Deadline) -> None:
        """Wrap an open connection."""
        self._stream = stream
        self._deadline = deadline
        self._head_bytes_left: int | None = MAX_HEAD_BYTES

    def end_of_head(self) -> None:
        """Stop counting: what comes now is the body, whose size the reader counts."""
        self._head_bytes_left = None

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        received = self._stream.read(max_bytes, self._deadline.left_s())
        if self._head_bytes_left is not None:
            self._head_bytes_left -= len(received)
            if self._head_bytes_left < 0:
                raise httpcore2.RemoteProtocolError("The response's head is too long.")
        return received

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left_s())

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        # The same object goes on, so that the one who dialled can still say where the head ends.
        self._stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s())
        return self

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class PinnedNetwork(NetworkBackend):
    """Dials the given addresses in turn, whatever host it is asked for."""

    def __init__(self, network: NetworkBackend, *, addresses: tuple[Address, ...], deadline: Deadline) -> None:
        """Dial through ``network``; each address must have been checked."""
        self._network = network
        self._addresses = addresses
        self._deadline = deadline
        self._streams: list[PinnedStream] = []

    def end_of_head(self) -> None:
        """Tell the connection that the response's body begins."""
        for stream in self._streams:
            stream.end_of_head()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        failure: Exception = httpcore2.ConnectError("There is no address.")
        for position, address in enumerate(self._addresses):
            # One dead address must not eat the time of those behind it.
            share_s = self._deadline.left_s() / (len(self._addresses) - position)
            try:
                opened = self._network.connect_tcp(str(address), port, share_s, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as refused:
                failure = refused
                continue
            stream = PinnedStream(opened, self._deadline)
            self._streams.append(stream)
            return stream
        raise failure


class PinnedTransport(httpx2.BaseTransport):
    """Sends requests over connections of a ``PinnedNetwork``; no proxy, no HTTP/2, nothing kept open."""

    def __init__(self, network: PinnedNetwork, ssl_context: ssl.SSLContext | None) -> None:
        """Open nothing yet."""
        self._network = network
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl_context, max_connections=1, max_keepalive_connections=0, network_backend=network
        )

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path or b"/"),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        )
        self._network.end_of_head()
        return httpx2.Response(status_code=answer.status, headers=answer.headers, stream=_Body(answer))

    @override
    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """The body as it comes from the connection."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    @override
    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    @override
    def close(self) -> None:
        self._answer.close()
