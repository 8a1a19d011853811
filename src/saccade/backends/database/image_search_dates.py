"""Dates as numbers: records are numbered in the order of time, so a search by date need not begin at the newest.

The database's clock may be set back, and two that write at once may get their numbers in another order than their
times; so both ends are widened by an hour. Each record's own time is compared as well, so none is found that should not
be; one could be missed only if the clock had been set back by more than that hour.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, literal_column, select

from saccade.backends.database.image_search_walk import Bounds
from saccade.backends.database.schema import image
from saccade.images.search import ImageQuery

#: By so much a record may be older than another one that has a lower number.
CLOCK_SLACK_US = 3_600 * 1_000_000
_ONE: ColumnElement[int] = literal_column("1")


def narrowed(tx: Connection, query: ImageQuery) -> Bounds:
    """Return between which numbers the images of a time lie."""
    created, number = image.c.created_at, image.c.id
    images = select(number).limit(_ONE)
    if query.owner is not None:
        images = images.where(image.c.owner == query.owner)
    above = below = None
    if query.since_us is not None:
        before = images.where(created <= query.since_us - CLOCK_SLACK_US)
        above = tx.execute(before.order_by(created.desc(), number.desc())).scalar_one_or_none()
    if query.until_us is not None:
        later = images.where(created >= query.until_us + CLOCK_SLACK_US)
        below = tx.execute(later.order_by(created, number)).scalar_one_or_none()
    return Bounds(above or 0, below)
