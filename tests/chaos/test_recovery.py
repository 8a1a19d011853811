"""How long the items of the dead wait, worked out from what the witness saw."""

from chaos.audit import Change
from chaos.journal import Story
from chaos.recovery import recovery

SECOND = 1_000_000


def change(seq, at_s, old, new, writer):
    """Return one change of item 1; times in seconds."""
    return Change(seq, int(at_s * SECOND), "u", 1, "job", old, new, 1, 1, 8, None, None, None, writer)


LIFE = [
    change(1, 1, "queued", "running", "dead"),
    change(2, 2, "running", "running", "dead"),
    change(3, 5, "running", "queued", "reaper"),
    change(4, 6, "queued", "running", "heir"),
    change(5, 7, "running", "succeeded", "heir"),
]


def test_time_runs_from_the_kill_to_the_next_claim():
    """Killed at 3 s, free at 5 s, held again at 6 s."""
    told = recovery(LIFE, Story(kills=[(3 * SECOND, ("dead",), "worker")]), lease_s=2.0)

    assert told["freed"] == {"count": 1, "p50": 2.0, "p99": 2.0, "max": 2.0}
    assert told["claimed_again"]["p99"] == 3.0


def test_what_was_finished_in_time_is_no_loss():
    """A kill after the end of the item counts for nothing."""
    told = recovery(LIFE, Story(kills=[(8 * SECOND, ("heir",), "worker")]), lease_s=2.0)

    assert told["freed"] == told["claimed_again"] == {"count": 0}


def test_outage_of_the_database_is_told_apart():
    """Nobody can claim from a database that is down; that time is not the worker's."""
    story = Story(kills=[(3 * SECOND, ("dead",), "worker")], outages=[(4 * SECOND, 5 * SECOND)])
    told = recovery(LIFE, story, lease_s=2.0)

    assert told["claimed_again"] == {"count": 0}
    assert told["claimed_again_while_the_database_was_down"]["count"] == 1
