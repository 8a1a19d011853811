"""The whole life of an item as a random walk on every database, beside a small model that knows what is right.

``TEST_MACHINE_STEPS=10000`` (in the environment of the tests) walks that many steps on each kind.
"""

import os
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from conformance.stores import CIRCLES, HELD, LEASE_S, SQUARES, broken_promises, empty, new_job, succeeded
from saccade.backends.database.opening import open_store
from saccade.errors import JobUnknown
from saccade.jobs.records import Expired, Failed, HandedBack, JobPriority, TryAgain
from saccade.jobs.states import RETRYABLE, ItemState, JobState

OWNERS = ("w1", "w2", "w3")
PRINCIPALS = ("alice", "bob")
_STEPS_OF_ONE_WALK = 50
_WANTED = int(os.environ.get("TEST_MACHINE_STEPS", "400"))  # noqa: TID251


@dataclass
class Item:
    """What the model knows of an item."""

    job: str
    max_attempts: int
    expires: bool
    state: str = "queued"
    owner: str | None = None
    attempt: int = 0
    crashes: int = 0
    is_delayed: bool = False


@dataclass
class Job:
    """What the model knows of a job."""

    principal: str
    items: list[int]
    webhook: bool
    is_cancelled: bool = False


@dataclass
class Model:
    """All that is right at this moment."""

    items: dict[int, Item] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    metered: int = 0

    def end(self, item_id, state):
        item = self.items[item_id]
        item.state, item.owner = state, None
        self.metered += state in {"succeeded", "failed"}

    def in_state(self, *states):
        return {item_id for item_id, item in self.items.items() if item.state in states}


class Life(RuleBasedStateMachine):
    """Everything that can happen to items, in any order, by anybody, also by those who should be dead."""

    opened = None

    def __init__(self):
        super().__init__()
        empty(self.opened.database)
        self.store = open_store(self.opened.database)  # whose turn it is begins anew with each walk
        self.model = Model()
        self.claims = []  # every claim that was ever made, with its owner: zombies keep theirs

    @rule(
        principal=st.sampled_from(PRINCIPALS),
        images=st.integers(1, 3),
        both=st.booleans(),
        priority=st.sampled_from(JobPriority),
        expires=st.booleans(),
        max_attempts=st.integers(1, 4),
        webhook=st.booleans(),
    )
    def submit(self, principal, images, both, priority, expires, max_attempts, webhook):
        job = new_job(
            principal,
            images=images,
            models=(CIRCLES, SQUARES) if both else (CIRCLES,),
            priority=priority,
            deadline_s=1000 if expires else None,
            max_attempts=max_attempts,
            webhook="http://x/" if webhook else None,
        )
        ids = self.store.submissions.submit(job).item_ids
        self.model.jobs[job.id] = Job(principal, list(ids), webhook)
        self.model.items.update({item_id: Item(job.id, max_attempts, expires) for item_id in ids})

    @rule(owner=st.sampled_from(OWNERS), most=st.integers(1, 5), is_dead=st.booleans())
    def claim(self, owner, most, is_dead):
        taken = self.store.claims.claim(owner, HELD, most=most, lease_s=-1 if is_dead else LEASE_S)
        ready = {item_id for item_id in self.model.in_state("queued") if not self.model.items[item_id].is_delayed}
        assert bool(taken) == bool(ready)
        assert len({claim.digest for claim in taken}) <= 1
        for claim in taken:
            item = self.model.items[claim.id]
            assert claim.id in ready
            item.state, item.owner, item.attempt = "running", owner, item.attempt + 1
            assert (claim.attempt, claim.crash_count) == (item.attempt, item.crashes)
            self.claims.append((owner, claim, is_dead))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), what=st.sampled_from(["succeeded", "failed", "expired", "back", "again", "crashed"]))
    def finish(self, data, what):
        owner, claim, _ = data.draw(st.sampled_from(self.claims[-8:]))
        item = self.model.items.get(claim.id)
        is_theirs = item is not None and (item.state, item.owner, item.attempt) == ("running", owner, claim.attempt)
        outcome = {
            "succeeded": succeeded(claim),
            "failed": Failed(claim, "image_unreadable", "No."),
            "expired": Expired(claim),
            "back": HandedBack(claim),
            "again": TryAgain(claim, "url_unreachable", "No.", delay_s=1000),
            "crashed": TryAgain(claim, "worker_crashed", "No.", delay_s=0, crashed=True),
        }[what]

        accepted = self.store.claims.finish(owner, [outcome])

        assert accepted == ({claim.id} if is_theirs else set())
        if is_theirs:
            self._became(claim.id, item, what)

    def _became(self, item_id, item, what):
        if what in {"succeeded", "failed", "expired"}:
            self.model.end(item_id, what)
        elif what == "back":
            item.state, item.owner, item.attempt = "queued", None, item.attempt - 1
        elif item.attempt >= item.max_attempts or (what == "crashed" and item.crashes >= 2):
            self.model.end(item_id, "failed")
        else:
            item.state, item.owner, item.is_delayed = "queued", None, what == "again"
            item.crashes += what == "crashed"

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), owner=st.sampled_from(OWNERS))
    def extend(self, data, owner):
        ids = sorted({claim.id for _, claim, _ in self.claims[-6:]})
        mine = {i for i in ids if i in self.model.items and self.model.items[i].owner == owner}
        dead = {claim.id for _, claim, is_dead in self.claims if is_dead}
        alive = [item_id for item_id in ids if item_id not in dead]
        assert self.store.claims.extend(owner, alive, lease_s=LEASE_S) == mine - dead

    @rule()
    def reap(self):
        dead = {
            claim.id
            for owner, claim, is_dead in self.claims
            if is_dead
            and (item := self.model.items.get(claim.id)) is not None
            and (item.state, item.owner, item.attempt) == ("running", owner, claim.attempt)
        }
        reaped = self.store.upkeep.reap()
        assert set(reaped.queued) | set(reaped.failed) == dead
        for item_id in reaped.queued:
            item = self.model.items[item_id]
            assert item.attempt < item.max_attempts
            item.state, item.owner, item.crashes = "queued", None, max(1, item.crashes)
        for item_id in reaped.failed:
            assert self.model.items[item_id].attempt >= self.model.items[item_id].max_attempts
            self.model.end(item_id, "failed")

    @rule()
    def time_passes_for_delays(self):
        self.opened.run("UPDATE item SET not_before = not_before - 2000000000 WHERE state = 'queued'")
        for item_id in self.model.in_state("queued"):
            self.model.items[item_id].is_delayed = False

    @rule()
    def deadlines_pass(self):
        self.opened.run("UPDATE item SET deadline_at = 1 WHERE deadline_at IS NOT NULL")
        late = {item_id for item_id in self.model.in_state("queued") if self.model.items[item_id].expires}
        assert self.store.upkeep.expire() == len(late)
        for item_id in late:
            self.model.end(item_id, "expired")
        for item_id in self.model.in_state("running"):  # they may finish; back in the queue they would be late
            if self.model.items[item_id].expires:
                self.opened.run("UPDATE item SET deadline_at = NULL WHERE id = :id", id=item_id)
                self.model.items[item_id].expires = False

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data(), principal=st.sampled_from(PRINCIPALS))
    def cancel(self, data, principal):
        job_id = data.draw(st.sampled_from(list(self.model.jobs)))
        job = self.model.jobs[job_id]
        if job.principal != principal:
            with pytest.raises(JobUnknown):
                self.store.records.cancel(principal, job_id)
            return
        self.store.records.cancel(principal, job_id)
        open_items = [i for i in job.items if self.model.items[i].state in {"queued", "running"}]
        job.is_cancelled |= bool(open_items)
        for item_id in open_items:
            self.model.end(item_id, "cancelled")

    @precondition(lambda self: len(self.model.jobs) > 2)
    @rule(data=st.data(), by_age=st.booleans())
    def forget(self, data, by_age):
        job_id = data.draw(st.sampled_from(list(self.model.jobs)))
        job = self.model.jobs[job_id]
        if by_age:
            self.opened.run("UPDATE job SET finished_at = 2 WHERE id = :id AND finished_at IS NOT NULL", id=job_id)
            has_ended = all(self.model.items[i].state not in {"queued", "running"} for i in job.items)
            assert self.store.upkeep.purge(retention_s=3600) == int(has_ended)
            if not has_ended:
                return
        else:
            self.store.records.erase(job.principal, job_id)
        for item_id in self.model.jobs.pop(job_id).items:
            del self.model.items[item_id]

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def retry(self, data):
        job_id = data.draw(st.sampled_from(list(self.model.jobs)))
        job = self.model.jobs[job_id]
        failed = self.store.records.items(job.principal, job_id, states=RETRYABLE)
        wanted = {i for i in job.items if self.model.items[i].state in {"failed", "expired"}}
        assert {item.id for item in failed} == wanted
        if failed:
            self.submit_again(job.principal, len(failed), job_id)

    def submit_again(self, principal, images, job_id):
        again = new_job(principal, images=images, retry_of=job_id)
        ids = self.store.submissions.submit(again).item_ids
        self.model.jobs[again.id] = Job(principal, list(ids), webhook=False)
        self.model.items.update({item_id: Item(again.id, again.max_attempts, expires=False) for item_id in ids})

    @invariant()
    def time_passes(self):
        time.sleep(
            0.002
        )  # the clock of SQLite counts milliseconds: what follows is later, so each walk can be repeated

    @invariant()
    def nothing_is_broken(self):
        assert broken_promises(self.opened.database) == []

    @invariant()
    def items_are_where_they_should_be(self):
        stored = {
            item_id: (state, owner, attempt, crashes)
            for item_id, state, owner, attempt, crashes in self.opened.rows(
                "SELECT id, state, lease_owner, attempt, crash_count FROM item"
            )
        }
        assert stored == {
            item_id: (item.state, item.owner, item.attempt, item.crashes) for item_id, item in self.model.items.items()
        }

    @invariant()
    def everything_spent_is_metered_once(self):
        assert self.opened.rows("SELECT count(*) FROM usage_event") == [(self.model.metered,)]

    @invariant()
    def jobs_and_webhooks_follow_their_items(self):
        told = dict(self.opened.rows("SELECT job_id, count(*) FROM delivery GROUP BY job_id"))
        open_items = {}
        for job_id, job in self.model.jobs.items():
            states = [self.model.items[i].state for i in job.items]
            is_open = sum(state in {"queued", "running"} for state in states)
            open_items[job.principal] = open_items.get(job.principal, 0) + is_open
            assert told.get(job_id, 0) == int(job.webhook and not is_open)
            expected = (
                JobState.RUNNING
                if is_open
                else JobState.CANCELLED
                if job.is_cancelled
                else JobState.SUCCEEDED
                if set(states) == {ItemState.SUCCEEDED}
                else JobState.FAILED
            )
            assert self.store.records.job(job.principal, job_id).state is expected
        assert self.store.records.open_items() == {name: count for name, count in open_items.items() if count}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_random_lives_keep_every_promise(opened):
    """However claims, ends, deaths, deadlines, cancels and erasures follow each other, the model is right."""
    Life.opened = opened

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=max(1, _WANTED // _STEPS_OF_ONE_WALK),
            stateful_step_count=_STEPS_OF_ONE_WALK,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
