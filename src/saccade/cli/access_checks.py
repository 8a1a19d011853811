"""What ``saccade doctor`` says of who may come in: the mode, accounts, tokens, limits, and what production refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from saccade.cli.output import shown_url
from saccade.cli.verdict import Check, Verdict
from saccade.errors import ConfigurationError, SaccadeError, UnavailableError

if TYPE_CHECKING:
    from saccade.settings import Settings

#: What somebody is told who serves a server that nobody can come in to.
NOBODY = "nobody can come in yet: saccade users create NAME --admin makes the first account"


def check_access(settings: Settings) -> Iterator[Check]:
    """Tell who is asked, who could answer, and whether what checks them works."""
    yield from _production(settings)
    yield _mode(settings)
    if settings.jwt.jwks:
        yield _tokens(settings)
    yield _limits(settings)


def _production(settings: Settings) -> Iterator[Check]:
    """Yield every fault at once; at the start only the first is told."""
    from saccade.settings.production import production_faults
    from saccade.wiring.access import has_development_key

    for fault in production_faults(settings, development_key=has_development_key(settings)):
        yield Check("production", Verdict.WRONG, fault)


def _mode(settings: Settings) -> Check:
    mode = settings.access.mode.value
    if mode == "open":
        whom = "anybody who can reach it" if settings.server.allow_anyone else "this machine's own programs"
        return Check("access", Verdict.OK, f"open: it asks nobody, and serves {whom}")
    try:
        accounts = _accounts(settings)
    except Exception as error:  # noqa: BLE001 - what is wrong with the database is told by the check of it
        return Check("access", Verdict.NOTE, f"required; accounts cannot be counted ({type(error).__name__})")
    if not accounts and not settings.jwt.jwks:
        return Check("access", Verdict.WRONG, f"required, and {NOBODY}")
    return Check("access", Verdict.OK, f"required: everybody is asked; {'there are' if accounts else 'no'} accounts")


def _accounts(settings: Settings) -> bool:
    """Say whether there is any account; a file that is not there yet is not made."""
    import contextlib
    from pathlib import Path

    from sqlalchemy import make_url

    from saccade.backends.database.migrate import is_current
    from saccade.backends.database.opening import open_database
    from saccade.wiring.kept import open_books

    url = make_url(settings.database_url)
    if url.drivername == "sqlite" and not Path(url.database or "").expanduser().exists():
        return False
    with contextlib.closing(open_database(settings.database_url)) as database:
        return is_current(database) and bool(open_books(settings, database)[0].list(limit=1))


def _tokens(settings: Settings) -> Check:
    """Fetch the provider's keys once."""
    from saccade.access.keyset import usable_keys
    from saccade.backends.keysets import open_key_set
    from saccade.wiring.access import provider_tokens

    shown = shown_url(settings.jwt.jwks)
    try:
        provider_tokens(settings.jwt)
        usable = usable_keys(open_key_set(settings.jwt.jwks).fetch(), settings.jwt.algorithms)
    except SaccadeError as error:
        return Check("tokens", Verdict.WRONG, f"{shown}: {error.in_full}")
    count = len(usable.by_kid) or int(bool(usable.lone))
    if not count:
        return Check("tokens", Verdict.WRONG, f"{shown} holds no key for {', '.join(settings.jwt.algorithms)}")
    return Check("tokens", Verdict.OK, f"{shown} answers, with {count} usable key{'' if count == 1 else 's'}")


def _limits(settings: Settings) -> Check:
    """Read the limits, and ask the place where they are counted."""
    from saccade.wiring.limits import open_rates

    try:
        rates = open_rates(settings)
    except ConfigurationError as error:
        return Check("limits", Verdict.WRONG, f"{error} {error.hint}")
    names = sorted({policy.name for policy in rates.policies})
    told = f"{', '.join(names) or 'none'}, counted at {shown_url(settings.rate.url)}"
    try:
        rates.check()
    except UnavailableError as error:
        then = "everybody is let through" if settings.rate.on_failure.value == "open" else "everybody is refused"
        return Check("limits", Verdict.WRONG, f"{told}: {error.in_full} Until it answers {then}.")
    finally:
        rates.close()
    return Check("limits", Verdict.OK, told)
