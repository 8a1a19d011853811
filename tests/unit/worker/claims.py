"""Claims, and a place that takes what became of them, for tests of the worker's parts."""

from __future__ import annotations

from saccade.errors import DatabaseUnreachable
from saccade.jobs.records import Claim


def claim(number=1, **fields):
    """Return a claim of one item."""
    given = {
        "id": number,
        "job_id": "job",
        "principal": "anonymous",
        "position": 0,
        "model": "circles@1",
        "digest": "d1",
        "options": {},
        "attempt": 1,
        "max_attempts": 8,
        "crash_count": 0,
        "deadline_in_s": None,
        "waited_s": 0.0,
        "file_name": None,
        "source_url": None,
        "sha256": None,
        "blob_key": "jobs/1",
    }
    return Claim(**{**given, **fields})


class Ledger:
    """Takes outcomes as a database would: all of a call or none, and some it cannot write at all."""

    def __init__(self, *, away=0, unwritable=()):
        self.away = away
        self.unwritable = set(unwritable)
        self.calls = []
        self.written = {}

    def finish(self, owner, outcomes):
        if self.away:
            self.away -= 1
            raise DatabaseUnreachable("The database does not answer.")
        if any((outcome.claim.id, type(outcome).__name__) in self.unwritable for outcome in outcomes):
            raise ValueError("a character that no column takes")
        self.calls.append([outcome.claim.id for outcome in outcomes])
        self.written.update({outcome.claim.id: outcome for outcome in outcomes})
        return {outcome.claim.id for outcome in outcomes}
