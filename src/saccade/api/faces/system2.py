"""System 2's API: a picture goes in as base64, its best label comes out later."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import parse_json, read_raw
from saccade.api.context import context_of
from saccade.api.dependencies import platform_of, submissions_of
from saccade.api.description import JSON_TYPE, Operation, face_operation, new_router, ref
from saccade.api.faces.items import check_room, entries_of, item_of, prediction_of, reason_of, submit
from saccade.api.sources import base64_bytes, decode
from saccade.errors import BodyTooLarge, ParameterInvalid
from saccade.jobs.submission import Source
from saccade.predictions.answer import PredictOptions

FACE = "2"
router = new_router("faces")
#: What this face answers at paths that only one can own.
root = new_router("faces")

_ROUTE = "/inference/image"
_NO_STORE = {"Cache-Control": "no-store"}
#: What is said of a picture in which a detector finds nothing: ``null`` means that the answer is yet to come.
_NOTHING = "nothing"


def _inference_operation() -> Operation:
    content = {kind: {"schema": ref("System2Image")} for kind in (JSON_TYPE, "text/plain")}
    return face_operation(
        FACE,
        "Queue a picture",
        action=Action.JOBS_WRITE,
        ok="System2Queued",
        error="ErrorDetail",
        problems=(400, 404, 408, 413, 429, 503, 507),
        extra={"requestBody": {"required": True, "content": content}},
    )


def _prediction_operation() -> Operation:
    return face_operation(
        FACE,
        "What was predicted",
        action=Action.JOBS_READ,
        ok="System2Prediction",
        error="ErrorDetail",
        problems=(404, 500, 503),
    )


@router.post(_ROUTE, **_inference_operation())
@router.post(f"{_ROUTE}/", include_in_schema=False, **_inference_operation())
async def system2_inference(request: Request) -> Response:
    """Take a picture in base64 and answer with the id under which its prediction will be.

    The body is read as JSON whatever its Content-Type says.
    """
    await check_room(request)
    max_bytes = base64_bytes(platform_of(request).settings.image.max_bytes)
    refusal = BodyTooLarge(f"This route takes at most {max_bytes} bytes.")
    body = await read_raw(request, max_bytes=max_bytes, refusal=refusal)
    document = await submissions_of(request).run(parse_json, body)
    name = document.get("name")
    if not isinstance(name, str):
        raise ParameterInvalid("'name' must be a text.", faults={"name": "must be a text"})
    data = await decode(request, document.get("data"), parameter="data")
    model = platform_of(request).settings.face_2.model
    context_of(request.scope).model = model
    source = Source(file_name=name or None, data=data)
    job = await submit(request, source, model, route=_ROUTE, options=PredictOptions(top_k=1))
    return JsonAnswer({"uuid": job.id}, headers=_NO_STORE)


@router.get("/predictions/{uuid}", **_prediction_operation())
@router.get("/predictions/{uuid}/", include_in_schema=False, **_prediction_operation())
async def system2_prediction(request: Request, uuid: str) -> Response:
    """Return the best label, or `null` while there is none yet; a failed prediction comes with its reason and 422."""
    item = await item_of(request, uuid)
    if item.finished_at_us is None:
        return JsonAnswer({"prediction": None}, headers=_NO_STORE)
    prediction = prediction_of(item)
    if prediction is None:
        raise ParameterInvalid(reason_of(item))
    return JsonAnswer({"prediction": _best_label(prediction)}, headers=_NO_STORE)


@root.get(
    "/", **face_operation(FACE, "A greeting", action=Action.SERVICE_READ, ok="System2Greeting", error="ErrorDetail")
)
async def system2_index() -> Response:
    """Answer as long as the process answers at all."""
    return JsonAnswer({"Hello": "World"})


def _best_label(prediction: Mapping[str, object]) -> str:
    entries = entries_of(prediction)
    return str(entries[0]["label"]) if entries else _NOTHING
