"""What a token must be like to open anything, and the algorithms there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from saccade.access.principals import Role
from saccade.errors import SettingInvalid

#: (key type, curve) → the algorithms that such a key can sign with. Shared secrets are in no row, and neither is none.
ALGORITHMS: Mapping[tuple[str, str | None], frozenset[str]] = {
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("EC", "secp256k1"): frozenset({"ES256K"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """What a token of one issuer must be like, and what is read from it.

    Attributes:
        issuer: What ``iss`` must be.
        audiences: What ``aud`` must name one of.
        algorithms: How tokens may be signed, whatever their header says.
        leeway_s: How far the issuer's clock may be off.
        name_claims: Where people's names stand; the first that is there counts.
        roles_claim: Where the roles stand; dots lead inwards.
        default_role: For those whose token names none of our roles.
        refresh_s: How long fetched keys are trusted before they are fetched again.
        unknown_s: How long a key id that the issuer did not know is not asked for again.
    """

    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    leeway_s: float = 30.0
    name_claims: tuple[str, ...] = ("preferred_username", "name", "sub")
    roles_claim: str = "roles"
    default_role: Role | None = None
    refresh_s: float = 300.0
    unknown_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a policy under which any token would do, or none.

        Raises:
            SettingInvalid: Issuer or audience are not set, or an algorithm is none of ours.
        """
        if not self.issuer:
            raise SettingInvalid(
                "SACCADE_JWT_JWKS is set, so SACCADE_JWT_ISSUER must be too.",
                hint="Set it to what the provider's tokens call iss.",
            )
        if not self.audiences or not all(self.audiences):
            raise SettingInvalid(
                "SACCADE_JWT_JWKS is set, so SACCADE_JWT_AUDIENCE must be too.",
                hint="Set it to the aud that the provider gives tokens for Saccade.",
            )
        known = frozenset[str]().union(*ALGORITHMS.values())
        others = [name for name in self.algorithms if name not in known]
        if others or not self.algorithms:
            named = f"names {others[0][:20]!a}, which is not taken" if others else "is empty"
            raise SettingInvalid(f"SACCADE_JWT_ALGORITHMS {named}.", hint=f"Known: {', '.join(sorted(known))}.")
