"""What a request leaves for the ledger: who asked for what, and what was answered at once."""

from __future__ import annotations

import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import Scope

from saccade.api.context import RequestContext, context_of
from saccade.api.dependencies import platform_of
from saccade.clock import utc_now
from saccade.errors import ModelError, SaccadeError
from saccade.errors import request as refusals
from saccade.predictions.answer import Answer
from saccade.predictions.service import PairResult
from saccade.usage.event import PredictionEvent, RequestEvent
from saccade.usage.meter import Meter

#: What makes a prediction fail, as it makes an item of a job fail; everything else is no prediction at all.
_FAILURES = (
    ModelError,
    refusals.ImageEmpty,
    refusals.ImageUnreadable,
    refusals.ImageFormatUnsupported,
    refusals.ImageTooLarge,
    refusals.ImageTooManyPixels,
    refusals.ImageTooManyFrames,
    refusals.ImageTooManyScans,
    refusals.ImageShapeUnsupported,
)
_UNKNOWN_ROUTE = "unmatched"


def note_answers(request: Request, result: object, *, model: str) -> None:
    """Note what was answered at once.

    Args:
        request: Of which.
        result: An answer, the results of several pairs, or the error in the place of an answer.
        model: That was asked for, where ``result`` is an error.
    """
    context = context_of(request.scope)
    if context.principal is None:
        return
    if isinstance(result, Answer):
        context.predictions.append(_answered(context.principal.id, result))
    elif isinstance(result, SaccadeError):
        _note_failure(request, context, result, model)
    elif isinstance(result, Sequence):
        for pair in result:
            if isinstance(pair, PairResult):
                note_answers(request, pair.answer or pair.problem, model=pair.model)


def note_request(meter: Meter, scope: Scope, context: RequestContext, *, status: int, route: str) -> None:
    """Hand a request's events to the ledger, if it is known who sent it."""
    principal = context.principal
    if principal is None or route == _UNKNOWN_ROUTE:
        return
    duration_s = time.perf_counter() - context.started_s
    meter.note(
        RequestEvent(
            principal=principal.id,
            user_name=principal.name,
            via=principal.via.value,
            method=scope["method"],
            route=route,
            model=context.model[:200],
            status=status,
            bytes_in=context.bytes_in,
            duration_us=round(duration_s * 1e6),
            request_id=context.request_id,
            at_us=_now_us() - round(duration_s * 1e6),
        ),
        context.predictions,
    )


def _answered(principal: str, answer: Answer) -> PredictionEvent:
    return PredictionEvent(
        principal=principal,
        model=answer.model,
        digest=answer.digest,
        succeeded=True,
        pixels=answer.width_px * answer.height_px,
        compute_ms=0.0 if answer.cached else answer.timing.compute_ms,
        cached=answer.cached,
        at_us=_now_us(),
    )


def _note_failure(request: Request, context: RequestContext, error: SaccadeError, model: str) -> None:
    principal = context.principal
    if principal is None or not isinstance(error, _FAILURES):
        return
    try:
        status = platform_of(request).registry.status(model)
    except SaccadeError:  # it went away in between
        return
    digest = status.card.digest if status.card is not None else ""
    context.predictions.append(
        PredictionEvent(
            principal.id,
            status.reference,
            digest,
            succeeded=False,
            pixels=0,
            compute_ms=0.0,
            cached=False,
            at_us=_now_us(),
        )
    )


def _now_us() -> int:
    return int(utc_now().timestamp() * 1e6)
