"""Unit tests have no network: a socket that would leave the process is an error."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture(autouse=True)
def closed_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to connect or bind, but for Unix sockets, on which event loops wake themselves."""
    for verb in ("connect", "connect_ex", "bind"):
        real = getattr(socket.socket, verb)

        def guarded(self: socket.socket, address: object, *, real=real, verb: str = verb) -> object:
            if self.family != socket.AF_UNIX:
                pytest.fail(f"a unit test may not {verb} to {address}")
            return real(self, address)

        monkeypatch.setattr(socket.socket, verb, guarded)
