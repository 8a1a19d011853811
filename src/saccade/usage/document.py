"""The report as JSON: the same for ``saccade usage json`` and for ``GET /v1/usage``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias

from saccade.usage.figures import RecentRequest, UserFigures
from saccade.usage.latency import Percentiles
from saccade.usage.notes import notes_on
from saccade.usage.report import UsageReport
from saccade.usage.totals import EndpointTotal, ModelTotal
from saccade.usage.window import from_us, name_of

#: What the standard json module writes without help.
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_MS_DIGITS = 3
_SHARE_DIGITS = 6
_US_PER_MS = 1000


def report_to_json(report: UsageReport) -> dict[str, Json]:
    """Return the report as plain values; moments are ISO 8601 with an offset."""
    question = report.question
    window = question.window
    return {
        "generated_at_utc": _utc(window.now),
        "timezone": name_of(question.zone),
        "bucket": report.bucket.value,
        "requested_start_utc": None if window.since is None else _utc(window.since),
        "requested_end_utc": _utc(window.until),
        "coverage_start": None if report.first is None else report.first.isoformat(),
        "coverage_end": None if report.last is None else report.last.isoformat(),
        "service": question.service,
        "principal": question.principal if question.only is None else question.only,
        "total": report.requests,
        "unique_users": report.users_seen,
        "error_count": report.errors,
        "error_rate": round(report.error_share, _SHARE_DIGITS),
        "bytes_in": report.bytes_in,
        "latency_ms": _latency(report.latency),
        "predictions": _predictions(report.predictions),
        "endpoint_counts": {each.name: each.requests for each in report.endpoints},
        "status_counts": {str(status): requests for status, requests in report.statuses},
        "user_counts": summed(zip(shown_names(report.users), (user.requests for user in report.users), strict=True)),
        "path_counts": summed(report.paths),
        "endpoints": [_endpoint(each) for each in report.endpoints],
        "users": [_user(user) for user in report.users],
        "models": [{"model": model.model, **_predictions(model)} for model in report.models],
        "time_buckets": [{"bucket": label, "n": n, "errors": errors} for label, n, errors in report.buckets],
        "hour_heatmap": [
            {"dow": day, "hour": hour, "n": n} for day, hours in enumerate(report.week) for hour, n in enumerate(hours)
        ],
        "recent": [_recent(request, report) for request in report.recent],
        "data_quality": [*notes_on(report)],
    }


def shown_names(users: list[UserFigures]) -> list[str]:
    """Return what each is called, with the id where several are called the same."""
    names = [user.name for user in users]
    return [
        user.name if names.count(user.name) == 1 or user.name == user.principal else f"{user.name} ({user.principal})"
        for user in users
    ]


def summed(pairs: Iterable[tuple[str, int]]) -> dict[str, Json]:
    """Return counts by name; those of one name are added, so that none is lost."""
    counts: dict[str, int] = {}
    for name, number in pairs:
        counts[name] = counts.get(name, 0) + number
    return {**counts}


def _endpoint(each: EndpointTotal) -> Json:
    return {
        "endpoint": each.name,
        "method": each.method,
        "route": each.route,
        "n": each.requests,
        "errors": each.errors,
        "bytes_in": each.bytes_in,
        "latency_ms": _latency(each.latency),
    }


def _user(user: UserFigures) -> Json:
    return {
        "principal": user.principal,
        "name": user.name,
        "n": user.requests,
        "errors": user.errors,
        "bytes_in": user.bytes_in,
        "images": user.images,
        "pixels": user.pixels,
        "compute_ms": round(user.compute_ms, _MS_DIGITS),
    }


def _predictions(model: ModelTotal) -> dict[str, Json]:
    return {
        "n": model.predictions,
        "succeeded": model.succeeded,
        "failed": model.failed,
        "cached": model.cached,
        "sync": model.sync,
        "jobs": model.jobs,
        "pixels": model.pixels,
        "compute_ms": round(model.compute_ms, _MS_DIGITS),
    }


def _recent(request: RecentRequest, report: UsageReport) -> Json:
    return {
        "at": from_us(request.at_us, report.question.zone).isoformat(),
        "service": request.service,
        "principal": request.principal,
        "name": request.user_name,
        "via": request.via,
        "method": request.method,
        "route": request.route,
        "model": request.model,
        "status": request.status,
        "bytes_in": request.bytes_in,
        "duration_ms": round(request.duration_us / _US_PER_MS, _MS_DIGITS),
        "request_id": request.request_id,
    }


def _latency(latency: Percentiles | None) -> Json:
    if latency is None:
        return None
    return {
        "p50": round(latency.p50_ms, _MS_DIGITS),
        "p95": round(latency.p95_ms, _MS_DIGITS),
        "p99": round(latency.p99_ms, _MS_DIGITS),
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
