"""The ways in: what knows keys, and an issuer for each kind of token that is taken here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.access.principals import Principal, Role
from saccade.access.service import Access, Reader
from saccade.settings import Environment, GivenRole, JwtSettings, Settings

if TYPE_CHECKING:
    from saccade.access.tokens import Tokens

#: Where ``access.development`` keeps its key; named here too, for looking must not import what signs.
DEVELOPMENT_KEY = "development-key.pem"


class Late:
    """Reads tokens once somebody shows one: what verifies signatures takes time to import, and many never need it."""

    def __init__(self, open_reader: Callable[[], Reader]) -> None:
        """Open nothing yet."""
        self._open = open_reader
        self._lock = threading.Lock()
        self._reader: Reader | None = None

    def recall(self, text: str) -> Principal | None:
        """Return who a token names that was found good just now; never blocks."""
        return self._reader.recall(text) if self._reader is not None else None

    def read(self, text: str) -> Principal:
        """Return who a token names; see ``Reader``."""
        with self._lock:
            if self._reader is None:
                self._reader = self._open()
        return self._reader.read(text)


def open_access(settings: Settings, *, keys: Callable[[], Reader]) -> Access:
    """Return all ways in that the settings name.

    Raises:
        SettingInvalid: Tokens are to be taken, but the settings do not say from whom and for whom.
        SchemeUnknown: The place of the provider's keys is neither a URL nor a file.
    """
    issuers: list[Reader] = []
    if settings.place.environment is not Environment.PROD:
        issuers.append(Late(lambda: _development_tokens(settings.home)))
    if settings.jwt.jwks:
        issuers.append(provider_tokens(settings.jwt))
    return Access(keys=keys, issuers=issuers)


def has_development_key(settings: Settings) -> bool:
    """Say whether the home folder holds a key that signs development tokens."""
    return (settings.home / DEVELOPMENT_KEY).exists()


def _development_tokens(home: Path) -> Tokens:
    from saccade.access.development import development_tokens

    return development_tokens(home)


def provider_tokens(wanted: JwtSettings) -> Tokens:
    """Return what reads the tokens of the identity provider; wrong settings are told at the start.

    Raises:
        SettingInvalid: The settings do not say from whom and for whom tokens are taken.
        SchemeUnknown: The place of the provider's keys is neither a URL nor a file.
    """
    from saccade.access.token_policy import TokenPolicy
    from saccade.access.tokens import Tokens
    from saccade.backends.keysets import open_key_set

    policy = TokenPolicy(
        issuer=wanted.issuer,
        audiences=wanted.audience,
        algorithms=wanted.algorithms,
        leeway_s=wanted.leeway_s,
        name_claims=wanted.name_claims,
        roles_claim=wanted.roles_claim,
        default_role=None if wanted.default_role is GivenRole.NONE else Role(wanted.default_role),
        refresh_s=wanted.refresh_s,
        unknown_s=wanted.unknown_s,
    )
    return Tokens(policy, open_key_set(wanted.jwks))
