"""The application: routes, error handlers and layers, put together over one platform."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import IPv4Network, IPv6Network, ip_network

from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from saccade import __version__
from saccade.api import description, problems
from saccade.api.admission import Admission, Bounds
from saccade.api.companion import Companion
from saccade.api.dependencies import Threads
from saccade.api.drain import Drain
from saccade.api.faces.catalog import face_routes, root_routes
from saccade.api.guard import GuardedRoute
from saccade.api.middleware.body import BodyBounds
from saccade.api.middleware.guard import OpenAccessGuard
from saccade.api.middleware.head import HeadAsGet
from saccade.api.middleware.observe import Observe
from saccade.api.routes import (
    docs,
    health,
    images,
    job_results,
    jobs,
    keys,
    models,
    pairs,
    predict,
    promotion,
    queue,
    service,
    sessions,
    usage,
    users,
    webhooks,
)
from saccade.errors import SaccadeError, SettingInvalid
from saccade.settings import AccessMode, Root, ServerSettings, Settings
from saccade.wiring import Platform

#: Loads, unloads and lists of models at once; they must not wait behind predictions, nor predictions behind them.
_LOAD_THREADS = 4
_LOAD_LINE = 64
#: Jobs that are taken in at once, and calls that read or change jobs: each waits for the disk or the database.
_SUBMIT_THREADS = 16
_LOOKUP_THREADS = 8
_LOOKUP_LINE = 1024
#: Reports on usage at once: each reads a ledger for seconds, if it is large.
_REPORT_THREADS = 1
_REPORT_LINE = 16
#: Passwords that are looked at at once, each for tens of milliseconds on purpose; apart, so that a flood of logins
#: holds up nobody who is in already.
_PASSWORD_THREADS = 2
_PASSWORD_LINE = 32
#: Callers who are looked up at once: those who were seen a moment ago need no thread.
_AUTHENTICATION_THREADS = 8

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
    "Inference-Header-Content-Length",
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
        platform.meter.start()
        if companion is None:
            platform.open_jobs()
        else:
            companion.start()
        yield
        if companion is not None:
            await run_sync(companion.stop)
        if platform.meter.waiting:  # the server may stop before it had reason to open the database
            platform.open_jobs()
        await run_sync(platform.meter.close)
        await run_sync(platform.close)

    settings = platform.settings
    if settings.faces.root.value in settings.faces_off:
        raise SettingInvalid(
            f"SACCADE_FACES_ROOT={settings.faces.root.value}, but that face is switched off.",
            hint=f"Unset SACCADE_FACES_{settings.faces.root.value}_ENABLED.",
        )
    app = describe_app(
        lifespan=lifespan, middleware=_layers(platform), off=settings.faces_off, root=settings.faces.root
    )
    _check_limited_routes(app, settings.rate.routes)
    app.state.platform = platform
    app.state.asks_callers = settings.access.mode is AccessMode.REQUIRED
    app.state.acting = settings.acting
    app.state.metrics = platform.metrics
    bounds = Bounds(settings.engine.runs, settings.server.burst, settings.server.max_wait_s)
    app.state.admission = Admission(bounds, platform.metrics)
    app.state.trusted_proxies = _networks(settings.server.trusted_proxies)
    _make_threads(app, settings)
    app.state.drain = Drain()
    app.state.started = False
    return app


def describe_app(
    *,
    lifespan: Lifespan | None = None,
    middleware: list[Middleware] | None = None,
    off: frozenset[str] = frozenset(),
    root: Root = Root.NATIVE,
) -> FastAPI:
    """Return the application with its routes, but without a platform to answer from: enough to describe itself.

    Args:
        lifespan: What begins and ends with it.
        middleware: What every request passes.
        off: Faces that are not shown.
        root: Whose ``/``, ``/health`` and ``/config`` are answered.
    """
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
        openapi_url=None,
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
    app.state.faces_off = off
    app.state.acting = {}
    owners = root_routes(root)
    owned = {_path_of(route) for route in owners}
    app.router.routes.extend(owners)
    app.state.asks_callers = False  # the description that is committed is that of an open server
    for group in (
        predict,
        pairs,
        jobs,
        job_results,
        images,
        webhooks,
        queue,
        models,
        promotion,
        health,
        service,
        sessions,
        users,
        keys,
        usage,
        docs,
    ):
        # Not include_router: that would wrap each route once more, on every request.
        app.router.routes.extend(route for route in group.router.routes if _path_of(route) not in owned)
    app.router.routes.extend(face_routes(off))
    return app


def _path_of(route: BaseRoute) -> str:
    return route.path if isinstance(route, APIRoute) else ""


def _networks(texts: Collection[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of proxies.

    Raises:
        SettingInvalid: One is none.
    """
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingInvalid(
            f"SACCADE_SERVER_TRUSTED_PROXIES: {error}.", hint="It is written as 10.0.0.7,192.168.0.0/24."
        ) from None


def _make_threads(app: FastAPI, settings: Settings) -> None:
    """Give each kind of blocking call threads of its own, so that none stands in another's way."""
    app.state.predictions = Threads(threads=settings.server.threads, line=settings.batch.queue_items)
    app.state.fetches = Threads(threads=settings.server.threads, line=settings.batch.queue_items)
    app.state.loads = Threads(threads=_LOAD_THREADS, line=_LOAD_LINE)
    app.state.submissions = Threads(threads=_SUBMIT_THREADS, line=settings.batch.queue_items)
    app.state.lookups = Threads(threads=_LOOKUP_THREADS, line=_LOOKUP_LINE)
    app.state.reports = Threads(threads=_REPORT_THREADS, line=_REPORT_LINE)
    app.state.passwords = Threads(threads=_PASSWORD_THREADS, line=_PASSWORD_LINE)
    app.state.authentications = Threads(threads=_AUTHENTICATION_THREADS, line=_LOOKUP_LINE)


def _check_limited_routes(app: FastAPI, limits: Collection[str]) -> None:
    """Refuse a limit for a route that there is not: misspelt, it would limit nothing and nobody would know.

    Raises:
        SettingInvalid: There is one.
    """
    known = {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, GuardedRoute)
        for method in route.methods or ()
    }
    for limit in limits:
        route = limit.rpartition("=")[0].strip()
        if route not in known:
            raise SettingInvalid(
                f"SACCADE_RATE_ROUTES names {route[:100]!a}, and there is no such route.",
                hint="docs/reference/access.md lists all routes, as in POST /v1/models/{model}/predict.",
            )


def _layers(platform: Platform) -> list[Middleware]:
    """Return what every request passes, outermost first."""
    server: ServerSettings = platform.settings.server
    headers = _SECURITY_HEADERS if server.security_headers else ()
    layers = [Middleware(Observe, metrics=platform.metrics, meter=platform.meter, headers=headers)]
    if platform.settings.access.mode is AccessMode.OPEN and not server.allow_anyone:
        layers.append(Middleware(OpenAccessGuard, origins=server.cors_origins))
    if server.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=server.cors_origins,
                allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
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
