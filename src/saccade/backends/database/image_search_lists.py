"""What few images fulfil is listed once, and then needs no walk: spans of indexes that are short."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, literal_column, select

from saccade.backends.database.image_search_conditions import Condition, Rows
from saccade.backends.database.image_search_walk import Bounds, Listed, Walk

#: A span of more rows is not short.
MOST_LISTED = 5_000
_ONE: ColumnElement[int] = literal_column("1")
#: Where so few images are left, one more list costs more than to check them.
_FEW = 200


def walk_for(tx: Connection, conditions: Sequence[Condition], bounds: Bounds) -> Walk:
    """Return the walk for conditions, with a list of what fulfils those that few images do."""
    numbers: set[int] | None = None
    short: list[Condition] = []
    for condition in conditions:
        if numbers is not None and len(numbers) <= _FEW:
            break
        found = _listed(tx, condition, bounds)
        if found is not None:
            numbers = found if numbers is None else numbers & found
            short.append(condition)
    if numbers is None:
        return Walk(tx, tuple(conditions))
    others = tuple(each for each in conditions if each not in short)
    return Walk(tx, others, Listed(sorted(numbers, reverse=True), tuple(short)))


def _listed(tx: Connection, condition: Condition, bounds: Bounds) -> set[int] | None:
    """Return all images that fulfil a condition; None if none of its spans is short."""
    for rows in condition.spans:
        if not _is_short(tx, rows):
            continue
        within = bounds.terms(rows.number + 0)  # so written, it lures no database away from the span
        return set(tx.execute(select(rows.number).where(*rows.place, *rows.rest, *within)).scalars())
    return None


def _is_short(tx: Connection, rows: Rows) -> bool:
    most: ColumnElement[int] = literal_column(str(MOST_LISTED))  # not bound, so that planners know it
    beyond = select(rows.number).where(*rows.place).limit(_ONE).offset(most)
    return tx.execute(beyond).first() is None
