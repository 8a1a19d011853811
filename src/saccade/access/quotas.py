"""Quotas: how much one principal may have in a day, UTC, counted from the ledger, which all processes share.

To ask the ledger with every request would be slow, so what it said is kept for a few seconds, and what this process let
in since is added. A principal may therefore run over by what was let in but not written yet when the ledger was asked,
here and in other processes; the next look sees it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from saccade.access.counting import Level, Spending, Spent
from saccade.access.rate_policy import Policy, Unit
from saccade.access.rates import Standing
from saccade.clock import monotonic_s, utc_now
from saccade.errors import DatabaseUnreachable, QuotaReached, UnavailableError

log = logging.getLogger("saccade.access")

_DAY_S = 86_400
_NOTHING = Spending()
#: Looks take at most one part in so many of the time: the ledger of a busy principal is long.
_REST_PER_LOOK = 20


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """How much is allowed in a day; 0 is without limit.

    Attributes:
        requests: Requests.
        images: Predictions: each picture counts once for each model.
        pixels: Pixels of those pictures.
        look_s: How long is believed what the ledger said. Longer than rows wait before they are written.
        fails_open: Whether requests are let through while the ledger does not answer.
    """

    requests: int = 0
    images: int = 0
    pixels: int = 0
    look_s: float = 2.0
    fails_open: bool = True

    def __iter__(self) -> Iterator[Policy]:
        """Yield every limit."""
        for unit, most in ((Unit.REQUESTS, self.requests), (Unit.IMAGES, self.images), (Unit.PIXELS, self.pixels)):
            if most:
                yield Policy(f"daily {unit.value}", unit, most, _DAY_S)


@dataclass(eq=False, slots=True)
class _Account:
    """What is known of one principal's day.

    Attributes:
        spent: What the ledger said.
        since: What was let in after it was asked.
        is_known: Whether the ledger was ever asked.
        good_until_s: So long it is not asked again.
        look: Held by the one who asks.
    """

    spent: Spending = _NOTHING
    since: Spending = _NOTHING
    is_known: bool = False
    good_until_s: float = 0.0
    look: threading.Lock = field(default_factory=threading.Lock)


class Quotas:
    """Refuses who has had enough for today. Thread-safe."""

    def __init__(
        self,
        policy: QuotaPolicy,
        spent: Callable[[], Spent],
        *,
        clock: Callable[[], datetime] = utc_now,
        ticks: Callable[[], float] = monotonic_s,
    ) -> None:
        """Set the quotas.

        Args:
            policy: What is allowed.
            spent: Returns what knows the ledger; raises UnavailableError while that is away.
            clock: Tells the time.
            ticks: Measures spans, in seconds.
        """
        self._policies = tuple(policy)
        self._look_s = policy.look_s
        self._fails_open = policy.fails_open
        self._spent = spent
        self._clock = clock
        self._ticks = ticks
        self._lock = threading.Lock()
        self._day: date | None = None
        self._accounts: dict[str, _Account] = {}
        self._blind_until_s = 0.0
        self._is_out = False

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Every limit there is."""
        return self._policies

    def blocks(self, principal_id: str) -> bool:
        """Say whether ``admit`` would ask the ledger now, so that it belongs on a thread."""
        return bool(self._policies) and not self._is_good(self._account(principal_id))

    def admit(self, principal_id: str) -> Standing:
        """Count a request of a principal who has not had enough.

        Returns:
            How they stand after it.

        Raises:
            QuotaReached: They have; ``retry_after_s`` is the time to midnight UTC. The request is not counted.
            UnavailableError: Nobody can tell, and so it may not pass.
        """
        if not self._policies:
            return Standing()
        account = self._account(principal_id)
        self._look(principal_id, account)
        reset_s = self._to_midnight_s()
        with self._lock:
            used = account.spent + account.since
            full = tuple(policy for policy in self._policies if _of(used, policy) >= policy.most)
            if full:
                raise _refusal(full, reset_s)
            account.since += Spending(requests=1)
            used += Spending(requests=1)
        return Standing(tuple((policy, _level(used, policy, reset_s)) for policy in self._policies))

    def give_back(self, principal_id: str) -> None:
        """Take back the count of a request that was refused for another reason before anything was done."""
        self._add(principal_id, Spending(requests=-1))

    def charge(self, principal_id: str, *, images: int = 0, pixels: int = 0) -> None:
        """Count what a request turned out to cost."""
        self._add(principal_id, Spending(images=images, pixels=pixels))

    def _add(self, principal_id: str, spending: Spending) -> None:
        if self._policies:
            account = self._account(principal_id)
            with self._lock:
                account.since += spending

    def _account(self, principal_id: str) -> _Account:
        """Return what is known of a principal; with a new day everything begins anew."""
        today = self._clock().date()
        with self._lock:
            if today != self._day:
                self._day, self._accounts = today, {}
            return self._accounts.setdefault(principal_id, _Account())

    def _is_good(self, account: _Account) -> bool:
        now_s = self._ticks()
        return now_s < account.good_until_s or (self._fails_open and now_s < self._blind_until_s)

    def _look(self, principal_id: str, account: _Account) -> None:
        """Ask the ledger if it is time. One asks; others go by what is known, and wait only if nothing is."""
        if self._is_good(account) or not account.look.acquire(blocking=not account.is_known):
            return
        try:
            if not self._is_good(account):
                self._ask(principal_id, account)
        except UnavailableError:
            if not self._fails_open:
                raise
        finally:
            account.look.release()

    def _ask(self, principal_id: str, account: _Account) -> None:
        with self._lock:
            before, begun_s = account.since, self._ticks()
        if begun_s < self._blind_until_s:
            raise DatabaseUnreachable("The ledger did not answer a moment ago.")
        try:
            spent = self._spent().today(principal_id)
        except UnavailableError as failure:
            self._note_outage(failure)
            raise
        now_s = self._ticks()
        with self._lock:
            account.spent = spent
            account.since += Spending(-before.requests, -before.images, -before.pixels)
            account.is_known = True
            account.good_until_s = now_s + max(self._look_s, _REST_PER_LOOK * (now_s - begun_s))
            was_out, self._is_out = self._is_out, False
        if was_out:
            log.info("quotas are counted again")

    def _note_outage(self, failure: UnavailableError) -> None:
        """Say once that nobody knows, and leave the ledger alone for a while."""
        with self._lock:
            was_out, self._is_out = self._is_out, True
            self._blind_until_s = self._ticks() + self._look_s
        if not was_out:
            then = "known totals stand" if self._fails_open else "everybody is refused"
            log.warning(
                "the ledger cannot be asked for quotas; %s", then, extra={"facts": {"error.message": str(failure)}}
            )

    def _to_midnight_s(self) -> float:
        now = self._clock()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds()


def _of(spending: Spending, policy: Policy) -> int:
    amounts = {Unit.REQUESTS: spending.requests, Unit.IMAGES: spending.images, Unit.PIXELS: spending.pixels}
    return amounts[policy.unit]


def _level(used: Spending, policy: Policy, reset_s: float) -> Level:
    return Level(min(policy.most, max(0, policy.most - _of(used, policy))), reset_s)


def _refusal(full: tuple[Policy, ...], reset_s: float) -> QuotaReached:
    said = " and ".join(f"{policy.most} {policy.unit.value}" for policy in full)
    error = QuotaReached(f"You may have {said} in a day, and have had them.")
    error.retry_after_s = reset_s
    error.policies = tuple(policy.name for policy in full)
    return error
