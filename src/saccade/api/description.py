"""How routes are described in OpenAPI: pieces for each operation, and the document made of them.

Routes name their schemas by reference only; the schemas are built when the document is first asked for, so that
describing the API costs no start-up time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TypedDict

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from typing_extensions import override

from saccade.access.policy import PUBLIC, Action
from saccade.api.guard import ACTION_KEY, FACE_KEY, GuardedRoute

PROBLEM_TYPE = "application/problem+json"
JSON_TYPE = "application/json"

TAGS = [
    {"name": "predictions", "description": "Show pictures to models."},
    {"name": "jobs", "description": "Send pictures now, get what was found later, whatever dies in between."},
    {"name": "images", "description": "Pictures that are remembered, searched and drawn."},
    {"name": "models", "description": "Which models there are, and load and unload them."},
    {"name": "access", "description": "Who you are, accounts and keys."},
    {"name": "usage", "description": "Who used what, and how much."},
    {"name": "service", "description": "Health, version, settings, metrics, errors."},
    {"name": "faces", "description": "Other systems' dialects over the same features."},
]

#: What a picture may cost a client in refusals, on every route that takes one.
_PICTURE_PROBLEMS = (400, 403, 404, 408, 409, 413, 415, 422, 500, 503)

_WHEN: dict[int, str] = {
    400: "The body is not what its Content-Type says.",
    401: "The request does not say who is asking, or shows credentials that are not valid here.",
    403: "The caller may not do this, or an open server was asked from beyond its machine.",
    404: "There is no such model, job or image, or nothing at this path.",
    408: "The body did not arrive in time.",
    409: "The thing is not in the state that the request needs: a model was unloaded, a job still runs.",
    410: "What was done here is not done any more.",
    413: "The body or the picture is too large, or there are too many of them.",
    415: "The body is of no type, or the picture of no format, that is taken here.",
    422: "A parameter is wrong, or the picture cannot be used.",
    429: "You asked for too much, or too many of your items wait; come again after Retry-After.",
    500: "The model or the server failed.",
    501: "The protocol knows this, and it is not offered here.",
    503: "Too much is waiting, or the model is loading, or the database is away; come again after Retry-After.",
    507: "There is no room to keep the bytes; come again after Retry-After.",
}

#: Statuses that come with Retry-After.
_COME_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE})


class Operation(TypedDict):
    """What a route's decorator takes."""

    summary: str
    responses: dict[int | str, dict[str, object]]
    openapi_extra: dict[str, object]
    response_model: None


def ref(name: str) -> dict[str, object]:
    """Return a reference to a schema of ``saccade.api.schemas``."""
    return {"$ref": f"#/components/schemas/{name}"}


def operation(
    summary: str,
    *,
    action: Action,
    ok: str | None,
    problems: Sequence[int] = (),
    unavailable: str | None = None,
    cached: bool = False,
    parameters: Sequence[object] = (),
    extra: Mapping[str, object] | None = None,
) -> Operation:
    """Describe a route.

    Args:
        summary: A few words.
        action: What the policy is asked about, before anything of the request is read.
        ok: Schema of the 200 answer; None where it is plain text.
        problems: Statuses that come with a problem. 403 may come anywhere, 401 and 429 wherever callers are asked who
            they are, and 503 while nobody can tell.
        unavailable: Schema of a 503 answer that is no problem.
        cached: Whether it answers 304 to If-None-Match.
        parameters: Of a cached route; others have theirs in ``extra``.
        extra: Further members of the operation.
    """
    content = {"text/plain": {"schema": {"type": "string"}}} if ok is None else {JSON_TYPE: {"schema": ref(ok)}}
    responses: dict[int | str, dict[str, object]] = {200: {"description": "Done.", "content": content}}
    if cached:
        responses[304] = {"description": "The client has this very content."}
    for status in sorted({403, 422, *(() if action in PUBLIC else (401, 429, 503)), *problems}):
        responses[status] = _problem(status)
    if unavailable is not None:
        responses[503] = {
            "description": "Not yet, or not now.",
            "headers": _RETRY_AFTER,
            "content": {JSON_TYPE: {"schema": ref(unavailable)}},
        }
    if cached:
        extra = {**(extra or {}), "parameters": [*parameters, _IF_NONE_MATCH]}
    described = {**(extra or {}), ACTION_KEY: action.value}
    if action in PUBLIC:
        described["security"] = []
    return {"summary": summary, "responses": responses, "openapi_extra": described, "response_model": None}


def predict_operation() -> Operation:
    """Describe ``POST /v1/models/{model}/predict``."""
    options = option_properties()
    form = {"type": "object", "properties": {"file": FORM_FILE, **options}, "required": ["file"]}
    extra = {
        "parameters": [*option_parameters(), _PREFER, KEY],
        "requestBody": picture_body(form=form, json="PredictRequest"),
    }
    problems = (*_PICTURE_PROBLEMS, 429, 507)
    described = operation(
        "Show one picture to one model", action=Action.PREDICT, ok="Prediction", problems=problems, extra=extra
    )
    described["responses"][202] = {
        "description": "It became a job, as the client would rather have.",
        "headers": {**ACCEPTED_HEADERS, "Preference-Applied": header("What was done of what Prefer asked for.")},
        "content": {JSON_TYPE: {"schema": ref("Job")}},
    }
    return described


def pairs_operation() -> Operation:
    """Describe ``POST /v1/predict``."""
    form = {
        "type": "object",
        "properties": {
            "images": {"type": "array", "items": FORM_FILE},
            "models": {"type": "array", "items": {"type": "string"}},
            **option_properties(),
        },
        "required": ["images", "models"],
    }
    content = {"multipart/form-data": {"schema": form}, JSON_TYPE: {"schema": ref("PairsRequest")}}
    extra = {"parameters": option_parameters(), "requestBody": {"required": True, "content": content}}
    return operation(
        "Show several pictures to several models",
        action=Action.PREDICT,
        ok="Pairs",
        problems=_PICTURE_PROBLEMS,
        extra=extra,
    )


def huggingface_operation() -> Operation:
    """Describe ``POST /hf/{model}``, whose errors are Hugging Face's."""
    extra = {"requestBody": picture_body(form=None, json="HuggingFaceRequest")}
    described = operation(
        "Predict, in Hugging Face's dialect", action=Action.PREDICT, ok="HuggingFaceAnswer", extra=extra
    )
    for status in (*_PICTURE_PROBLEMS, 401, 429):
        described["responses"][status] = {
            "description": _WHEN[status],
            "content": {JSON_TYPE: {"schema": ref("HuggingFaceError")}},
        }
    return described


def face_operation(
    face: str,
    summary: str,
    *,
    action: Action,
    ok: str,
    error: str,
    problems: Sequence[int] = (),
    extra: Mapping[str, object] | None = None,
    told: Mapping[int, str] | None = None,
) -> Operation:
    """Describe a route of a face, whose errors are in its own words.

    Args:
        face: Its number.
        summary: A few words.
        action: What the policy is asked about.
        ok: Schema of the 200 answer.
        error: Schema of what goes wrong.
        problems: Statuses that come with it, beside those that may come anywhere.
        extra: Further members of the operation.
        told: By status, the schema of what goes wrong where the face has an own one.
    """
    described = operation(summary, action=action, ok=ok, problems=problems, extra=extra)
    described["openapi_extra"][FACE_KEY] = face
    for status, response in described["responses"].items():
        if status != HTTPStatus.OK:
            shown = ref((told or {}).get(int(status), error))
            response["content"] = {JSON_TYPE: {"schema": shown}}
    return described


def created(described: Operation, *, again: str | None = None) -> Operation:
    """Return the operation with a 201 answer in the place of its 200, or beside it where it may find it done already.

    Args:
        described: The operation.
        again: When the answer is 200; None means never.
    """
    responses = described["responses"]
    done = responses.pop(200)
    responses[201] = {**done, "description": "Made."}
    if again is not None:
        responses[200] = {**done, "description": again}
    return described


def emptied(described: Operation, description: str) -> Operation:
    """Return the operation with a 204 answer in the place of its 200."""
    responses = described["responses"]
    del responses[200]
    responses[204] = {"description": description}
    return described


def body_of(name: str, *, required: bool = True) -> dict[str, object]:
    """Describe a JSON body by its schema."""
    return {"requestBody": {"required": required, "content": {JSON_TYPE: {"schema": ref(name)}}}}


def page_parameters() -> list[object]:
    """Describe the parameters of a list that comes in pages."""
    return [
        parameter("limit", "query", "Most entries of one page.", {"type": "integer", "minimum": 1, "maximum": 200}),
        parameter("cursor", "query", "Where the list goes on; taken from `next`.", {"type": "string"}),
    ]


def header(description: str, *, kind: str = "string") -> dict[str, object]:
    """Describe a header of an answer."""
    return {"description": description, "schema": {"type": kind}}


def parameter(name: str, place: str, description: str, schema: Mapping[str, object]) -> dict[str, object]:
    """Describe an optional parameter."""
    return {"name": name, "in": place, "required": False, "description": description, "schema": dict(schema)}


def new_router(tag: str) -> APIRouter:
    """Return a router for one group of routes behind the door; a route's function names the operation, for good."""
    return APIRouter(tags=[tag], generate_unique_id_function=_operation_id, route_class=GuardedRoute)


#: How a client may say who it is, on every route that is not public.
_SECURITY_SCHEMES: Mapping[str, object] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, a session, or a token of the identity provider.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key."},
}


class DescribedApp(FastAPI):
    """An application that describes itself with our schemas."""

    @override
    def openapi(self) -> dict[str, object]:
        """Return the OpenAPI document, made once."""
        if not self.openapi_schema:
            self.openapi_schema = _document(self)
        return self.openapi_schema


def _document(app: FastAPI) -> dict[str, object]:
    from saccade.api.schemas import AT_ROOT, component_schemas

    document: dict[str, object] = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    # FastAPI adds its own validation schemas for parameters that our routes refuse in their own words.
    schemas, asked_for = component_schemas(), json.dumps(document["paths"])
    for name, parts in AT_ROOT.items():
        if f'schemas/{name}"' not in asked_for:
            for unused in (name, *parts):
                del schemas[unused]
    document["components"] = {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES}
    asked: list[object] = [{name: []} for name in _SECURITY_SCHEMES]
    document["security"] = asked if app.state.asks_callers else [*asked, {}]
    return document


def _operation_id(route: APIRoute) -> str:
    return route.name


def _problem(status: int) -> dict[str, object]:
    response: dict[str, object] = {
        "description": _WHEN[status],
        "content": {PROBLEM_TYPE: {"schema": ref("Problem")}},
    }
    if status in _COME_AGAIN:
        response["headers"] = _RETRY_AFTER
    return response


_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags that the client has.",
    "schema": {"type": "string"},
}
#: What an answer that a job was accepted says beside it.
ACCEPTED_HEADERS: Mapping[str, object] = {
    "Location": header("Where the job is."),
    "Retry-After": header("Seconds after which to look for the first time.", kind="integer"),
    "Idempotency-Replayed": header("`true` if an earlier request with the same Idempotency-Key made the job."),
}
KEY = parameter(
    "Idempotency-Key",
    "header",
    "The client's own name for this request; for a day the same request with the same key gets the same job.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
)
_PREFER = parameter(
    "Prefer",
    "header",
    "`respond-async` makes a job of it; `wait=5` too, but answers with its prediction if that comes in five seconds.",
    {"type": "string"},
)
#: A file of a form.
FORM_FILE: Mapping[str, object] = {"type": "string", "contentMediaType": "application/octet-stream"}


def option_properties() -> dict[str, object]:
    """Return the schema of each option of a prediction."""
    return {
        "top_k": {"type": "integer", "minimum": 1, "maximum": 100, "default": 5},
        "threshold": {"type": "number", "minimum": 0, "maximum": 1},
        "candidate_labels": {
            "type": "array",
            "maxItems": 100,
            "items": {"type": "string", "minLength": 1, "maxLength": 200},
        },
    }


_OPTION_WORDS = {
    "top_k": "How many labels a classifier gives.",
    "threshold": "Lowest score that is returned; by default the model's own.",
    "candidate_labels": "Words to look for; only zero-shot models take them. Repeat it for each.",
}


def option_parameters() -> list[object]:
    """Return the options of a prediction as parameters of the query."""
    return [
        {"name": name, "in": "query", "required": False, "description": _OPTION_WORDS[name], "schema": schema}
        for name, schema in option_properties().items()
    ]


def picture_body(*, form: Mapping[str, object] | None, json: str) -> dict[str, object]:
    """Return the body of a route that takes one picture: any bytes, and what else it reads."""
    content: dict[str, object] = {
        "application/octet-stream": {"schema": {}},
        "image/*": {"schema": {}},
        JSON_TYPE: {"schema": ref(json)},
    }
    if form is not None:
        content["multipart/form-data"] = {"schema": form}
    return {"required": True, "content": content}
