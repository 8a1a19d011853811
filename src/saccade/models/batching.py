"""Work-conserving batching: start at once when a slot is idle, grow the next batch while all slots are busy.

There is no batching thread and no window. A caller that finds an idle slot runs its picture itself, at once; a caller
that finds none waits. When a run ends, its thread picks the next batch among those that waited and hands the slot to
the first of them. So an idle server adds no delay, and a busy one shares runs exactly as much as it must.

A run that fails is bisected: its halves are run again, until the one picture that spoils it fails alone.

A picture whose caller leaves is taken out of the line; once its run has begun, it stays in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Generic, TypeVar

from saccade.caller import Caller
from saccade.clock import monotonic_s
from saccade.errors import OutputInvalid, QueueFull

W = TypeVar("W")
R = TypeVar("R")


class Priority(IntEnum):
    """Who goes first; the number indexes ``_HEAD_START_S``."""

    SYNC = 0
    ASYNC = 1
    BULK = 2


#: Seconds that each priority lets earlier ones pass in front. Waiting longer than that beats priority: nobody starves.
_HEAD_START_S = {Priority.SYNC: 0.0, Priority.ASYNC: 1.0, Priority.BULK: 5.0}


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch and the line before it may grow.

    Attributes:
        slots: Runs at the same time.
        max_items: Most pictures in a run.
        max_cost: Most cost in a run; a single picture over it runs alone.
        queue_items: Most pictures that wait; the next one is refused.
    """

    slots: int = 1
    max_items: int = 16
    max_cost: int = 4_000_000
    queue_items: int = 256


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What one picture got out of a batch."""

    value: R
    queue_s: float
    run_s: float
    batch_items: int


@dataclass(eq=False, slots=True)
class _Ticket(Generic[W, R]):
    """One waiting picture; ``batch`` is set on the one that is to lead the next run."""

    work: W
    key: Hashable
    cost: int
    order_s: float
    entered_s: float
    wake: threading.Event = field(default_factory=threading.Event)
    batch: list[_Ticket[W, R]] | None = None
    outcome: Outcome[R] | None = None
    failure: BaseException | None = None
    withdrawn: bool = False


class Batcher(Generic[W, R]):
    """Runs pictures in batches on the threads of those who bring them."""

    def __init__(
        self,
        run: Callable[[Sequence[W]], Sequence[R]],
        limits: BatchLimits,
        *,
        on_batch: Callable[[int], None] | None = None,
        on_queue: Callable[[int], None] | None = None,
    ) -> None:
        """Make a batcher over ``run``.

        Args:
            run: Takes works of one key, gives as many results in the same order; called from several threads.
            limits: Slots and sizes.
            on_batch: Told the size of each batch before it runs.
            on_queue: Told the number of waiting pictures whenever it changes.
        """
        self._run = run
        self._limits = limits
        self._on_batch = on_batch
        self._on_queue = on_queue
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[W, R]] = []
        self._running = 0

    def submit(
        self,
        work: W,
        *,
        key: Hashable,
        cost: int,
        priority: Priority = Priority.SYNC,
        caller: Caller | None = None,
    ) -> Outcome[R]:
        """Run one picture, alone or with others of the same key, and wait for it.

        Args:
            work: What ``run`` takes.
            key: Only works of equal key share a batch.
            cost: What counts against ``max_cost``: input pixels.
            priority: Who goes first when there is a line.
            caller: Who waits for it; when they leave before the run begins, the picture is not run.

        Raises:
            QueueFull: The line is as long as it may be.
            CallerLeft: The caller left in time.
            SaccadeError: What ``run`` raised for this picture.
        """
        caller = caller or Caller()
        caller.check()
        now_s = monotonic_s()
        ticket = _Ticket[W, R](work, key, cost, order_s=now_s + _HEAD_START_S[priority], entered_s=now_s)
        with self._lock:
            if self._running < self._limits.slots:
                self._running += 1
                ticket.batch = [ticket]
            else:
                self._join_line(ticket)
        if ticket.batch is None:
            with caller.told(partial(self._withdraw, ticket)):
                ticket.wake.wait()
        if ticket.withdrawn:
            caller.check()
        if ticket.batch is not None:
            self._lead(ticket.batch)
        if ticket.failure is not None:
            raise ticket.failure
        if ticket.outcome is None:
            raise OutputInvalid("The batch ended without an answer for this picture.")
        return ticket.outcome

    def _join_line(self, ticket: _Ticket[W, R]) -> None:
        """Append to the line, or refuse. The lock is held."""
        if len(self._waiting) >= self._limits.queue_items:
            raise QueueFull(f"{len(self._waiting)} pictures are waiting for this model already.")
        self._waiting.append(ticket)
        self._tell_queue()

    def _withdraw(self, ticket: _Ticket[W, R]) -> None:
        """Take a picture out of the line; one that is in a batch already stays there."""
        with self._lock:
            if ticket not in self._waiting:
                return
            self._waiting.remove(ticket)
            ticket.withdrawn = True
            self._tell_queue()
        ticket.wake.set()

    def _lead(self, batch: list[_Ticket[W, R]]) -> None:
        """Run a batch, wake its members, and hand the slot to the next leader."""
        try:
            if self._on_batch is not None:
                self._on_batch(len(batch))
            self._run_or_bisect(batch, started_s=monotonic_s())
        except BaseException as error:  # noqa: BLE001 - the slot must be handed on whatever happens
            for ticket in batch:
                if ticket.outcome is None and ticket.failure is None:
                    ticket.failure = error
        finally:
            with self._lock:
                successor = self._next_batch()
                if successor is None:
                    self._running -= 1
            for ticket in batch[1:]:
                ticket.batch = None
                ticket.wake.set()
            if successor is not None:
                successor[0].batch = successor
                successor[0].wake.set()

    def _next_batch(self) -> list[_Ticket[W, R]] | None:
        """Take the next batch out of the line: whoever is due first, and others of its key. The lock is held."""
        if not self._waiting:
            return None
        self._waiting.sort(key=lambda ticket: ticket.order_s)
        head = self._waiting[0]
        batch, cost = [head], head.cost
        for ticket in self._waiting[1:]:
            if len(batch) >= self._limits.max_items:
                break
            if ticket.key == head.key and cost + ticket.cost <= self._limits.max_cost:
                batch.append(ticket)
                cost += ticket.cost
        taken = set(map(id, batch))
        self._waiting = [ticket for ticket in self._waiting if id(ticket) not in taken]
        self._tell_queue()
        return batch

    def _run_or_bisect(self, batch: list[_Ticket[W, R]], *, started_s: float) -> None:
        """Run the batch; on failure run its halves, so that only the guilty picture fails."""
        begun_s = monotonic_s()
        try:
            values = self._run([ticket.work for ticket in batch])
            if len(values) != len(batch):
                raise OutputInvalid(f"The model answered {len(values)} pictures of {len(batch)}.")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - whatever a model raises belongs to the picture that caused it
            if len(batch) == 1:
                batch[0].failure = error
                return
            middle = len(batch) // 2
            self._run_or_bisect(batch[:middle], started_s=started_s)
            self._run_or_bisect(batch[middle:], started_s=started_s)
            return
        run_s = monotonic_s() - begun_s
        for ticket, value in zip(batch, values, strict=True):
            ticket.outcome = Outcome(value, started_s - ticket.entered_s, run_s, len(batch))

    def _tell_queue(self) -> None:
        """Report the length of the line."""
        if self._on_queue is not None:
            self._on_queue(len(self._waiting))
