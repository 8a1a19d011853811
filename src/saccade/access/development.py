"""Tokens for trying things out: signed with a key in the home folder, which whoever reads that folder can sign with.

They go the way of all tokens; only the issuer is this machine. Production refuses them where it is wired together.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from saccade.access.principals import Role, Via, outside_id
from saccade.access.token_policy import TokenPolicy
from saccade.access.tokens import Tokens
from saccade.clock import monotonic_s, utc_now
from saccade.errors import KeySetUnreachable, ParameterInvalid, SettingInvalid

ISSUER = "saccade-development"
AUDIENCE = "saccade"
MAX_LASTS_S = 366 * 86_400.0

#: The key lies beside us, so that looking costs nothing and a key that was just made is seen at once.
POLICY = TokenPolicy(
    issuer=ISSUER,
    audiences=(AUDIENCE,),
    algorithms=("EdDSA",),
    leeway_s=5.0,
    refresh_s=2.0,
    unknown_s=1.0,
)


def key_file(home: Path) -> Path:
    """Return where the key is, if there is one."""
    return home / "development-key.pem"


def issue(
    home: Path, name: str, role: Role | Iterable[Role], lasts_s: float, *, now: Callable[[], datetime] = utc_now
) -> str:
    """Return a token for somebody; the key is made if there is none yet.

    Args:
        home: Folder of the key.
        name: Whom it names; their things belong to ``dev:`` and this name.
        role: What they are allowed: one role, or several, or none.
        lasts_s: How long, from one second to a year.
        now: The clock.

    Raises:
        ParameterInvalid: The name could not be kept apart from others, or the time is out of bounds.
        SettingInvalid: The key cannot be read or made.
    """
    if outside_id(Via.DEVELOPMENT, name) is None:
        raise ParameterInvalid(f"{name[:40]!a} is no name.", hint="Take up to 200 letters, no blanks at the ends.")
    if not 1 <= lasts_s <= MAX_LASTS_S:
        raise ParameterInvalid("A token lasts from one second to a year.")
    key = _key(key_file(home))
    issued_s = math.floor(now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": name,
        "preferred_username": name,
        "roles": sorted({role} if isinstance(role, Role) else role),
        "iat": issued_s,
        "exp": issued_s + math.floor(lasts_s),
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": _jwk(key.public_key())["kid"]})


def development_tokens(
    home: Path, *, now: Callable[[], datetime] = utc_now, monotonic: Callable[[], float] = monotonic_s
) -> Tokens:
    """Return what reads the tokens of a home folder, whether there is a key in it already or not."""
    return Tokens(POLICY, DevelopmentKeys(home), via=Via.DEVELOPMENT, now=now, monotonic=monotonic)


class DevelopmentKeys:
    """The public half of the key in a home folder, as a key set; none while there is no key."""

    def __init__(self, home: Path) -> None:
        """Look for nothing yet; the folder need not be there."""
        self._path = key_file(home)

    def fetch(self) -> Mapping[str, object]:
        """See ``KeySet``."""
        try:
            return {"keys": [_jwk(_read(self._path).public_key())]}
        except FileNotFoundError:
            return {"keys": []}
        except (OSError, ValueError) as failure:
            raise KeySetUnreachable("The development key cannot be read.") from failure


def _key(path: Path) -> Ed25519PrivateKey:
    """Return the key, made if need be.

    Raises:
        SettingInvalid: It cannot be read or made.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        _make(path)
        return _read(path)
    except OSError as failure:
        raise SettingInvalid(
            f"The development key in SACCADE_HOME failed: {failure.strerror}.", hint="Check the folder and its rights."
        ) from failure
    except ValueError as failure:
        raise SettingInvalid(
            "The development key in SACCADE_HOME is damaged.", hint=f"Remove {path.name} there; a new one is made."
        ) from failure


def _read(path: Path) -> Ed25519PrivateKey:
    """Read the key.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no key of ours.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (TypeError, UnsupportedAlgorithm) as failure:
        raise ValueError("the file is no plain key") from failure
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the key is of another kind")  # noqa: TRY004 - the file is wrong, not the caller
    return key


def _make(path: Path) -> None:
    """Make a key, durable and whole before anybody sees it; if another process is first, its key stands.

    Raises:
        OSError: It cannot be written.
    """
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    number = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(number)
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        unfinished.unlink()


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return a key as a key set holds it; its id is its thumbprint (RFC 7638)."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return {**members, "kid": _base64url(hashlib.sha256(canonical).digest()), "alg": "EdDSA", "use": "sig"}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
