"""Items that may take a process down, each run alone, on threads and in processes kept for them.

Suspect is what was in hand when a worker died. Where there are suspects of a model, all its items run alone for a
while, and after a crash all items of all models do, until the suspects are known: where there is one poison there may
be more, each would take the whole server down once, and with each crash the innocent would lose an attempt.
"""

from __future__ import annotations

import queue
import threading
from functools import partial
from typing import Protocol

from saccade.clock import monotonic_s
from saccade.settings import Settings
from saccade.worker.hands import Hold
from saccade.worker.lone import LoneChild
from saccade.worker.loops import Loop

#: Processes for them. All but the first are used only while there is poison: they go on while one is started again.
_PROCESSES = 2
_WAIT_S = 0.5
#: How long all items of a model run alone after a suspect of it was seen, and after one took its process down.
_AFTER_SUSPECT_S = 5.0
_AFTER_POISON_S = 30.0


class Work(Protocol):
    """What is done with an item."""

    def __call__(self, hold: Hold, *, lone: LoneChild | None = None) -> None:
        """Work on it, in that process."""


class Suspects:
    """Runs what should not run with others. Thread-safe."""

    def __init__(self, settings: Settings, work: Work, *, patience_s: float) -> None:
        """Start nothing yet.

        Args:
            settings: Of the processes.
            work: What is done with each item.
            patience_s: How long one item may take before its loop counts as stuck.
        """
        self._work = work
        self._waiting: queue.SimpleQueue[Hold] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._until_s: dict[str, float] = {}
        self._all_until_s = 0.0
        self._poison_until_s = 0.0
        self._children = tuple(LoneChild(settings) for _ in range(_PROCESSES))
        self.loops = tuple(
            Loop(
                f"runner of suspects {number}", partial(self._turn, child, is_first=number == 1), patience_s=patience_s
            )
            for number, child in enumerate(self._children, 1)
        )

    def wants(self, hold: Hold) -> bool:
        """Say whether an item should run alone; one that is suspect makes others of its model so."""
        digest, now_s = hold.claim.digest, monotonic_s()
        with self._lock:
            if hold.is_suspect:
                self._until_s[digest] = max(self._until_s.get(digest, 0.0), now_s + _AFTER_SUSPECT_S)
                return True
            return max(self._all_until_s, self._until_s.get(digest, 0.0)) > now_s

    def found_poison(self, digest: str) -> None:
        """Note that an item of a model has just taken its process down."""
        with self._lock:
            self._until_s[digest] = self._poison_until_s = monotonic_s() + _AFTER_POISON_S

    def beware(self, seconds: float) -> None:
        """Have all items run alone for so long: a worker has died here, and what it held is not known yet."""
        with self._lock:
            self._all_until_s = monotonic_s() + seconds

    def put(self, hold: Hold) -> None:
        """Have an item run alone when its turn comes."""
        self._waiting.put(hold)

    def close(self) -> None:
        """End the processes, whatever they do. Idempotent."""
        for child in self._children:
            child.close()

    def _turn(self, child: LoneChild, *, is_first: bool) -> None:
        """Run the next one, or end the process when none has come for long."""
        if not is_first and self._poison_until_s < monotonic_s():
            child.end_idle()
            threading.Event().wait(_WAIT_S)
            return
        try:
            hold = self._waiting.get(timeout=_WAIT_S)
        except queue.Empty:
            child.end_idle()
            return
        self._work(hold, lone=child)
