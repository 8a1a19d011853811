"""``saccade migrate``: bring the database to this version's schema, once it answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from saccade.cli.options import AsJson, read_settings
from saccade.cli.output import shown_url, stderr, stdout, write_json
from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable

if TYPE_CHECKING:
    from saccade.backends.database.connection import Database

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0


def migrate(*, as_json: AsJson = False) -> None:
    """Bring the schema of SACCADE_DATABASE_URL to this version.

    Safe to run at any time, again, and from several machines at once. A database that does not answer yet is waited
    for, SACCADE_DATABASE_WAIT_S at most. A file of SQLite never needs it: serve and work bring it up to date.
    """
    settings = read_settings({})
    from saccade.backends.database.migrate import migrate as bring_up
    from saccade.backends.database.opening import open_database
    from saccade.backends.database.schema import HEAD

    database = open_database(settings.database_url)
    try:
        before = _revision(database, wait_s=settings.database.wait_s)
        bring_up(database)
    finally:
        database.close()
    if as_json:
        write_json({"database": shown_url(settings.database_url), "from": before, "to": HEAD})
    elif before == HEAD:
        stdout().print(f"The schema of {shown_url(settings.database_url)} is {HEAD} already.", soft_wrap=True)
    else:
        told = f"The schema of {shown_url(settings.database_url)} was {before or 'empty'} and is {HEAD} now."
        stdout().print(told, soft_wrap=True)


def _revision(database: Database, *, wait_s: float) -> str | None:
    """Return the schema's revision as soon as the database answers; each failed try is told.

    Raises:
        DatabaseUnreachable: It did not in that time.
    """
    from saccade.backends.database.migrate import revision

    deadline_s = monotonic_s() + wait_s
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return revision(database)
        except DatabaseUnreachable as error:
            left_s = deadline_s - monotonic_s()
            if left_s <= 0:
                raise
            waited_s = min(pause_s, left_s)
            told = f"{error.in_full} Trying again in {waited_s:.1f} s, for {left_s:.0f} s more."
            stderr().print(told, soft_wrap=True)
            time.sleep(waited_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
