"""What a token claims: whether it holds here and now, and who it names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from saccade.access.principals import Principal, Role, Via, outside_id
from saccade.access.token_policy import TokenPolicy

MAX_NAME_CHARS = 255

#: The year 10000: no clock of ours tells a later moment.
_END_OF_TIME_S = 253_402_300_800
_WORDS = re.compile(r"[\s,]+")


def check_claims(claims: Mapping[str, object], policy: TokenPolicy, *, now_s: float) -> None:
    """Refuse what is not for us, or not for now.

    Args:
        claims: Of a token.
        policy: What they are held against.
        now_s: Seconds since 1970.

    Raises:
        ValueError: A claim is missing, malformed, or another than it must be.
    """
    if claims.get("iss") != policy.issuer:
        raise ValueError("iss is another")
    _check_audience(claims.get("aud"), policy.audiences)
    if _moment(claims, "exp") + policy.leeway_s <= now_s:
        raise ValueError("exp is past")
    if _moment(claims, "iat") - policy.leeway_s > now_s:
        raise ValueError("iat is to come")
    if "nbf" in claims and _moment(claims, "nbf") - policy.leeway_s > now_s:
        raise ValueError("nbf is to come")


def expires_s(claims: Mapping[str, object]) -> float:
    """Return when a token ends, in seconds since 1970.

    Raises:
        ValueError: It does not say.
    """
    return _moment(claims, "exp")


def principal_of(claims: Mapping[str, object], policy: TokenPolicy, *, via: Via) -> Principal:
    """Return who a token names, and what they are allowed.

    Args:
        claims: Of a token.
        policy: Where name and roles stand.
        via: Keeps people of one way in apart from those of others.

    Raises:
        ValueError: The subject is missing, or could not be kept apart from others.
    """
    subject = claims.get("sub")
    identity = outside_id(via, subject) if isinstance(subject, str) else None
    if not isinstance(subject, str) or identity is None:
        raise ValueError("sub is no plain text")
    return Principal(
        id=identity,
        name=_name(claims, policy.name_claims) or subject,
        roles=_roles(claims, policy),
        via=via,
    )


def _check_audience(found: object, ours: tuple[str, ...]) -> None:
    """Refuse an audience that does not name us; one text, or a list of texts and nothing else."""
    named = [found] if isinstance(found, str) else found
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise ValueError("aud is missing or malformed")
    if not set(ours).intersection(named):
        raise ValueError("aud is another")


def _moment(claims: Mapping[str, object], name: str) -> float:
    """Return a moment in seconds since 1970; true and false are numbers to Python, but not to us."""
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < _END_OF_TIME_S:
        raise ValueError(f"{name} is no moment")
    return float(found)


def _name(claims: Mapping[str, object], places: tuple[str, ...]) -> str | None:
    """Return the first name that could be shown to people."""
    for place in places:
        found = _at(claims, place)
        if isinstance(found, str) and found.isprintable() and found.strip():
            return found.strip()[:MAX_NAME_CHARS]
    return None


def _roles(claims: Mapping[str, object], policy: TokenPolicy) -> frozenset[Role]:
    """Return those roles of a token that are ours."""
    found = _at(claims, policy.roles_claim)
    named = _WORDS.split(found) if isinstance(found, str) else found if isinstance(found, list) else []
    ours = frozenset(role for role in Role if role.value in named)
    return ours or (frozenset({policy.default_role}) if policy.default_role else frozenset())


def _at(claims: Mapping[str, object], place: str) -> object:
    """Return what stands at a place. Names of claims may have dots in them, so the whole is looked for first."""
    if place in claims:
        return claims[place]
    found: object = claims
    for step in place.split("."):
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found
