"""The threads on which items run. They are daemons: a model that never comes back must not keep the process alive."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from saccade.worker.hands import Hold

log = logging.getLogger("saccade.worker")


class Crew:
    """Runs what it is given, as many at once as it has threads."""

    def __init__(self, threads: int, work: Callable[[Hold], None]) -> None:
        """Start nothing yet.

        Args:
            threads: How many.
            work: What is done with each item.
        """
        self._threads = threads
        self._work = work
        self._waiting: queue.SimpleQueue[Hold | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0

    def put(self, hold: Hold) -> None:
        """Have an item worked on as soon as a thread is free."""
        with self._lock:
            if self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._run, name=f"worker-item-{self._started}", daemon=True).start()
        self._waiting.put(hold)

    def close(self) -> None:
        """Let each thread end once it has nothing to do."""
        for _ in range(self._started):
            self._waiting.put(None)

    def _run(self) -> None:
        while (hold := self._waiting.get()) is not None:
            try:
                self._work(hold)
            except BaseException as error:
                log.error("a thread of the worker met a fault", exc_info=error)  # noqa: TRY400 - with its trace
