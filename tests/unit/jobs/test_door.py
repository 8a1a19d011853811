"""The way to what is kept: whatever stands in it, it is told and tried again."""

import threading

import pytest

from saccade.errors import DatabaseUnreachable, UnavailableError
from saccade.jobs.door import Door


@pytest.mark.timeout(30)
def test_door_outlives_what_nobody_foresaw():
    """A driver's own error, for an option that it does not know, is a reason to be told, not the end of the thread."""
    told = threading.Event()

    def open_all():
        raise TypeError("unexpected keyword argument")

    door = Door(open_all, on_wait=lambda _error, _pause_s: told.set())
    door.start()
    try:
        assert told.wait(10)
        assert isinstance(door.problem, DatabaseUnreachable)
        with pytest.raises(UnavailableError, match="TypeError"):
            door.kept()
    finally:
        door.close()
