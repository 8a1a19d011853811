"""What waits: ``GET /v1/queue``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from saccade.api.answers import JsonAnswer
from saccade.api.dependencies import lookups_of, platform_of
from saccade.api.description import new_router
from saccade.api.job_access import store_of
from saccade.api.job_descriptions import queue_operation
from saccade.jobs.records import QueueReport, QueueRow, WorkerRecord

router = new_router("jobs")

#: A worker that was silent for longer counts as dead: three heartbeats of a long lease.
_SILENT_S = 15.0
_SECOND_US = 1_000_000
_DIGITS = 3


@router.get("/v1/queue", **queue_operation())
async def show_queue(request: Request) -> Response:
    """Return the line before each model, the workers, and how fast items end; true counts from the database.

    A line is `model_unavailable` while no live worker holds the package that its items are pinned to: they wait for
    one until their deadline.
    """
    report = await lookups_of(request).run(store_of(request).records.queue)
    patience_s = max(_SILENT_S, platform_of(request).settings.worker.lease_s)
    alive = [worker for worker in report.workers if _age_s(worker, report) <= patience_s]
    held = {digest for worker in alive for digest in worker.models.values()}
    ages = [row.oldest_age_s for row in report.rows if row.oldest_age_s is not None]
    content = {
        "models": [_line(row, report, is_held=row.digest in held) for row in report.rows],
        "workers": [_worker(worker, report) for worker in alive],
        "totals": {
            "queued": sum(row.queued for row in report.rows),
            "running": sum(row.running for row in report.rows),
            "oldest_age_s": round(max(ages), _DIGITS) if ages else None,
            "drain_rate": round(report.drain_rate, _DIGITS),
        },
    }
    return JsonAnswer(content, headers={"Cache-Control": "no-store"})


def _line(row: QueueRow, report: QueueReport, *, is_held: bool) -> dict[str, object]:
    return {
        "model": row.model,
        "digest": row.digest,
        "state": "served" if is_held else "model_unavailable",
        "queued": row.queued,
        "running": row.running,
        "oldest_age_s": None if row.oldest_age_s is None else round(row.oldest_age_s, _DIGITS),
        "drain_rate": round(row.ended_recently / report.span_s, _DIGITS),
    }


def _worker(worker: WorkerRecord, report: QueueReport) -> dict[str, object]:
    return {
        "id": worker.id,
        "host": worker.host,
        "models": sorted(worker.models),
        "concurrency": worker.concurrency,
        "running": worker.running,
        "seen_age_s": round(_age_s(worker, report), _DIGITS),
    }


def _age_s(worker: WorkerRecord, report: QueueReport) -> float:
    return max(0.0, (report.now_us - worker.seen_at_us) / _SECOND_US)
