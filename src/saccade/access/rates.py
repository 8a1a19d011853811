"""Limits of one principal in a short time: requests, pictures, pixels, bytes under way, tries to come in.

Requests are known when they come, so they are counted exactly: each is remembered with its moment, and never more than
the limit lie in any span of its length (the *moving window*). What a request costs in pictures and pixels is known only
when its body was read, and by then it must be answered: it is counted whether it fits or not, and those after it pay.
That needs a count which takes more than the limit and carries what is owed into the next span, and which does not
remember a thousand million pixels one by one (the *sliding window counter*: two sums, the older of which fades). Limits
of more than ``MOST_REMEMBERED`` requests are counted so too.

What is counted is named by a hash of whom and what: of any length, and nobody's name is kept where it is counted.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from saccade.access.counting import MOST_REMEMBERED, Count, Level, Limiter, Window
from saccade.access.rate_policy import Policy, RatePolicy, Unit
from saccade.errors import LimiterUnreachable, RateExceeded

log = logging.getLogger("saccade.access")

#: Bytes under way leave when their requests are answered: nobody knows when, so come again soon.
_BYTES_RETRY_S = 1.0
#: A name may be tried so many times as often as an address may try.
_NAME_TIMES = 10
#: An address of IPv6 stands for its network: everybody who has one has all of them.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Standing:
    """How one principal stands with all policies that a request was held against; empty where there are none."""

    levels: tuple[tuple[Policy, Level], ...] = ()

    def __add__(self, other: Standing) -> Standing:
        """Return both together."""
        return Standing(self.levels + other.levels)


class Rates:
    """Counts what principals ask for, and refuses what is too much. Thread-safe."""

    def __init__(
        self,
        policy: RatePolicy,
        limiter: Limiter,
        *,
        own: Limiter | None = None,
        on_uncounted: Callable[[], None] = lambda: None,
    ) -> None:
        """Set the limits.

        Args:
            policy: What is allowed.
            limiter: Where it is counted; closed with this.
            own: Where this process counts tries to come in while nobody else counts them: those are never let through
                uncounted. None where the limiter never fails.
            on_uncounted: Told of each request that was let through because nobody could count it.
        """
        self._policy = policy
        self._requests = _Meter(policy.requests, "principal")
        self._routes = {
            route: _Meter((*policy.requests, *extra), "principal") for route, extra in policy.routes.items()
        }
        self._images = _Meter(policy.images, "principal")
        self._pixels = _Meter(policy.pixels, "principal")
        self._costs = _Meter((*policy.images, *policy.pixels), "principal")
        # Many more for a name than for an address: one stranger keeps nobody out, and many do not guess without end.
        for_names = [
            replace(each, name=f"{each.name} for a name", most=_NAME_TIMES * each.most) for each in policy.login
        ]
        self._logins = (_Meter(policy.login, "address"), _Meter(for_names, "name"))
        self._limiter = limiter
        self._own = own
        self._on_uncounted = on_uncounted
        self._lock = threading.Lock()
        self._is_out = False
        self._held_bytes: dict[str, int] = {}

    @property
    def is_blocking(self) -> bool:
        """Whether counting a request asks another machine, so that it belongs on a thread."""
        return self._limiter.is_blocking and self._policy.counts_requests

    @property
    def is_login_blocking(self) -> bool:
        """Whether counting a try to come in asks another machine."""
        return self._limiter.is_blocking and bool(self._policy.login)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Every limit there is."""
        return tuple(self._policy)

    def admit(self, principal_id: str, route: str) -> Standing:
        """Count a request; one that is refused is counted nowhere.

        Args:
            principal_id: Who asks; any text.
            route: ``METHOD /path`` with the path's template.

        Returns:
            How they stand after it.

        Raises:
            RateExceeded: It is more than they may; ``retry_after_s`` says when it fits.
            LimiterUnreachable: Nobody can count it, and so it may not pass.
        """
        counted = self._routes.get(route, self._requests)
        levels = self._admit(
            (*counted.policies, *self._costs.policies), counted.windows(principal_id), self._costs.windows(principal_id)
        )
        limit = self._policy.bytes_in_flight
        return Standing(levels if limit is None else (*levels, (limit, self._bytes_level(limit, principal_id))))

    def charge(self, principal_id: str, *, images: int = 0, pixels: int = 0) -> None:
        """Count what a request turned out to cost, whether it fits or not; later requests pay for it.

        Raises:
            LimiterUnreachable: Nobody can count it. The request was let in already, so whoever asks goes on.
        """
        for meter, amount in ((self._images, images), (self._pixels, pixels)):
            for window in meter.windows(principal_id) if amount > 0 else ():
                try:
                    self._limiter.charge(window, amount)
                except LimiterUnreachable as failure:
                    self._note_outage(failure)
                    return

    def admit_login(self, address: str, name: str) -> None:
        """Count a try to come in, for the address that it comes from and, ten times as many, for the name it is for.

        Args:
            address: Of the client, as the server sees it.
            name: Whom it claims to be; any text.

        Raises:
            RateExceeded: There were too many from there, or for that name.
            LimiterUnreachable: Nobody can count it, and so it may not pass.
        """
        addresses, names = self._logins
        windows = [*addresses.windows(_network(address)), *names.windows(name)]
        self._admit((*addresses.policies, *names.policies), windows, own=self._own)

    def hold(self, principal_id: str, size_bytes: int = 0) -> Hold:
        """Return a count of bytes that are under way, to be released when their request has its answer.

        Raises:
            RateExceeded: They have too many under way already. A body that is larger than the limit by itself passes
                alone, for it would never pass otherwise; the largest body is another setting.
        """
        held = Hold(self, principal_id)
        held.add(size_bytes)
        return held

    def take_bytes(self, principal_id: str, size_bytes: int, *, own_bytes: int) -> None:
        """Count bytes of a request that holds some already; ``Hold.add`` is the way to call it.

        Raises:
            RateExceeded: They do not fit beside what other requests hold; they are not counted.
        """
        limit = self._policy.bytes_in_flight
        if limit is None or size_bytes <= 0:
            return
        with self._lock:
            held_bytes = self._held_bytes.get(principal_id, 0)
            if held_bytes + size_bytes > limit.most and held_bytes > own_bytes:
                raise _refusal("Your requests under way hold too many bytes.", (limit,), _BYTES_RETRY_S)
            self._held_bytes[principal_id] = held_bytes + size_bytes

    def give_bytes(self, principal_id: str, size_bytes: int) -> None:
        """Give counted bytes back; ``Hold.release`` is the way to call it."""
        if self._policy.bytes_in_flight is None or size_bytes <= 0:
            return
        with self._lock:
            rest_bytes = self._held_bytes.get(principal_id, 0) - size_bytes
            if rest_bytes > 0:
                self._held_bytes[principal_id] = rest_bytes
            else:
                self._held_bytes.pop(principal_id, None)

    def check(self) -> None:
        """Ask the place where it is counted for a sign of life.

        Raises:
            LimiterUnreachable: There is none.
        """
        self._limiter.check()

    def close(self) -> None:
        """Give connections back. Idempotent."""
        self._limiter.close()
        if self._own is not None:
            self._own.close()

    def _admit(
        self,
        policies: Sequence[Policy],
        counted: Sequence[Window],
        tested: Sequence[Window] = (),
        *,
        own: Limiter | None = None,
    ) -> tuple[tuple[Policy, Level], ...]:
        if not policies:
            return ()
        try:
            count = self._limiter.admit(counted, tested)
        except LimiterUnreachable as failure:
            self._note_outage(failure)
            if own is None:
                if not self._policy.fails_open:
                    raise
                self._on_uncounted()
                return ()
            count = own.admit(counted, tested)
        else:
            self._note_answer()
        if count.full:
            raise _full(policies, count)
        return tuple(zip(policies, count.levels, strict=True))

    def _bytes_level(self, limit: Policy, principal_id: str) -> Level:
        left_bytes = limit.most - self._held_bytes.get(principal_id, 0)
        return Level(max(0, left_bytes), 0.0 if left_bytes > 0 else _BYTES_RETRY_S)

    def _note_outage(self, failure: LimiterUnreachable) -> None:
        """Say once that nobody counts."""
        with self._lock:
            was_out, self._is_out = self._is_out, True
        if not was_out:
            then = "everybody is let through" if self._policy.fails_open else "everybody is refused"
            log.warning("limits cannot be counted; %s", then, extra={"facts": {"error.message": failure.in_full}})

    def _note_answer(self) -> None:
        if self._is_out:
            with self._lock:
                was_out, self._is_out = self._is_out, False
            if was_out:
                log.info("limits are counted again")


class Hold:
    """Bytes of one request that count until it has its answer. Used by one thread at a time."""

    __slots__ = ("_held_bytes", "_principal_id", "_rates")

    def __init__(self, rates: Rates, principal_id: str) -> None:
        """Hold nothing yet."""
        self._rates = rates
        self._principal_id = principal_id
        self._held_bytes = 0

    def add(self, size_bytes: int) -> None:
        """Count more bytes, as they come in.

        Raises:
            RateExceeded: They do not fit beside what the principal's other requests hold; they are not counted.
        """
        self._rates.take_bytes(self._principal_id, size_bytes, own_bytes=self._held_bytes)
        self._held_bytes += max(0, size_bytes)

    def release(self) -> None:
        """Give everything back. Idempotent."""
        held_bytes, self._held_bytes = self._held_bytes, 0
        self._rates.give_bytes(self._principal_id, held_bytes)

    def __enter__(self) -> Self:
        """Hold for the length of a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back."""
        self.release()


class _Meter:
    """Names the windows of some policies. All but whom is known beforehand, for this is done with each request."""

    __slots__ = ("_parts", "policies")

    def __init__(self, policies: Sequence[Policy], kind: str) -> None:
        """Prepare.

        Args:
            policies: What is counted; each has a span.
            kind: Of whom: subjects of different kinds never share a window.
        """
        self.policies = tuple(policies)
        self._parts = tuple(
            (_joined(policy.name, str(policy.most), str(policy.span_s), kind), policy.most, policy.span_s or 0, exact)
            for policy in policies
            for exact in [policy.unit is Unit.REQUESTS and policy.most <= MOST_REMEMBERED]
        )

    def windows(self, subject: str) -> list[Window]:
        """Return the windows of one subject.

        The amount is part of a key: whoever changes a limit begins anew.
        """
        whom = _joined(subject)
        return [Window(_key(what + whom), most, span_s, exact) for what, most, span_s, exact in self._parts]


def _joined(*parts: str) -> str:
    """Return parts as one text: the length of each stands before it, so that none can be made to look like two."""
    return "".join([f"{len(part)}:{part}" for part in parts])


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _network(address: str) -> str:
    """Return what an address is counted as: itself, or its network; what is none (a Unix socket) as it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), _IPV6_PREFIX), strict=False))


def _full(policies: Sequence[Policy], count: Count) -> RateExceeded:
    """Return the refusal: it fits when the last of the full windows has room again."""
    full = tuple(policies[position] for position in count.full)
    retry_after_s = max(count.levels[position].reset_s for position in count.full)
    said = ", ".join(sorted({f"{each.most} {each.unit.value} in {each.span_s} s" for each in full}))
    return _refusal(f"You may have {said}, and have had them.", full, retry_after_s)


def _refusal(message: str, violated: Sequence[Policy], retry_after_s: float) -> RateExceeded:
    error = RateExceeded(message)
    error.retry_after_s = retry_after_s
    error.policies = tuple(dict.fromkeys(policy.name for policy in violated))
    return error
