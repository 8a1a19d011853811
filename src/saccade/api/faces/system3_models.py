"""System 3's models: lists of them, and services that say where they run, with a key in the header ``api_key``."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.bodies import parse_json, read_raw
from saccade.api.dependencies import loads_of, platform_of
from saccade.api.description import Operation, body_of, face_operation, new_router
from saccade.api.options import is_plain_text
from saccade.api.principals import caller_of
from saccade.errors import BodyTooLarge, PackageInvalid, ParameterInvalid, ServiceUnreachable
from saccade.models.names import FIRST_VERSION, slug
from saccade.models.prediction import Task
from saccade.models.registrations import Service
from saccade.models.status import ModelState, ModelStatus

FACE = "3"
router = new_router("faces")

_NO_STORE = {"Cache-Control": "no-store"}
#: What the fields are called, by older services and by newer ones.
_NAME, _SOCKET = ("modelName", "name"), ("modelSocket", "socket")
_MAX_BYTES = 16_384
_MAX_NAME_CHARACTERS, _MAX_SOCKET_CHARACTERS = 100, 2000
_SCHEMES = ("http://", "https://")
#: Longest time of one try: these services have no word for it.
_TIMEOUT_S, _RETRIES = 60.0, 2
#: What services of system 3 look for in an answer, word for word.
_NEW, _KNOWN = "Model has been successfully registered to server.", "Model has already been registered."
_AWAY = "Unable to establish successful connection to model."


def system3_operation(
    summary: str,
    action: Action,
    *,
    ok: str,
    problems: tuple[int, ...] = (),
    extra: Mapping[str, object] | None = None,
    told: Mapping[int, str] | None = None,
) -> Operation:
    """Describe a route of this face; see ``face_operation``."""
    return face_operation(
        FACE, summary, action=action, ok=ok, error="System3Failure", problems=problems, extra=extra, told=told
    )


_LIST = system3_operation("Models that can be asked now", Action.MODELS_READ, ok="System3Models")
_ALL = system3_operation("All models and their labels", Action.MODELS_READ, ok="System3AllModels")


@router.get("/model/list", **_LIST)
@router.get("/model/list/", include_in_schema=False, **_LIST)
async def system3_models(request: Request) -> Response:
    """Name the models that are loaded."""
    statuses = platform_of(request).registry.statuses()
    names = dict.fromkeys(_name(status) for status in statuses if status.state is ModelState.READY)
    return JsonAnswer({"models": list(names)}, headers=_NO_STORE)


@router.get("/model/all", **_ALL)
@router.get("/model/all/", include_in_schema=False, **_ALL)
async def system3_all_models(request: Request) -> Response:
    """Name all models, loaded or not, with the labels that each knows."""
    labels: dict[str, list[str]] = {}
    for status in platform_of(request).registry.statuses():
        known = labels.setdefault(_name(status), [])
        known += [label for label in (status.card.labels if status.card else ()) if label not in known]
    return JsonAnswer({"models": labels}, headers=_NO_STORE)


_REGISTER = system3_operation(
    "Register a model service",
    Action.MODELS_REGISTER,
    ok="System3Done",
    problems=(400, 408, 409, 413, 503),
    extra=body_of("System3Service"),
)


@router.post("/model/register", **_REGISTER)
@router.post("/model/register/", include_in_schema=False, **_REGISTER)
async def system3_register(request: Request) -> Response:
    """Take in a service that answers `/status` and `/predict`; it may say so again every few seconds.

    Models are called by lower-case names here: `Scene Finder` is `scene-finder`, and is found by both.
    """
    refusal = BodyTooLarge(f"This route takes {_MAX_BYTES} bytes.")
    document = parse_json(await read_raw(request, max_bytes=_MAX_BYTES, refusal=refusal))
    name = model_name(_text(document, _NAME, most=_MAX_NAME_CHARACTERS))
    socket = _text(document, _SOCKET, most=_MAX_SOCKET_CHARACTERS)
    service = Service(
        name=name,
        version=FIRST_VERSION,
        url=(socket if socket.startswith(_SCHEMES) else f"http://{socket}").rstrip("/"),
        protocol="microservice",
        model=name,
        task=Task.IMAGE_CLASSIFICATION,
        timeout_s=_TIMEOUT_S,
        retries=_RETRIES,
    )
    caller, registrar = caller_of(request), platform_of(request).registrar
    try:
        welcome = await loads_of(request).run(
            registrar.register, service, principal=caller.id, is_admin=caller.is_admin
        )
    except ServiceUnreachable as error:
        raise ServiceUnreachable(_AWAY, hint=error.hint) from error
    return JsonAnswer({"status": "success", "detail": _NEW if welcome.is_new else _KNOWN})


def model_name(said: str) -> str:
    """Return the name that a model has here, for the one that clients of system 3 know it by.

    Raises:
        ParameterInvalid: It has no letter and no digit.
    """
    try:
        return slug(said)
    except PackageInvalid as error:
        raise ParameterInvalid(str(error), faults={_NAME[0]: "must have a letter or a digit"}) from None


def _text(document: Mapping[str, object], names: tuple[str, ...], *, most: int) -> str:
    """Return the field that has one of these names.

    Raises:
        ParameterInvalid: There is none, or it is no short text.
    """
    value = next((document[name] for name in names if name in document), None)
    if not isinstance(value, str) or not value or not is_plain_text(value, max_characters=most):
        fault = f"must be a text of at most {most} characters"
        raise ParameterInvalid(f"{names[0]!r} {fault}.", faults={names[0]: fault})
    return value


def _name(status: ModelStatus) -> str:
    return status.reference.partition("@")[0]
