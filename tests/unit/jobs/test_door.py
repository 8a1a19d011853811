"""The way to jobs: whatever stands in it, it is told and tried again."""

import threading

import pytest

from saccade.errors import DatabaseUnreachable, UnavailableError
from saccade.jobs.door import Door


@pytest.mark.timeout(30)
def test_door_outlives_what_nobody_foresaw():
    """A driver's own error, for an option that it does not know, is a reason to be told, not the end of the thread."""
    told = threading.Event()

    def open_jobs():
        raise TypeError("unexpected keyword argument")

    door = Door(open_jobs, on_wait=lambda _error, _pause_s: told.set())
    door.start()
    try:
        assert told.wait(10)
        assert isinstance(door.problem, DatabaseUnreachable)
        with pytest.raises(UnavailableError, match="TypeError"):
            door.jobs()
    finally:
        door.close()
