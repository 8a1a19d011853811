"""A loop on a thread of its own that can say how it is: when it last turned, and what it died of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from saccade.clock import monotonic_s

log = logging.getLogger("saccade.worker")

_FIRST_REVIVAL_S = 0.5
_LONGEST_REVIVAL_S = 10.0


class Loop:
    """Turns again and again until it is stopped. A turn that raises ends the thread; ``revive`` starts another."""

    def __init__(self, name: str, turn: Callable[[], None], *, patience_s: float) -> None:
        """Set what it does.

        Args:
            name: What the logs and the readiness call it.
            turn: One turn; it should come back within a second or so, or call ``tick`` while it does not.
            patience_s: A loop that did not turn for so long is stuck.
        """
        self.name = name
        self.stopping = threading.Event()
        self._turn = turn
        self._patience_s = patience_s
        self._thread: threading.Thread | None = None
        self._turned_s = monotonic_s()
        self._failure: BaseException | None = None
        self._deaths = 0
        self._revive_at_s = 0.0

    def start(self) -> None:
        """Begin to turn."""
        self.tick()
        self._thread = threading.Thread(target=self._run, name=f"worker-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the turn under way be the last one."""
        self.stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the last turn; return whether it has ended."""
        if self._thread is None:
            return True
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def tick(self) -> None:
        """Note that it still goes on."""
        self._turned_s = monotonic_s()

    def problem(self) -> str | None:
        """Return why it is not well: it died and has not turned since, or it is stuck; None while it turns."""
        if self._thread is None or self.stopping.is_set():
            return None
        failure = self._failure
        if failure is not None:
            return f"the {self.name} died of {type(failure).__name__} and is started again"
        if not self._thread.is_alive():
            return f"the {self.name} died and is started again"
        silent_s = monotonic_s() - self._turned_s
        return f"the {self.name} has been stuck for {silent_s:.0f} s" if silent_s > self._patience_s else None

    def revive(self) -> None:
        """Start it again if its thread has died, the later the more often it did."""
        if self._thread is None or self._thread.is_alive() or self.stopping.is_set():
            return
        if monotonic_s() >= self._revive_at_s:
            self.start()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._turn()
            except BaseException as error:  # noqa: BLE001 - whatever it dies of must be seen, and it is started again
                self._die(error)
                return
            self.tick()
            self._failure, self._deaths = None, 0

    def _die(self, error: BaseException) -> None:
        self._failure = error
        self._deaths += 1
        pause_s = min(_LONGEST_REVIVAL_S, _FIRST_REVIVAL_S * 2.0 ** min(self._deaths - 1, 16))
        self._revive_at_s = monotonic_s() + pause_s
        facts = {"saccade.worker.loop": self.name, "saccade.pause_s": pause_s}
        log.error("a loop of the worker died and is started again", extra={"facts": facts}, exc_info=error)
