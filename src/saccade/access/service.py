"""Whose credential this is: keys and sessions are known by their prefix; tokens are shown to each issuer in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from saccade.access.principals import Principal
from saccade.errors import CredentialInvalid, UnavailableError

log = logging.getLogger("saccade.access")

#: What our own secrets begin with: a key's, and a session's.
OWN_PREFIXES = ("sac_", "sas_")
#: Longest credential that is looked at.
MAX_CREDENTIAL_CHARS = 8192


class Reader(Protocol):
    """Tells who a credential of one kind belongs to. Thread-safe."""

    def recall(self, text: str) -> Principal | None:
        """Return whose it is if that was found out a moment ago; asks nobody, so that it never blocks."""

    def read(self, text: str) -> Principal:
        """Return whose it is; may ask the database or an issuer.

        Raises:
            CredentialInvalid: It opens nothing here.
            UnavailableError: Who could tell does not answer.
        """


class Access:
    """All ways in at once. Thread-safe."""

    def __init__(self, *, keys: Callable[[], Reader], issuers: Sequence[Reader]) -> None:
        """Tie the ways in together.

        Args:
            keys: Returns what knows keys and sessions; raises UnavailableError while the database is away.
            issuers: What knows tokens, the nearest first.
        """
        self._keys = keys
        self._issuers = tuple(issuers)

    def recall(self, text: str) -> Principal | None:
        """Return whose credential it is if that was found out a moment ago; never blocks."""
        for reader in self._readers_at_hand(text):
            principal = reader.recall(text)
            if principal is not None:
                return principal
        return None

    def read(self, text: str) -> Principal:
        """Return whose credential it is.

        Raises:
            CredentialInvalid: It opens nothing here; which part of it is wrong is told to nobody.
            UnavailableError: The database or an issuer does not answer, so nobody can tell.
        """
        if len(text) > MAX_CREDENTIAL_CHARS:
            raise refusal()
        if text.startswith(OWN_PREFIXES):
            return self._keys().read(text)
        trouble: UnavailableError | None = None
        for issuer in self._issuers:
            try:
                return issuer.read(text)
            except CredentialInvalid as refused:  # the reason is for who runs the server, not for who asks
                log.debug("a token was refused", extra={"facts": {"error.message": str(refused.__cause__ or refused)}})
            except UnavailableError as error:  # another issuer may still know it
                trouble = error
        if trouble is not None:
            raise trouble
        raise refusal()

    def _readers_at_hand(self, text: str) -> Sequence[Reader]:
        if not text.startswith(OWN_PREFIXES):
            return self._issuers
        try:
            return (self._keys(),)
        except UnavailableError:
            return ()


def refusal() -> CredentialInvalid:
    """Return the one refusal of all that opens nothing: it says the same whatever was wrong."""
    return CredentialInvalid("The credentials that came with the request are not valid here.")
