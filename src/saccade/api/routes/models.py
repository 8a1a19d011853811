"""The models: what is there, what state it is in, load and unload; and models that register themselves."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer, cacheable
from saccade.api.cursors import flag
from saccade.api.dependencies import loads_of, platform_of, predictions_of
from saccade.api.description import Operation, body_of, created, emptied, new_router, operation, parameter
from saccade.api.documents import read_document
from saccade.api.principals import caller_of
from saccade.errors import ParameterInvalid
from saccade.models.names import is_version
from saccade.models.prediction import Task
from saccade.models.registrations import Service
from saccade.predictions.render import status_to_json

router = new_router("models")


def _list_operation() -> Operation:
    gone = parameter("all", "query", "Also models that registered themselves and are gone.", {"type": "boolean"})
    return operation("List the models", action=Action.MODELS_READ, ok="ModelList", cached=True, parameters=[gone])


@router.get("/v1/models", **_list_operation())
async def list_models(request: Request) -> Response:
    """Return every version of every model; `models` has the bare names, as KServe's v1 clients expect.

    A model that registered itself is left out while its service does not answer, unless `all` asks for it.
    """
    wants_gone = flag(request, "all")
    statuses = await predictions_of(request).run(platform_of(request).registry.statuses)
    items = [status_to_json(status) for status in statuses if wants_gone or not status.is_gone]
    names = list(dict.fromkeys(str(item["name"]) for item in items))
    return cacheable(request, {"items": items, "models": names})


@router.post(
    "/v1/models",
    **created(
        operation(
            "Register a model that runs elsewhere",
            action=Action.MODELS_REGISTER,
            ok="Model",
            problems=(400, 409, 413, 415, 503),
            extra=body_of("NewModel"),
        ),
        again="It was known, and is still there.",
    ),
    status_code=201,
)
async def register_model(request: Request) -> Response:
    """Take in a model whose service answers at the URL; whoever runs it may say so again and again.

    It is asked every two seconds whether it is there, is left out of lists while it is not, and comes back by itself,
    also after a restart of this server. Its name belongs to the one who registered it. It may only be where the
    operator lets it (`SACCADE_REMOTE_ALLOW`).
    """
    from saccade.api.schemas.models import NewModel

    asked = await read_document(request, NewModel)
    if not is_version(asked.version):
        raise ParameterInvalid(f"{asked.version!r} is an alias, and no version.", faults={"version": "is an alias"})
    service = Service(
        name=asked.name,
        version=asked.version,
        url=asked.url.rstrip("/"),
        protocol=asked.protocol,
        model=asked.model or asked.name,
        task=Task(asked.task),
        labels=tuple(dict.fromkeys(asked.labels)),
        description=asked.description,
        license=asked.license,
        threshold=asked.threshold,
        timeout_s=asked.timeout_s,
        retries=asked.retries,
    )
    caller, registrar = caller_of(request), platform_of(request).registrar
    welcome = await loads_of(request).run(registrar.register, service, principal=caller.id, is_admin=caller.is_admin)
    headers = {"Location": f"/v1/models/{service.reference}"}
    return JsonAnswer(status_to_json(welcome.status), status=201 if welcome.is_new else 200, headers=headers)


@router.delete(
    "/v1/models/{model}",
    **emptied(
        operation("Forget a registered model", action=Action.MODELS_REGISTER, ok=None, problems=(404, 503)),
        "It is no model of this server any more.",
    ),
    status_code=204,
)
async def forget_model(request: Request, model: str) -> Response:
    """Forget a model that registered itself, or one version of it: `name` or `name@version`.

    A service that still runs comes back with its next registration, unless its key is disabled first.
    """
    name, at, version = model.partition("@")
    caller, registrar = caller_of(request), platform_of(request).registrar
    await loads_of(request).run(
        registrar.remove, name, principal=caller.id, is_admin=caller.is_admin, version=version if at else None
    )
    return Response(status_code=204)


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
