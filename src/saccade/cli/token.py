"""``saccade token``: a token for trying things out, signed with a key in the home folder."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.options import AsJson, HomeFolder, read_settings
from saccade.cli.output import stderr, write_json
from saccade.clock import utc_now
from saccade.durations import parse_duration_s
from saccade.errors import DevelopmentOnly, ParameterInvalid

if TYPE_CHECKING:
    from saccade.access.principals import Role

_NO_ROLE = "none"


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whom the token names.")],
    *,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="none|investigator|researcher|admin",
            help="What they are allowed, else investigator; may be given several times.",
        ),
    ] = None,
    lasts: Annotated[str, typer.Option(metavar="TIME", help="How long it lasts: 45s, 30m, 12h, 7d, 2w.")] = "12h",
    home: HomeFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for trying things out: as somebody, with a role, for a while.

    The server whose home folder this is takes it as a bearer token. Only the token is written to stdout:
    curl -H "Authorization: Bearer $(saccade token alice)" … Refused where SACCADE_ENVIRONMENT is prod.
    """
    from saccade.settings import Environment

    settings = read_settings({"SACCADE_HOME": home})
    if settings.place.environment is Environment.PROD:
        raise DevelopmentOnly("saccade token makes no tokens where SACCADE_ENVIRONMENT is prod.")
    roles, lasts_s = _roles(role or ["investigator"]), _seconds(lasts)
    from saccade.access.development import issue

    now = utc_now()
    text = issue(settings.home, name, roles, lasts_s, now=lambda: now)
    ends = (now.replace(microsecond=0) + timedelta(seconds=int(lasts_s))).strftime("%Y-%m-%dT%H:%M:%SZ")
    named = sorted(each.value for each in roles)
    if as_json:
        write_json({"token": text, "principal": f"dev:{name}", "name": name, "roles": named, "expires_at": ends})
        return
    sys.stdout.write(text + "\n")
    if sys.stderr.isatty():
        told = f"For {name} ({', '.join(named) or 'no role'}) until {ends}. Send it as 'Authorization: Bearer …'."
        stderr().print(told, markup=False, soft_wrap=True)


def _roles(named: list[str]) -> frozenset[Role]:
    """Return the roles of these names; none stands alone."""
    from saccade.access.principals import Role

    known = {role.value: role for role in Role}
    other = next((name for name in named if name not in known and name != _NO_ROLE), None)
    if other is not None:
        raise ParameterInvalid(f"There is no role {other[:40]!a}.", hint=f"Take {_NO_ROLE}, {', '.join(known)}.")
    if _NO_ROLE in named and len(set(named)) > 1:
        raise ParameterInvalid("--role none does not go together with another role.")
    return frozenset(known[name] for name in named if name != _NO_ROLE)


def _seconds(text: str) -> float:
    """Return the seconds of --lasts."""
    try:
        return parse_duration_s(text)
    except ValueError as reason:
        raise ParameterInvalid(f"--lasts: {reason}.") from None
