"""The Open Inference Protocol v2 under ``/v2``: ``tritonclient`` and KServe work against it unmodified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer, to_json
from saccade.api.bodies import parse_json, read_raw
from saccade.api.context import context_of
from saccade.api.dependencies import loads_of, platform_of, predictions_of
from saccade.api.description import new_router
from saccade.api.faces.batches import predict_all, resolved
from saccade.api.faces.oip_description import infer_operation, load_operation, oip_operation
from saccade.api.faces.oip_errors import NotOffered, ProtocolRoute
from saccade.api.faces.oip_metadata import card_of, index_entry, model_metadata, reference_of, server_metadata
from saccade.api.faces.oip_outputs import classification_of, tensor_of
from saccade.api.faces.oip_requests import HEADER_LENGTH, Asked, Wanted, read_asked, wanted_of
from saccade.api.faces.oip_tensors import Tensor
from saccade.api.options import read_options
from saccade.api.turn import Turn
from saccade.errors import BodyTooLarge, ParameterInvalid
from saccade.models.status import ModelState
from saccade.predictions.answer import Answer

router = new_router("faces")
router.route_class = ProtocolRoute

_NO_STORE = {"Cache-Control": "no-store"}
_NOT_READY_STATUS = 503
_NOT_READY = {**_NO_STORE, "Retry-After": "1"}
#: A body of the repository's routes holds a word or two.
_MAX_BYTES = 65_536


@router.get("/v2", **oip_operation("The server", action=Action.SERVICE_READ, ok="OipServer"))
async def oip_server() -> Response:
    """Name the server, its version, and what it offers beside the protocol itself."""
    return JsonAnswer(server_metadata())


@router.get("/v2/", **oip_operation("The server, with a slash", action=Action.SERVICE_READ, ok="OipServer"))
async def oip_server_slash() -> Response:
    """Answer as `/v2` does: the protocol's text has the one, its description the other."""
    return JsonAnswer(server_metadata())


@router.get("/v2/health/live", **oip_operation("Is the server alive", action=Action.SERVICE_READ, ok="OipLive"))
async def oip_live() -> Response:
    """Answer 200 as long as the process answers at all."""
    return JsonAnswer({"live": True}, headers=_NO_STORE)


@router.get(
    "/v2/health/ready",
    **oip_operation(
        "Is the server ready", action=Action.SERVICE_READ, ok="OipReady", problems=(503,), told={503: "OipReady"}
    ),
)
async def oip_ready(request: Request) -> Response:
    """Answer 200 once every wanted model is loaded or has failed, and at least one can answer; until then 503.

    Unlike `/readyz` it knows nothing of jobs, for nothing here needs them.
    """
    ready = platform_of(request).registry.readiness().ready
    if ready:
        return JsonAnswer({"ready": True}, headers=_NO_STORE)
    return JsonAnswer({"ready": False}, status=_NOT_READY_STATUS, headers=_NOT_READY)


@router.get("/v2/models", **oip_operation("The models' names", action=Action.MODELS_READ, ok="OipModels"))
async def oip_models(request: Request) -> Response:
    """List the models by their bare names."""
    statuses = await predictions_of(request).run(platform_of(request).registry.statuses)
    names = dict.fromkeys(status.reference.partition("@")[0] for status in statuses)
    return JsonAnswer({"models": list(names)})


@router.get(
    "/v2/models/{model}",
    **oip_operation("A model", action=Action.MODELS_READ, ok="OipModel", problems=(400, 404, 503)),
)
async def oip_model(request: Request, model: str) -> Response:
    """Say which inputs a model takes and which outputs it gives; the name may bring a version or an alias."""
    return await _metadata(request, reference_of(model, None))


@router.get(
    "/v2/models/{model}/versions/{version}",
    **oip_operation("A version of a model", action=Action.MODELS_READ, ok="OipModel", problems=(400, 404, 503)),
)
async def oip_model_version(request: Request, model: str, version: str) -> Response:
    """Say which inputs a version of a model takes and which outputs it gives; an alias is a version too."""
    return await _metadata(request, reference_of(model, version))


@router.get(
    "/v2/models/{model}/ready",
    **oip_operation(
        "Is a model ready",
        action=Action.MODELS_READ,
        ok="OipModelReady",
        problems=(400, 404, 503),
        told={503: "OipModelNotReady"},
    ),
)
async def oip_model_ready(request: Request, model: str) -> Response:
    """Answer 200 while a model is loaded and in service, else 503."""
    return await _model_ready(request, reference_of(model, None))


@router.get(
    "/v2/models/{model}/versions/{version}/ready",
    **oip_operation(
        "Is a version of a model ready",
        action=Action.MODELS_READ,
        ok="OipModelReady",
        problems=(400, 404, 503),
        told={503: "OipModelNotReady"},
    ),
)
async def oip_model_version_ready(request: Request, model: str, version: str) -> Response:
    """Answer 200 while a version of a model is loaded and in service, else 503."""
    return await _model_ready(request, reference_of(model, version))


@router.post("/v2/models/{model}/infer", **infer_operation("Show pictures to a model"))
async def oip_infer(request: Request, model: str) -> Response:
    """Say what a model sees in up to 32 pictures, in tensors.

    The input is `image`, of the datatype BYTES and the shape `[N]`: encoded pictures, in base64 in the JSON or as they
    are behind it. `parameters` may have `top_k`, `threshold` and `candidate_labels`. One picture that cannot be taken
    refuses the whole request, for the protocol has no word for it.
    """
    return await _infer(request, reference_of(model, None))


@router.post("/v2/models/{model}/versions/{version}/infer", **infer_operation("Show pictures to a version of a model"))
async def oip_infer_version(request: Request, model: str, version: str) -> Response:
    """Say what a version of a model sees in up to 32 pictures, in tensors; as without the version."""
    return await _infer(request, reference_of(model, version))


@router.post(
    "/v2/repository/index",
    **oip_operation("The repository", action=Action.MODELS_READ, ok="OipIndex", problems=(400, 408, 413)),
)
async def oip_index(request: Request) -> Response:
    """List every version of every model and whether it is ready; `{"ready": true}` leaves the others out."""
    only_ready = (await _small_body(request)).get("ready", False)
    if not isinstance(only_ready, bool):
        raise ParameterInvalid("'ready' must be true or false.")
    statuses = await predictions_of(request).run(platform_of(request).registry.statuses)
    shown = (status for status in statuses if not only_ready or status.state is ModelState.READY)
    return JsonAnswer([index_entry(status) for status in shown])


@router.post("/v2/repository/models/{model}/load", **load_operation("Load a model, by the protocol", ok="OipLoaded"))
async def oip_load(request: Request, model: str) -> Response:
    """Load a model, or load it again from its files, and answer when that is done."""
    body = await _small_body(request)
    if body.get("parameters"):
        raise NotOffered("A model is loaded as its package says; no configuration and no files come with the request.")
    await loads_of(request).run(platform_of(request).registry.load, model)
    return JsonAnswer({"name": model, "load": True})


@router.post(
    "/v2/repository/models/{model}/unload", **load_operation("Unload a model, by the protocol", ok="OipUnloaded")
)
async def oip_unload(request: Request, model: str) -> Response:
    """Take a model out of service; requests under way still end, new ones are answered 503 until it is loaded again."""
    await _small_body(request)
    await loads_of(request).run(platform_of(request).registry.unload, model)
    return JsonAnswer({"name": model, "unload": True})


async def _metadata(request: Request, reference: str) -> Response:
    registry = platform_of(request).registry
    status = await predictions_of(request).run(registry.status, reference)
    statuses = await predictions_of(request).run(registry.statuses)
    name = status.reference.partition("@")[0]
    parts = (each.reference.partition("@") for each in statuses)
    return JsonAnswer(model_metadata(status, [version for each, _, version in parts if each == name]))


async def _model_ready(request: Request, reference: str) -> Response:
    status = await predictions_of(request).run(platform_of(request).registry.status, reference)
    name = status.reference.partition("@")[0]
    if status.state is ModelState.READY:
        return JsonAnswer({"name": name, "ready": True}, headers=_NO_STORE)
    told = {"name": name, "ready": False, "error": f"{status.reference} is {status.state.value}, not ready."}
    return JsonAnswer(told, status=_NOT_READY_STATUS, headers=_NOT_READY)


async def _infer(request: Request, reference: str) -> Response:
    context_of(request.scope).model = reference
    turn = Turn(request, reference)
    asked = await read_asked(request)
    options = read_options(asked.given)
    status = await predictions_of(request).run(platform_of(request).registry.status, reference)
    wanted = wanted_of(asked, card_of(status).task)
    classes = max((output.classes or 0 for output in wanted), default=0)
    pictures = await resolved(request, asked.pictures)
    enough = replace(options, top_k=max(options.top_k, classes))
    answers = await predict_all(request, turn, pictures, model=reference, options=enough)
    tensors = [(output, _tensor(output, answers, options.top_k)) for output in wanted]
    return _answer(asked, answers[0].model, tensors)


def _tensor(output: Wanted, answers: Sequence[Answer], top_k: int) -> Tensor:
    if output.classes is not None:
        return classification_of(answers, classes=output.classes)
    return tensor_of(output.name, answers, most=top_k)


def _answer(asked: Asked, model: str, tensors: Sequence[tuple[Wanted, Tensor]]) -> Response:
    """Answer as JSON, with the elements of some outputs as bytes behind it if that is wanted of any."""
    name, _, version = model.partition("@")
    outputs: list[dict[str, object]] = []
    pieces: list[bytes] = []
    for output, tensor in tensors:
        if output.binary:
            shown, data = tensor.to_binary()
            pieces.append(data)
        else:
            shown = tensor.to_json()
        outputs.append(shown)
    named = {} if asked.id is None else {"id": asked.id}
    document = {"model_name": name, "model_version": version, **named, "outputs": outputs}
    if not pieces:
        return JsonAnswer(document)
    head = to_json(document)
    headers = {HEADER_LENGTH: str(len(head))}
    return Response(b"".join([head, *pieces]), headers=headers, media_type="application/octet-stream")


async def _small_body(request: Request) -> Mapping[str, object]:
    """Return the JSON object of a route whose body may as well be missing."""
    body = await read_raw(request, max_bytes=_MAX_BYTES, refusal=BodyTooLarge("This route takes a small body."))
    return parse_json(body) if body else {}
