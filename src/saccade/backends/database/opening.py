"""From a URL to an open database with all its ports."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import cast

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from saccade.backends.database.claims import SqlClaims
from saccade.backends.database.connection import Database
from saccade.backends.database.deliveries import SqlDeliveries
from saccade.backends.database.records import SqlRecords
from saccade.backends.database.submissions import SqlSubmissions
from saccade.backends.database.upkeep import SqlUpkeep
from saccade.errors import BackendNotInstalled, SchemeUnknown
from saccade.jobs.store import Store

#: scheme → ("module:function", extra that brings the driver).
DATABASES: Mapping[str, tuple[str, str]] = {
    "sqlite": ("saccade.backends.database.sqlite:open_sqlite", ""),
    "postgresql": ("saccade.backends.database.postgresql:open_postgresql", "postgres"),
    "postgres": ("saccade.backends.database.postgresql:open_postgresql", "postgres"),
    "mysql": ("saccade.backends.database.mysql:open_mysql", "mysql"),
    "mariadb": ("saccade.backends.database.mysql:open_mysql", "mysql"),
}


def open_database(text: str) -> Database:
    """Open the database of a URL; a server is not dialled yet.

    Raises:
        SchemeUnknown: No database has this scheme, or the text is no URL.
        BackendNotInstalled: The driver is not installed.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # what it says may hold a piece of the password
        raise SchemeUnknown("SACCADE_DATABASE_URL is no URL.", hint=_hint()) from None
    scheme = url.drivername.partition("+")[0]
    if scheme not in DATABASES:
        raise SchemeUnknown(f"There is no database {scheme!r}.", hint=_hint())
    target, extra = DATABASES[scheme]
    module, _, function = target.partition(":")
    opener = cast("Callable[[URL], Database]", getattr(importlib.import_module(module), function))
    try:
        return opener(url)
    except ModuleNotFoundError as error:
        raise BackendNotInstalled(
            f"{scheme} needs {error.name}, which is not installed.", hint=f"pip install 'saccade[{extra}]'"
        ) from error


def open_store(database: Database) -> Store:
    """Return jobs' ports over an open database."""
    return Store(
        submissions=SqlSubmissions(database),
        records=SqlRecords(database),
        claims=SqlClaims(database),
        upkeep=SqlUpkeep(database),
        deliveries=SqlDeliveries(database),
    )


def _hint() -> str:
    return f"Known schemes: {', '.join(sorted(DATABASES))}."
