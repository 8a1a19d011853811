"""Programs of others, each in an environment of its own beside the checkout's, made by ``make .venv-NAME/.made``.

What is not made is skipped with a counted line: not every machine can install it.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from working.processes import outside

ROOT = Path(__file__).parents[2]
_STOP_S = 20.0


def program(environment, name):
    """Return the path of a program in an environment such as ``.venv-kserve``."""
    if not (ROOT / environment / ".made").exists():
        pytest.skip(f"not here: {environment}")
    return str(ROOT / environment / "bin" / name)


def free_port():
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Apart:
    """A program that runs in the checkout and writes to a log."""

    def __init__(self, command, log, home, **settings):
        self.log = log
        with log.open("a") as written:
            self.process = subprocess.Popen(
                command,
                env={**outside(), "HOME": str(home), **settings},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
            )

    def stop(self):
        """Ask it to stop as an orchestrator does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)

    def kill(self):
        """Kill it with all its children, which may have made sessions of their own as BentoML's have. Idempotent."""
        if self.process.poll() is not None:
            return
        itself = psutil.Process(self.process.pid)
        family = [itself, *itself.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family[1:], _STOP_S)
        self.process.wait(_STOP_S)
