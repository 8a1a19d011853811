"""The closed loop of a stress run: so many workers, each with one request under way, until all are done."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from saccade.cli.stress_visit import Abandoned, Outcome, Visit
from saccade.clock import monotonic_s

if TYPE_CHECKING:
    import httpx2

    from saccade.cli.stress_plan import Errand, Plan

#: How long an interrupted run waits for what is under way.
_GRACE_S = 3.0
#: How often the main thread wakes for a Ctrl-C.
_TICK_S = 0.2


class End(StrEnum):
    """Why a run is over."""

    COMPLETE = "complete"
    DURATION = "duration"
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class StressRun:
    """One run. Outcomes are handed on in the thread that called, so that nothing else needs a lock.

    Attributes:
        http: Knows the server's address, and has a connection for each worker.
        on_outcome: Told of every request that has ended.
        begun: Requests that have been begun.
        elapsed_s: How long the run took.
    """

    http: httpx2.Client
    plan: Plan
    on_outcome: Callable[[Outcome], None]
    begun: int = 0
    elapsed_s: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _ended: SimpleQueue[Outcome | Exception | None] = field(default_factory=SimpleQueue)
    _begun_s: float = 0.0
    _workers: int = 0

    def run(self) -> End:
        """Send everything; Ctrl-C ends it early, and a second one at once."""
        self._begun_s = monotonic_s()
        end = None
        try:
            for number in range(min(self.plan.concurrency, self.plan.requests)):
                self._workers += 1
                threading.Thread(target=self._work, name=f"stress-{number}", daemon=True).start()
            self._collect()
        except KeyboardInterrupt:
            end = End.INTERRUPTED
            self._stopping.set()
            with contextlib.suppress(KeyboardInterrupt):
                self._collect(within_s=_GRACE_S)
        finally:
            self._stopping.set()
            self.elapsed_s = monotonic_s() - self._begun_s
        return end or (End.COMPLETE if self.begun == self.plan.requests else End.DURATION)

    def _collect(self, *, within_s: float = float("inf")) -> None:
        """Hand outcomes on until all workers have gone."""
        until_s = monotonic_s() + within_s
        while self._workers and monotonic_s() < until_s:
            try:
                ended = self._ended.get(timeout=_TICK_S)
            except Empty:
                continue
            if isinstance(ended, Exception):
                raise ended
            if ended is None:
                self._workers -= 1
            else:
                self.on_outcome(ended)

    def _work(self) -> None:
        """Send one request after the other; runs on a thread of its own."""
        try:
            for errand in self._errands():
                self._ended.put(Visit(self.http, self.plan, errand, self._stopping).run())
        except Abandoned:
            pass
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            self._ended.put(error)
        self._ended.put(None)

    def _errands(self) -> Iterator[Errand]:
        while True:
            with self._turn:
                is_late = monotonic_s() - self._begun_s >= self.plan.duration_s
                if self._stopping.is_set() or is_late or self.begun == self.plan.requests:
                    return
                number = self.begun
                self.begun += 1
            yield self.plan.errand(number)
