"""What is known of one request while it runs: its id, its clock, and what the log and the headers will say of it."""

from __future__ import annotations

import re
import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.types import Scope

from saccade.access.principals import Principal
from saccade.access.rates import Hold
from saccade.predictions.answer import Timing
from saccade.usage.event import PredictionEvent

#: Where the context lies in the ASGI scope.
SCOPE_KEY = "saccade.context"

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

#: The id of the request under way; every log line that is written meanwhile bears it.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)


@dataclass(slots=True)
class RequestContext:
    """One request's notes; written by routes, read by the outermost middleware.

    Attributes:
        request_id: The client's own id when it is sane, else a new one.
        started_s: When the request came, on ``time.perf_counter``.
        timing: Where a prediction's time went; None on other routes.
        model: The model that was asked for; empty on other routes.
        code: The code of the problem that was answered; empty when all went well.
        principal: Who asked; None on public routes, and before it was found out.
        bytes_in: Of the body that came.
        predictions: What was answered at once, for the ledger.
        headers: Sent with the answer, whatever it is.
        hold: The sender's bytes under way, given back with the answer; None while nobody counts them.
    """

    request_id: str
    started_s: float = field(default_factory=time.perf_counter)
    timing: Timing | None = None
    model: str = ""
    code: str = ""
    principal: Principal | None = None
    bytes_in: int = 0
    predictions: list[PredictionEvent] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    hold: Hold | None = None


def context_of(scope: Scope) -> RequestContext:
    """Return the request's context, making one when no middleware did."""
    context = scope.get(SCOPE_KEY)
    if not isinstance(context, RequestContext):
        context = RequestContext(request_id=request_id_of(scope))
        scope[SCOPE_KEY] = context
    return context


def request_id_of(scope: Scope) -> str:
    """Return the client's X-Request-ID when it is one plain word, else a new id."""
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(given) == 1 and _SANE_ID.fullmatch(given[0]):
        return str(given[0], "ascii")
    return str(uuid.uuid4())
