"""A server as a child of a command, on a port of its own, for as long as the command needs it."""

from __future__ import annotations

import contextlib
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO

from saccade.errors import ServerUnreachable

_READY = re.compile(r"ready at (http://\S+)")
_STOP_TIMEOUT_S = 40.0
_LOG_LINES = 15


@contextlib.contextmanager
def server_in_background(*, timeout_s: float, options: Sequence[str] = ()) -> Iterator[str]:
    """Start ``saccade serve`` on a free port of this machine and stop it at the end.

    Args:
        timeout_s: How long it may take to be ready.
        options: More options of ``saccade serve``.

    Yields:
        Its address, once its models are loaded.

    Raises:
        ServerUnreachable: It did not become ready; the hint is the end of its log.
    """
    command = [sys.executable, "-m", "saccade.cli.main", "serve", "--host", "127.0.0.1", "--port", "0", *options]
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 - our own program
        try:
            yield _address(child, log, time.monotonic() + timeout_s)
        finally:
            _stop(child)


def _address(child: subprocess.Popen[str], log: IO[str], deadline: float) -> str:
    """Read the server's lines until it says where it is."""
    if child.stdout is None:
        raise ServerUnreachable("The server has no output to read.")
    while (left_s := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([child.stdout], [], [], left_s)
        line = child.stdout.readline() if readable else ""
        if found := _READY.search(line):
            return found[1]
        if not line:
            break
    ended = child.poll()
    what = "is not ready in time" if ended is None else f"ended with exit code {ended}"
    raise ServerUnreachable(f"The server {what}.", hint=_last_lines(log) or "It wrote nothing to its log.")


def _last_lines(log: IO[str]) -> str:
    """Return the end of the log."""
    log.seek(0)
    return "\n".join(log.read().splitlines()[-_LOG_LINES:])


def _stop(child: subprocess.Popen[str]) -> None:
    """End the server gently, or else at once."""
    child.terminate()
    try:
        child.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
