"""The meter: requests leave their events here and go on; a thread writes them down in batches.

What waits is in memory only. A killed process loses at most what came since the last flush; one that is asked to stop
writes everything first. While the database is away events wait, up to a bound; then the newest are dropped and counted,
for a ledger with a known hole is better than a server without memory.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from saccade.clock import monotonic_s
from saccade.errors import UnavailableError
from saccade.usage.event import Batch, PredictionEvent, RequestEvent
from saccade.usage.ports import Ledger

log = logging.getLogger("saccade.usage")

#: Rows of one transaction.
_MOST_ROWS = 2000
_LONGEST_PAUSE_S = 10.0
#: How long a stopping process tries to reach a database that is away.
_LAST_TRY_S = 10.0
_LAST_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """How events are written.

    Attributes:
        service: Name of this service in the ledger.
        flush_s: How often.
        buffer_rows: Most rows that wait.
    """

    service: str
    flush_s: float
    buffer_rows: int


class Meter:
    """Takes events from any thread without waiting for anything; writes them on a thread of its own."""

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        plan: MeterPlan,
        *,
        on_lost: Callable[[int], None] = lambda _: None,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        """Set where and how.

        Args:
            ledger: Returns where rows go; raises UnavailableError while that is away.
            plan: How often, and how much may wait.
            on_lost: Told how many rows were dropped.
            beside: Called after each flush, for what else is written now and then. May raise UnavailableError.
        """
        self._ledger = ledger
        self._plan = plan
        self._on_lost = on_lost
        self._beside = beside
        self._lock = threading.Lock()
        self._requests: list[RequestEvent] = []
        self._predictions: list[PredictionEvent] = []
        self._batch: Batch | None = None
        self._lost = 0
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_away = False

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        with self._lock:
            batch = self._batch
            held = len(batch.requests) + len(batch.predictions) if batch is not None else 0
            return len(self._requests) + len(self._predictions) + held

    def note(self, request: RequestEvent, predictions: Sequence[PredictionEvent] = ()) -> None:
        """Take the events of one request; never blocks for longer than it takes to put them into a list."""
        with self._lock:
            if len(self._requests) + len(self._predictions) >= self._plan.buffer_rows:
                self._lost += 1 + len(predictions)
                return
            self._requests.append(request)
            self._predictions.extend(predictions)

    def start(self) -> None:
        """Begin to write. Idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="usage-meter", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what waits and stop; a database that is away is tried for a few seconds. Idempotent."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_LAST_TRY_S + _LONGEST_PAUSE_S)
            self._thread = None

    def flush(self) -> None:
        """Write all that waits now.

        Raises:
            UnavailableError: The database does not answer; what waits goes on waiting.
        """
        while (batch := self._next_batch()) is not None:
            self._ledger().write(batch)
            with self._lock:
                self._batch = None

    def _next_batch(self) -> Batch | None:
        """Return the batch that was not confirmed, for it may have been kept, or else the next one."""
        with self._lock:
            if self._batch is not None:
                return self._batch
            if not self._requests and not self._predictions:
                return None
            requests, self._requests = self._requests[:_MOST_ROWS], self._requests[_MOST_ROWS:]
            predictions, self._predictions = self._predictions[:_MOST_ROWS], self._predictions[_MOST_ROWS:]
            self._batch = Batch(str(uuid.uuid4()), self._plan.service, tuple(requests), tuple(predictions))
            return self._batch

    def _run(self) -> None:
        pause_s = self._plan.flush_s
        while not self._closing.wait(pause_s):
            pause_s = self._plan.flush_s if self._try() else min(_LONGEST_PAUSE_S, 2 * pause_s)
        deadline_s = monotonic_s() + _LAST_TRY_S
        while not self._try() and monotonic_s() < deadline_s:
            threading.Event().wait(_LAST_PAUSE_S)
        if self.waiting:
            log.error("usage was lost: the database is away", extra={"facts": {"saccade.usage.rows": self.waiting}})

    def _try(self) -> bool:
        """Write what waits, and say whether that worked."""
        self._tell_losses()
        try:
            self.flush()
            self._beside()
        except UnavailableError as error:
            self._tell_away(str(error))
            return False
        except Exception as error:  # the ledger must go on whatever a driver raises
            log.exception("usage could not be written")
            self._tell_away(type(error).__name__)
            return False
        if self._is_away:
            self._is_away = False
            log.info("usage is written again")
        return True

    def _tell_away(self, reason: str) -> None:
        """Say once that rows wait; a database that is still being opened holds nobody up while there are none."""
        if not self._is_away and self.waiting:
            self._is_away = True
            log.warning("usage waits in memory", extra={"facts": {"error.message": reason}})

    def _tell_losses(self) -> None:
        with self._lock:
            lost, self._lost = self._lost, 0
        if lost:
            self._on_lost(lost)
            log.error("usage was dropped: too much waits", extra={"facts": {"saccade.usage.rows": lost}})
