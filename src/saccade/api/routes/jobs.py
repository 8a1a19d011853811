"""Jobs: submit, list, show, cancel, retry, erase."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.access.principals import Principal
from saccade.api.answers import JsonAnswer, cacheable
from saccade.api.context import context_of
from saccade.api.cursors import job_cursor, read_job_cursor, single, whole_number
from saccade.api.dependencies import lookups_of, platform_of, submissions_of
from saccade.api.description import new_router
from saccade.api.job_access import checked_id, ended_job, job_of, owner_of, store_of, wait_of
from saccade.api.job_descriptions import (
    cancel_operation,
    erase_operation,
    list_operation,
    retry_operation,
    show_operation,
    submit_operation,
)
from saccade.api.principals import caller_of, principal_of, require_models
from saccade.api.submissions import idempotency_key, read_submission
from saccade.api.tolls import charge_images
from saccade.errors import ParameterInvalid
from saccade.jobs.records import JobRecord
from saccade.jobs.render import as_accepted, job_to_json
from saccade.jobs.states import JobState

router = new_router("jobs")

_DEFAULT_PAGE = 50
_LARGEST_PAGE = 200
#: When it is worth looking for the first time, in seconds.
_LOOK_AFTER_S = "1"
#: Names the jobs of all, for an admin.
EVERYBODY = "*"
#: Id that no principal has: a way in always has a name, and a name has no blank at its end.
_NOBODY = " "
_NO_STORE = {"Cache-Control": "no-store"}


@router.post("/v1/jobs", **submit_operation())
async def submit_job(request: Request) -> Response:
    """Take pictures for models now and answer at once; each (picture, model) pair becomes one item of the job.

    When 202 is answered, every item will end, whatever dies. Everything is checked before anything is stored, but not
    whether a picture can be decoded or a URL fetched: such an item fails alone, with its reason. With an
    `Idempotency-Key` the same request may be sent again and again, and makes one job.
    """
    principal, jobs = principal_of(request), platform_of(request).jobs
    await submissions_of(request).run(jobs.room.check, principal, 1)
    submission = await read_submission(request)
    require_models(request, Action.JOBS_WRITE, submission.models)
    taken = await submissions_of(request).run(jobs.submit, submission)
    if not taken.replayed:
        charge_images(request, taken.job.counts.total)
    return accepted_answer(taken.job, replayed=taken.replayed)


@router.get("/v1/jobs", **list_operation())
async def list_jobs(request: Request) -> Response:
    """Return the caller's jobs, newest first; an admin may name another `owner`, or `*` for everybody's."""
    limit = whole_number(request, "limit", least=1, most=_LARGEST_PAGE) or _DEFAULT_PAGE
    state, before = _state_of(request), read_job_cursor(single(request, "cursor"))
    records = store_of(request).records
    owner = single(request, "owner")
    found = await lookups_of(request).run(
        records.jobs, _listed(caller_of(request), owner), before=before, state=state, limit=limit + 1
    )
    shown = found[:limit]
    headers, following = dict(_NO_STORE), None
    if len(found) > limit:
        query = {"cursor": job_cursor(shown[-1].id), "limit": str(limit)}
        query |= {"state": state.value} if state else {}
        query |= {"owner": owner} if owner is not None else {}
        following = f"/v1/jobs?{urlencode(query)}"
        headers["Link"] = f'<{following}>; rel="next"'
    return JsonAnswer({"jobs": [job_to_json(job) for job in shown], "next": following}, headers=headers)


@router.get("/v1/jobs/{job_id}", **show_operation())
async def show_job(request: Request, job_id: str) -> Response:
    """Return where a job stands; with `wait` as soon as it has ended, or after so many seconds."""
    job = await ended_job(request, job_id, wait_s=wait_of(request))
    return cacheable(request, job_to_json(job))


@router.post("/v1/jobs/{job_id}/cancel", **cancel_operation())
async def cancel_job(request: Request, job_id: str) -> Response:
    """End every open item as cancelled; what has ended stays as it is. Cancelling twice is no error."""
    cancel, owner = store_of(request).records.cancel, await owner_of(request, job_id)
    job = await lookups_of(request).run(cancel, owner, checked_id(job_id))
    return JsonAnswer(job_to_json(job), headers=_NO_STORE)


@router.post("/v1/jobs/{job_id}/retry", **retry_operation())
async def retry_job(request: Request, job_id: str) -> Response:
    """Submit the failed and expired items of an ended job once more, as a new job with `retry_of`.

    Models are taken as they are now. Each call makes a new job, unless it repeats an `Idempotency-Key`.
    """
    key = idempotency_key(request)
    job = await job_of(request, job_id)
    require_models(request, Action.JOBS_WRITE, job.models)
    accepted = await submissions_of(request).run(
        platform_of(request).jobs.retry,
        job.principal,
        checked_id(job_id),
        idempotency_key=key,
        request_id=context_of(request.scope).request_id,
    )
    if not accepted.replayed:
        charge_images(request, accepted.job.counts.total)
    return accepted_answer(accepted.job, replayed=accepted.replayed)


@router.delete("/v1/jobs/{job_id}", **erase_operation(), status_code=204)
async def erase_job(request: Request, job_id: str) -> Response:
    """Cancel a job and forget it with its images and results; the id is as absent as one that never was."""
    erase, owner = store_of(request).records.erase, await owner_of(request, job_id)
    await lookups_of(request).run(erase, owner, checked_id(job_id))
    return Response(status_code=204)


def accepted_answer(job: JobRecord, *, replayed: bool) -> Response:
    """Answer that a job is accepted; a repeated request gets the same body as the first."""
    headers = {**_NO_STORE, "Location": f"/v1/jobs/{job.id}", "Retry-After": _LOOK_AFTER_S}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JsonAnswer(job_to_json(as_accepted(job)), status=202, headers=headers)


def _listed(caller: Principal, owner: str | None) -> str | None:
    """Return whose jobs are listed, None for all; who may not see another's gets the list of somebody who has none."""
    if owner is None or owner == caller.id:
        return caller.id
    if not caller.is_admin:
        return _NOBODY
    return None if owner == EVERYBODY else owner


def _state_of(request: Request) -> JobState | None:
    text = single(request, "state")
    known = {state.value: state for state in JobState}
    if text is not None and text not in known:
        fault = f"must be one of {', '.join(known)}"
        raise ParameterInvalid(f"'state' {fault}.", faults={"state": fault})
    return known[text] if text is not None else None
