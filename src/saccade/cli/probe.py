"""Asking a child whether it is ready without ever waiting for it: the supervisor has other things to watch."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import Protocol
from urllib.parse import urlsplit

_CONNECT_TIMEOUT_S = 0.2
_EVERY_S = 0.1
_STATUS_LINE_BYTES = 64


class Probe(Protocol):
    """Learns whether a child is ready; what it waits on can be put into a ``select`` beside other things."""

    @property
    def waiting(self) -> socket.socket | int | None:
        """Where an answer is due, if one is."""

    def ask(self) -> None:
        """Ask, unless a question is under way."""

    def take_answer(self) -> bool:
        """Read the answer that has come, and return whether the child is ready."""

    def forget(self) -> None:
        """Drop a question under way. Idempotent."""


class PipeProbe:
    """For a child that listens nowhere: it says by itself when it is ready, through a pipe."""

    def __init__(self) -> None:
        """Open the pipe; the child inherits it."""
        self._said, self._say = os.pipe()
        os.set_blocking(self._said, False)

    @property
    def waiting(self) -> int:
        """The end on which the child's word is due."""
        return self._said

    def tell(self) -> None:
        """Say that this process is ready; called in the child."""
        with contextlib.suppress(OSError):
            os.write(self._say, b"!")

    def ask(self) -> None:
        """Need not ask."""

    def take_answer(self) -> bool:
        """Read the child's word."""
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._said, 1))
        return False

    def forget(self) -> None:
        """Have no question to drop."""


class ReadyProbe:
    """One ``GET /readyz`` at a time; the socket can be put into a ``select`` beside other things."""

    def __init__(self, url: str) -> None:
        """Take the address of the server, ``http://127.0.0.1:8000``."""
        parts = urlsplit(url)
        self._endpoint = (parts.hostname or "", parts.port or 80)
        self._request = f"GET /readyz HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
        self._open: socket.socket | None = None
        self._not_before = 0.0

    @property
    def waiting(self) -> socket.socket | None:
        """The socket on which an answer is due, if one is."""
        return self._open

    def ask(self) -> None:
        """Send the question, unless one is under way or was just answered; who does not take it is asked again."""
        now = time.monotonic()
        if self._open is not None or now < self._not_before:
            return
        self._not_before = now + _EVERY_S
        try:
            asking = socket.create_connection(self._endpoint, timeout=_CONNECT_TIMEOUT_S)
        except OSError:
            return
        try:
            asking.sendall(self._request)
        except OSError:
            asking.close()
            return
        self._open = asking

    def take_answer(self) -> bool:
        """Read the answer that has come; whatever it is, the next question may be asked.

        Returns:
            Whether the server says that it is ready.
        """
        if self._open is None:
            return False
        try:
            line = self._open.recv(_STATUS_LINE_BYTES)
        except OSError:
            line = b""
        self.forget()
        return line.split(b" ")[1:2] == [b"200"]

    def forget(self) -> None:
        """Drop a question under way. Idempotent."""
        if self._open is not None:
            self._open.close()
            self._open = None
