"""What came of a job's items: as a document, and as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from saccade.api.answers import is_known
from saccade.api.cursors import place_cursor, read_place_cursor, single, whole_number
from saccade.api.dependencies import Threads, lookups_of
from saccade.api.description import new_router
from saccade.api.drain import drain_of
from saccade.api.events import END, MEDIA_TYPE, Stream
from saccade.api.job_access import job_of, store_of
from saccade.api.job_descriptions import FORMATS, events_operation, results_operation
from saccade.api.middleware.head import IS_HEAD
from saccade.errors import JobUnknown, ParameterInvalid, QueueFull
from saccade.jobs.exports import EXPORTS, Export
from saccade.jobs.records import ItemRecord, JobRecord
from saccade.jobs.states import ENDED
from saccade.jobs.store import Records

router = new_router("jobs")

#: Items that are in memory at a time; one may have hundreds of objects.
_PAGE = 100
_LARGEST_LIMIT = 10_000
_LINE_PAUSE_S = 0.05
_MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "coco": "application/json",
}
_SUFFIXES = {"jsonl": "jsonl", "csv": "csv", "coco": "coco.json"}
_EVENT_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_MAX_EVENT_DIGITS = 9


@router.get("/v1/jobs/{job_id}/results", **results_operation())
async def job_results(request: Request, job_id: str) -> Response:
    """Return what has ended so far, by image, then by model, also while the job runs.

    `json` is one document, in pages if `limit` is given; `jsonl` one item a line; `csv` one row for each label or
    object, where a text from outside that would be a formula has an apostrophe before it; `coco` COCO's object
    detection format, in which labels without a box have no annotation.
    """
    written = _format_of(request)
    limit = whole_number(request, "limit", least=1, most=_LARGEST_LIMIT)
    after = read_place_cursor(single(request, "cursor"))
    if written != "json" and (limit is not None or after is not None):
        raise ParameterInvalid(f"'limit' and 'cursor' are for json; {written} is written whole.")
    job = await job_of(request, job_id)
    # Ended items never change, so how many there are tells whether there is anything new.
    etag = f'W/"{job.event_seq}.{job.state}.{written}.{limit or 0}.{place_cursor(after or (0, 0))}.{int(bool(after))}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    if written in _SUFFIXES:
        headers["Content-Disposition"] = f'attachment; filename="job-{job.id}.{_SUFFIXES[written]}"'
    if request.scope.get(IS_HEAD):
        return _head(headers, _MEDIA_TYPES[written])
    reader = _Reader(store_of(request).records, job, EXPORTS[written](job), after, limit)
    first = await lookups_of(request).run(reader.read)

    async def whole() -> AsyncIterator[str]:
        text = first
        while text is not None:
            yield text
            try:
                text = await in_turn(lookups_of(request), reader.read)
            except JobUnknown:  # erased meanwhile: a document stays without its end, by which it is known to be cut
                return

    return StreamingResponse(whole(), headers=headers, media_type=_MEDIA_TYPES[written])


@router.get("/v1/jobs/{job_id}/events", **events_operation())
async def job_events(request: Request, job_id: str) -> Response:
    """Follow a job by server-sent events: an `item` for each that ends, then `job`, and the stream closes.

    Data of an `item` is what results say of it. An event's id is its number; whoever comes again with `Last-Event-ID`
    gets what they missed, and nothing twice. Behind the last event the answer is 204, at which browsers stop to ask.
    """
    given = request.headers.get("last-event-id") or single(request, "last_event_id")
    after = _event_number(given)
    job = await job_of(request, job_id)
    if given and given.endswith(END):
        return Response(status_code=204, headers=_EVENT_HEADERS)
    if request.scope.get(IS_HEAD):
        return _head(_EVENT_HEADERS, MEDIA_TYPE)
    stream = Stream(store_of(request).records, job.principal, job.id, after, lookups_of(request), drain_of(request))
    return StreamingResponse(stream.events(), headers=_EVENT_HEADERS, media_type=MEDIA_TYPE)


@dataclass(slots=True)
class _Reader:
    """Reads and writes one answer, a page at a time, on whichever thread."""

    records: Records
    job: JobRecord
    export: Export
    after: tuple[int, int] | None
    left: int | None
    limit: int | None = None
    begun: bool = False
    ended: bool = False

    def __post_init__(self) -> None:
        self.limit = self.left

    def read(self) -> str | None:
        """Return the next piece of the answer; None behind its end."""
        if self.ended:
            return None
        head = "" if self.begun else self.export.begin()
        self.begun = True
        wanted = _PAGE if self.left is None else min(_PAGE, self.left)
        items = self._items(wanted)
        if items:
            self.after = (items[-1].position, items[-1].model_index)
        if self.left is not None:
            self.left -= len(items)
        text = head + self.export.page(items)
        if len(items) == wanted and self.left != 0:
            return text
        self.ended = True
        return text + self.export.end(self._following() if self.left == 0 else None)

    def _items(self, limit: int) -> list[ItemRecord]:
        job = self.job
        return self.records.items(job.principal, job.id, after=self.after, states=ENDED, limit=limit)

    def _following(self) -> str | None:
        """Return where the list goes on, if there is more."""
        if self.after is None or not self._items(1):
            return None
        query = urlencode({"cursor": place_cursor(self.after), "limit": str(self.limit)})
        return f"/v1/jobs/{self.job.id}/results?{query}"


async def in_turn(threads: Threads, read: Callable[[], str | None]) -> str | None:
    """Return the next piece of an answer that has begun: while too many ask, it waits, for it cannot be refused."""
    while True:
        with suppress(QueueFull):
            return await threads.run(read)
        await asyncio.sleep(_LINE_PAUSE_S)


def _head(headers: Mapping[str, str], media_type: str) -> Response:
    """Answer with headers alone; how long the body would be is not known before it is written."""
    response = Response(headers=headers, media_type=media_type)
    del response.headers["Content-Length"]
    return response


def _format_of(request: Request) -> str:
    """Return the format that the query names, else the first that Accept names, else json."""
    named = single(request, "format")
    if named is not None:
        if named not in FORMATS:
            fault = f"must be one of {', '.join(FORMATS)}"
            raise ParameterInvalid(f"'format' {fault}.", faults={"format": fault})
        return named
    wanted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    by_type = {"application/json": "json", "application/x-ndjson": "jsonl", "text/csv": "csv"}
    return next((by_type[media_type] for media_type in wanted if media_type in by_type), "json")


def _event_number(given: str | None) -> int:
    """Return the number of the last event that the client has.

    Raises:
        ParameterInvalid: It is no id of an event.
    """
    digits = (given or "0").removesuffix(END)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_EVENT_DIGITS):
        fault = "must be the id of an event of this job"
        raise ParameterInvalid(f"Last-Event-ID {fault}.", faults={"Last-Event-ID": fault})
    return int(digits)
