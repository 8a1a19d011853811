"""Jobs, items and deliveries as JSON: one shape for HTTP, for webhooks and for the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from saccade.errors import (
    FAMILIES,
    DeadlinePassed,
    ImageErased,
    JobCancelled,
    SaccadeError,
)
from saccade.jobs.records import DeliveryRecord, ItemRecord, JobRecord, counts_by_state
from saccade.jobs.states import Counts, ItemState, JobState
from saccade.jobs.submission import options_of
from saccade.predictions.render import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What is said of an end whose code no error of this version has.
_HINT = "POST /v1/jobs/{id}/retry tries it again; the worker's log has more."
#: Ends that need no code of their own, for everybody knows why.
_CODES: Mapping[ItemState, type[SaccadeError]] = {
    ItemState.CANCELLED: JobCancelled,
    ItemState.EXPIRED: DeadlinePassed,
    ItemState.SUCCEEDED: ImageErased,
}
_DETAILS: Mapping[ItemState, str] = {
    ItemState.CANCELLED: "The job was cancelled before this item was done.",
    ItemState.EXPIRED: "The deadline passed before a worker began with this item.",
    ItemState.SUCCEEDED: "Its owner erased the image.",
}


def job_to_json(job: JobRecord) -> dict[str, Json]:
    """Return a job as its owner sees it; times are RFC 3339 in UTC, null while they have not come."""
    path = f"/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "owner": job.principal,
        "state": job.state.value,
        "counts": dict(counts_by_state(job.counts, running=job.running)),
        "images": job.images,
        "models": list(job.models),
        "options": _options(job),
        "priority": job.priority.name.lower(),
        "keep": job.keep,
        "webhook": job.webhook,
        "retry_of": job.retry_of,
        "created_at": time_text(job.created_at_us),
        "started_at": time_text(job.started_at_us),
        "finished_at": time_text(job.finished_at_us),
        "cancelled_at": time_text(job.cancelled_at_us),
        "deadline_at": time_text(job.deadline_at_us),
        "links": {
            "self": path,
            "results": f"{path}/results",
            "events": f"{path}/events",
            "deliveries": f"{path}/deliveries",
        },
    }


def as_accepted(job: JobRecord) -> JobRecord:
    """Return a job as it was when it was accepted, so that a repeated request gets the answer of the first one."""
    return replace(
        job,
        state=JobState.RUNNING,
        counts=Counts(job.counts.total),
        running=0,
        event_seq=0,
        started_at_us=None,
        finished_at_us=None,
        cancelled_at_us=None,
    )


def item_to_text(item: ItemRecord) -> str:
    """Return an item as one line of JSON, with its prediction or the problem that stood in its way.

    A prediction is taken over as the worker wrote it: it is JSON already, and most of what is sent.
    """
    shown: dict[str, Json] = {
        "image": {"index": item.position, "name": item.file_name or item.source_url, "id": item.sha256},
        "model": item.model,
        "state": item.state.value,
    }
    if item.prediction is not None:
        prediction = item.prediction.replace("\n", " ")
        return f'{to_text(shown)[:-1]},"prediction":{prediction}}}'
    problem = problem_of(item)
    return to_text(shown if problem is None else {**shown, "problem": problem})


def problem_of(item: ItemRecord) -> dict[str, Json] | None:
    """Return why an ended item has no prediction, and what to do; None while it is open and when it has one.

    An item that succeeded has none when its image was erased since.
    """
    if item.finished_at_us is None or item.prediction is not None:
        return None
    kind = _CODES.get(item.state, SaccadeError)
    code = item.error_code or kind.code
    known = kinds_by_code().get(code)
    hint = known.default_hint if known is not None else ""
    return {"code": code, "detail": _detail(item), "hint": hint or _HINT}


def error_of(item: ItemRecord) -> SaccadeError | None:
    """Return why an ended item has no prediction, as the error that a request for it alone would have met.

    None where nobody foresaw what went wrong.
    """
    kind = _CODES.get(item.state, SaccadeError)
    known = kinds_by_code().get(item.error_code or kind.code)
    return None if known is None else known(_detail(item))


def delivery_to_json(delivery: DeliveryRecord) -> dict[str, Json]:
    """Return a webhook's delivery as the job's owner sees it."""
    return {
        "id": delivery.id,
        "event": delivery.event,
        "url": delivery.url,
        "state": delivery.state.value,
        "attempts": delivery.attempt,
        "next_at": time_text(delivery.next_at_us),
        "status_code": delivery.status_code,
        "error": delivery.error,
        "created_at": time_text(delivery.created_at_us),
        "ended_at": time_text(delivery.ended_at_us),
    }


def time_text(microseconds: int | None) -> str | None:
    """Return a moment, microseconds since 1970, as RFC 3339 in UTC with six decimals."""
    if microseconds is None:
        return None
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_text(content: Json) -> str:
    """Return compact JSON on one line, ASCII only."""
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def _options(job: JobRecord) -> dict[str, Json]:
    """Return the options that clients may give; ``function`` is a face's own."""
    options = options_of(job.options)
    shown: dict[str, Json] = {"top_k": options.top_k, "threshold": options.threshold}
    return {**shown, "candidate_labels": list(options.candidate_labels)}


def _detail(item: ItemRecord) -> str:
    return item.error_detail or _DETAILS.get(item.state, "The item failed.")


@cache
def kinds_by_code() -> Mapping[str, type[SaccadeError]]:
    """Return every error class by its code."""
    return {kind.code: kind for kind in _tree()}


def _tree() -> Iterator[type[SaccadeError]]:
    for family in FAMILIES:
        yield family
        yield from family.__subclasses__()
