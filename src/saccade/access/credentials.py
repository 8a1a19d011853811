"""The text of a key or session: ``sac_<id>_<secret>`` or ``sas_<id>_<secret>``. The id is no secret, and sorts by time.

The secret is 256 random bits, so its SHA-256 tells nothing of it: no slow hash is needed, as it is for passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from saccade.access.records import KeyKind
from saccade.clock import utc_now

PREFIXES: Mapping[KeyKind, str] = {KeyKind.KEY: "sac", KeyKind.SESSION: "sas"}
_KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
_SECRET_BYTES = 32
_TEXT = re.compile(r"(sac|sas)_([0-9a-f]{20})_([0-9a-f]{64})")
_ID = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Credential:
    """A key or session as it is kept and compared: without its secret.

    Attributes:
        kind: Key or session.
        id: Twelve hex digits of milliseconds since 1970, then eight random ones.
        secret_hash: SHA-256 of the secret, hex.
    """

    kind: KeyKind
    id: str
    secret_hash: str

    def is_of(self, secret_hash: str) -> bool:
        """Say whether the secret is the one that was kept, in the same time wherever they differ."""
        return hmac.compare_digest(self.secret_hash.encode(), secret_hash.encode())


def new_credential(kind: KeyKind) -> tuple[str, Credential]:
    """Return a fresh one: its text, which is shown once, and what is kept of it."""
    milliseconds = int(utc_now().timestamp() * 1000)
    secret = secrets.token_hex(_SECRET_BYTES)
    credential = Credential(kind, f"{milliseconds:012x}{secrets.token_hex(4)}", _hashed(secret))
    return f"{PREFIXES[kind]}_{credential.id}_{secret}", credential


def read_credential(text: str) -> Credential | None:
    """Return what a text shows, or None if it was not made here: then nobody need be asked."""
    found = _TEXT.fullmatch(text)
    return Credential(_KINDS[found[1]], found[2], _hashed(found[3])) if found else None


def is_key_id(text: str) -> bool:
    """Say whether the text may be the id of a key or session."""
    return _ID.fullmatch(text) is not None


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
