"""A model that is loaded and answers: its runner, its batcher, and who is using it right now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from saccade.caller import Caller
from saccade.clock import monotonic_s
from saccade.models.batching import Batcher, BatchLimits, Priority
from saccade.models.package import ModelCard, Package
from saccade.models.prediction import Entry
from saccade.models.runners import Runner, RunOptions, Work
from saccade.vision.arrays import RgbImage


@dataclass(frozen=True, slots=True)
class Run:
    """What one picture got from a loaded model, and how long each part took, in seconds."""

    predictions: tuple[Entry, ...]
    preprocess_s: float
    queue_s: float
    infer_s: float
    postprocess_s: float
    batch_items: int


@dataclass(frozen=True, slots=True)
class Ready:
    """One picture that a model has prepared, and the seconds that took."""

    work: Work[object]
    preprocess_s: float


class ServedModel:
    """A loaded model. Thread-safe; closed when it is retired and nobody uses it any more."""

    def __init__(
        self,
        package: Package,
        runner: Runner[object],
        limits: BatchLimits,
        *,
        on_batch: Callable[[int], None] | None = None,
        on_queue: Callable[[int], None] | None = None,
    ) -> None:
        """Put a batcher before the runner; a runner that takes one picture at a time gets batches of one."""
        self.package = package
        self._runner = runner
        max_items = limits.max_items if runner.batchable else 1
        self._batcher = Batcher[object, object](
            runner.run,
            BatchLimits(limits.slots, max_items, limits.max_cost, limits.queue_items),
            on_batch=on_batch,
            on_queue=on_queue,
        )
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    @property
    def card(self) -> ModelCard:
        """What is shown of the model."""
        return self.package.card

    @property
    def runtime(self) -> str:
        """Engine, device and precision."""
        return self._runner.runtime

    @property
    def problem(self) -> str | None:
        """Why the model cannot answer at this moment, where it runs elsewhere; None if it can."""
        return self._runner.problem

    @property
    def keeps_pictures(self) -> bool:
        """Whether what is prepared still holds the whole picture."""
        return self._runner.keeps_pictures

    def predict(self, image: RgbImage, options: RunOptions, *, priority: Priority = Priority.SYNC) -> Run:
        """Say what is in one picture: ``prepare`` and ``run`` in one."""
        return self.run(self.prepare(image, options.candidate_labels), options, priority=priority)

    def prepare(self, image: RgbImage, candidate_labels: tuple[str, ...] = ()) -> Ready:
        """Turn a picture into what a run takes.

        Args:
            image: (H, W, 3) uint8 RGB, upright.
            candidate_labels: Words to look for; empty takes the package's own. Only zero-shot models know them.

        Raises:
            ImageShapeUnsupported: The picture has a shape that the model's plan cannot take.
        """
        begun_s = monotonic_s()
        work = self._runner.prepare(image, candidate_labels)
        return Ready(work, monotonic_s() - begun_s)

    def run(
        self,
        ready: Ready,
        options: RunOptions,
        *,
        priority: Priority = Priority.SYNC,
        caller: Caller | None = None,
    ) -> Run:
        """Say what is in one prepared picture.

        Args:
            ready: What ``prepare`` of this model gave.
            options: What is asked for.
            priority: Who goes first when there is a line.
            caller: Who waits for it.

        Raises:
            QueueFull: Too many pictures are waiting.
            CallerLeft: The caller left before the run began.
            ModelError: The graph, its outputs or the plug-in failed.
        """
        work = ready.work
        outcome = self._batcher.submit(work.payload, key=work.key, cost=work.cost_px, priority=priority, caller=caller)
        ran_s = monotonic_s()
        predictions = self._runner.finish(work.payload, outcome.value, options)
        return Run(
            predictions=predictions,
            preprocess_s=ready.preprocess_s,
            queue_s=outcome.queue_s,
            infer_s=outcome.run_s,
            postprocess_s=monotonic_s() - ran_s,
            batch_items=outcome.batch_items,
        )

    def acquire(self) -> None:
        """Count one more user; the model stays open until it is released."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """Count one user less; the last user of a retired model closes it."""
        with self._lock:
            self._users -= 1
            close = self._retired and self._users == 0
        if close:
            self._runner.close()

    def retire(self) -> None:
        """Let the present users finish, then close. Idempotent."""
        with self._lock:
            close = not self._retired and self._users == 0
            self._retired = True
        if close:
            self._runner.close()
