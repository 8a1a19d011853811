"""Errors as HTTP: the one table from error class to status, and the answer that tells of it (RFC 9457)."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from saccade import errors
from saccade.api.answers import to_json
from saccade.api.context import context_of
from saccade.api.dialects import dialect_of
from saccade.api.rate_headers import refusal_members
from saccade.errors import FAMILIES, SaccadeError
from saccade.metrics import Metrics

log = logging.getLogger("saccade.api")

MEDIA_TYPE = "application/problem+json"

#: Code and status of what nobody foresaw.
INTERNAL = "internal"
INTERNAL_STATUS = 500
INTERNAL_TYPE: Mapping[str, str | int | bool] = {
    "code": INTERNAL,
    "title": "The server failed",
    "status": INTERNAL_STATUS,
    "hint": "Report it with the request_id; the server's log has the trace.",
    "retryable": False,
}

#: Error class to HTTP status. 4xx: the request; 409: the thing's state; 503: come again; 500: the model or we.
STATUS: Mapping[type[SaccadeError], int] = {
    SaccadeError: 500,
    errors.RequestError: 400,
    errors.SourceAmbiguous: 422,
    errors.ParameterInvalid: 422,
    errors.BodyUnreadable: 400,
    errors.BodyTooLarge: 413,
    errors.BodyTooSlow: 408,
    errors.MediaTypeUnsupported: 415,
    errors.RouteUnknown: 404,
    errors.MethodUnsupported: 405,
    errors.TooManyPairs: 413,
    errors.ImageEmpty: 422,
    errors.ImageUnreadable: 422,
    errors.ImageFormatUnsupported: 415,
    errors.ImageTooLarge: 413,
    errors.ImageTooManyPixels: 413,
    errors.ImageTooManyFrames: 422,
    errors.ImageTooManyScans: 422,
    errors.ImageShapeUnsupported: 422,
    errors.UrlRefused: 422,
    errors.UrlUnreachable: 422,
    errors.ServiceRefused: 422,
    errors.ServiceUnreachable: 422,
    errors.ModelUnknown: 404,
    errors.TaskMismatch: 422,
    errors.TooManyItems: 413,
    errors.JobUnknown: 404,
    errors.DeliveryUnknown: 404,
    errors.RouteGone: 410,
    errors.ImageUnknown: 404,
    errors.ObjectUnknown: 404,
    errors.AliasUnknown: 404,
    errors.TruthInvalid: 422,
    errors.ConditionInvalid: 422,
    errors.IdempotencyMismatch: 422,
    errors.AccountUnknown: 404,
    errors.KeyUnknown: 404,
    errors.AccessError: 403,
    errors.HostRefused: 403,
    errors.OriginRefused: 403,
    errors.Unauthenticated: 401,
    errors.CredentialInvalid: 401,
    errors.LoginFailed: 401,
    errors.Forbidden: 403,
    errors.RegistrationClosed: 403,
    errors.StateError: 409,
    errors.ModelNotLoaded: 409,
    errors.PackageExists: 409,
    errors.NameTaken: 409,
    errors.RegistryFull: 409,
    errors.IdempotencyInFlight: 409,
    errors.NothingToRetry: 409,
    errors.ImageErased: 409,
    errors.ObjectMissing: 409,
    errors.JobCancelled: 409,
    errors.AccountExists: 409,
    errors.LastAdmin: 409,
    errors.ImageKnown: 409,
    errors.PredictionMissing: 409,
    errors.KeyDisabled: 409,
    errors.EvaluationMissing: 409,
    errors.PromotionRefused: 409,
    errors.AliasMoved: 409,
    errors.NothingToRollBack: 409,
    errors.UnavailableError: 503,
    errors.ModelLoading: 503,
    errors.ModelUnavailable: 503,
    errors.QueueFull: 503,
    errors.ShuttingDown: 503,
    errors.HubUnreachable: 503,
    errors.ServerUnreachable: 503,
    errors.DatabaseUnreachable: 503,
    errors.SchemaBehind: 503,
    errors.HintsUnreachable: 503,
    errors.ObjectsUnreachable: 503,
    errors.ObjectsFull: 507,
    errors.JobsFull: 503,
    errors.ItemsQuotaReached: 429,
    errors.DeadlinePassed: 503,
    errors.AttemptsExhausted: 503,
    errors.RateExceeded: 429,
    errors.QuotaReached: 429,
    errors.KeySetUnreachable: 503,
    errors.LimiterUnreachable: 503,
    errors.ModelError: 500,
    errors.RemoteFailed: 502,
    errors.ConfigurationError: 500,
}


def status_of(kind: type[SaccadeError]) -> int:
    """Return the status of an error class: its own row, else its family's."""
    return next(STATUS[parent] for parent in kind.__mro__ if parent in STATUS)


def catalogue() -> Iterator[type[SaccadeError]]:
    """Yield every error that has a code of its own, family by family, in the order of ``errors``."""
    for family in FAMILIES:
        yield family
        yield from family.__subclasses__()


def title_of(kind: type[SaccadeError]) -> str:
    """Return the problem's short name: the first line of the error's docstring, without its full stop."""
    return (inspect.getdoc(kind) or kind.code).splitlines()[0].removesuffix(".")


def describe(error: SaccadeError, *, instance: str, request_id: str, status: int | None = None) -> dict[str, object]:
    """Return an error as the members of a problem.

    Args:
        error: What happened.
        instance: Path of the request.
        request_id: Id of the request, by which the log is searched.
        status: Another status than the table's.
    """
    problem: dict[str, object] = {
        "type": f"/problems/{error.code}",
        "title": title_of(type(error)),
        "status": status or status_of(type(error)),
        "detail": str(error),
        "instance": instance,
        "code": error.code,
        "request_id": request_id,
        "hint": error.hint,
    }
    if isinstance(error, errors.ParameterInvalid) and error.faults:
        problem["errors"] = [{"loc": name, "msg": text, "type": error.code} for name, text in error.faults.items()]
    if isinstance(error, errors.RateExceeded | errors.QuotaReached):
        problem |= refusal_members(error.policies)
    return problem


def item_problem(scope: Scope, error: SaccadeError) -> dict[str, object]:
    """Return the problem of one of several items, and count it; the request as a whole goes on."""
    _count(scope, error.code)
    return describe(error, instance=quote(scope["path"]), request_id=context_of(scope).request_id)


def respond(scope: Scope, error: SaccadeError, *, status: int | None = None) -> Response:
    """Return the answer that tells of an error, in the dialect of the path."""
    problem = describe(error, instance=quote(scope["path"]), request_id=context_of(scope).request_id, status=status)
    return _answer(scope, problem, headers=_headers(scope, error))


def respond_internal(scope: Scope) -> Response:
    """Return the answer to what nobody foresaw: an id to look for in the log, and nothing of what went wrong."""
    problem: dict[str, object] = {
        "type": f"/problems/{INTERNAL}",
        "title": INTERNAL_TYPE["title"],
        "status": INTERNAL_STATUS,
        "detail": "The server failed in a way that it should not.",
        "instance": quote(scope["path"]),
        "code": INTERNAL,
        "request_id": context_of(scope).request_id,
        "hint": INTERNAL_TYPE["hint"],
    }
    return _answer(scope, problem, headers={})


async def on_saccade_error(request: Request, error: Exception) -> Response:
    """Answer an error that was raised on purpose."""
    if not isinstance(error, SaccadeError):
        raise error
    response = respond(request.scope, error)
    if response.status_code == INTERNAL_STATUS:
        log.error("model or settings at fault", extra={"facts": {"error.code": error.code}}, exc_info=error)
    return response


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer a request that FastAPI itself found wrong."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = {".".join(str(part) for part in fault["loc"]): str(fault["msg"]) for fault in error.errors()}
    return respond(request.scope, errors.ParameterInvalid("The request does not fit the route.", faults=faults))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path, an unknown method."""
    if not isinstance(error, HTTPException):
        raise error
    path, method = quote(request.scope["path"]), request.method
    if error.status_code == status_of(errors.RouteUnknown):
        return respond(request.scope, errors.RouteUnknown(f"There is nothing at {path}."))
    if error.status_code == status_of(errors.MethodUnsupported):
        return respond(request.scope, errors.MethodUnsupported(f"{path} does not know {method}."))
    return respond(request.scope, errors.RequestError(str(error.detail)), status=error.status_code)


def _answer(scope: Scope, problem: dict[str, object], *, headers: Mapping[str, str]) -> Response:
    code = str(problem["code"])
    context_of(scope).code = code
    _count(scope, code)
    state = getattr(scope.get("app"), "state", None)
    dialect = dialect_of(scope["path"], off=getattr(state, "faces_off", ()))
    body, media_type = (dialect(problem), "application/json") if dialect else (problem, MEDIA_TYPE)
    status = int(str(problem["status"]))
    return Response(to_json(body), status_code=status, headers=headers, media_type=media_type)


def _headers(scope: Scope, error: SaccadeError) -> dict[str, str]:
    """Return the headers that the status owes: when to come again, or what is allowed here."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, errors.UnavailableError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if isinstance(error, errors.MethodUnsupported):
        headers["Allow"] = ", ".join(_allowed(scope))
    if isinstance(error, errors.BodyTooSlow):
        headers["Connection"] = "close"
    challenge = _challenge(error)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    return headers


def _challenge(error: SaccadeError) -> str | None:
    """Return what a refusal says of the way in (RFC 6750): nothing where credentials were not the trouble."""
    realm = 'Bearer realm="saccade"'
    if isinstance(error, errors.CredentialInvalid):
        return f'{realm}, error="invalid_token"'
    if isinstance(error, errors.Forbidden):
        return f'{realm}, error="insufficient_scope"'
    return realm if isinstance(error, errors.Unauthenticated | errors.LoginFailed) else None


def _allowed(scope: Scope) -> list[str]:
    """Return the methods of all routes that match the path."""
    app = scope.get("app")
    routes = getattr(app, "routes", ())
    methods = {
        method
        for route in routes
        if route.matches(scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ("GET",)
    }
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _count(scope: Scope, code: str) -> None:
    app = scope.get("app")
    metrics = getattr(getattr(app, "state", None), "metrics", None)
    if isinstance(metrics, Metrics):
        metrics.refusals.labels(code).inc()
