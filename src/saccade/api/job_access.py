"""How routes come to one job of the caller: its id checked, the database asked on a thread, an end waited for."""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import Request

from saccade.api.cursors import single
from saccade.api.dependencies import lookups_of, platform_of
from saccade.api.drain import drain_of, while_connected
from saccade.api.options import number_in
from saccade.api.principals import caller_of
from saccade.clock import monotonic_s
from saccade.errors import JobUnknown, ParameterInvalid, QueueFull
from saccade.jobs.ids import is_id
from saccade.jobs.records import JobRecord
from saccade.jobs.states import JobState
from saccade.jobs.store import Store

#: Longest time that a client may have an answer held back.
MAX_WAIT_S = 60.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
_GROWTH = 1.5


def store_of(request: Request) -> Store:
    """Return the database.

    Raises:
        UnavailableError: It is not open yet.
    """
    return platform_of(request).jobs.store


def checked_id(job_id: str) -> str:
    """Return what may be the id of a job; anything else is as unknown as a job that never was.

    Raises:
        JobUnknown: It can be none.
    """
    if not is_id(job_id):
        raise JobUnknown("There is no such job.")
    return job_id


async def owner_of(request: Request, job_id: str) -> str:
    """Return whose job it is as far as the caller may know: their own, or, for an admin, anybody's.

    A job of somebody else's is asked for under the caller's own name, and so is as absent as one that never was.

    Raises:
        UnavailableError: The database does not answer.
    """
    caller = caller_of(request)
    if not caller.is_admin:
        return caller.id
    return await lookups_of(request).run(store_of(request).records.owner_of, checked_id(job_id)) or caller.id


async def job_of(request: Request, job_id: str) -> JobRecord:
    """Return a job that the caller may see.

    Raises:
        JobUnknown: There is no such job for the caller.
        UnavailableError: The database does not answer.
    """
    job_id, records = checked_id(job_id), store_of(request).records
    caller = caller_of(request)
    try:
        return await lookups_of(request).run(records.job, caller.id, job_id)
    except JobUnknown:
        owner = await owner_of(request, job_id)
        if owner == caller.id:
            raise
    return await lookups_of(request).run(records.job, owner, job_id)


def wait_of(request: Request) -> float:
    """Return how many seconds the client would wait for the job's end.

    Raises:
        ParameterInvalid: It is no number of seconds, or too many.
    """
    text = single(request, "wait")
    if text is None:
        return 0.0
    wait_s = number_in(text, least=0, most=MAX_WAIT_S)
    if wait_s is None:
        fault = f"must be one number of seconds from 0 to {MAX_WAIT_S:.0f}"
        raise ParameterInvalid(f"'wait' {fault}.", faults={"wait": fault})
    return wait_s


async def ended_job(request: Request, job_id: str, *, wait_s: float) -> JobRecord:
    """Return a job of the caller when it has ended, or as it stands after that time. The body has been read.

    No thread is held in between: the database is asked again and again, ever more rarely. The wait ends early when the
    server stops.

    Raises:
        JobUnknown: The caller has no such job.
        UnavailableError: The database does not answer.
        ClientDisconnect: The client went away.
    """
    job = await job_of(request, job_id)
    if job.state is not JobState.RUNNING or wait_s <= 0:
        return job
    return await while_connected(request, lambda: _poll(request, job, wait_s))


async def _poll(request: Request, job: JobRecord, wait_s: float) -> JobRecord:
    until_s = monotonic_s() + wait_s
    pause_s = _FIRST_PAUSE_S
    while job.state is JobState.RUNNING:
        left_s = until_s - monotonic_s()
        if left_s <= 0 or await drain_of(request).pause(min(pause_s, left_s)):
            break
        pause_s = min(_LONGEST_PAUSE_S, pause_s * _GROWTH)
        with suppress(QueueFull):  # so many ask that this one asks a little later
            job = await job_of(request, job.id)
    return job
