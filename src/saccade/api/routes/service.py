"""What the server says of itself: its routes, version, settings, metrics and errors."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from saccade import __version__
from saccade.access.policy import Action
from saccade.api import problems
from saccade.api.answers import JsonAnswer
from saccade.api.dependencies import platform_of
from saccade.api.description import new_router, operation
from saccade.errors import RouteUnknown
from saccade.settings import Settings, variables

router = new_router("service")

#: Settings that are not shown: they say where things lie and what the network around the server looks like, and a URL
#: may hold a password.
WITHHELD = frozenset(
    {
        "SACCADE_HOME",
        "SACCADE_MODELS",
        "SACCADE_FETCH_ALLOW",
        "SACCADE_REMOTE_ALLOW",
        "SACCADE_DATABASE_URL",
        "SACCADE_HINTS_URL",
        "SACCADE_OBJECTS_URL",
        "SACCADE_RATE_URL",
        "SACCADE_JWT_JWKS",
        "SACCADE_CLIENT_TOKEN",
    }
)
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/", **operation("Where things are", action=Action.SERVICE_READ, ok="Index"))
async def index() -> Response:
    """Name the places to go from here."""
    return JsonAnswer(
        {
            "name": "saccade",
            "version": __version__,
            "docs": "/docs",
            "openapi": "/openapi.json",
            "models": "/v1/models",
            "predict": "/v1/models/{model}/predict",
            "jobs": "/v1/jobs",
            "health": "/health",
        }
    )


@router.get("/version", **operation("Version of the server", action=Action.SERVICE_READ, ok="Version"))
async def version() -> Response:
    """Return the program's name and version."""
    return JsonAnswer({"name": "saccade", "version": __version__})


@router.get("/config", **operation("Settings in force", action=Action.CONFIG_READ, ok="Config"))
async def config(request: Request) -> Response:
    """Return the settings in force by name, each with where it came from; paths and network lists are left out."""
    return JsonAnswer({"settings": shown_settings(platform_of(request).settings)})


@router.get("/metrics", **operation("Metrics", action=Action.METRICS_READ, ok=None))
async def metrics(request: Request) -> Response:
    """Return all metrics in Prometheus' text format."""
    exposition = platform_of(request).metrics.exposition()
    return Response(exposition, media_type=_METRICS_TYPE, headers={"Cache-Control": "no-store"})


@router.get(
    "/problems/{code}",
    **operation("What an error means", action=Action.SERVICE_READ, ok="ProblemType", problems=(404,)),
)
async def problem_type(code: str) -> Response:
    """Explain an error code: what the `type` of a problem points to."""
    for kind in problems.catalogue():
        if kind.code == code:
            return JsonAnswer(
                {
                    "code": code,
                    "title": problems.title_of(kind),
                    "status": problems.status_of(kind),
                    "hint": kind.default_hint,
                    "retryable": kind.retryable,
                }
            )
    if code == problems.INTERNAL:
        return JsonAnswer(problems.INTERNAL_TYPE)
    raise RouteUnknown(f"No error has the code {code[:100]!a}.", hint="docs/reference/errors.md lists all codes.")


def shown_settings(settings: Settings) -> Mapping[str, object]:
    """Return every setting that may be shown, by its environment name, with its value and origin."""
    return {
        name: {
            "value": getattr(settings, variable.section).model_dump(mode="json")[variable.field],
            "origin": settings.origins[name],
        }
        for name, variable in variables().items()
        if name not in WITHHELD
    }
