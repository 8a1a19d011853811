"""Who used what: ``GET /v1/usage`` and the same as a page. Who is no admin sees only what is their own."""

from __future__ import annotations

from datetime import UTC

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.cursors import single, whole_number
from saccade.api.dependencies import platform_of, reports_of
from saccade.api.description import Operation, new_router, operation, parameter
from saccade.api.options import is_plain_text
from saccade.api.principals import caller_of
from saccade.clock import utc_now
from saccade.errors import ParameterInvalid
from saccade.usage.calendar import AUTO, Bucket, read_bucket
from saccade.usage.document import report_to_json
from saccade.usage.ports import LedgerReader
from saccade.usage.report import DEFAULT_RECENT, MAX_RECENT, Question, make_report
from saccade.usage.window import read_window, zone_of

router = new_router("usage")

#: How far a report goes back that nobody gave a begin.
_DEFAULT_SINCE = "24h"
_MAX_NAME_CHARACTERS = 255
_NO_STORE = {"Cache-Control": "no-store"}
_TIME = {"type": "string"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": _MAX_NAME_CHARACTERS}
_SPANS = {"type": "string", "enum": [AUTO, *Bucket], "default": AUTO}
_LIMIT = {"type": "integer", "minimum": 0, "maximum": MAX_RECENT, "default": DEFAULT_RECENT}


def _usage_operation(summary: str, *, since: str) -> Operation:
    parameters = [
        parameter(
            "since", "query", f"A moment in ISO 8601, or a span before now: 45m, 24h, 7d, 2w; else {since}.", _TIME
        ),
        parameter("until", "query", "The same; else now.", _TIME),
        parameter("timezone", "query", "Whose clock counts, as Europe/Rome.", {"type": "string", "default": "UTC"}),
        parameter("bucket", "query", "Spans of the timeline; auto suits the window.", _SPANS),
        parameter("recent_limit", "query", "Most recent requests.", _LIMIT),
        parameter("service", "query", "Only this service.", _TEXT),
        parameter("principal", "query", "Only who has this id or name; others are hidden from who is no admin.", _TEXT),
    ]
    return operation(
        summary, action=Action.USAGE_READ, ok="Usage", problems=(422, 503), extra={"parameters": parameters}
    )


def _page_operation() -> Operation:
    described = _usage_operation("Usage, as a page", since="the first row")
    described["responses"][200]["content"] = {"text/html": {"schema": {"type": "string"}}}
    return described


@router.get("/v1/usage", **_usage_operation("Usage", since=_DEFAULT_SINCE))
async def show_usage(request: Request) -> Response:
    """Return who used what in a window of time: totals, timelines, users, models and the last requests."""
    question, reader = _question(request, since=_DEFAULT_SINCE), usage_reader_of(request)
    content = await reports_of(request).run(lambda: report_to_json(make_report(reader, question)))
    return JsonAnswer(content, headers=_NO_STORE)


@router.get("/v1/usage/report", **_page_operation())
async def show_usage_report(request: Request) -> Response:
    """Return the same as one HTML page that needs nothing else: no script, and nothing is loaded from elsewhere."""
    from saccade.usage.html.page import content_security_policy, report_to_html

    question, reader = _question(request, since=None), usage_reader_of(request)
    page = await reports_of(request).run(lambda: report_to_html(make_report(reader, question)))
    policy = f"{content_security_policy()}; frame-ancestors 'none'; sandbox"
    headers = {**_NO_STORE, "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(page, headers=headers)


def usage_reader_of(request: Request) -> LedgerReader:
    """Return the ledger.

    Raises:
        UnavailableError: The database is not open yet.
    """
    return platform_of(request).usage


def _question(request: Request, *, since: str | None) -> Question:
    """Return what is asked for; of who is no admin, only their own rows, whatever they ask.

    Raises:
        ParameterInvalid: A parameter is wrong.
    """
    caller = caller_of(request)
    name = single(request, "timezone")
    zone = UTC if name is None else zone_of(name)
    bucket, limit = single(request, "bucket"), whole_number(request, "recent_limit", least=0, most=MAX_RECENT)
    begins, ends = single(request, "since"), single(request, "until")
    return Question(
        window=read_window(since if begins is None else begins, ends, zone=zone, now=utc_now()),
        zone=zone,
        bucket=read_bucket(AUTO if bucket is None else bucket),
        recent_limit=DEFAULT_RECENT if limit is None else limit,
        service=_name(request, "service"),
        principal=_name(request, "principal"),
        only=None if caller.is_admin else caller.id,
    )


def _name(request: Request, parameter_name: str) -> str | None:
    text = single(request, parameter_name)
    if text is not None and not is_plain_text(text, max_characters=_MAX_NAME_CHARACTERS):
        fault = f"must be 1 to {_MAX_NAME_CHARACTERS} characters"
        raise ParameterInvalid(f"{parameter_name!r} {fault}.", faults={parameter_name: fault})
    return text
