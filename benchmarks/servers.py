"""Starts the servers that are compared, asks them, and stops them by their own process id."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
START_LIMIT_S = 60.0


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, picture: bytes) -> int:
    """Send one picture and return the status; 0 where nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, picture, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return 0
    else:
        return answer.status
    finally:
        connection.close()


class Server:
    """One server process and how to ask it."""

    def __init__(self, command: list[str], environment: dict[str, str], port: int, path: str) -> None:
        """Start the process and note when."""
        self.port, self.path = port, path
        # Byte code is kept, as in every installation; else each start would compile the sources of whoever has more.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.begun_s = time.perf_counter()
        self.process = subprocess.Popen(
            command, env={**inherited, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def first_answer_s(self, picture: bytes) -> float:
        """Ask until it answers; return the seconds since the start."""
        while time.perf_counter() - self.begun_s < START_LIMIT_S:
            if ask(self.port, self.path, picture) == http.client.OK:
                return time.perf_counter() - self.begun_s
            time.sleep(0.005)
        raise TimeoutError(f"no answer from {self.process.args}")

    def pss_mib(self) -> float:
        """Return the proportional memory of the process and its children."""
        total = 0
        for pid in [self.process.pid, *children(self.process.pid)]:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def children(pid: int) -> list[int]:
    """Return the ids of all processes below one."""
    direct = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [each for child in direct for each in (child, *children(child))]


@contextmanager
def plain(package: Path) -> Iterator[Server]:
    """Run the hand-written service."""
    port = free_port()
    command = [sys.executable, str(HERE / "plain_fastapi.py"), str(package)]
    server = Server(command, {"PORT": str(port)}, port, "/predict")
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def saccade(package: Path, **settings: str) -> Iterator[Server]:
    """Run Saccade with this model in its folder; its inspection is in the cache, as on any start but the first."""
    port = free_port()
    environment = {
        "SACCADE_HOME": str(Path(tempfile.gettempdir()) / "saccade-benchmark-home"),
        "SACCADE_MODELS": str(package.parent),
        "SACCADE_CACHE_BYTES": "0",
        "SACCADE_SERVER_PORT": str(port),
        **settings,
    }
    command = [str(Path(sys.executable).parent / "saccade"), "serve"]
    server = Server(command, environment, port, f"/v1/models/{package.name}/predict")
    try:
        yield server
    finally:
        server.stop()
