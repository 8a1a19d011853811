"""Limits as header fields and as members of a problem.

The form is that of draft-ietf-httpapi-ratelimit-headers-11 (May 2026), which is no RFC yet; if it changes, then here.
Pictures and pixels have units of our own beside the draft's: a policy without a unit would count requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from saccade.access.rate_policy import Policy, Unit
from saccade.access.rates import Standing

#: The problem type that the draft registers; the problem's ``code`` goes on telling our kinds apart.
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"

POLICY_FIELD = "RateLimit-Policy"
LEVEL_FIELD = "RateLimit"


def standing_headers(standing: Standing) -> dict[str, str]:
    """Return the headers that tell what is allowed and what is left of it; none where nothing is limited."""
    if not standing.levels:
        return {}
    return {
        POLICY_FIELD: _policies(policy for policy, _ in standing.levels),
        LEVEL_FIELD: ", ".join(_level(policy, level.remaining, level.reset_s) for policy, level in standing.levels),
    }


def refusal_headers(violated: Iterable[Policy], retry_after_s: float) -> dict[str, str]:
    """Return the headers of a refusal: nothing is left of these, and ``t`` says the same as ``Retry-After``."""
    policies = tuple(violated)
    if not policies:
        return {}
    retry_after_s = max(1.0, retry_after_s)
    return {
        POLICY_FIELD: _policies(policies),
        LEVEL_FIELD: ", ".join(_level(policy, 0, retry_after_s) for policy in policies),
    }


def refusal_members(violated: Sequence[str]) -> Mapping[str, object]:
    """Return what a problem says of the limits that stood in the way, by their names."""
    return {"type": QUOTA_EXCEEDED, "violated-policies": list(violated)}


def _policies(policies: Iterable[Policy]) -> str:
    return ", ".join(_policy(policy) for policy in policies)


def _policy(policy: Policy) -> str:
    window = "" if policy.span_s is None else f";w={policy.span_s}"
    unit = "" if policy.unit is Unit.REQUESTS else f";qu={_text(policy.unit.value)}"
    return f"{_text(policy.name)};q={policy.most}{window}{unit}"


def _level(policy: Policy, remaining: int, reset_s: float) -> str:
    """Return one member of ``RateLimit``; where there is no window, ``t`` stands only when nothing is left."""
    time = f";t={max(0, math.ceil(reset_s))}" if policy.span_s is not None or remaining == 0 else ""
    return f"{_text(policy.name)};r={remaining}{time}"


def _text(text: str) -> str:
    """Return a string of RFC 9651: printable ASCII in quotes; what it has no letters for is percent-encoded."""
    plain = quote(text, safe="".join(map(chr, range(0x20, 0x7F))), errors="backslashreplace")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
