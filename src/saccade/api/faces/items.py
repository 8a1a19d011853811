"""Jobs as other systems have them: one picture, one model, one thing to wait for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from starlette.requests import Request

from saccade.access.policy import Action
from saccade.api.context import context_of
from saccade.api.dependencies import lookups_of, platform_of, submissions_of
from saccade.api.job_access import checked_id, owner_of, store_of
from saccade.api.principals import principal_of, require_models
from saccade.api.submissions import shown_name
from saccade.api.tolls import charge_images
from saccade.errors import JobUnknown
from saccade.jobs.records import ItemRecord, JobRecord
from saccade.jobs.render import error_of
from saccade.jobs.submission import Source, Submission
from saccade.predictions.answer import PredictOptions

_SECOND_US = 1_000_000


async def submit(
    request: Request, source: Source, model: str, *, route: str, options: PredictOptions | None = None
) -> JobRecord:
    """Take one picture for one model now, and return the job that will answer it.

    Raises:
        RequestError: The picture cannot be taken.
        ModelUnknown: There is no such model.
        UnavailableError: There is no room, or the database does not answer.
    """
    require_models(request, Action.JOBS_WRITE, [model])
    submission = Submission(
        principal=principal_of(request),
        sources=(replace(source, file_name=shown_name(source.file_name)),),
        models=(model,),
        options=options or PredictOptions(),
        route=route,
        request_id=context_of(request.scope).request_id,
    )
    taken = await submissions_of(request).run(platform_of(request).jobs.submit, submission)
    charge_images(request, 1)
    return taken.job


async def check_room(request: Request) -> None:
    """Return if one more item may come in: asked before a body is read.

    Raises:
        UnavailableError: There is no room.
    """
    jobs = platform_of(request).jobs
    await submissions_of(request).run(jobs.room.check, principal_of(request), 1)


async def item_of(request: Request, job_id: str) -> ItemRecord:
    """Return the first item of a job that the caller may see.

    Raises:
        JobUnknown: There is no such job for the caller.
        UnavailableError: The database does not answer.
    """
    owner = await owner_of(request, checked_id(job_id))
    found = await lookups_of(request).run(store_of(request).records.items, owner, job_id, limit=1)
    if not found:
        raise JobUnknown("There is no such job.")
    return found[0]


def prediction_of(item: ItemRecord) -> Mapping[str, object] | None:
    """Return what was predicted, None as long as nothing was."""
    return None if item.prediction is None else cast("Mapping[str, object]", json.loads(item.prediction))


def entries_of(prediction: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the labels or objects of a prediction, best first."""
    return cast("list[Mapping[str, object]]", prediction["predictions"])


def reason_of(item: ItemRecord) -> str:
    """Return why an item has no prediction."""
    return str(error_of(item) or item.error_detail or "It failed in a way that nobody foresaw.")


def naive_utc(at_us: int | None) -> str | None:
    """Return a time as a client of system 0 reads it: ISO 8601 in UTC that does not say so."""
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us / _SECOND_US, UTC).replace(tzinfo=None).isoformat()
