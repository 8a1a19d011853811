"""Promotion without a server: the database itself is opened, over the models that this machine has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from saccade.errors import SchemaBehind
from saccade.models.promotion import Promoter
from saccade.models.registry import Registry
from saccade.settings import Settings
from saccade.wiring.kept import check_schema


@contextmanager
def open_promoter(settings: Settings, registry: Registry) -> Iterator[Promoter]:
    """Open what moves aliases, and close the database whatever happens.

    Raises:
        DatabaseUnreachable: The database does not answer.
        SchemaBehind: Its schema is not this version's; a file of ours is brought up to date instead.
    """
    from saccade.backends.database.aliases import SqlAliases
    from saccade.backends.database.evaluations import SqlEvaluations
    from saccade.backends.database.opening import open_database

    with closing(open_database(settings.database_url)) as database:
        check_schema(database)
        promoter = Promoter(SqlAliases(database), SqlEvaluations(database), registry)
        promoter.observe()
        yield promoter


def observe_aliases(settings: Settings, registry: Registry) -> None:
    """Let a registry see once what aliases mean; a file that is not there yet is not made, and none is changed.

    Raises:
        UnavailableError: The database does not answer, or its schema is not this version's.
        ConfigurationError: Its URL cannot be opened.
    """
    from sqlalchemy import make_url

    from saccade.backends.database.aliases import SqlAliases
    from saccade.backends.database.evaluations import SqlEvaluations
    from saccade.backends.database.migrate import is_current
    from saccade.backends.database.opening import open_database

    if settings.database_url.startswith("sqlite:") and not _is_file(make_url(settings.database_url).database):
        return
    with closing(open_database(settings.database_url)) as database:
        if not is_current(database):
            raise SchemaBehind("The database's schema is not this version's.")
        Promoter(SqlAliases(database), SqlEvaluations(database), registry).observe()


def _is_file(path: str | None) -> bool:
    return path is not None and Path(path).expanduser().exists()
