"""Server-sent events of one job: each ended item once, in the order of the ends, and the job when it has ended.

A stream holds no thread while nothing happens: it asks the database now and then, ever more rarely.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from saccade.api.dependencies import Threads
from saccade.api.drain import Drain
from saccade.clock import monotonic_s
from saccade.errors import JobUnknown, UnavailableError
from saccade.jobs.records import JobRecord
from saccade.jobs.render import item_to_text, job_to_json, to_text
from saccade.jobs.states import JobState
from saccade.jobs.store import Records

MEDIA_TYPE = "text/event-stream"
#: What a comment is for: proxies and clients see that the stream lives.
HEARTBEAT_S = 15.0
#: How the id of a job's last event ends; who has it needs to come no more.
END = "-end"

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_GROWTH = 1.5
_PAGE = 100
#: How long a client waits before it comes again, in ms.
_RECONNECT_MS = 1000


@dataclass(slots=True)
class Stream:
    """One client's view of one job.

    Attributes:
        after: Number of the last event that the client has.
        heartbeat_s: Longest silence.
    """

    records: Records
    principal: str
    job_id: str
    after: int
    threads: Threads
    drain: Drain
    heartbeat_s: float = HEARTBEAT_S

    async def events(self) -> AsyncIterator[str]:
        """Yield events until the job has ended, is erased, or the server stops."""
        yield f"retry: {_RECONNECT_MS}\n\n"
        pause_s, spoken_s = _FIRST_PAUSE_S, monotonic_s()
        while True:
            job, text = None, ""
            try:
                with suppress(UnavailableError):  # it comes back, and the stream goes on where it was
                    job, text = await self.threads.run(self._read)
            except JobUnknown:
                return
            if text:
                yield text
                pause_s, spoken_s = _FIRST_PAUSE_S, monotonic_s()
            if job is not None and job.state is not JobState.RUNNING and self.after >= job.event_seq:
                yield event("job", f"{job.event_seq}{END}", to_text(job_to_json(job)))
                return
            if text:
                continue
            if await self.drain.pause(pause_s):
                return
            pause_s = min(_LONGEST_PAUSE_S, pause_s * _GROWTH)
            if monotonic_s() - spoken_s >= self.heartbeat_s:
                yield ": alive\n\n"
                spoken_s = monotonic_s()

    def _read(self) -> tuple[JobRecord, str]:
        """Return the job, and the next events as they are sent."""
        job = self.records.job(self.principal, self.job_id)
        if job.event_seq <= self.after:
            return job, ""
        items = self.records.events(self.principal, self.job_id, after=self.after, limit=_PAGE)
        text = "".join(event("item", str(item.event_seq), item_to_text(item)) for item in items)
        if items:
            self.after = items[-1].event_seq or self.after
        return job, text


def event(name: str, event_id: str, data: str) -> str:
    """Return one event; the data is one line."""
    return f"event: {name}\nid: {event_id}\ndata: {data}\n\n"
