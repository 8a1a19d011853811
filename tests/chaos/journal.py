"""What the clients saw: one line of JSON for each thing that they were told, on disk before anything else happens."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Journal:
    """Appends lines. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Append to a file."""
        self._descriptor: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._lock = threading.Lock()

    def write(self, event: str, **facts: object) -> None:
        """Note one thing."""
        line = json.dumps({"event": event, "at_us": time.time_ns() // 1000, **facts})
        with self._lock:
            if self._descriptor is not None:  # what comes after the end of the run is nobody's business
                os.write(self._descriptor, line.encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


@dataclass(slots=True)
class AcceptedJob:
    """A job that the server said it accepted."""

    id: str
    key: str
    serials: Sequence[int]
    models: Sequence[str]
    webhook: bool = False
    erase_sent: bool = False
    erased: bool = False
    cancel_sent: bool = False


@dataclass(slots=True)
class Story:
    """All that the clients saw.

    Attributes:
        jobs: Accepted jobs by id.
        undecided: Keys of requests that never got an answer: their job may be there or not.
        contradictions: Answers that must not be, in words.
        told: Ids of jobs whose end a webhook told.
        kills: What was killed: (microseconds since 1970, names of the writers that died, what it was).
        outages: When a database was down: (from, to) in microseconds.
        counts: How many of each event there were.
    """

    jobs: dict[str, AcceptedJob] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)
    contradictions: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    kills: list[tuple[int, tuple[str, ...], str]] = field(default_factory=list)
    outages: list[tuple[int, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def read_story(path: Path) -> Story:
    """Read a journal."""
    story = Story()
    by_key: dict[str, str] = {}
    down_since: int = 0
    for line in path.read_text().splitlines():
        told = json.loads(line)
        event = told["event"]
        name = f"{event} {told['status']}" if "status" in told else event
        story.counts[name] = story.counts.get(name, 0) + 1
        if event == "accepted":
            _accept(story, by_key, told)
        elif event == "database_down":
            down_since = told["at_us"]
        elif event == "database_up":
            story.outages.append((down_since, told["at_us"]))
        else:
            _note(story, event, told)
    return story


def _note(story: Story, event: str, told: Mapping[str, Any]) -> None:
    """Note what stands for itself."""
    if event == "gave_up":
        story.undecided.add(told["key"])
    elif event in {"erase_sent", "erased", "cancel_sent"}:
        setattr(story.jobs[told["job_id"]], event, True)
    elif event == "contradiction":
        story.contradictions.append(told["what"])
    elif event == "webhook":
        story.told.add(told["job_id"])
    elif event == "kill":
        story.kills.append((told["at_us"], tuple(told["writers"]), told["what"]))


def _accept(story: Story, by_key: dict[str, str], told: Mapping[str, Any]) -> None:
    key, job_id = str(told["key"]), str(told["job_id"])
    known = by_key.setdefault(key, job_id)
    if known != job_id:
        story.contradictions.append(f"the key {key} was answered with {known} and with {job_id}")
    story.jobs.setdefault(
        job_id,
        AcceptedJob(job_id, key, told["serials"], told["models"], webhook=bool(told.get("webhook"))),
    )
