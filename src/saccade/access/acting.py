"""Accounts that stand for callers who cannot say who they are: clients of systems that never asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

from saccade.access.accounts import AccountBook
from saccade.access.policy import PREDICT_SCOPE
from saccade.access.principals import Principal, Via
from saccade.clock import monotonic_s
from saccade.errors import AccountUnknown, Unauthenticated

#: How long an account is not looked up again: so soon is one that was shut out, shut out everywhere.
FRESH_S = 5.0

#: What such a caller may do of what the account may. As with a key, an admin's account shows nothing of others.
_SCOPES = frozenset({f"{PREDICT_SCOPE}*", "jobs:read", "jobs:write", "images:read", "images:write"})


class Acting:
    """Knows the accounts that act for others. Thread-safe."""

    def __init__(self, accounts: Callable[[], AccountBook], *, clock: Callable[[], float] = monotonic_s) -> None:
        """Know none yet.

        Args:
            accounts: Returns the accounts; raises UnavailableError while the database is away.
            clock: Seconds that never go back.
        """
        self._accounts = accounts
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, Principal]] = {}

    def recall(self, name: str) -> Principal | None:
        """Return who acts if that was found out a moment ago; never blocks."""
        with self._lock:
            at_s, principal = self._found.get(name, (0.0, None))
        return principal if principal is not None and self._clock() - at_s < FRESH_S else None

    def read(self, name: str) -> Principal:
        """Return who acts.

        Raises:
            Unauthenticated: There is no such account, or it is shut out.
            UnavailableError: The database does not answer.
        """
        at_s = self._clock()
        try:
            account = self._accounts().find(name)
        except AccountUnknown:
            account = None
        if account is None or account.is_disabled:
            with self._lock:
                self._found.pop(name, None)
            raise Unauthenticated(
                "This face acts as an account that is not here or is shut out, so that you must say who you are."
            )
        principal = Principal(account.name, account.name, account.roles, Via.FACE, scopes=_SCOPES)
        with self._lock:
            self._found[name] = (at_s, principal)
        return principal
