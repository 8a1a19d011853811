"""What works beside the server in the same process; the command line brings it, for routes know nothing of workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from saccade.errors import SaccadeError
from saccade.wiring import Platform


class Companion(Protocol):
    """Opens jobs and works on them, on threads of its own."""

    @property
    def fatal(self) -> SaccadeError | None:
        """Why the server must end, if it must."""

    def start(self) -> None:
        """Begin; returns at once."""

    def drain(self) -> None:
        """Take nothing more; returns at once. Idempotent."""

    def stop(self) -> None:
        """Wait until what was begun has ended, but not for ever. Idempotent."""


#: Makes the companion of a platform; the function is to be called when the server must end.
MakeCompanion: TypeAlias = Callable[[Platform, Callable[[], None]], Companion]
