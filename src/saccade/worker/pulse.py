"""Whether the database of a running server still answers: asked once a second, so that readiness never has to wait."""

from __future__ import annotations

from saccade.errors import DatabaseUnreachable
from saccade.jobs.store import Upkeep
from saccade.worker.loops import Loop
from saccade.worker.trouble import Trouble

_EVERY_S = 1.0
#: A database that hangs keeps the question waiting; it is not well then.
_PATIENCE_S = 8.0


class Pulse:
    """Asks again and again, on a thread of its own."""

    def __init__(self, upkeep: Upkeep, trouble: Trouble) -> None:
        """Start nothing yet.

        Args:
            upkeep: What is asked.
            trouble: Told whether the database answers.
        """
        self._upkeep = upkeep
        self._trouble = trouble
        self._loop = Loop("pulse of the database", self._turn, patience_s=_PATIENCE_S)

    def start(self) -> None:
        """Begin to ask."""
        self._loop.start()

    def stop(self) -> None:
        """Ask no more."""
        self._loop.stop()

    def problem(self) -> str | None:
        """Return why the database is not well; None while it answers."""
        self._loop.revive()
        return self._trouble.reason or self._loop.problem()

    def _turn(self) -> None:
        try:
            self._upkeep.garbage(most=1)
        except DatabaseUnreachable as error:
            self._loop.stopping.wait(self._trouble.met(error))
        else:
            self._trouble.over()
            self._loop.stopping.wait(_EVERY_S)
