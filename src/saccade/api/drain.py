"""The server's wish to stop, told to those who would otherwise wait for long: streams of events and long polls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


class Drain:
    """Becomes true once, when the server stops. Used on the event loop only."""

    def __init__(self) -> None:
        """Begin while the server serves."""
        self._begun = asyncio.Event()

    @property
    def begun(self) -> bool:
        """Whether the server stops."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Tell everybody who pauses. Idempotent."""
        self._begun.set()

    async def pause(self, seconds: float) -> bool:
        """Wait for so long, or until the server stops; return whether it does."""
        try:
            async with asyncio.timeout(seconds):
                await self._begun.wait()
        except TimeoutError:
            return False
        return True


def drain_of(request: Request) -> Drain:
    """Return the application's drain."""
    drain: Drain = request.app.state.drain
    return drain


async def while_connected(request: Request, work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Return what the work returns; it is cancelled when the client goes away. The body has been read.

    Raises:
        ClientDisconnect: The client has gone.
    """

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    worker, watcher = asyncio.create_task(work()), asyncio.create_task(watch())
    try:
        await asyncio.wait({worker, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            return worker.result()
        raise ClientDisconnect
    finally:
        worker.cancel()
        watcher.cancel()
        await asyncio.gather(worker, watcher, return_exceptions=True)
