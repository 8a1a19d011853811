"""In whose name a stress run sends: nobody's where the server is open, else users with tokens, given or issued."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from saccade.cli.stress_plan import ANONYMOUS, User, is_sendable, names_of, read_tokens
from saccade.errors import CredentialInvalid, DevelopmentOnly, ParameterInvalid, Unauthenticated

if TYPE_CHECKING:
    from saccade.cli.job_client import JobClient
    from saccade.settings import Settings

#: What the figures call whoever has the key of ``--key``, and the token of ``SACCADE_CLIENT_TOKEN``.
_KEY_OWNER = "key"
_CLIENT = "client"


def users_of(
    client: JobClient,
    model: str,
    settings: Settings,
    *,
    names: str | None,
    tokens: Path | None,
    key: str | None,
    lasts_s: float,
) -> list[User]:
    """Return who sends, after the server has shown each of them the model.

    Args:
        client: Of the server; what it would say of who sends by itself is left out.
        model: Whose answers are wanted.
        settings: Of this machine.
        names: Of ``--users``.
        tokens: Of ``--token-file``.
        key: Of ``--key``.
        lasts_s: How long tokens must be good that are issued here.

    Raises:
        ParameterInvalid: What was given does not go together or cannot be read.
        Unauthenticated: The server asks who sends, and nobody was named.
        DevelopmentOnly: Tokens would have to be issued, and this is production.
        SaccadeError: The server does not answer, lets one of them not in, or has no such model.
    """
    client.http.headers.pop("Authorization", None)
    users = _given(names, tokens, key)
    own = settings.client.token.get_secret_value()
    if users is None and names is None and own:
        users = [User(_CLIENT, own)]
    if users is None and _is_open(client, model):
        # Where nobody is asked, names are only names; the figures have them all the same.
        return [User(name) for name in names_of(names)] if names is not None else [ANONYMOUS]
    if users is None and names is not None:
        return _let_in(client, model, _issued(names_of(names), settings, lasts_s))
    if users is None:
        raise Unauthenticated("The server asks who sends.", hint=_WAYS_IN)
    for user in users:
        _look_at(client, model, user)
    return users


_WAYS_IN = "Give --users with names, or --token-file, or a key in SACCADE_CLIENT_TOKEN."


def _given(names: str | None, tokens: Path | None, key: str | None) -> list[User] | None:
    """Return the users whose secrets stand on the command line or in a file; None if none do."""
    if key is not None and (names is not None or tokens is not None):
        raise ParameterInvalid("--key does not go with --users or --token-file.", hint="Give one of them.")
    if key is not None:
        if not is_sendable(key):
            raise ParameterInvalid("What --key gives is no key.", hint="Give it as it was shown when it was made.")
        return [User(_KEY_OWNER, key)]
    if tokens is not None:
        return read_tokens(tokens, names_of(names) if names is not None else ())
    return None


def _is_open(client: JobClient, model: str) -> bool:
    try:
        _look_at(client, model, ANONYMOUS)
    except Unauthenticated:
        return False
    return True


def _let_in(client: JobClient, model: str, users: list[User]) -> list[User]:
    """Return users with tokens of this home folder, if the server takes them.

    Raises:
        CredentialInvalid: It does not: it has another home, or takes no development tokens.
    """
    try:
        for user in users:
            _look_at(client, model, user)
    except CredentialInvalid:
        raise CredentialInvalid(
            "The server does not take the tokens that were made here.",
            hint="Give the server's own home folder with --home; a server in production takes none.",
        ) from None
    return users


def _look_at(client: JobClient, model: str, user: User) -> None:
    client.ask("GET", f"/v1/models/{quote(model, safe='@')}", headers=user.headers)


def _issued(names: Sequence[str], settings: Settings, lasts_s: float) -> list[User]:
    """Return users with development tokens, which only a server with the same home takes."""
    from saccade.access.development import issue
    from saccade.access.principals import Role
    from saccade.settings import Environment

    if settings.place.environment is Environment.PROD:
        raise DevelopmentOnly("saccade stress makes no tokens where SACCADE_ENVIRONMENT is prod.", hint=_WAYS_IN)
    role = frozenset({Role.INVESTIGATOR})
    return [User(name, issue(settings.home, name, role, lasts_s=lasts_s)) for name in names]
