"""A provider's keys, kept: fetched again when they are old, and when a token names one that is not among them.

* One thread fetches. Others go on with the keys there are; they wait only where they could not answer without.
* Between two fetches there is a pause, whatever tokens say: random key ids cause no storm.
* A key id that the provider did not know is not asked for again for ``unknown_s``.
* While the provider is away, old keys count for ``STALE_REFRESHES`` times ``refresh_s`` more, at most a day: an outage
  of the provider is not one of ours, but a key that it took back while nobody could hear it does not live for ever.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from jwt import PyJWK

from saccade.access.keyset import KeySet, UsableKeys, usable_keys
from saccade.clock import monotonic_s
from saccade.errors import KeySetUnreachable

STALE_REFRESHES = 10
MAX_STALE_S = 86_400.0
#: Between two fetches; less where ``unknown_s`` or ``refresh_s`` is less.
PAUSE_S = 5.0
#: Key ids that are remembered as unknown.
MAX_UNKNOWN = 256
#: Threads that wait for a fetch although there are keys; the others are told to come again, and not held up.
MAX_WAITING = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A key, and until when it is good without asking again, on the measuring clock."""

    key: PyJWK
    until_s: float


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """The keys of one fetch, and when it began: what changed after that is not among them."""

    keys: UsableKeys
    asked_s: float


class ProviderKeys:
    """The keys of one provider; thread-safe."""

    def __init__(
        self,
        source: KeySet,
        *,
        algorithms: tuple[str, ...],
        refresh_s: float,
        unknown_s: float,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> None:
        """Fetch nothing yet.

        Args:
            source: Where the keys are.
            algorithms: That are allowed.
            refresh_s: How long fetched keys are trusted.
            unknown_s: How long a key id that was not known is not asked for again.
            monotonic: The measuring clock.
        """
        self._source = source
        self._algorithms = algorithms
        self._refresh_s = refresh_s
        self._stale_s = min(STALE_REFRESHES * refresh_s, MAX_STALE_S)
        self._unknown_s = unknown_s
        self._pause_s = min(PAUSE_S, unknown_s, refresh_s)
        self._monotonic = monotonic
        self._fetching = threading.Lock()
        self._line = threading.BoundedSemaphore(MAX_WAITING)
        self._known: _Known | None = None
        self._failure: KeySetUnreachable | None = None
        self._next_s = float("-inf")
        self._unknown_lock = threading.Lock()
        self._unknown_until_s: OrderedDict[str, float] = OrderedDict()

    def find(self, kid: str | None, algorithm: str) -> Found | None:
        """Return the key for a token, or None if the provider has no such key for this algorithm.

        Args:
            kid: The key that the token names.
            algorithm: The token's; one that is allowed.

        Raises:
            KeySetUnreachable: Nobody can say, for the provider does not answer.
        """
        known = self._current()
        if kid is not None and not known.keys.has(kid) and not self._is_unknown(kid):
            known = self._asked_for(kid, known)
        key = known.keys.find(kid, algorithm)
        if key is None:
            return None
        due_s = known.asked_s + self._refresh_s
        return Found(key, due_s if self._monotonic() < due_s else self._next_s)

    def _current(self) -> _Known:
        """Return keys that may be trusted now, fetched if they are due."""
        known, now_s = self._known, self._monotonic()
        if known is None:
            return self._newer(None) or self._no_keys()
        due_s = known.asked_s + self._refresh_s
        if now_s < due_s:
            return known
        if now_s < due_s + self._stale_s:
            return self._newer(known, wait=False) or known
        return self._newer(known) or self._no_keys()

    def _asked_for(self, kid: str, known: _Known) -> _Known:
        """Return the keys after asking for one that is not among these, if it is time to ask."""
        if self._monotonic() < self._next_s:  # never while a fetch is under way
            return known if self._failure is None else self._no_keys()
        if not self._line.acquire(blocking=False):
            raise KeySetUnreachable("The keys for tokens are just being fetched.")
        try:
            newer = self._newer(known)
        finally:
            self._line.release()
        if newer is None:
            return known if self._failure is None else self._no_keys()
        if not newer.keys.has(kid):
            self._remember_unknown(kid)
        return newer

    def _newer(self, seen: _Known | None, *, wait: bool = True) -> _Known | None:
        """Return keys newer than those seen, fetched by us or by whoever was first; None if there are none to be had.

        Args:
            seen: What the caller has.
            wait: Whether to wait for a fetch that is under way.
        """
        if not self._fetching.acquire(blocking=wait):
            return None
        try:
            if self._known is seen and self._monotonic() >= self._next_s:
                self._fetch()
            return None if self._known is seen else self._known
        finally:
            self._fetching.release()

    def _fetch(self) -> None:
        asked_s = self._monotonic()
        try:
            self._known = _Known(usable_keys(self._source.fetch(), self._algorithms), asked_s)
            self._failure = None
        except KeySetUnreachable as failure:
            self._failure = failure
        finally:
            self._next_s = self._monotonic() + self._pause_s

    def _no_keys(self) -> _Known:
        """Say why there are none."""
        raise KeySetUnreachable("The keys for tokens could not be fetched.") from self._failure

    def _is_unknown(self, kid: str) -> bool:
        with self._unknown_lock:
            return self._unknown_until_s.get(kid, float("-inf")) > self._monotonic()

    def _remember_unknown(self, kid: str) -> None:
        with self._unknown_lock:
            self._unknown_until_s[kid] = self._monotonic() + self._unknown_s
            self._unknown_until_s.move_to_end(kid)
            while len(self._unknown_until_s) > MAX_UNKNOWN:
                self._unknown_until_s.popitem(last=False)
