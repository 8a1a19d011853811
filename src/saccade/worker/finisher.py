"""Writes what became of items: whatever is ready shares one transaction, and nothing waits for more to be ready."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable, UnavailableError
from saccade.jobs.records import Expired, Failed, HandedBack, Outcome, Succeeded, TryAgain
from saccade.jobs.store import Claims
from saccade.metrics import Metrics
from saccade.worker.hands import Hands, Hold
from saccade.worker.trouble import Trouble
from saccade.worker.verdicts import INTERNAL

log = logging.getLogger("saccade.worker")

#: Outcomes of one transaction.
_MOST_TOGETHER = 256
_TURN_S = 0.5

_NAMES: dict[type[Outcome], str] = {
    Succeeded: "succeeded",
    Failed: "failed",
    Expired: "expired",
    TryAgain: "retried",
    HandedBack: "handed_back",
}


@dataclass(frozen=True, slots=True)
class _Finished:
    hold: Hold
    outcome: Outcome


class Finisher:
    """Takes outcomes from any thread and writes them from one."""

    def __init__(
        self,
        owner: str,
        claims: Claims,
        hands: Hands,
        metrics: Metrics,
        *,
        trouble: Trouble,
        on_ended: Callable[[int], None],
        on_dropped: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Tie the parts together.

        Args:
            owner: Whose claims they are.
            claims: Where outcomes are written.
            hands: What is let go of then.
            metrics: Where outcomes are counted.
            trouble: Told whether the database answers.
            on_ended: Told how many items have come to an end.
            on_dropped: Told the keys of blobs that were written for outcomes which nobody needs any more.
        """
        self._owner = owner
        self._claims = claims
        self._hands = hands
        self._metrics = metrics
        self._trouble = trouble
        self._on_ended = on_ended
        self._on_dropped = on_dropped
        self._ready: queue.SimpleQueue[_Finished] = queue.SimpleQueue()
        self._retry: list[_Finished] = []
        self.stopping = threading.Event()

    def put(self, hold: Hold, outcome: Outcome) -> None:
        """Have an outcome written as soon as can be; its place is free at once."""
        finished = _Finished(hold, outcome)
        if self._hands.done(hold):
            self._ready.put(finished)
        else:
            self._forget([finished])

    def put_back(self, holds: Sequence[Hold]) -> None:
        """Have items handed back that are out of the hands' reach already."""
        for hold in holds:
            self._ready.put(_Finished(hold, HandedBack(hold.claim)))

    def turn(self) -> None:
        """Write what is ready; wait a moment if nothing is."""
        group, self._retry = self._still_ours(self._retry) or self._next(), []
        if not group:
            return
        try:
            self._write(group)
        except DatabaseUnreachable as error:
            self._retry = group
            self.stopping.wait(min(self._trouble.met(error), _TURN_S))
        except Exception as error:
            log.error("outcomes could not be written together", exc_info=error)  # noqa: TRY400 - with its trace
            for finished in group:
                self._write_alone(finished)

    def _next(self) -> list[_Finished]:
        """Return what is ready, at least one unless the wait was in vain."""
        group: list[_Finished] = []
        try:
            group.append(self._ready.get(timeout=_TURN_S))
            while len(group) < _MOST_TOGETHER:
                group.append(self._ready.get_nowait())
        except queue.Empty:
            pass
        return self._still_ours(group)

    def _still_ours(self, group: Sequence[_Finished]) -> list[_Finished]:
        """Drop what somebody else may have by now; the fence would refuse it anyway."""
        now_s = monotonic_s()
        ours: list[_Finished] = []
        lost: list[_Finished] = []
        for finished in group:
            hold = finished.hold
            (ours if hold.is_ours and hold.lease_until_s >= now_s else lost).append(finished)
        if lost:
            self._hands.release([finished.hold for finished in lost])
            self._forget(lost)
            log.warning("%d outcomes came after the end of their lease and are dropped", len(lost))
        return ours

    def _forget(self, dropped: Sequence[_Finished]) -> None:
        """Give back what was written for outcomes that are dropped: an erased image must not live on in a blob."""
        kept = [each.outcome.kept for each in dropped if isinstance(each.outcome, Succeeded)]
        keys = [each.image.blob_key for each in kept if each is not None and each.is_new_blob]
        if keys:
            with suppress(UnavailableError):  # then the sweep finds them, hours later
                self._on_dropped(keys)

    def _write(self, group: Sequence[_Finished]) -> None:
        accepted = self._claims.finish(self._owner, [finished.outcome for finished in group])
        self._trouble.over()
        self._hands.release([finished.hold for finished in group])
        self._count([finished for finished in group if finished.hold.claim.id in accepted])
        if len(accepted) < len(group):
            log.info("%d outcomes were for items that are not ours any more", len(group) - len(accepted))

    def _write_alone(self, finished: _Finished) -> None:
        """Write one outcome; what no database takes becomes a failure, so that the item ends."""
        try:
            self._write([finished])
        except DatabaseUnreachable as error:
            self._trouble.met(error)
            self._retry.append(finished)
        except Exception as error:
            log.error("an outcome could not be written", exc_info=error)  # noqa: TRY400 - with its trace
            if isinstance(finished.outcome, Failed):  # not even that: the reaper decides
                self._hands.release([finished.hold])
                return
            detail = "What became of the item could not be written down; the worker's log has the trace."
            self._retry.append(_Finished(finished.hold, Failed(finished.hold.claim, INTERNAL, detail)))

    def _count(self, accepted: Sequence[_Finished]) -> None:
        now_s = monotonic_s()
        ended = 0
        for finished in accepted:
            self._metrics.items.labels(_NAMES[type(finished.outcome)]).inc()
            if isinstance(finished.outcome, Succeeded | Failed | Expired):
                ended += 1
                self._metrics.item_seconds.observe(now_s - finished.hold.taken_s)
        self._on_ended(ended)
