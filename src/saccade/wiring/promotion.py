"""Promotion, with a server and without: then the database itself is opened, over the models that this machine has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.errors import SchemaBehind
from saccade.models.promotion import Promoter
from saccade.models.registry import Registry
from saccade.settings import Settings
from saccade.wiring.registration import registrar_over
from saccade.wiring.schema import check_schema

if TYPE_CHECKING:
    from saccade.backends.database.connection import Database


def promoter_over(database: Database, registry: Registry) -> Promoter:
    """Return what moves aliases over an open database."""
    from saccade.backends.database.aliases import SqlAliases
    from saccade.backends.database.evaluations import SqlEvaluations

    return Promoter(SqlAliases(database), SqlEvaluations(database), registry)


@contextmanager
def open_promoter(settings: Settings, registry: Registry) -> Iterator[Promoter]:
    """Open what moves aliases, and close the database whatever happens.

    Raises:
        DatabaseUnreachable: The database does not answer.
        SchemaBehind: Its schema is not this version's; a file of ours is brought up to date instead.
    """
    from saccade.backends.database.opening import open_database

    with closing(open_database(settings.database_url)) as database:
        check_schema(database)
        promoter = promoter_over(database, registry)
        promoter.observe()
        yield promoter


def observe_once(settings: Settings, registry: Registry) -> None:
    """Let a registry see once what aliases mean and which models registered themselves; they are not looked after.

    A file that is not there yet is not made, and none is changed.

    Raises:
        UnavailableError: The database does not answer, or its schema is not this version's.
        ConfigurationError: Its URL cannot be opened.
    """
    from sqlalchemy import make_url

    from saccade.backends.database.migrate import is_current
    from saccade.backends.database.opening import open_database

    if settings.database_url.startswith("sqlite:") and not _is_file(make_url(settings.database_url).database):
        return
    with closing(open_database(settings.database_url)) as database:
        if not is_current(database):
            raise SchemaBehind("The database's schema is not this version's.")
        promoter_over(database, registry).observe()
        registrar_over(database, registry, settings).observe(load=False)


def _is_file(path: str | None) -> bool:
    return path is not None and Path(path).expanduser().exists()
