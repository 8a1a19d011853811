"""What watches the server asks: is it alive, has it started, is it ready."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from saccade import __version__
from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.dependencies import platform_of
from saccade.api.description import new_router, operation

router = new_router("service")

_NO_STORE = {"Cache-Control": "no-store"}
_NOT_READY_STATUS = 503
_NOT_READY = {**_NO_STORE, "Retry-After": "1"}


@router.get("/livez", **operation("Is the process alive", action=Action.SERVICE_READ, ok="Liveness"))
async def livez() -> Response:
    """Answer 200 as long as the process answers at all."""
    return JsonAnswer({"status": "alive"}, headers=_NO_STORE)


@router.get(
    "/readyz", **operation("Is the server ready", action=Action.SERVICE_READ, ok="Readiness", unavailable="Readiness")
)
async def readyz(request: Request) -> Response:
    """Answer 200 once every wanted model is loaded or has failed, at least one can answer, and jobs are accepted.

    `loading` and `failed` name the models. A failed model does not keep the others from being served. `parts` says what
    else is not well and why: `jobs`, `database`, `worker`. Predictions are answered at once even while those are away.
    """
    platform = platform_of(request)
    readiness, parts = platform.registry.readiness(), dict(platform.health.ailing())
    ready = readiness.ready and not parts
    content = {
        "status": "ready" if ready else "not ready",
        "loading": list(readiness.loading),
        "failed": list(readiness.failed),
        "parts": parts,
    }
    return _when(content, good=ready)


@router.get(
    "/startupz",
    **operation("Has the server started", action=Action.SERVICE_READ, ok="Liveness", unavailable="Liveness"),
)
async def startupz(request: Request) -> Response:
    """Answer 503 until the server was ready, or had nothing left to load, for the first time; 200 ever after."""
    state = request.app.state
    if not state.started:
        readiness = platform_of(request).registry.readiness()
        state.started = readiness.ready or (bool(readiness.failed) and not readiness.loading)
    return _when({"status": "started" if state.started else "starting"}, good=state.started)


@router.get("/health", **operation("How the server is", action=Action.SERVICE_READ, ok="Health", unavailable="Health"))
async def health(request: Request) -> Response:
    """Sum it up in a word: `ok`, `degraded`, `loading`, or `failing`; 503 for the last two.

    `degraded` means that some models failed, or that one of the `parts` is not well: predictions are answered, but jobs
    may not be.
    """
    platform = platform_of(request)
    readiness, parts = platform.registry.readiness(), dict(platform.health.ailing())
    if readiness.ready:
        word = "degraded" if readiness.failed or parts else "ok"
    else:
        word = "failing" if readiness.failed and not readiness.loading else "loading"
    content = {
        "status": word,
        "version": __version__,
        "loading": list(readiness.loading),
        "failed": list(readiness.failed),
        "parts": parts,
    }
    return _when(content, good=readiness.ready)


def _when(content: object, *, good: bool) -> Response:
    return (
        JsonAnswer(content, headers=_NO_STORE)
        if good
        else JsonAnswer(content, status=_NOT_READY_STATUS, headers=_NOT_READY)
    )
