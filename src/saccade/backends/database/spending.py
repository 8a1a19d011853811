"""What principals have had today, summed from the ledger by its indexes of principal and time."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from saccade.access.counting import Spending
from saccade.backends.database.clock import now_us
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import request_event, usage_event

_DAY_US = 86_400_000_000
#: Answers to requests that were turned away: for a limit of theirs, or because the server had no room.
_TURNED_AWAY = (429, 503)


class SqlSpent:
    """``Spent`` over SQL."""

    def __init__(self, database: Database) -> None:
        """Read in a database."""
        self._database = database

    def today(self, principal_id: str) -> Spending:
        """Return what a principal has had today; see the port."""

        def work(tx: Connection) -> Spending:
            now = now_us(tx)
            midnight = now - now % _DAY_US
            requests = tx.execute(
                select(func.count()).where(
                    request_event.c.principal == principal_id,
                    request_event.c.created_at >= midnight,
                    request_event.c.status.not_in(_TURNED_AWAY),
                )
            ).scalar_one()
            images, pixels = tx.execute(
                select(func.count(), func.coalesce(func.sum(usage_event.c.pixels), 0)).where(
                    usage_event.c.principal == principal_id, usage_event.c.created_at >= midnight
                )
            ).one()
            return Spending(int(requests), int(images), int(pixels))

        return self._database.read(work)
