"""Fixtures of tests that run servers and workers in one place, as an operator does."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from working.fickle import Place

TIMEOUT_S = 40.0
ALONE = {"SACCADE_WORKER_EMBEDDED": "false"}


def outside():
    """Return the environment without our settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SACCADE_")}  # noqa: TID251


def eventually(is_true, what, timeout_s=TIMEOUT_S):
    """Wait until something is true."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture
def place(tmp_path):
    """Return a home with the fickle model."""
    return Place(tmp_path)


@pytest.fixture
def serve(place, start_server, tmp_path):
    """Return a function that starts a server in the place and returns it."""

    def start(*options, **settings):
        return start_server(*options, settings={**place.settings, **settings}, home=tmp_path)

    return start


class WorkerProcess:
    """A running ``saccade work``."""

    def __init__(self, process, log):
        self.process = process
        self.log = log

    def await_begun(self):
        """Wait for the line that says that it works, and return it."""
        readable, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_S)
        line = self.process.stdout.readline() if readable else ""
        assert line, f"the worker does not begin:\n{self.log.read_text()}"
        return line

    def stop(self, number=signal.SIGTERM):
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)


@pytest.fixture
def work(place, tmp_path):
    """Return a function that starts a worker in the place; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(*options, module="saccade.cli.main", **settings):
            log = tmp_path / f"worker-{time.monotonic_ns()}.log"
            command = [sys.executable, "-m", module, "work", *options]
            environment = {**outside(), "HOME": str(tmp_path), **place.settings, **settings}
            with log.open("w") as stderr:
                process = subprocess.Popen(
                    command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=tmp_path
                )
            stack.enter_context(process)
            stack.callback(process.kill)
            return WorkerProcess(process, log)

        yield start
