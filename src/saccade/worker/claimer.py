"""Takes items into a worker's hands whenever some are free, and sleeps until a hint comes when there is nothing."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence

from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable, HintsUnreachable
from saccade.failpoints import pass_failpoint
from saccade.jobs.ports import Hints
from saccade.jobs.store import Claims
from saccade.worker.hands import Hands, Hold
from saccade.worker.models import HeldModels
from saccade.worker.trouble import Trouble

log = logging.getLogger("saccade.worker")

#: Hints that are taken off the broker at once. One look into the database answers them all.
_MOST_HINTS = 1000
_TURN_S = 0.5


class Claimer:
    """Claims micro-batches; one turn is one claim or one wait."""

    def __init__(
        self,
        owner: str,
        claims: Claims,
        hints: Hints,
        hands: Hands,
        models: HeldModels,
        *,
        batch_items: int,
        lease_s: float,
        sweep_s: float,
        troubles: tuple[Trouble, Trouble, Trouble],
        dispatch: Callable[[Sequence[Hold]], None],
    ) -> None:
        """Tie the parts together.

        Args:
            owner: Who claims.
            claims: Where.
            hints: What wakes it.
            hands: How much may be taken.
            models: Of which models.
            batch_items: Items of one claim, at most; with less room than that it waits for more.
            lease_s: How long a claim is kept without a heartbeat.
            sweep_s: How long it sleeps, at most, before it looks without a hint.
            troubles: Those of the database, of the hints and of the place of bytes.
            dispatch: Takes what was claimed.
        """
        self._owner = owner
        self._claims = claims
        self._hints = hints
        self._hands = hands
        self._models = models
        self._batch_items = batch_items
        self._lease_s = lease_s
        self._sweep_s = sweep_s
        self._database, self._broker, self._place = troubles
        self._dispatch = dispatch
        self._closing = threading.Event()

    def turn(self) -> None:
        """Claim once, or wait for a reason to."""
        pass_failpoint("worker.turn")
        # Where the place of bytes is away, whatever is claimed would come back: it is tried now and then.
        pause_s = max(self._place.left_s, self._database.left_s)
        if pause_s > 0:
            self._closing.wait(min(pause_s, _TURN_S))
            return
        held = self._models.held
        room = self._hands.await_room(self._batch_items, timeout_s=_TURN_S)
        if room and (not held or not self._claim(held, most=min(room, self._batch_items))):
            self._sleep()

    def close(self) -> None:
        """Sleep no more."""
        self._closing.set()
        self._hints.wake()

    def _claim(self, held: Mapping[str, str], *, most: int) -> bool:
        """Take items; return whether there were any, or whether nobody could tell."""
        asked_s = monotonic_s()
        try:
            claims = self._claims.claim(self._owner, held, most=most, lease_s=self._lease_s)
        except DatabaseUnreachable as error:
            self._database.met(error)
            return True
        self._database.over()
        if claims:
            self._dispatch(self._hands.take(claims, asked_s=asked_s, lease_s=self._lease_s))
        return bool(claims)

    def _sleep(self) -> None:
        """Wait for a hint; where the broker is away, look now and then."""
        longest_s = self._sweep_s * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, no secret
        if self._closing.is_set():
            return
        if self._broker.left_s > 0:
            self._closing.wait(min(longest_s, self._broker.left_s))
            return
        try:
            self._hints.wait(most=_MOST_HINTS, timeout_s=longest_s)
        except HintsUnreachable as error:
            self._broker.met(error)
        else:
            self._broker.over()
