"""What the database keeps of accounts and keys, as values. Times are microseconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from saccade.access.principals import Role, Service


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that is to be made; the name is checked and the password is hashed already."""

    name: str
    password_hash: str
    roles: frozenset[Role] = frozenset()
    full_name: str | None = None
    email: str | None = None
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands; the hash never leaves ``access``."""

    name: str
    password_hash: str
    roles: frozenset[Role]
    full_name: str | None
    email: str | None
    agency: str | None
    is_disabled: bool
    created_at_us: int


class KeyKind(StrEnum):
    """What a secret is for: a key is made for programs and has scopes, a session is made by a login."""

    KEY = "key"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key or session that is to be kept; only the hash of its secret is.

    Attributes:
        id: The part of the key that is no secret.
        kind: Key or session.
        owner: Id of the principal that it acts for.
        owner_name: As people know them.
        secret_hash: SHA-256 of the secret, hex.
        roles: Of the owner when it was made, where the owner has no account; None where the account's own roles count.
        scopes: What it is limited to; None for sessions.
        service: Kind of service key.
        detail: What it is for, in its owner's words.
        lasts_s: Seconds until it expires; None never.
        rotated_from: Id of the key whose place it takes.
    """

    id: str
    kind: KeyKind
    owner: str
    owner_name: str
    secret_hash: str
    roles: frozenset[Role] | None
    scopes: frozenset[str] | None
    service: Service | None = None
    detail: str = ""
    lasts_s: float | None = None
    rotated_from: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key or session as it stands.

    Attributes:
        roles: What its owner has at this moment: the account's, or those kept with it.
        is_usable: Whether it opens anything: neither expired nor disabled, and its owner's account is not disabled.
    """

    id: str
    kind: KeyKind
    owner: str
    owner_name: str
    secret_hash: str
    roles: frozenset[Role]
    scopes: frozenset[str] | None
    service: Service | None
    detail: str
    is_usable: bool
    created_at_us: int
    expires_at_us: int | None
    disabled_at_us: int | None
    disabled_by: str | None
    rotated_from: str | None
    last_used_at_us: int | None
