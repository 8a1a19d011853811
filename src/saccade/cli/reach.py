"""What ``saccade doctor`` says of the database, the broker and the store: do they answer, and what mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from saccade.cli.output import shown_url
from saccade.cli.verdict import Check, Verdict
from saccade.errors import SaccadeError

if TYPE_CHECKING:
    from saccade.settings import Settings


def check_database(settings: Settings) -> Check:
    """Tell whether the database answers and has this version's schema; a file that is not there yet is not made."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    name, shown = "database", shown_url(settings.database_url)
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):  # what it says may hold a piece of the password
        return Check(name, Verdict.WRONG, "SACCADE_DATABASE_URL is no URL")
    if url.drivername == "sqlite" and url.database and not Path(url.database).expanduser().exists():
        return Check(name, Verdict.OK, f"{shown} will be made when needed")
    try:
        return _check_schema(settings.database_url, shown, is_file=url.drivername == "sqlite")
    except SaccadeError as error:
        return _wrong(name, shown, error, "Start it, or set SACCADE_DATABASE_URL to where it is.")
    except Exception as error:  # noqa: BLE001 - a driver's own: an option that it does not know, for example
        told = f"{shown} cannot be opened ({type(error).__name__}); mend SACCADE_DATABASE_URL"
        return Check(name, Verdict.WRONG, told)


def check_hints(settings: Settings) -> Check:
    """Tell whether the broker of hints answers."""
    name, shown = "hints", shown_url(settings.hints.url)
    if urlsplit(settings.hints.url).scheme == "memory":
        return Check(name, Verdict.OK, f"{shown} wakes the workers of one process; others look for themselves")
    from saccade.backends import open_hints

    try:
        hints = open_hints(settings.hints.url)
        try:
            hints.check()
        finally:
            hints.close()
    except SaccadeError as error:
        return _wrong(
            name, shown, error, "Start it, or set SACCADE_HINTS_URL to where it is; nothing is lost meanwhile."
        )
    return Check(name, Verdict.OK, f"{shown} answers")


def check_objects(settings: Settings) -> Check:
    """Tell whether the place of stored bytes answers; a folder that is not there yet is not made."""
    name, shown = "objects", shown_url(settings.objects_url)
    parts = urlsplit(settings.objects_url)
    if parts.scheme == "file" and not Path(unquote(parts.path)).exists():
        return Check(name, Verdict.OK, f"{shown} will be made when needed")
    from saccade.backends import open_objects

    try:
        objects = open_objects(settings.objects_url)
        try:
            objects.check()
        finally:
            objects.close()
    except SaccadeError as error:
        return _wrong(name, shown, error, "Set SACCADE_OBJECTS_URL to a place that can be written.")
    return Check(name, Verdict.OK, f"{shown} answers")


def _check_schema(url: str, shown: str, *, is_file: bool) -> Check:
    """Tell which schema a database has.

    Raises:
        SaccadeError: It does not answer, or has no driver here.
    """
    from saccade.backends.database.migrate import revision
    from saccade.backends.database.opening import open_database
    from saccade.backends.database.schema import HEAD

    database = open_database(url)
    try:
        found = revision(database)
    finally:
        database.close()
    if found == HEAD:
        return Check("database", Verdict.OK, f"{shown} answers, schema {found}")
    told = f"{shown} answers, its schema is {found or 'empty'} and this version's {HEAD}"
    if is_file:
        return Check("database", Verdict.NOTE, f"{told}; the next start brings it up to date")
    return Check("database", Verdict.WRONG, f"{told}; run saccade migrate")


def _wrong(name: str, shown: str, error: SaccadeError, mend: str) -> Check:
    """Return a check that failed: what happened, and what to do about it."""
    hint = error.hint if error.hint != type(error).default_hint else mend
    return Check(name, Verdict.WRONG, f"{shown}: {error.in_full} {hint}")
