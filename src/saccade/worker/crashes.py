"""Whether a worker has died on this machine a moment ago: it gave signs of life, did not sign off, and is gone."""

from __future__ import annotations

import os
import socket

from saccade.errors import DatabaseUnreachable
from saccade.jobs.records import WorkerRecord
from saccade.jobs.store import Records

_SECOND_US = 1_000_000


def has_crashed_here(records: Records, *, within_s: float) -> bool:
    """Say whether there is a dead worker of this machine that was seen in the last ``within_s`` seconds."""
    try:
        report = records.queue()
    except DatabaseUnreachable:
        return False
    oldest_us = report.now_us - int(within_s * _SECOND_US)
    return any(_is_dead_here(worker) for worker in report.workers if worker.seen_at_us >= oldest_us)


def _is_dead_here(worker: WorkerRecord) -> bool:
    if worker.host != socket.gethostname():
        return False
    if worker.pid == os.getpid():  # a container's processes have the same numbers in each of its lives
        return True
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
