"""The outermost layer: gives each request its id, measures and logs it, and answers what nobody foresaw."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saccade.api import problems
from saccade.api.context import REQUEST_ID, SCOPE_KEY, RequestContext, request_id_of
from saccade.api.metering import note_request
from saccade.api.timing import server_timing
from saccade.metrics import Metrics
from saccade.usage.meter import Meter

log = logging.getLogger("saccade.api.access")

#: Status noted when the client went away before the answer began.
CLIENT_GONE = 499

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_QUIET = frozenset(
    {
        "/livez",
        "/readyz",
        "/startupz",
        "/health",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready",
        "/api/v1/health",
        "/__health",
        "/nginx-health",
    }
)


class Observe:
    """Request id, Server-Timing, fixed headers, metrics, access log, and the answer of last resort."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        meter: Meter | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Wrap an application.

        Args:
            app: The next layer.
            metrics: Where requests are counted.
            meter: Where those are written down whose sender is known.
            headers: Sent with every answer that does not set them itself; names in lower case.
        """
        self.app = app
        self.metrics = metrics
        self.meter = meter
        self.headers = tuple(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = RequestContext(request_id=request_id_of(scope))
        scope[SCOPE_KEY] = context
        observed = _Observed(send, context=context, headers=self.headers)
        token = REQUEST_ID.set(context.request_id)
        self.metrics.http_active.inc()
        try:
            await self._serve(scope, receive, observed)
        finally:
            self.metrics.http_active.dec()
            self._note(scope, context, observed)
            REQUEST_ID.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, send: _Observed) -> None:
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            log.debug("client went away")
        except Exception:
            log.exception("unexpected failure")
            if send.status != CLIENT_GONE:
                raise
            await problems.respond_internal(scope)(scope, receive, send)

    def _note(self, scope: Scope, context: RequestContext, observed: _Observed) -> None:
        """Write the metrics and the log line of one finished request."""
        seconds = time.perf_counter() - context.started_s
        route = _template(scope)
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        self.metrics.http_seconds.labels(method, route, str(observed.status)).observe(seconds)
        if self.meter is not None:
            note_request(self.meter, scope, context, status=observed.status, route=route)
        weight = logging.DEBUG if route in _QUIET else logging.INFO
        if observed.status >= HTTPStatus.INTERNAL_SERVER_ERROR and route not in _QUIET:
            weight = logging.WARNING
        client = scope.get("client")
        facts: dict[str, object] = {
            "http.request.method": scope["method"],
            "http.route": route,
            "url.path": scope["path"],
            "http.response.status_code": observed.status,
            "http.response.body.bytes": observed.body_bytes,
            "event.duration": round(seconds * 1e9),
            "client.ip": client[0] if client else "",
        }
        if context.model:
            facts["saccade.model"] = context.model
        if context.principal is not None:
            facts["user.id"] = context.principal.id
        if context.code:
            facts["error.code"] = context.code
        log.log(weight, "request", extra={"facts": facts})


class _Observed:
    """A ``send`` that adds headers to the answer and remembers what went out."""

    def __init__(self, send: Send, *, context: RequestContext, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._context = context
        self._headers = headers
        self.status = CLIENT_GONE
        self.body_bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", ()))
            names = {name for name, _ in given}
            context = self._context
            message["headers"] = [
                *given,
                (b"x-request-id", context.request_id.encode("ascii")),
                (b"server-timing", server_timing(context)),
                *context.headers,
                *(pair for pair in self._headers if pair[0] not in names),
            ]
        elif message["type"] == "http.response.body":
            self.body_bytes += len(message.get("body", b""))
        await self._send(message)


def _template(scope: Scope) -> str:
    """Return the path template of the route that matched; one word for all paths that match none."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
