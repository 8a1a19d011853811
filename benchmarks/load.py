"""A load generator for loopback: closed loop to find a capacity, open loop to go beyond it.

In the open loop requests leave at the moments that were drawn beforehand, whatever becomes of the others, and their
times count from those moments: a server that stalls is charged for everybody whom it kept waiting, and a generator that
falls behind shows in ``late_p99_ms`` instead of sparing the server (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import override

#: Connections that may be open at once; a request that finds none free counts as failed.
MAX_CONNECTIONS = 2000
#: A request without an answer for so long has failed.
TIMEOUT_S = 30.0


@dataclass
class Outcome:
    """What one request came to; status 0 is a reset, a time-out, or a connection that could not be made."""

    due_s: float
    sent_s: float
    ended_s: float
    status: int
    headers: dict[str, str]

    @property
    def took_s(self) -> float:
        """From the moment at which it was due."""
        return self.ended_s - self.due_s


class Connection(asyncio.Protocol):
    """One kept-alive connection that carries one request at a time."""

    def __init__(self) -> None:
        """Begin unconnected."""
        self.buffer = b""
        self.answer: asyncio.Future[tuple[int, dict[str, str]]] | None = None
        self.transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    @override
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        if not blank or self.answer is None:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) >= int(headers["content-length"]):
            self.buffer = b""
            if not self.answer.done():
                self.answer.set_result((int(first.split()[1]), headers))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((0, {}))

    async def send(self, request: bytes) -> tuple[int, dict[str, str]]:
        """Send a request and return status and headers of its answer."""
        if self.transport is None:
            return 0, {}
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            return await asyncio.wait_for(self.answer, TIMEOUT_S)
        except TimeoutError:
            self.transport.abort()
            return 0, {}


@dataclass
class Client:
    """Sends pictures to one route over as many connections as it takes; with a token, as whom it names."""

    port: int
    path: str
    pictures: list[bytes]
    token: str = ""
    idle: list[Connection] = field(default_factory=list)
    opened: int = 0
    sent: int = 0

    async def ask(self, due_s: float) -> Outcome:
        """Send the next picture and wait for what becomes of it."""
        picture = self.pictures[self.sent % len(self.pictures)]
        self.sent += 1
        authorization = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(picture)}\r\n{authorization}\r\n"
        )
        sent_s = time.perf_counter()
        connection = await self._connection()
        if connection is None:
            return Outcome(due_s, sent_s, time.perf_counter(), 0, {})
        status, headers = await connection.send(head.encode() + picture)
        ended_s = time.perf_counter()
        if connection.transport is not None and status:
            self.idle.append(connection)
        else:
            self.opened -= 1
        return Outcome(due_s, sent_s, ended_s, status, headers)

    async def closed_loop(self, connections: int, seconds: float) -> list[Outcome]:
        """Have so many clients who ask again as soon as they have their answer."""
        end_s = time.perf_counter() + seconds
        outcomes: list[Outcome] = []

        async def ask_again() -> None:
            while (now_s := time.perf_counter()) < end_s:
                outcomes.append(await self.ask(now_s))

        await asyncio.gather(*(ask_again() for _ in range(connections)))
        return outcomes

    async def open_loop(self, rate: float, seconds: float, *, state: int = 1) -> list[Outcome]:
        """Send requests at random moments, at this rate on average, without waiting for answers."""
        chance = random.Random(state)
        tasks: list[asyncio.Task[Outcome]] = []
        begun_s = due_s = time.perf_counter()
        while (due_s := due_s + chance.expovariate(rate)) < begun_s + seconds:
            wait_s = due_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            tasks.append(asyncio.create_task(self.ask(due_s)))
        return list(await asyncio.gather(*tasks))

    def close(self) -> None:
        """Close what is open."""
        for connection in self.idle:
            if connection.transport is not None:
                connection.transport.close()

    async def _connection(self) -> Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if connection.transport is not None:
                return connection
            self.opened -= 1
        if self.opened >= MAX_CONNECTIONS:
            return None
        self.opened += 1
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(Connection, "127.0.0.1", self.port)
        except OSError:
            self.opened -= 1
            return None
        return connection


def percentile_ms(outcomes: list[Outcome], share: float, of: Callable[[Outcome], float] | None = None) -> float:
    """Return the time in ms below which this share of the outcomes lies; not a number where there are none."""
    times_s = sorted(outcome.took_s if of is None else of(outcome) for outcome in outcomes)
    return times_s[min(len(times_s) - 1, int(len(times_s) * share))] * 1e3 if times_s else float("nan")


def statuses(outcomes: list[Outcome]) -> dict[str, int]:
    """Return how many requests came to which status."""
    counted = Counter(outcome.status for outcome in outcomes)
    return {str(status) if status else "failed": counted[status] for status in sorted(counted)}
