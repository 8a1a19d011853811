"""How much may wait, and when there is room again."""

from collections.abc import Mapping

import pytest

from saccade.errors import ItemsQuotaReached, JobsFull, TooManyItems
from saccade.jobs.records import QueueReport
from saccade.jobs.room import Room, RoomLimits


class Queue:
    """Counts as a database would tell them; two items end in a second."""

    def __init__(self, **waiting: int) -> None:
        self._waiting = waiting

    def open_items(self) -> Mapping[str, int]:
        return dict(self._waiting)

    def queue(self, *, span_s: float = 60.0) -> QueueReport:
        return QueueReport(rows=(), workers=(), ended_recently=120, span_s=60.0, now_us=0)


def room_of(*, total: int, each: int, **waiting: int) -> Room:
    return Room(Queue(**waiting), RoomLimits(total=total, each=each))


def test_what_can_never_fit_is_not_told_to_come_again():
    """Whoever obeys a Retry-After must have a chance."""
    with pytest.raises(TooManyItems):
        room_of(total=100, each=10).check("alice", 11)


def test_quota_of_one_says_when_enough_has_drained():
    """Ten items too many at two a second are five seconds, and a quarter more at most."""
    with pytest.raises(ItemsQuotaReached) as caught:
        room_of(total=100, each=20, alice=15).check("alice", 15)

    assert 5.0 <= caught.value.retry_after_s <= 6.25


def test_one_who_is_full_is_no_bar_to_others():
    """The quota is each one's own."""
    room_of(total=100, each=20, alice=20).check("bob", 20)


def test_full_server_refuses_everybody():
    """The whole is bounded too."""
    with pytest.raises(JobsFull):
        room_of(total=30, each=20, alice=15, bob=14).check("carol", 2)


def test_what_was_accepted_since_counts():
    """Between two looks into the database nobody is promised the same room twice."""
    room = room_of(total=100, each=20, alice=10)
    room.check("alice", 10)
    room.took("alice", 10)

    with pytest.raises(ItemsQuotaReached):
        room.check("alice", 1)
