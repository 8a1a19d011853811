"""The keys that a provider signs tokens with: where they come from, and which of them are fit for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from saccade.access.token_policy import ALGORITHMS
from saccade.errors import KeySetUnreachable

MIN_RSA_BITS = 2048


class KeySet(Protocol):
    """Where the keys of a provider are."""

    def fetch(self) -> Mapping[str, object]:
        """Return the key set as it is now, a JWKS document (RFC 7517); within a bounded time.

        Raises:
            KeySetUnreachable: There is no answer, or none that is a key set.
        """


@dataclass(frozen=True, slots=True)
class UsableKeys:
    """The keys of one key set that fit at least one algorithm that is allowed.

    Attributes:
        by_kid: Key id → algorithm → key, for those that have an id.
        lone: Algorithm → key, where there is exactly one key; else empty.
    """

    by_kid: Mapping[str, Mapping[str, PyJWK]]
    lone: Mapping[str, PyJWK]

    def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key for a token; one that names no key is taken only where there is no choice."""
        fitting = self.lone if kid is None else self.by_kid.get(kid, {})
        return fitting.get(algorithm)

    def has(self, kid: str) -> bool:
        """Say whether a usable key has this id."""
        return kid in self.by_kid


def usable_keys(document: Mapping[str, object], algorithms: tuple[str, ...]) -> UsableKeys:
    """Pick the keys that can be used; what is not understood is passed over, as RFC 7517 says.

    Where two keys have the same id, the first that fits an algorithm is taken.

    Args:
        document: A JWKS document.
        algorithms: That are allowed.

    Raises:
        KeySetUnreachable: It is no key set.
    """
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise KeySetUnreachable("What should be the keys for tokens is no key set.")
    found = [(jwk, fitting) for jwk in listed if isinstance(jwk, dict) and (fitting := _fitting(jwk, algorithms))]
    by_kid: dict[str, dict[str, PyJWK]] = {}
    for jwk, fitting in found:
        kid = jwk.get("kid")
        if isinstance(kid, str) and kid:
            by_kid[kid] = {**fitting, **by_kid.get(kid, {})}
    return UsableKeys(by_kid, found[0][1] if len(found) == 1 else {})


def _fitting(jwk: dict[str, object], algorithms: tuple[str, ...]) -> dict[str, PyJWK]:
    """Return the key once for each allowed algorithm that fits its type, its curve and what it says of itself."""
    if not _is_for_verifying(jwk):
        return {}
    return {name: key for name in _algorithms_of(jwk) if name in algorithms and (key := _read(jwk, name))}


def _is_for_verifying(jwk: Mapping[str, object]) -> bool:
    """Say whether a key is meant for this."""
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _algorithms_of(jwk: Mapping[str, object]) -> Iterator[str]:
    """Yield the algorithms of a key's type and curve; only its own, where it names one."""
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if isinstance(kind, str) and (curve is None or isinstance(curve, str)):
        fitting = ALGORITHMS.get((kind, curve), frozenset())
        yield from (name for name in sorted(fitting) if jwk.get("alg", name) == name)


def _read(jwk: dict[str, object], algorithm: str) -> PyJWK | None:
    """Return a key bound to one algorithm; None if it is broken, too weak, or a private one that everybody can read."""
    try:
        key = PyJWK(jwk, algorithm)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, LookupError, ArithmeticError):
        return None
    if isinstance(key.key, RSAPublicKey):
        return key if key.key.key_size >= MIN_RSA_BITS else None
    return key if isinstance(key.key, EllipticCurvePublicKey | Ed25519PublicKey) else None
