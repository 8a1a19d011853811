"""The application: routes, error handlers and layers, put together over one platform."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from saccade import __version__
from saccade.api import description, problems
from saccade.api.admission import Admission, Bounds
from saccade.api.companion import Companion
from saccade.api.dependencies import Threads
from saccade.api.drain import Drain
from saccade.api.faces import huggingface
from saccade.api.middleware.body import BodyBounds
from saccade.api.middleware.guard import OpenAccessGuard
from saccade.api.middleware.head import HeadAsGet
from saccade.api.middleware.observe import Observe
from saccade.api.routes import docs, health, job_results, jobs, models, pairs, predict, queue, service, webhooks
from saccade.errors import SaccadeError
from saccade.settings import ServerSettings
from saccade.wiring import Platform

#: Loads, unloads and lists of models at once; they must not wait behind predictions, nor predictions behind them.
_LOAD_THREADS = 4
_LOAD_LINE = 64
#: Jobs that are taken in at once, and calls that read or change jobs: each waits for the disk or the database.
_SUBMIT_THREADS = 16
_LOOKUP_THREADS = 8
_LOOKUP_LINE = 1024

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)

#: What a page of an allowed origin may read beside the body.
_EXPOSED_HEADERS = (
    "X-Request-ID",
    "Server-Timing",
    "ETag",
    "Retry-After",
    "Location",
    "Link",
    "Idempotency-Replayed",
    "Preference-Applied",
)

_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(platform: Platform, *, companion: Companion | None = None) -> FastAPI:
    """Return the application that serves a platform; it starts the platform with itself and closes it with itself.

    Args:
        platform: What answers.
        companion: Started and stopped with the application; without one, jobs are opened and nobody works on them.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        platform.start()
        if companion is None:
            platform.open_jobs()
        else:
            companion.start()
        yield
        if companion is not None:
            await run_sync(companion.stop)
        await run_sync(platform.close)

    settings = platform.settings
    app = describe_app(lifespan=lifespan, middleware=_layers(platform))
    app.state.platform = platform
    app.state.metrics = platform.metrics
    bounds = Bounds(settings.engine.runs, settings.server.burst, settings.server.max_wait_s)
    app.state.admission = Admission(bounds, platform.metrics)
    app.state.predictions = Threads(threads=settings.server.threads, line=settings.batch.queue_items)
    app.state.fetches = Threads(threads=settings.server.threads, line=settings.batch.queue_items)
    app.state.loads = Threads(threads=_LOAD_THREADS, line=_LOAD_LINE)
    app.state.submissions = Threads(threads=_SUBMIT_THREADS, line=settings.batch.queue_items)
    app.state.lookups = Threads(threads=_LOOKUP_THREADS, line=_LOOKUP_LINE)
    app.state.drain = Drain()
    app.state.started = False
    return app


def describe_app(*, lifespan: Lifespan | None = None, middleware: list[Middleware] | None = None) -> FastAPI:
    """Return the application with its routes, but without a platform to answer from: enough to describe itself."""
    app = description.DescribedApp(
        title="Saccade",
        summary="A self-hosted server that looks at images.",
        description=(
            "Send pictures, get labels and boxes. Errors are problems (RFC 9457); "
            "every answer carries `X-Request-ID` and `Server-Timing`."
        ),
        version=__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=description.TAGS,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=middleware,
        exception_handlers={
            SaccadeError: problems.on_saccade_error,
            RequestValidationError: problems.on_validation_error,
            HTTPException: problems.on_http_exception,
        },
        telemetry=_NO_TELEMETRY,
    )
    for group in (
        predict,
        pairs,
        jobs,
        job_results,
        webhooks,
        queue,
        models,
        health,
        service,
        docs,
        huggingface,
    ):
        # Not include_router: that would wrap each route once more, on every request.
        app.router.routes.extend(group.router.routes)
    return app


def _layers(platform: Platform) -> list[Middleware]:
    """Return what every request passes, outermost first."""
    server: ServerSettings = platform.settings.server
    headers = _SECURITY_HEADERS if server.security_headers else ()
    layers = [Middleware(Observe, metrics=platform.metrics, headers=headers)]
    if not server.allow_anyone:
        layers.append(Middleware(OpenAccessGuard, origins=server.cors_origins))
    if server.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=server.cors_origins,
                allow_methods=("GET", "HEAD", "POST", "DELETE"),
                allow_headers=("*",),
                expose_headers=_EXPOSED_HEADERS,
            )
        )
    layers.append(
        Middleware(
            BodyBounds,
            max_body_bytes=server.max_body_bytes,
            max_held_bytes=server.body_memory_bytes,
            timeout_s=server.body_timeout_s,
        )
    )
    layers.append(Middleware(HeadAsGet))
    return layers
