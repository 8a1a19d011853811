"""The line of models that wait to be loaded, and the threads that load them, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from saccade.models.slot import Slot


class LoadLine:
    """Loads slots in the order of their asking; who is waited for goes first. Thread-safe."""

    def __init__(self, load: Callable[[Slot], None], *, lock: threading.RLock, threads: int, name: str) -> None:
        """Begin with nobody in the line.

        Args:
            load: Loads one slot, and notes in it how that ended; raises nothing.
            lock: Under which slots are changed.
            threads: Slots that are loaded at once.
            name: Of the threads.
        """
        self._load = load
        self._lock = lock
        self._waiting: list[Slot] = []
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def submit(self, work: Callable[[], None]) -> None:
        """Do something else on the line's thread, when its turn comes."""
        self._threads.submit(work)

    def put(self, slot: Slot, *, first: bool) -> Future[None]:
        """Let a slot be loaded unless it stands in the line; return what ends when it is. The lock is held."""
        if not slot.is_loading:
            slot.is_loading, slot.loading = True, Future()
            self._waiting.append(slot)
            self._threads.submit(self._load_next)
        if first and slot in self._waiting:
            self._waiting.remove(slot)
            self._waiting.insert(0, slot)
        return slot.loading

    def close(self) -> None:
        """Load nothing more, and let go who waits for it."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for slot in waiting:
            slot.detail = "The server is stopping."
            slot.loading.set_result(None)

    def _load_next(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            slot = self._waiting.pop(0)
        self._load(slot)
        with self._lock:
            slot.is_loading = False
        slot.loading.set_result(None)
