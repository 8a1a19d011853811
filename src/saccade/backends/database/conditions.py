"""Which items are meant: conditions with the state written out, so that the indexes of those states serve them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column, or_

from saccade.backends.database.schema import item
from saccade.jobs.states import OPEN, ItemState


def in_state(state: ItemState) -> ColumnElement[bool]:
    """Return the condition that an item is in this state."""
    return item.c.state == literal_column(f"'{state.value}'")


IS_QUEUED = in_state(ItemState.QUEUED)
IS_RUNNING = in_state(ItemState.RUNNING)
IS_OPEN = or_(*(in_state(state) for state in OPEN))
