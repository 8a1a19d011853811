"""What every test stands on: a clean environment, the shared data, and real servers.

* ``shared`` is the folder of data that lies beside the checkout and is never committed.
* ``server`` is the address of one real ``saccade serve`` process that all tests of a run share.
* ``saccade`` runs one command of the command line.
* ``start_server`` starts more of them, with options and settings of one's own.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[2] / "shared"
_MISSING = "not here: "
_READY = re.compile(r"ready at (http://\S+)")
#: Whole keys, sessions and tokens. Which they are is of no matter: no server writes any of them down.
_SECRETS = re.compile(rb"sa[cs]_[0-9a-f]{20}_[0-9a-f]{64}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_COMMAND_TIMEOUT_S = 90.0


def _outside() -> dict[str, str]:
    """Return the environment that pytest was started in, without our settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SACCADE_")}  # noqa: TID251


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let no setting and no file of whoever runs the tests leak into them."""
    for name in set(os.environ) - set(_outside()):  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared data; skip with a counted line where it is not, for nobody can install it."""
    if not _SHARED.is_dir():
        pytest.skip(f"{_MISSING}../shared")
    return _SHARED


@dataclass
class ServerProcess:
    """A running ``saccade serve``."""

    process: subprocess.Popen[str]
    home: Path
    log: Path
    url: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The supervisor's process id; with ``--no-supervisor`` the server's own."""
        return self.process.pid

    def log_text(self) -> str:
        """Return what it has written to stderr."""
        return self.log.read_text()

    def await_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Read its lines until it says where it is."""
        deadline = time.monotonic() + timeout_s
        while not self.url:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            line = self.process.stdout.readline() if readable else ""
            if not line:
                pytest.fail(f"saccade serve did not become ready:\n{self.log_text()}")
            self.lines.append(line)
            if found := _READY.search(line):
                self.url = found[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; kill what does not end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"saccade serve did not stop:\n{self.log_text()}")
        finally:
            self.process.stdout.close()

    def secrets_left(self) -> list[str]:
        """Return the files that hold a key, a session or a token, of those that the server wrote."""
        written = [self.log, *(self.home / "saccade").glob("*.db*")]
        return [path.name for path in written if _SECRETS.search(path.read_bytes())]


@contextlib.contextmanager
def running_server(home: Path, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """Start a server on a free port and stop it at the end."""
    log = home / "server.log"
    command = [sys.executable, "-m", "saccade.cli.main", "serve", "--host", "127.0.0.1", "--port", "0", *options]
    environment = {**_outside(), "HOME": str(home), "SACCADE_HOME": str(home / "saccade"), **(settings or {})}
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=home,
            text=True,
            stdout=subprocess.PIPE,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
        )
    started = ServerProcess(process, home, log)
    try:
        started.await_ready()
        yield started
    finally:
        started.stop()
    assert started.secrets_left() == []  # so that the whole suite is scanned


@pytest.fixture(scope="session")
def run_server() -> Callable[..., contextlib.AbstractContextManager[ServerProcess]]:
    """Return the context manager that runs a server, for fixtures that keep one for longer than a test."""
    return running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a ready server with all defaults."""
    with running_server(tmp_path_factory.mktemp("server")) as started:
        yield started.url


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServerProcess]]:
    """Return a function that starts a server with options and settings; all are stopped at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, settings: Mapping[str, str] | None = None, home: Path | None = None) -> ServerProcess:
            place = home or tmp_path_factory.mktemp("server")
            return stack.enter_context(running_server(place, *options, settings=settings))

        yield start


@pytest.fixture
def saccade(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs one command of the command line, in a home and a folder of the test's own."""

    def run(*words: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        home = tmp_path / "home"
        environment = {**_outside(), "HOME": str(home), "COLUMNS": "200", **(settings or {})}
        return subprocess.run(
            [sys.executable, "-m", "saccade.cli.main", *words],
            env=environment,
            cwd=tmp_path,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT_S,
        )

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end how many tests did not run because something is not here."""
    reasons = Counter(
        str(report.longrepr[2]).partition(_MISSING)[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and _MISSING in str(report.longrepr[2])
    )
    for what, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} tests skipped, for {what} is not here", yellow=True)
