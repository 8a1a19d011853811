"""How the routes of jobs are described in OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.access.policy import Action
from saccade.api.description import (
    ACCEPTED_HEADERS,
    FORM_FILE,
    JSON_TYPE,
    KEY,
    Operation,
    header,
    operation,
    option_parameters,
    option_properties,
    parameter,
    ref,
)

#: What any request for a job may be refused with.
_READ_PROBLEMS = (404, 503)
_SUBMIT_PROBLEMS = (400, 404, 408, 409, 413, 415, 429, 500, 503, 507)

_STATES = ["running", "succeeded", "failed", "cancelled"]
FORMATS = ("json", "jsonl", "csv", "coco")

_WAIT = parameter(
    "wait",
    "query",
    "Seconds to hold the answer back until the job has ended.",
    {"type": "number", "minimum": 0, "maximum": 60},
)
_CURSOR = parameter("cursor", "query", "Where the list goes on; taken from `next`.", {"type": "string"})


def submit_operation() -> Operation:
    """Describe ``POST /v1/jobs``."""
    form = {
        "type": "object",
        "properties": {
            "images": {
                "type": "array",
                "minItems": 1,
                "items": FORM_FILE,
            },
            "models": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            "webhook": {"type": "string", "maxLength": 2048},
            "deadline_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 2_592_000},
            "priority": {"type": "string", "enum": ["high", "normal", "low"]},
            "keep": {"type": "boolean", "default": False},
            **option_properties(),
        },
        "required": ["images", "models"],
    }
    content = {"multipart/form-data": {"schema": form}, JSON_TYPE: {"schema": ref("JobRequest")}}
    extra = {"parameters": [KEY, *option_parameters()], "requestBody": {"required": True, "content": content}}
    described = operation("Submit a job", action=Action.JOBS_WRITE, ok="Job", problems=_SUBMIT_PROBLEMS, extra=extra)
    return accepted(described)


def accepted(described: Operation) -> Operation:
    """Return the operation with a 202 answer in the place of its 200."""
    responses = described["responses"]
    responses[202] = {**responses.pop(200), "description": "Accepted: it will end.", "headers": dict(ACCEPTED_HEADERS)}
    return described


def list_operation() -> Operation:
    """Describe ``GET /v1/jobs``."""
    parameters = [
        parameter("limit", "query", "Most jobs of one page.", _whole(200, default=50)),
        parameter("state", "query", "Only jobs in this state.", _one_of(_STATES)),
        parameter(
            "owner", "query", "For admins: whose jobs, by the principal's id; `*` means all.", {"type": "string"}
        ),
        _CURSOR,
    ]
    described = operation(
        "List jobs", action=Action.JOBS_READ, ok="JobList", problems=(503,), extra={"parameters": parameters}
    )
    described["responses"][200]["headers"] = {"Link": header('Where the list goes on, as `rel="next"`.')}
    return described


def show_operation() -> Operation:
    """Describe ``GET /v1/jobs/{job_id}``."""
    described = operation("Show a job", action=Action.JOBS_READ, ok="Job", problems=_READ_PROBLEMS, cached=True)
    described["openapi_extra"]["parameters"] = [_WAIT, *_parameters(described)]
    return described


def cancel_operation() -> Operation:
    """Describe ``POST /v1/jobs/{job_id}/cancel``."""
    return operation("Cancel a job", action=Action.JOBS_WRITE, ok="Job", problems=_READ_PROBLEMS)


def retry_operation() -> Operation:
    """Describe ``POST /v1/jobs/{job_id}/retry``."""
    problems = (404, 409, 413, 422, 429, 500, 503, 507)
    described = operation(
        "Retry a job's failed items",
        action=Action.JOBS_WRITE,
        ok="Job",
        problems=problems,
        extra={"parameters": [KEY]},
    )
    return accepted(described)


def erase_operation() -> Operation:
    """Describe ``DELETE /v1/jobs/{job_id}``."""
    described = operation("Erase a job", action=Action.JOBS_WRITE, ok="Job", problems=_READ_PROBLEMS)
    del described["responses"][200]
    described["responses"][204] = {"description": "It is gone."}
    return described


def results_operation() -> Operation:
    """Describe ``GET /v1/jobs/{job_id}/results``."""
    parameters = [
        parameter("format", "query", "By default what Accept asks for, else json.", _one_of(FORMATS)),
        parameter("limit", "query", "Most results of one page, of json; by default all.", _whole(10_000)),
        _CURSOR,
    ]
    described = operation(
        "Results of a job", action=Action.JOBS_READ, ok="JobResults", problems=_READ_PROBLEMS, cached=True
    )
    described["openapi_extra"]["parameters"] = [*parameters, *_parameters(described)]
    content = {
        JSON_TYPE: {"schema": {"anyOf": [ref("JobResults"), {"type": "object", "required": ["annotations"]}]}},
        "application/x-ndjson": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
    }
    described["responses"][200]["content"] = content
    return described


def events_operation() -> Operation:
    """Describe ``GET /v1/jobs/{job_id}/events``."""
    known = {"type": "string", "pattern": "^[0-9]{1,9}(-end)?$"}
    parameters = [
        parameter("Last-Event-ID", "header", "Id of the last event that the client has.", known),
        parameter("last_event_id", "query", "The same, for clients that cannot set headers.", known),
    ]
    described = operation(
        "Follow a job", action=Action.JOBS_READ, ok="Job", problems=_READ_PROBLEMS, extra={"parameters": parameters}
    )
    described["responses"][200]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    described["responses"][204] = {"description": "The client has the job's last event; there is no more to come."}
    return described


def deliveries_operation() -> Operation:
    """Describe ``GET /v1/jobs/{job_id}/deliveries``."""
    return operation(
        "List a job's webhook deliveries", action=Action.JOBS_READ, ok="DeliveryList", problems=_READ_PROBLEMS
    )


def redeliver_operation() -> Operation:
    """Describe ``POST /v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver``."""
    described = operation("Deliver once more", action=Action.JOBS_WRITE, ok="Delivery", problems=_READ_PROBLEMS)
    responses = described["responses"]
    responses[202] = {**responses.pop(200), "description": "It is due now."}
    return described


def secret_operation() -> Operation:
    """Describe ``POST /v1/webhooks/secret``."""
    described = operation("Make a new webhook secret", action=Action.JOBS_WRITE, ok="WebhookSecret", problems=(503,))
    responses = described["responses"]
    responses[201] = {**responses.pop(200), "description": "The secret before it counts no more."}
    return described


def queue_operation() -> Operation:
    """Describe ``GET /v1/queue``."""
    return operation("What waits", action=Action.JOBS_READ, ok="Queue", problems=(503,))


def _one_of(words: Sequence[str]) -> dict[str, object]:
    return {"type": "string", "enum": list(words)}


def _whole(most: int, *, default: int | None = None) -> dict[str, object]:
    schema: dict[str, object] = {"type": "integer", "minimum": 1, "maximum": most}
    return schema if default is None else {**schema, "default": default}


def _parameters(described: Operation) -> Sequence[object]:
    found = described["openapi_extra"].get("parameters", [])
    return found if isinstance(found, list) else []
