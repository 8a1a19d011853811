"""HEAD is answered as GET without its body, on every route that knows GET."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Where a route that would answer without end finds in the scope that only its headers are wanted.
IS_HEAD = "saccade.is_head"


class HeadAsGet:
    """Shows the routes a GET and drops the answer's body."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # The server still sees its own scope with HEAD; it and the layers outside keep knowing what was asked.
        inner = {**scope, "method": "GET", IS_HEAD: True}
        await self.app(inner, receive, send_head)
        scope["route"] = inner.get("route")
