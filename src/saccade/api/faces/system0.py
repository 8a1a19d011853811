"""System 0's API: a SEM classifier that is asked now and answers later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import ENVELOPE_BYTES, Kind, kind_of, read_form, read_json
from saccade.api.context import context_of
from saccade.api.dependencies import lookups_of, platform_of
from saccade.api.description import FORM_FILE, JSON_TYPE, body_of, face_operation, new_router, ref
from saccade.api.faces.behind import answers, device_of, is_loaded, status_behind
from saccade.api.faces.items import (
    check_room,
    entries_of,
    item_of,
    naive_utc,
    prediction_of,
    reason_of,
    submit,
)
from saccade.api.job_access import store_of
from saccade.api.options import MAX_TOP_K
from saccade.api.principals import caller_of
from saccade.api.sources import IMAGE_URL, checked_url
from saccade.clock import utc_now
from saccade.errors import (
    ImageEmpty,
    JobUnknown,
    MediaTypeUnsupported,
    ParameterInvalid,
    RequestError,
    SourceAmbiguous,
)
from saccade.images.headers.magic import format_of
from saccade.jobs.records import ItemRecord
from saccade.jobs.states import ItemState
from saccade.jobs.submission import Source
from saccade.predictions.answer import PredictOptions

FACE = "0"
router = new_router("faces")
#: What this face answers at paths that only one can own.
root = new_router("faces")

_IMAGE = "image"
_INFERENCE = "/api/v1/inference"
_MAX_JSON_BYTES = 65_536
_NO_STORE = {"Cache-Control": "no-store"}
_STATUS: Mapping[ItemState, str] = {
    ItemState.QUEUED: "PENDING",
    ItemState.RUNNING: "PROCESSING",
    ItemState.SUCCEEDED: "COMPLETED",
    ItemState.FAILED: "FAILED",
    ItemState.CANCELLED: "FAILED",
    ItemState.EXPIRED: "FAILED",
}
_NOT_FOUND_STATUS = 404
_FAILED_STATUS = 422
_NOT_WELL_STATUS = 503
_PICTURE_PROBLEMS = (400, 404, 408, 413, 415, 429, 503, 507)
_BODY_PROBLEMS = (400, 408, 413, 415, 503)


def _inference_operation() -> Mapping[str, object]:
    form = {
        "type": "object",
        "properties": {_IMAGE: FORM_FILE},
        "required": [_IMAGE],
    }
    content = {"multipart/form-data": {"schema": form}, JSON_TYPE: {"schema": ref("System0Inference")}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    _INFERENCE,
    **face_operation(
        FACE,
        "Queue a picture",
        action=Action.JOBS_WRITE,
        ok="System0Queued",
        error="ErrorText",
        problems=_PICTURE_PROBLEMS,
        extra=_inference_operation(),
    ),
)
async def system0_inference(request: Request) -> Response:
    """Take a picture as `image_url` in JSON or as the form's file `image`, and answer with the id of its job."""
    await check_room(request)
    source = await _source(request)
    context = context_of(request.scope)
    context.model = model = platform_of(request).settings.face_0.model
    job = await submit(request, source, model, route=_INFERENCE, options=PredictOptions(top_k=MAX_TOP_K))
    message = (
        f'Job queued. Poll status: POST /api/v1/jobs/status with body {{"job_id": "{job.id}"}}. '
        "Get results: POST /api/v1/jobs/results with the same body."
    )
    return JsonAnswer({"job_id": job.id, "status": "PENDING", "message": message}, headers=_NO_STORE)


@router.post(
    "/api/v1/jobs/status",
    **face_operation(
        FACE,
        "Where a job stands",
        action=Action.JOBS_READ,
        ok="System0Status",
        error="ErrorText",
        problems=(*_BODY_PROBLEMS, 404),
        extra=body_of("System0Job"),
        told={404: "System0Status"},
    ),
)
async def system0_status(request: Request) -> Response:
    """Say where a job stands; an unknown one is `NOT_FOUND`, with 404."""
    job_id = await _job_id(request)
    try:
        item = await item_of(request, job_id)
    except JobUnknown:
        told = {"submitted_at": "", "started_at": None, "completed_at": None}
        metadata = {"error": "Job not found or TTL expired"}
        return JsonAnswer(
            {"job_id": job_id, "status": "NOT_FOUND", **told, "metadata": metadata}, status=_NOT_FOUND_STATUS
        )
    return JsonAnswer(
        {
            "job_id": job_id,
            "status": _STATUS[item.state],
            "submitted_at": naive_utc(item.created_at_us),
            "started_at": naive_utc(item.started_at_us),
            "completed_at": naive_utc(item.finished_at_us),
            "metadata": {},
        },
        headers=_NO_STORE,
    )


@router.post(
    "/api/v1/jobs/results",
    **face_operation(
        FACE,
        "What became of a job",
        action=Action.JOBS_READ,
        ok="System0Results",
        error="ErrorText",
        problems=(*_BODY_PROBLEMS, 404),
        extra=body_of("System0Job"),
        told={404: "System0Results", 422: "System0Refused"},
    ),
)
async def system0_results(request: Request) -> Response:
    """Return the result of a job; `null` before it is there; 422 for a failed job, 404 for an unknown one."""
    job_id = await _job_id(request)
    told: dict[str, object] = {"job_id": job_id, "status": "NOT_FOUND", "result": None}
    try:
        item = await item_of(request, job_id)
    except JobUnknown:
        told |= {"error": "Job not found or TTL expired", "completed_at": None}
        return JsonAnswer(told, status=_NOT_FOUND_STATUS)
    told |= {"status": _STATUS[item.state], "error": None, "completed_at": naive_utc(item.finished_at_us)}
    if item.finished_at_us is None:
        return JsonAnswer({**told, "error": "Job not completed yet"}, headers=_NO_STORE)
    result = _result(item)
    if result is None:
        return JsonAnswer({**told, "status": "FAILED", "error": reason_of(item)}, status=_FAILED_STATUS)
    return JsonAnswer({**told, "result": result}, headers=_NO_STORE)


@router.get(
    "/api/v1/version",
    **face_operation(FACE, "Version of the API", action=Action.SERVICE_READ, ok="System0Version", error="ErrorText"),
)
async def system0_version() -> Response:
    """Name the version of this API, and its routes."""
    return JsonAnswer(
        {
            "api_version": "v1.0.0",
            "gateway": "Saccade",
            "service": "SEM Classifier API",
            "endpoints": {
                "inference": f"POST {_INFERENCE}",
                "status": "POST /api/v1/jobs/status",
                "results": "POST /api/v1/jobs/results",
                "health": "GET /health",
            },
        }
    )


@router.get(
    "/__health",
    **face_operation(FACE, "Is the gateway alive", action=Action.SERVICE_READ, ok="System0Gateway", error="ErrorText"),
)
async def system0_gateway_health() -> Response:
    """Answer as long as the process answers at all."""
    return JsonAnswer({"status": "ok", "agents": {}, "now": utc_now().astimezone(UTC).isoformat()}, headers=_NO_STORE)


@router.get(
    "/queue_stats",
    **face_operation(
        FACE, "What waits", action=Action.JOBS_READ, ok="System0Queue", error="ErrorText", problems=(503,)
    ),
)
@router.post(
    "/queue_stats",
    include_in_schema=False,
    **face_operation(
        FACE, "What waits", action=Action.JOBS_READ, ok="System0Queue", error="ErrorText", problems=(503,)
    ),
)
async def system0_queue_stats(request: Request) -> Response:
    """Count the caller's items, of all jobs that are still kept; for an admin, everybody's."""
    caller = caller_of(request)
    counts, running = await lookups_of(request).run(
        store_of(request).records.totals, None if caller.is_admin else caller.id
    )
    waiting = max(0, counts.open - running)
    content = {
        "total_jobs": counts.total,
        "pending": waiting,
        "processing": running,
        "completed": counts.succeeded,
        "failed": counts.ended - counts.succeeded,
        "queue_size": waiting,
    }
    return JsonAnswer(content, headers=_NO_STORE)


@root.get(
    "/health",
    **face_operation(
        FACE,
        "How the server is",
        action=Action.SERVICE_READ,
        ok="System0Health",
        error="System0Health",
        problems=(503,),
    ),
)
async def system0_health(request: Request) -> Response:
    """Say whether the model answers and jobs are taken; 503 if not."""
    platform = platform_of(request)
    is_ready, ailing = platform.registry.readiness().ready, dict(platform.health.ailing())
    model = status_behind(request, platform.settings.face_0.model)
    is_well = is_ready and not ailing and answers(model)
    rows = (await lookups_of(request).run(store_of(request).records.queue)).rows if not ailing else ()
    content = {
        "status": "healthy" if is_well else "degraded",
        "model_loaded": is_ready and is_loaded(model),
        "device": device_of(None if model is None else model.runtime),
        "redis_connected": not ailing,
        "queue": {"pending": sum(row.queued for row in rows), "processing": sum(row.running for row in rows)},
    }
    return JsonAnswer(content, status=200 if is_well else _NOT_WELL_STATUS, headers=_NO_STORE)


async def _source(request: Request) -> Source:
    """Return the picture, or where it is.

    Raises:
        SourceAmbiguous: There is none, or both.
        RequestError: It is at no address of the web, or is no picture.
    """
    kind = kind_of(request)
    max_bytes = platform_of(request).settings.image.max_bytes
    if kind is Kind.JSON:
        document = await read_json(request, max_bytes=_MAX_JSON_BYTES)
        if {name for name, value in document.items() if (name, value) != (_IMAGE, None)} != {IMAGE_URL}:
            raise SourceAmbiguous(f"The body must have {IMAGE_URL!r} and nothing else.")
        url = checked_url(document[IMAGE_URL], parameter=IMAGE_URL)
        if not url.lower().startswith(("http://", "https://")):
            raise RequestError(f"{IMAGE_URL!r} must begin with http:// or https://.")
        return Source(url=url)
    if kind is not Kind.FORM:
        raise MediaTypeUnsupported(f"Send JSON with {IMAGE_URL!r}, or a form with the file {_IMAGE!r}.")
    form = await read_form(request, max_bytes=max_bytes + ENVELOPE_BYTES, max_files=2)
    if [file.field for file in form.files] != [_IMAGE] or any(name == IMAGE_URL for name, _ in form.fields):
        raise SourceAmbiguous(f"The form must have one file {_IMAGE!r} and no {IMAGE_URL!r}.")
    file = form.files[0]
    if not file.data:
        raise ImageEmpty("The file has no bytes.")
    format_of(file.data)  # what is no picture at all is refused now, as it always was here
    return Source(file_name=file.file_name or None, data=file.data)


async def _job_id(request: Request) -> str:
    document = await read_json(request, max_bytes=_MAX_JSON_BYTES)
    job_id = document.get("job_id")
    if not isinstance(job_id, str):
        raise ParameterInvalid("'job_id' must be a text.", faults={"job_id": "must be a text"})
    return job_id


def _result(item: ItemRecord) -> dict[str, object] | None:
    prediction = prediction_of(item)
    if prediction is None:
        return None
    entries = entries_of(prediction)
    scores: dict[str, object] = {}
    for entry in entries:
        scores.setdefault(str(entry["label"]), entry["score"])
    best = entries[0] if entries else {"label": "", "score": 0.0}
    return {
        "label": best["label"],
        "confidence": best["score"],
        "all_scores": scores,
        "device_used": device_of(str(prediction["engine"])),
    }
