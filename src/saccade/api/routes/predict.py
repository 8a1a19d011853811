"""One picture, one model: ``POST /v1/models/{model}/predict``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.context import context_of
from saccade.api.dependencies import lookups_of, platform_of, submissions_of
from saccade.api.description import new_router, predict_operation
from saccade.api.job_access import ended_job, store_of
from saccade.api.options import read_options
from saccade.api.preferences import Preference, preference_of
from saccade.api.principals import principal_of, require_models
from saccade.api.problems import respond_internal
from saccade.api.routes.jobs import accepted_answer
from saccade.api.sources import read_source, read_unfetched
from saccade.api.submissions import idempotency_key, shown_name
from saccade.api.tolls import charge_images
from saccade.api.turn import Turn
from saccade.jobs.records import ItemRecord
from saccade.jobs.render import error_of
from saccade.jobs.states import JobState
from saccade.jobs.submission import Submission
from saccade.predictions.render import answer_to_json

router = new_router("predictions")

_ROUTE = "/v1/models/{model}/predict"
#: Of the answer that a job was accepted, what an answer with its prediction says too.
_KEPT = frozenset({"location", "cache-control", "idempotency-replayed"})


@router.post(_ROUTE, **predict_operation())
async def predict_image(request: Request, model: str) -> Response:
    """Say what one model sees in one picture; nothing is stored.

    The picture comes as the raw body, as the `file` of a multipart form, or as `image_url` or `image_base64` in JSON:
    exactly one of them. Options come in the query, as form fields or as JSON keys. Coordinates are pixels of the
    upright original (after EXIF rotation), origin top left.

    With `Prefer: respond-async` the picture becomes a job, and 202 says where it is; with `Prefer: wait=5` its
    prediction is the answer if it is there within five seconds. An `Idempotency-Key` counts for such a job.
    """
    context = context_of(request.scope)
    context.model = model
    preference = preference_of(request)
    if preference is not None:
        return await _as_job(request, model, preference)
    turn = Turn(request, model)
    data, given = await read_source(request)
    options = read_options(given)
    predictor = platform_of(request).predictor
    answer = await turn.run(lambda caller: predictor.predict(data, model=model, options=options, caller=caller))
    context.timing = answer.timing
    return JsonAnswer(answer_to_json(answer))


async def _as_job(request: Request, model: str, preference: Preference) -> Response:
    """Answer with the job, or with its prediction if that comes in time."""
    require_models(request, Action.JOBS_WRITE, [model])
    principal, jobs = principal_of(request), platform_of(request).jobs
    key = idempotency_key(request)
    await submissions_of(request).run(jobs.room.check, principal, 1)
    source, given = await read_unfetched(request)
    submission = Submission(
        principal=principal,
        sources=(replace(source, file_name=shown_name(source.file_name)),),
        models=(model,),
        options=read_options(given),
        route=_ROUTE,
        idempotency_key=key,
        request_id=context_of(request.scope).request_id,
    )
    taken = await submissions_of(request).run(jobs.submit, submission)
    job = taken.job
    if not taken.replayed:
        charge_images(request, 1)
    if preference.wait_s:
        job = await ended_job(request, job.id, wait_s=preference.wait_s)
    response = accepted_answer(job, replayed=taken.replayed)
    if job.state is not JobState.RUNNING and preference.wait_s:
        [item] = await lookups_of(request).run(store_of(request).records.items, principal, job.id)
        kept = {name: value for name, value in response.headers.items() if name in _KEPT}
        response = _ended(request, item, kept)
    response.headers["Preference-Applied"] = preference.applied
    return response


def _ended(request: Request, item: ItemRecord, headers: Mapping[str, str]) -> Response:
    """Answer what became of an item, as if it had been asked for alone.

    Raises:
        SaccadeError: Why it has no prediction.
    """
    if item.prediction is not None:
        return Response(item.prediction, headers=headers, media_type="application/json")
    error = error_of(item)
    if error is not None:
        raise error
    return respond_internal(request.scope)
