"""One request to our own application, in this process: what a call over another transport becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True, slots=True)
class Reply:
    """What the application answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        """The body as a JSON object; without members where it is none."""
        try:
            value: object = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


async def request(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: bytes = b"",
    client: tuple[str, int] | None = None,
) -> Reply:
    """Return what the application answers; when this call is cancelled, it learns that the client has gone.

    Args:
        app: With all its layers.
        method: Of HTTP.
        path: Not quoted, without a query.
        headers: Beside ``Host`` and ``Content-Length``; names in lower case.
        body: The whole of it.
        client: Where the call came from.
    """
    exchange = _Exchange(body)
    own = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode("ascii"))]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*own, *headers],
        "client": client,
        "server": ("localhost", 0),
    }

    async def serve() -> None:
        try:
            await app(scope, exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001 - the application logged it; gRPC would tell the client all of it
            exchange.fail()

    answering = asyncio.ensure_future(serve())
    try:
        await asyncio.shield(answering)
    except asyncio.CancelledError:
        exchange.leave()
        await asyncio.wait([answering])
        raise
    return exchange.reply()


class _Exchange:
    """A body on its way in, and an answer on its way out."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._gone = asyncio.Event()
        self._start: Message = {}
        self._pieces: list[bytes] = []

    async def receive(self) -> Message:
        """Give the body once; after that, wait until the client goes."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep the answer."""
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._pieces.append(message.get("body", b""))

    def fail(self) -> None:
        """Drop what came of an answer."""
        self._start, self._pieces = {}, []

    def leave(self) -> None:
        """Let the client be gone."""
        self._gone.set()

    def reply(self) -> Reply:
        """Return the answer."""
        pairs = cast("list[tuple[bytes, bytes]]", self._start.get("headers", []))
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}
        return Reply(int(self._start.get("status", 500)), headers, b"".join(self._pieces))
