"""The models: what is there, what state it is in, load and unload."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer, cacheable
from saccade.api.dependencies import loads_of, platform_of, predictions_of
from saccade.api.description import new_router, operation
from saccade.predictions.render import status_to_json

router = new_router("models")


@router.get("/v1/models", **operation("List the models", action=Action.MODELS_READ, ok="ModelList", cached=True))
async def list_models(request: Request) -> Response:
    """Return every version of every model; `models` has the bare names, as KServe's v1 clients expect."""
    statuses = await predictions_of(request).run(platform_of(request).registry.statuses)
    items = [status_to_json(status) for status in statuses]
    names = list(dict.fromkeys(str(item["name"]) for item in items))
    return cacheable(request, {"items": items, "models": names})


@router.get(
    "/v1/models/{model}",
    **operation("Show one model", action=Action.MODELS_READ, ok="Model", cached=True, problems=(404, 503)),
)
async def show_model(request: Request, model: str) -> Response:
    """Return a model's card and state; a bare name means its default version."""
    status = await predictions_of(request).run(platform_of(request).registry.status, model)
    return cacheable(request, status_to_json(status))


@router.post(
    "/v1/models/{model}/load",
    **operation("Load a model", action=Action.MODELS_WRITE, ok="Model", problems=(404, 500, 503)),
)
async def load_model(request: Request, model: str) -> Response:
    """Load a model, or load it again from its files, and answer when that is done.

    A load that fails leaves the model that was there before in service.
    """
    status = await loads_of(request).run(platform_of(request).registry.load, model)
    return JsonAnswer(status_to_json(status))


@router.post(
    "/v1/models/{model}/unload",
    **operation("Unload a model", action=Action.MODELS_WRITE, ok="Model", problems=(404, 503)),
)
async def unload_model(request: Request, model: str) -> Response:
    """Take a model out of service; requests under way still end, new ones are answered 409 until it is loaded again."""
    status = await loads_of(request).run(platform_of(request).registry.unload, model)
    return JsonAnswer(status_to_json(status))
