"""The offline checker: given what is in the database and the store, and what the clients saw, was a promise broken?

It runs when everything has stopped. Each kind of violation has a name and is counted; a few of each are shown.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Table, select, text

from chaos.audit import Change, read
from chaos.journal import Story
from chaos.pictures import label_of, serial_of
from chaos.recovery import recovery
from saccade.backends.database.connection import Database
from saccade.backends.database.schema import delivery, garbage, item, job, job_image, result, usage_event
from saccade.jobs.ports import Objects
from saccade.jobs.states import ENDED, Counts, state_of

_SHOWN = 5
_ENDS = {state.value for state in ENDED}
_METERED = {"succeeded", "failed"}

#: Every promise that the checker holds against the facts, by the name under which its violations are counted.
PROMISES: dict[str, str] = {
    "lost_jobs": "An accepted job that was not erased is there.",
    "lost_items": "Every item of an accepted job is there, and has ended.",
    "duplicate_jobs": "One Idempotency-Key makes one job.",
    "contradictions": "No client was told two things that cannot both be true.",
    "double_ends": "An item ends once.",
    "double_results": "A succeeded item has one result.",
    "missing_results": "A succeeded item has a result.",
    "stray_results": "What did not succeed has no result.",
    "wrong_results": "A result is that of its own picture.",
    "usage_errors": "A succeeded or failed item has one usage row, all others have none.",
    "left_end": "No item leaves a terminal state.",
    "zombie_writes": "Who does not hold an item writes nothing to it, but to cancel it, or to free it after its lease.",
    "claim_errors": "A claim takes a queued item and adds one to its attempts.",
    "stale_results": "A result is of the attempt that its item ended with.",
    "count_errors": "A job's counts and state are those of its items.",
    "event_errors": "The ends of a job's items are numbered 1..n without a gap.",
    "rows_without_blob": "A row that names a blob has one, with the right bytes.",
    "webhook_errors": "A job that ended has one delivery if it asked for it, and it arrived.",
    "integrity": "The database's own check finds nothing.",
}


@dataclass(slots=True)
class Findings:
    """What was found: how often each promise was broken, some cases in words, and figures that judge nothing."""

    counts: Counter[str] = field(default_factory=Counter)
    shown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, promise: str, case: str) -> None:
        """Count one broken promise."""
        assert promise in PROMISES
        self.counts[promise] += 1
        if len(self.shown[promise]) < _SHOWN:
            self.shown[promise].append(case)

    def to_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "violations": {name: self.counts.get(name, 0) for name in PROMISES},
            "cases": dict(self.shown),
            "figures": self.figures,
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checker looks at, read once."""

    tables: dict[str, Sequence[Any]]
    changes: Sequence[Change]
    blobs: dict[str, bytes]
    story: Story
    integrity: str
    executions: Counter[int]


def gather(database: Database, objects: Objects, story: Story, executions: Counter[int]) -> Facts:
    """Read the facts from a database and a store that nobody uses any more."""
    tables = {
        table.name: database.read(lambda tx, table=table: tx.execute(select(table)).all())
        for table in (job, job_image, item, result, usage_event, garbage, delivery)
    }
    blobs = {stored.key: objects.get(stored.key) for stored in objects.list("")}
    sound = "ok"
    if database.dialect == "sqlite":
        sound = database.read(lambda tx: str(tx.execute(text("PRAGMA integrity_check")).scalar_one()))
    return Facts(tables, read(database), blobs, story, sound, executions)


def check(facts: Facts, *, lease_s: float) -> Findings:
    """Hold every promise against the facts."""
    found = Findings()
    _check_jobs(facts, found)
    _check_items(facts, found)
    _check_usage(facts, found)
    _check_counts(facts, found)
    _check_blobs(facts, found)
    _check_webhooks(facts, found)
    for _, changes in groupby(facts.changes, key=lambda change: change.item_id):
        _check_changes(list(changes), found)
    if facts.integrity != "ok":
        found.add("integrity", facts.integrity)
    found.figures.update(_figures(facts))
    found.figures["recovery"] = recovery(facts.changes, facts.story, lease_s=lease_s)
    return found


def rows(facts: Facts, table: Table) -> Sequence[Any]:
    """Return a table's rows."""
    return facts.tables[table.name]


def _check_jobs(facts: Facts, found: Findings) -> None:
    story = facts.story
    for what in story.contradictions:
        found.add("contradictions", what)
    there = {row.id for row in rows(facts, job)}
    key_of = {row.job_id: serial_of(row.file_name)[0] for row in rows(facts, job_image)}
    for accepted in story.jobs.values():
        if accepted.id not in there and not accepted.erase_sent:
            found.add("lost_jobs", f"job {accepted.id} was accepted and is not there")
        if accepted.id in there and accepted.erased:
            found.add("contradictions", f"job {accepted.id} was erased and is there")
    _check_keys({job_id: key_of.get(job_id, "") for job_id in there}, story, found)


def _check_keys(keys: Mapping[str, str], story: Story, found: Findings) -> None:
    """Look for jobs that a repeated request made beside the first."""
    for job_id, key in keys.items():
        if job_id not in story.jobs and key not in story.undecided:
            found.add("duplicate_jobs", f"nobody was told of job {job_id}, made with the key {key}")
    for key, count in Counter(keys.values()).items():
        if count > 1:
            found.add("duplicate_jobs", f"the key {key} made {count} jobs")


def _check_items(facts: Facts, found: Findings) -> None:
    results = defaultdict(list)
    for row in rows(facts, result):
        results[row.item_id].append(row)
    names = {(row.job_id, row.position): row.file_name for row in rows(facts, job_image)}
    for row in rows(facts, item):
        mine = results.pop(row.id, [])
        if row.state not in _ENDS:
            found.add("lost_items", f"item {row.id} is {row.state}, attempt {row.attempt}")
        if row.state == "succeeded":
            _check_results(row, mine, names[row.job_id, row.position], found)
        elif mine:
            found.add("stray_results", f"item {row.id} is {row.state} and has a result")
    for item_id in results:
        found.add("stray_results", f"there is a result of item {item_id}, and no such item")
    _check_completeness(facts, found)


def _check_results(row: Any, mine: Sequence[Any], name: str, found: Findings) -> None:
    """Hold the results of one succeeded item against it: one, of the last attempt, of its own picture."""
    if not mine:
        found.add("missing_results", f"item {row.id} succeeded without a result")
    if len(mine) > 1:
        found.add("double_results", f"item {row.id} has {len(mine)} results")
    label = label_of(serial_of(name)[1])
    for one in mine:
        if one.attempt != row.attempt:
            found.add("stale_results", f"item {row.id} ended at attempt {row.attempt}, its result is of {one.attempt}")
        if row.model.startswith("recorder") and f'"{label}"' not in one.prediction:
            found.add("wrong_results", f"item {row.id} shows {name} and got {one.prediction[:80]}")


def _check_completeness(facts: Facts, found: Findings) -> None:
    """Look for items that an accepted job should have."""
    here = Counter(row.job_id for row in rows(facts, item))
    there = {row.id for row in rows(facts, job)}
    for accepted in facts.story.jobs.values():
        wanted = len(accepted.serials) * len(accepted.models)
        if accepted.id in there and here[accepted.id] != wanted:
            found.add("lost_items", f"job {accepted.id} has {here[accepted.id]} of {wanted} items")


def _check_usage(facts: Facts, found: Findings) -> None:
    ended = {row.id: row.state for row in rows(facts, item)}
    for change in facts.changes:
        if change.kind == "d":
            ended[change.item_id] = change.old_state or ""
    metered: dict[int, list[str]] = defaultdict(list)
    for row in rows(facts, usage_event):
        if row.item_id is not None:
            metered[row.item_id].append(row.outcome)
    for item_id, state in ended.items():
        wanted = [state] if state in _METERED else []
        if (got := metered.pop(item_id, [])) != wanted:
            found.add("usage_errors", f"item {item_id} is {state}, its usage is {got}")
    for item_id in metered:
        found.add("usage_errors", f"there is usage of item {item_id}, which never was")


def _check_counts(facts: Facts, found: Findings) -> None:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows(facts, item):
        states[row.job_id][row.state] += 1
        if row.event_seq is not None:
            numbers[row.job_id].append(row.event_seq)
    for row in rows(facts, job):
        real = states.pop(row.id, Counter())
        counts = Counts(row.total, row.succeeded, row.failed, row.cancelled, row.expired)
        told = (counts.total, *(getattr(counts, state) for state in sorted(_ENDS)))
        if told != (sum(real.values()), *(real[state] for state in sorted(_ENDS))):
            found.add("count_errors", f"job {row.id} counts {counts}, its items are {dict(real)}")
        wanted = state_of(counts, is_cancelled=row.cancelled_at is not None).value
        if row.state != wanted or (row.finished_at is None) != (wanted == "running"):
            found.add("count_errors", f"job {row.id} is {row.state} and should be {wanted}")
        if sorted(numbers[row.id]) != list(range(1, counts.ended + 1)) or row.event_seq != counts.ended:
            found.add(
                "event_errors", f"job {row.id} has {row.event_seq} events, numbered {sorted(numbers[row.id])}"[:300]
            )
    for job_id in states:
        found.add("count_errors", f"there are items of job {job_id}, and no such job")


def _check_blobs(facts: Facts, found: Findings) -> None:
    for row in rows(facts, job_image):
        if row.blob_key is None:
            continue
        blob = facts.blobs.get(row.blob_key)
        if blob is None:
            found.add(
                "rows_without_blob",
                f"image {row.position} of job {row.job_id} names {row.blob_key}, which is not there",
            )
        elif hashlib.sha256(blob).hexdigest() != row.sha256:
            found.add("rows_without_blob", f"{row.blob_key} has other bytes than its row says")


def _check_webhooks(facts: Facts, found: Findings) -> None:
    deliveries = Counter(row.job_id for row in rows(facts, delivery))
    for row in rows(facts, job):
        wanted = int(row.webhook is not None and row.state != "running")
        if deliveries[row.id] != wanted:
            found.add("webhook_errors", f"job {row.id} has {deliveries[row.id]} deliveries instead of {wanted}")
        elif wanted and row.id not in facts.story.told:
            found.add("webhook_errors", f"nobody was told of the end of job {row.id}")


def _check_changes(changes: Sequence[Change], found: Findings) -> None:
    """Follow one item through its life: who held it when, and who wrote."""
    holder: str | None = None
    ends = 0
    for change in changes:
        for promise, case in _judge(change, holder):
            found.add(promise, f"item {change.item_id}: {case}")
        if change.kind == "u" and change.new_state in _ENDS:
            ends += 1
        if change.new_state == "running" and change.old_state != "running":
            holder = change.writer
        elif change.new_state != "running":
            holder = None
    if ends > 1:
        found.add("double_ends", f"item {changes[0].item_id} ended {ends} times")


def _judge(change: Change, holder: str | None) -> Iterator[tuple[str, str]]:
    """Say what is wrong with one change of an item that ``holder`` holds."""
    if change.kind != "u":
        return
    told = f"{change.old_state} to {change.new_state} by {change.writer}, held by {holder} as {change.old_owner}"
    if change.old_state in _ENDS:
        yield "left_end", told
        return
    if change.writer is None:
        yield "zombie_writes", f"{told}, by somebody unknown"
    if change.old_state == "queued" and change.new_state == "running":
        if change.new_attempt != (change.old_attempt or 0) + 1 or change.new_owner is None:
            yield "claim_errors", f"attempt {change.old_attempt} to {change.new_attempt} for {change.new_owner}"
    elif (change.old_state == "running" and change.writer != holder and not _may_write(change)) or (
        change.old_state == "queued" and change.new_state in {"succeeded", "failed"}
    ):
        yield "zombie_writes", told


def _may_write(change: Change) -> bool:
    """Say whether somebody else may do this to a running item: its owner who cancels, or a reaper after the lease."""
    lapsed = change.old_until is not None and change.old_until < change.at_us
    spent = (change.old_attempt or 0) >= change.max_attempts
    freed = change.new_state == "queued" or (change.new_state == "failed" and spent)
    return change.new_state == "cancelled" or (lapsed and freed and change.new_owner is None)


def _figures(facts: Facts) -> dict[str, Any]:
    """Return figures that judge nothing."""
    named = {row.blob_key for row in rows(facts, job_image)} | {row.blob_key for row in rows(facts, garbage)}
    kinds = Counter(
        "claims" if (change.old_state, change.new_state) == ("queued", "running") else
        "heartbeats" if (change.old_state, change.new_state) == ("running", "running") else
        "returned" if (change.old_state, change.new_state) == ("running", "queued") else "other"
        for change in facts.changes
        if change.kind == "u"
    )  # fmt: skip
    return {
        "jobs_accepted": len(facts.story.jobs),
        "jobs_erased": sum(accepted.erased for accepted in facts.story.jobs.values()),
        "items": sum(change.kind == "i" for change in facts.changes),
        "states": dict(Counter(row.state for row in rows(facts, item))),
        "errors": dict(Counter(row.error_code for row in rows(facts, item) if row.error_code)),
        "results": len(rows(facts, result)),
        "usage_rows": len(rows(facts, usage_event)),
        "most_attempts": max((row.attempt for row in rows(facts, item)), default=0),
        "changes": dict(kinds),
        "executions": facts.executions.total(),
        "garbage": len(rows(facts, garbage)),
        "orphan_blobs": len(facts.blobs.keys() - named),
    }
