"""The sign of life: lengthens the leases of all that is in hand, and says who works here."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping

from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import WorkerRecord
from saccade.jobs.store import Store
from saccade.worker.hands import Hands
from saccade.worker.trouble import Trouble

log = logging.getLogger("saccade.worker")

#: Heartbeats in the time of one lease.
_BEATS = 3


class Heartbeat:
    """Beats three times a lease."""

    def __init__(
        self,
        owner: str,
        store: Store,
        hands: Hands,
        *,
        held: Callable[[], Mapping[str, str]],
        lease_s: float,
        trouble: Trouble,
    ) -> None:
        """Tie the parts together.

        Args:
            owner: Whose sign of life it is.
            store: Where it is given.
            hands: What is in hand.
            held: Tells which models are loaded here.
            lease_s: How long a lease lasts.
            trouble: Told whether the database answers.
        """
        self._owner = owner
        self._store = store
        self._hands = hands
        self._held = held
        self._lease_s = lease_s
        self._trouble = trouble
        self._host = socket.gethostname()

    def beat(self) -> float:
        """Give one sign of life; return the seconds until the next."""
        try:
            self._extend()
            self._report()
        except DatabaseUnreachable as error:
            return min(self._trouble.met(error), self._lease_s / (2 * _BEATS))
        self._trouble.over()
        return self._lease_s / _BEATS

    def retire(self) -> None:
        """Say that nobody works here any more; where the database is away, silence says it too."""
        try:
            self._store.upkeep.retire(self._owner)
        except DatabaseUnreachable as error:
            log.warning("the worker could not sign off", extra={"facts": {"error.message": str(error)}})

    def _extend(self) -> None:
        holds = self._hands.all()
        if not holds:
            return
        pass_failpoint("heartbeat.before")
        asked_s = monotonic_s()
        ours = self._store.claims.extend(self._owner, [hold.claim.id for hold in holds], lease_s=self._lease_s)
        lost = self._hands.extended(holds, ours, until_s=asked_s + self._lease_s)
        if lost:
            log.info("%d items were cancelled or have passed to another worker; they are dropped", len(lost))

    def _report(self) -> None:
        self._store.upkeep.report(
            WorkerRecord(
                id=self._owner,
                host=self._host,
                pid=os.getpid(),
                models=self._held(),
                concurrency=self._hands.places,
                running=self._hands.running,
                started_at_us=0,
                seen_at_us=0,
            )
        )
