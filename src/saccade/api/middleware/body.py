"""No request body is larger or slower than the settings allow, nor all together, whatever route they are for."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saccade.api.bodies import announced_bytes
from saccade.api.context import RequestContext, context_of
from saccade.api.problems import respond
from saccade.errors import BodyTooLarge, BodyTooSlow, QueueFull


class BodyBounds:
    """Refuses large bodies by their announced length, before they are read, and cuts long and slow ones.

    A body counts against what all may hold until its request has its answer: that long it may be kept somewhere.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, max_held_bytes: int, timeout_s: float) -> None:
        """Wrap an application.

        Args:
            app: The next layer.
            max_body_bytes: Largest whole body.
            max_held_bytes: All bodies together; one alone may always have ``max_body_bytes``.
            timeout_s: Longest time from the first read of the body to its last byte.
        """
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.max_held_bytes = max(max_held_bytes, max_body_bytes)
        self.timeout_s = timeout_s
        self.held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = announced_bytes(scope)
        if length is not None and length > self.max_body_bytes:
            await respond(scope, too_large(self.max_body_bytes))(scope, receive, send)
        else:
            context = context_of(scope)
            body = _Bounded(receive, self, context, announced=length or 0)
            try:
                await self.app(scope, body, send)
            finally:
                self.held_bytes -= body.held_bytes
                context.bytes_in = body.held_bytes
                if context.hold is not None:
                    context.hold.release()

    def hold(self, taken_bytes: int) -> None:
        """Count bytes that came in.

        Raises:
            QueueFull: All bodies together have too many.
        """
        self.held_bytes += taken_bytes
        if self.held_bytes > self.max_held_bytes:
            raise QueueFull(f"The requests under way hold more than {self.max_held_bytes} bytes.")


class _Bounded:
    """A ``receive`` that counts bytes and watches the clock until the body has ended."""

    def __init__(self, receive: Receive, bounds: BodyBounds, context: RequestContext, *, announced: int) -> None:
        self.held_bytes = 0
        self._context = context
        self._announced = announced
        self._receive = receive
        self._bounds = bounds
        self._timeout_s = bounds.timeout_s
        self._deadline_s: float | None = None
        self._ended = False

    async def __call__(self) -> Message:
        if self._ended:
            return await self._receive()
        if self._deadline_s is None:
            self._deadline_s = asyncio.get_running_loop().time() + self._timeout_s
        try:
            async with asyncio.timeout_at(self._deadline_s):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow(f"The body did not arrive within {self._timeout_s:g} s.") from None
        if message["type"] == "http.request":
            taken_bytes = len(message.get("body", b""))
            self.held_bytes += taken_bytes
            self._bounds.hold(taken_bytes)
            if self._context.hold is not None and not self._announced:  # else all of it was counted by its head
                self._context.hold.add(taken_bytes)
            if self.held_bytes > self._bounds.max_body_bytes:
                raise too_large(self._bounds.max_body_bytes)
        self._ended = not message.get("more_body", False)
        return message


def too_large(max_body_bytes: int) -> BodyTooLarge:
    """Return the refusal of a body over the limit."""
    return BodyTooLarge(f"The body has more than {max_body_bytes} bytes.")
