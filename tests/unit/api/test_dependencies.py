"""Threads for blocking calls."""

import threading

import anyio
import pytest

from saccade.api.dependencies import Threads
from saccade.errors import QueueFull


def test_calls_beyond_threads_and_line_are_refused_at_once():
    """More work than threads and line hold is answered, not kept waiting."""
    gate = threading.Event()
    outcomes = []

    async def call(threads):
        try:
            await threads.run(gate.wait, 5)
            outcomes.append("done")
        except QueueFull:
            outcomes.append("refused")

    async def flood():
        threads = Threads(threads=1, line=1)
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(call, threads)
            while outcomes.count("refused") < 2:
                await anyio.lowlevel.checkpoint()
            gate.set()

    anyio.run(flood)

    assert outcomes == ["refused", "refused", "done", "done"]


def test_a_failed_call_gives_its_place_back():
    """Errors of the function come through, and the next call runs."""

    def fail():
        raise KeyError("x")

    async def twice():
        threads = Threads(threads=1, line=0)
        for _ in range(3):
            with pytest.raises(KeyError):
                await threads.run(fail)
        return await threads.run(len, "abc")

    assert anyio.run(twice) == 3
