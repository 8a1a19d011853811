"""Bulk submission: chunks of pictures become jobs, some at a time, and their results lines of a file.

A chunk's Idempotency-Key is made of what it asks, so that one that is sent again after a crash is the same job. Results
are noted together with their length; see ``bulk_state``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from saccade.cli.bulk_plan import Bounds, chunks, is_url
from saccade.errors import ImageTooLarge, JobUnknown, SaccadeError

if TYPE_CHECKING:
    from saccade.cli.bulk_state import BulkState, Chunk
    from saccade.cli.job_client import JobClient
    from saccade.predictions.render import Json

_POLL_S = 5
#: What a server that does not say takes.
_DEFAULT_IMAGE_BYTES = 52_428_800
_DEFAULT_BODY_BYTES = 268_435_456
_DEFAULT_IMAGES = 1000
_DEFAULT_ITEMS = 100_000
#: Bytes of one job; several are in memory at a time.
_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of every picture."""

    models: tuple[str, ...]
    options: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        """Return what a state file compares."""
        return {"models": list(self.models), "options": dict(self.options)}


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server takes in one job."""

    image_bytes: int
    bounds: Bounds


@dataclass(slots=True)
class BulkRun:
    """One submission of many pictures.

    Attributes:
        under_way: Jobs at a time.
        erase: Whether jobs are erased from the server once their results are safe.
        on_progress: Told how many pictures have become results just now, and how many results are problems.
    """

    client: JobClient
    wish: Wish
    limits: ServerLimits
    state: BulkState
    under_way: int = 4
    erase: bool = False
    on_progress: Callable[[int, int], None] = lambda *_: None
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Make the threads; each brings one chunk to its end."""
        self._pool = ThreadPoolExecutor(self.under_way, thread_name_prefix="bulk")

    def run(self, names: Iterable[str]) -> None:
        """Bring every picture to its result; what an earlier run has done is left out.

        Raises:
            SaccadeError: The server refuses for good, or does not answer any more; the same run goes on later.
        """
        todo = self._chunks(names)
        under_way: dict[Future[_Done], Chunk] = {}
        try:
            while True:
                while len(under_way) < self.under_way and (chunk := next(todo, None)) is not None:
                    under_way[self._pool.submit(self._bring_to_end, chunk)] = chunk
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    self._note(under_way.pop(future), future.result())
        finally:
            self.client.stopping.set()
            self._pool.shutdown(cancel_futures=True)

    def _chunks(self, names: Iterable[str]) -> Iterator[Chunk]:
        """Yield what an earlier run left open, then new chunks as the pictures are found."""
        yield from self.state.open_chunks()
        fresh = (name for name in names if not self.state.knows(name))
        for group in chunks(fresh, self.limits.bounds):
            chunk = self.state.plan(group)
            if chunk is not None:
                yield chunk

    def _note(self, chunk: Chunk, done: _Done) -> None:
        self.state.finish(chunk, done.lines, failed=done.failed)
        self.on_progress(len(chunk.names), done.failed)
        if self.erase and done.job_id is not None:
            from contextlib import suppress

            with suppress(JobUnknown):
                self.client.ask("DELETE", f"/v1/jobs/{done.job_id}")

    def _bring_to_end(self, chunk: Chunk) -> _Done:
        """Submit a chunk, wait for its end and return its results; runs on a thread of the pool."""
        order = self._order(chunk)
        done = _Done()
        for name, problem in order.problems.items():
            for model in self.wish.models:
                done.add({"file": name, "model": model, "problem": problem})
        if not order.names:
            return done
        while True:
            job_id = str(self.client.ask("POST", "/v1/jobs", **order.content)["id"])
            try:
                self._await(job_id)
                results = self.client.send("GET", f"/v1/jobs/{job_id}/results?format=jsonl").text
            except JobUnknown:  # somebody erased it, or it expired before we came back: its key is free again
                continue
            done.job_id = job_id
            for line in results.splitlines():
                done.add(_line(json.loads(line), order.names))
            return done

    def _await(self, job_id: str) -> None:
        while self.client.job(job_id, wait_s=_POLL_S)["state"] == "running":
            if self.client.stopping.is_set():
                raise KeyboardInterrupt

    def _order(self, chunk: Chunk) -> _Order:
        """Read a chunk's pictures and write the request; what cannot be read has a problem and is not sent."""
        fields: dict[str, Json] = {"models": list(self.wish.models), **self.wish.options}
        if is_url(chunk.names[0]):
            images: list[Json] = [{"url": name} for name in chunk.names]
            key = _key([fields, images])
            content = {"json": {**_typed(fields), "images": images}, "headers": {"Idempotency-Key": key}}
            return _Order(chunk.names, {}, content)
        names, files, problems = [], [], {}
        hashes: list[Json] = []
        for name in chunk.names:
            try:
                data = _read(name, self.limits.image_bytes)
            except (OSError, SaccadeError) as error:
                problems[name] = _problem(error)
                continue
            names.append(name)
            files.append(("images", (_shown(name), data, "application/octet-stream")))
            hashes.append([_shown(name), hashlib.sha256(data).hexdigest()])
        headers = {"Idempotency-Key": _key([fields, hashes])}
        return _Order(tuple(names), problems, {"data": fields, "files": files, "headers": headers})


@dataclass(frozen=True, slots=True)
class _Order:
    """A request for a job: the pictures in it, those that are not and why, and what is sent."""

    names: tuple[str, ...]
    problems: Mapping[str, dict[str, Json]]
    content: Mapping[str, object]


@dataclass(slots=True)
class _Done:
    """What came of a chunk."""

    lines: list[str] = field(default_factory=list)
    failed: int = 0
    job_id: str | None = None

    def add(self, result: Mapping[str, Json]) -> None:
        """Take in one line."""
        self.lines.append(json.dumps(result))
        self.failed += "problem" in result


def limits_of(client: JobClient, *, images: int, models: int = 1) -> ServerLimits:
    """Ask the server what it takes in one job.

    Args:
        client: Of the server.
        images: Pictures that are wanted in one job.
        models: Models that each is shown to.

    Raises:
        SaccadeError: It does not answer.
    """
    settings = cast("Mapping[str, Mapping[str, int]]", client.ask("GET", "/config").get("settings", {}))

    def setting(name: str, default: int) -> int:
        return int(settings.get(f"SACCADE_{name}", {}).get("value", default))

    most_bytes = min(_CHUNK_BYTES, setting("SERVER_MAX_BODY_BYTES", _DEFAULT_BODY_BYTES) * 3 // 4)
    # A job with more items than may wait would be told to come again for ever.
    most_items = min(setting(name, _DEFAULT_ITEMS) for name in ("JOBS_QUEUE_ITEMS", "JOBS_QUEUE_ITEMS_EACH"))
    most_images = max(1, min(images, setting("JOBS_MAX_IMAGES", _DEFAULT_IMAGES), most_items // models))
    return ServerLimits(setting("IMAGE_MAX_BYTES", _DEFAULT_IMAGE_BYTES), Bounds(most_images, most_bytes))


def _line(result: Mapping[str, Json], names: tuple[str, ...]) -> dict[str, Json]:
    """Return one line of the output: which file, which model, and what came of it."""
    image = cast("Mapping[str, int]", result["image"])
    what = "prediction" if "prediction" in result else "problem"
    return {"file": names[image["index"]], "model": result["model"], what: result[what]}


def _read(name: str, max_bytes: int) -> bytes:
    """Return a file's bytes; no more is read than shows that it is too large."""
    with Path(name).open("rb") as opened:
        data = opened.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageTooLarge(f"The file has more than the {max_bytes} bytes that the server takes.")
    return data


def _problem(error: OSError | SaccadeError) -> dict[str, Json]:
    if isinstance(error, SaccadeError):
        return {"code": error.code, "detail": str(error), "hint": error.hint}
    return {
        "code": "file_unreadable",
        "detail": f"The file cannot be read: {error.strerror or error}.",
        "hint": "Check that it exists and that you may read it.",
    }


def _shown(name: str) -> str:
    """Return a file's name as text that can be sent, whatever bytes it is made of."""
    return os.fsencode(name).decode(errors="replace")


def _typed(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return options as JSON has them: numbers as numbers, and what is wished or not as true."""
    kinds: Mapping[str, Callable[[str], Json]] = {
        "top_k": int,
        "threshold": float,
        "deadline_s": float,
        "keep": lambda text: text == "true",
    }
    return {name: kinds[name](str(value)) if name in kinds else value for name, value in fields.items()}


def _key(asked: Json) -> str:
    return f"bulk-{hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()}"
