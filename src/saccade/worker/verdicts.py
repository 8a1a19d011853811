"""What an error means for the item that met it: is it at fault, may it pass, or was it not the item's affair at all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from saccade.errors import (
    ModelError,
    ModelFailed,
    ModelLoading,
    ModelNotLoaded,
    ModelUnavailable,
    ModelUnknown,
    QueueFull,
    RequestError,
    SaccadeError,
    ShuttingDown,
    StateError,
    UrlUnreachable,
)
from saccade.jobs.records import Claim, Failed, HandedBack, Outcome, TryAgain

#: The code of an item that met a fault of Saccade's own again and again.
INTERNAL = "internal"
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 60.0
_MAX_DETAIL_CHARS = 1000


class Kind(StrEnum):
    """What follows from an error."""

    FAIL = "fail"
    AGAIN = "again"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an error, with the code and the words that the item's owner sees."""

    kind: Kind
    code: str
    detail: str


class ModelChanged(Exception):
    """The model that this process holds is not the one that the item was accepted for."""


#: The item is not at fault and has cost nothing: this process cannot run its model now, or has no room.
_NOT_ITS_AFFAIR = (
    ModelChanged,
    ModelUnknown,
    ModelNotLoaded,
    ModelUnavailable,
    ModelFailed,
    ModelLoading,
    QueueFull,
    ShuttingDown,
)


def verdict_of(error: BaseException) -> Verdict:
    """Return what follows from an error.

    The model was there when the job was accepted; if it is gone, the item waits for a worker that holds it. What the
    caller sent or the model does cannot get better by itself; what is unreachable can, and so may a fault of ours.
    """
    code = error.code if isinstance(error, SaccadeError) else INTERNAL
    detail = _shown(error) if isinstance(error, SaccadeError) else "A fault of the worker's own; its log has the trace."
    if isinstance(error, _NOT_ITS_AFFAIR):
        return Verdict(Kind.BACK, code, detail)
    if isinstance(error, UrlUnreachable):
        return Verdict(Kind.AGAIN if error.passing else Kind.FAIL, code, detail)
    if isinstance(error, RequestError | ModelError | StateError):
        return Verdict(Kind.FAIL, code, detail)
    return Verdict(Kind.AGAIN, code, detail)


def outcome_of(claim: Claim, verdict: Verdict) -> Outcome:
    """Return what becomes of an item by a verdict."""
    match verdict.kind:
        case Kind.FAIL:
            return Failed(claim, verdict.code, verdict.detail)
        case Kind.AGAIN:
            return TryAgain(claim, verdict.code, verdict.detail, backoff_s(claim.attempt))
        case Kind.BACK:
            return HandedBack(claim)


def backoff_s(attempt: int) -> float:
    """Return how long an item waits after this attempt: somewhere between nothing and a span that doubles each time.

    Source:
        Full jitter, as in "Exponential Backoff And Jitter" of the AWS Architecture Blog.
    """
    longest_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(max(0, attempt - 1), 16))
    return random.uniform(0.0, longest_s)  # noqa: S311 - jitter, no secret


def _shown(error: BaseException) -> str:
    """Return an error's words as any database takes them: no NUL, no half of a character, not without end."""
    text = str(error).replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return text[:_MAX_DETAIL_CHARS]
