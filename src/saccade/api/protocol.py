"""HTTP connections that end: bounds on what a connection may hold besides its bodies, and on how long a head may take.

uvicorn bounds neither with httptools: a client that sends one byte of a header a minute, one endless header, endless
trailers or ten thousand requests at once would keep its connection and its memory for ever. Refusals here come before
there is a request, so they are plain and short.
"""

from __future__ import annotations

import re
from asyncio import TimerHandle, Transport
from typing import cast

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

#: Request line and headers together; as much again may be in flight when the bound is noticed. The same holds for
#: whatever else stands between two pieces of a body: chunk extensions, trailers.
MAX_HEAD_BYTES = 65_536

#: From the connection, or from the end of the answer before, until the head is complete.
HEAD_TIMEOUT_S = 10.0

#: Requests of one connection that wait for the answer to the one before.
MAX_PIPELINED = 32

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

_AUTHORITY = re.compile(rb"[^:/?#]+://([^/?#]*)")
_UPGRADE_HEADERS = frozenset({b"upgrade", b"http2-settings"})


class BoundedProtocol(HttpToolsProtocol):
    """One connection. The clock runs whenever no request is being answered and bytes, or the first byte, are awaited.

    It also ends a connection whose client keeps sending a body that was refused: such bytes are read and dropped for as
    long as a head may take, so that a client which sends everything before it reads still gets its answer.
    """

    _unread_bytes = 0
    _in_body = False
    _head_timer: TimerHandle | None = None

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Put our parser in the place of uvicorn's and start the clock of the first head."""
        super().connection_made(transport)
        self.parser = _PlainParser(self)
        # As uvicorn has it: what a client sends behind its last request is dropped and is no fault.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._start_clock()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes in, counting those that make neither a whole head nor a part of a body."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._awaits_head():
            self._start_clock()
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE if self._may_answer() else b"")

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        """Drop trailers: they come when the request may be judged already, and nobody wants them."""
        if not self._in_body:
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        """Stop the clock: from here on the application's own bounds count."""
        self._stop_clock()
        self._unread_bytes = 0
        if self.parser.should_upgrade():
            return  # the parser comes again with the same head and without the upgrade
        if len(self.pipeline) >= MAX_PIPELINED:
            raise httptools.HttpParserError("too many requests wait for their answers")
        self._in_body = True
        self._name_target()
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        """Note that the body gets on."""
        self._unread_bytes = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        """Let the next head have a clock of its own."""
        self._unread_bytes = 0
        if self.parser.should_upgrade():
            return
        self._in_body = False
        self._stop_clock()
        super().on_message_complete()

    def plain_head(self) -> bytes:
        """Return the head that was just read, without its wish for another protocol: there is none to change to."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                kept = [token for token in value.split(b",") if token.strip().lower() not in _UPGRADE_HEADERS]
                lines += [b"connection: " + b",".join(kept)] if kept else []
            elif name not in _UPGRADE_HEADERS:
                lines.append(b"%s: %s" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    def _name_target(self) -> None:
        """Put the host of an absolute request target in the place of the Host header, over which it stands."""
        target = None if self.url.startswith(b"/") else _AUTHORITY.match(self.url)
        if target is not None:
            self.headers[:] = [*(pair for pair in self.headers if pair[0] != b"host"), (b"host", target[1])]

    def _awaits_head(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return not self.transport.is_closing() and (cycle is None or cycle.response_complete)

    def _may_answer(self) -> bool:
        """Tell whether no other answer has begun that ours would end up in."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete or not (cycle.response_started or self.pipeline)

    def _start_clock(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._time_out)

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _time_out(self) -> None:
        self._head_timer = None
        if self._awaits_head():
            self._refuse(b"" if self._in_body or not self._unread_bytes else _TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


class _PlainParser(httptools.HttpRequestParser):
    """A parser that reads on where a request asks for another protocol (``h2c``), as HTTP lets a server do.

    httptools would stop behind such a head, and the body would be lost: some clients ask with every first request.
    """

    def __init__(self, protocol: BoundedProtocol) -> None:
        """Report to a connection."""
        super().__init__(protocol)
        self._protocol = protocol

    @override
    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # uvicorn reads nothing else
        """Read bytes.

        Raises:
            HttpParserError: They are no HTTP, or ask for a tunnel.
        """
        while data:
            try:
                super().feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self.get_method() == b"CONNECT":
                    raise httptools.HttpParserError("this is no proxy") from None
                data = self._protocol.plain_head() + data[int(upgrade.args[0]) :]
            else:
                return
