"""JSON Web Tokens as a way in: who a signed token of an identity provider names (RFC 7519, RFC 8725).

The library computes signatures; everything else is checked here, so that the rules are ours and do not change with it.
A token is read strictly, its claims are held against the policy, and only then is its key looked for: a token of
another issuer, or one that has ended, asks nobody for keys. So several ``Tokens`` may be tried one after the other.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jwt import PyJWS, PyJWTError

from saccade.access.keyset import KeySet
from saccade.access.principals import Principal, Via
from saccade.access.provider_keys import ProviderKeys
from saccade.access.service import refusal
from saccade.access.token_claims import check_claims, expires_s, principal_of
from saccade.access.token_policy import TokenPolicy
from saccade.access.token_text import UnverifiedToken, is_short, read_token
from saccade.clock import monotonic_s, utc_now

#: How long a token that was found good is not verified again.
REMEMBERED_S = 5.0
MAX_REMEMBERED = 2048

_signatures = PyJWS(options={"enforce_minimum_key_length": True})


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Who a token names: until a moment of the measuring clock, and never beyond the token's own end."""

    principal: Principal
    until_s: float
    expires_s: float


class Tokens:
    """The tokens of one issuer; thread-safe."""

    def __init__(
        self,
        policy: TokenPolicy,
        key_set: KeySet,
        *,
        via: Via = Via.JWT,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> None:
        """Fetch nothing yet.

        Args:
            policy: What a token must be like.
            key_set: Where the issuer's keys are.
            via: How those who show such a token come in.
            now: The clock that tells the time.
            monotonic: The clock that measures spans.
        """
        self._policy = policy
        self._via = via
        self._now = now
        self._monotonic = monotonic
        self._provider_keys = ProviderKeys(
            key_set,
            algorithms=policy.algorithms,
            refresh_s=policy.refresh_s,
            unknown_s=policy.unknown_s,
            monotonic=monotonic,
        )
        self._lock = threading.Lock()
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    def read(self, text: str) -> Principal:
        """Return who a token names. Blocks while keys are fetched; a token that was good just now costs microseconds.

        Args:
            text: Whatever the caller sent.

        Raises:
            CredentialInvalid: It opens nothing here. The message is always the same; the cause, which says what is
                wrong, is for the log.
            KeySetUnreachable: Nobody can say, for the issuer's keys cannot be fetched.
        """
        try:
            return self.recall(text) or self._verified(read_token(text))
        except (ValueError, PyJWTError) as reason:
            raise refusal() from reason

    def recall(self, text: str) -> Principal | None:
        """Return who a token names that was found good just now; never blocks."""
        if not is_short(text):
            return None
        digest = _digest(text)
        with self._lock:
            found = self._remembered.get(digest)
            if found is None:
                return None
            if self._monotonic() < found.until_s and self._now().timestamp() < found.expires_s:
                self._remembered.move_to_end(digest)
                return found.principal
            del self._remembered[digest]
            return None

    def _verified(self, token: UnverifiedToken) -> Principal:
        """Verify a token and remember it.

        Raises:
            ValueError: It is not good.
            PyJWTError: Its signature is not good.
            KeySetUnreachable: Nobody can say.
        """
        if token.algorithm not in self._policy.algorithms:
            raise ValueError("the algorithm is not allowed")
        check_claims(token.claims, self._policy, now_s=self._now().timestamp())
        principal = principal_of(token.claims, self._policy, via=self._via)
        found = self._provider_keys.find(token.kid, token.algorithm)
        if found is None:
            raise ValueError("there is no such key for this algorithm")
        _signatures.decode(token.text, found.key, algorithms=[token.algorithm])
        until_s = min(self._monotonic() + REMEMBERED_S, found.until_s)
        self._remember(_digest(token.text), _Remembered(principal, until_s, expires_s(token.claims)))
        return principal

    def _remember(self, digest: bytes, remembered: _Remembered) -> None:
        with self._lock:
            self._remembered[digest] = remembered
            self._remembered.move_to_end(digest)
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)


def _digest(text: str) -> bytes:
    """Return what a token is remembered by: memory holds none that could be shown again."""
    return hashlib.sha256(text.encode()).digest()
