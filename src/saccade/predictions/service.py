"""One request from bytes to answer: take the picture in, ask the model, meter, cache.

Routes, faces and the command line all call this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import NamedTuple

from saccade.caller import Caller
from saccade.clock import monotonic_s
from saccade.errors import ParameterInvalid, RequestError, SaccadeError, TaskMismatch
from saccade.images.gate import DecodeGate, Share
from saccade.images.intake import Picture, taken
from saccade.images.limits import Limits
from saccade.images.records import Traits
from saccade.images.traits import traits_of
from saccade.metrics import Metrics
from saccade.models.batching import Priority
from saccade.models.registry import Registry
from saccade.models.runners import RunOptions
from saccade.models.served import ServedModel
from saccade.predictions.answer import Answer, PredictOptions, Timing
from saccade.predictions.cache import AnswerCache

_ENTRY_BYTES = 400
_ANSWER_BYTES = 1_200


@dataclass(frozen=True, slots=True)
class PairResult:
    """What one (image, model) pair of a request came to: an answer or a problem."""

    index: int
    model: str
    answer: Answer | None
    problem: SaccadeError | None


@dataclass(frozen=True, slots=True)
class _Question:
    """One picture and what is asked of a model about it."""

    data: bytes
    options: PredictOptions
    priority: Priority
    caller: Caller
    begun_s: float


class _Key(NamedTuple):
    """What an answer depends on, and whose it is.

    Without the owner, an answer that comes at once would tell that somebody else sent the picture too.
    """

    image: bytes
    model: str
    digest: str
    options: PredictOptions
    owner: str


class Predictor:
    """Answers requests. Thread-safe and blocking: the edge calls it from threads."""

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        gate: DecodeGate,
        metrics: Metrics,
        cache: AnswerCache[Answer],
        *,
        threads: int,
        max_wait_s: float,
    ) -> None:
        """Tie the parts together.

        Args:
            registry: Who is loaded.
            limits: What a picture may be.
            gate: Bounds the memory of pictures being decoded.
            metrics: Where counts and times go.
            cache: Answers given before.
            threads: Pictures of one many-picture request that are worked on at once.
            max_wait_s: How long somebody who watches waits for memory to decode a picture in.
        """
        self._registry = registry
        self._limits = limits
        self._gate = gate
        self._metrics = metrics
        self._cache = cache
        self._max_wait_s = max_wait_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pairs")

    def close(self) -> None:
        """Stop the threads of many-picture requests."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def predict(
        self,
        data: bytes,
        *,
        model: str,
        options: PredictOptions | None = None,
        priority: Priority = Priority.SYNC,
        caller: Caller | None = None,
    ) -> Answer:
        """Say what one model sees in one picture.

        Args:
            data: The encoded picture, as the client sent it.
            model: A name, or ``name@version``.
            options: What is asked for.
            priority: Who goes first when there is a line.
            caller: Who waits for the answer; when they leave before the picture's run begins, it is not run.

        Raises:
            RequestError: The picture or an option cannot be taken.
            UnavailableError: The model is loading, or too much is waiting.
            ModelError: The model failed.
            CallerLeft: The caller left in time.
        """
        begun_s = monotonic_s()
        asked, caller = options or PredictOptions(), caller or Caller()
        caller.check()
        with self._registry.lease(model) as served:
            _check_task(served, asked)
            return self._answer(served, _Question(data, asked, priority, caller, begun_s))

    def traits(self, data: bytes) -> Traits:
        """Tell what can be told of a picture by its bytes; waits for its turn to decode as long as it takes.

        Args:
            data: The encoded picture, as the client sent it.

        Raises:
            RequestError: The picture cannot be taken.
        """
        with taken(data, self._limits, self._gate) as (picture, _):
            return traits_of(data, picture)

    def forget(self, owner: str, image_id: str) -> None:
        """Drop the answers that are kept of an owner's picture, and keep none that is being computed.

        Args:
            owner: Whose.
            image_id: sha256 of the picture's bytes, hex.
        """
        digest = bytes.fromhex(image_id)
        self._cache.forget(lambda key: isinstance(key, _Key) and (key.image, key.owner) == (digest, owner))
        self._metrics.cache_bytes.set(self._cache.size_bytes)

    def predict_pairs(
        self,
        images: Sequence[bytes | SaccadeError],
        *,
        models: Sequence[str],
        options: PredictOptions | None = None,
        caller: Caller | None = None,
        on_pair: Callable[[PairResult], None] = lambda _: None,
    ) -> list[PairResult]:
        """Say what several models see in several pictures; a pair that fails does not spoil the others.

        Args:
            images: The encoded pictures; one that could not even be fetched is given as its problem.
            models: Names; every picture is shown to each.
            options: What is asked for, the same for all.
            caller: Who waits for the answers; pairs whose runs have not begun when they leave are not run.
            on_pair: Told each result as it comes, on any thread; also those of a caller who leaves before the last.

        Returns:
            All pairs, by picture, then by model.

        Raises:
            ModelUnknown: One of the models does not exist; nothing was computed then.
            CallerLeft: The caller left before the last run had begun.
        """
        caller = caller or Caller()
        for model in models:
            self._registry.status(model)
        asked = options or PredictOptions()

        def row(item: tuple[int, bytes | SaccadeError]) -> list[PairResult]:
            found = []
            for result in self._row(*item, models, asked, caller):
                on_pair(result)
                found.append(result)
            return found

        rows = [self._pool.submit(row, item) for item in enumerate(images)]
        wait(rows)  # if the caller left, what had begun ends first, and is told
        return [result for each in rows for result in each.result()]

    def _row(
        self,
        index: int,
        image: bytes | SaccadeError,
        models: Sequence[str],
        options: PredictOptions,
        caller: Caller,
    ) -> Iterator[PairResult]:
        """Show one picture to every model, one after the other; it is in memory only while one prepares it."""
        if isinstance(image, SaccadeError):
            yield from (PairResult(index, model, None, image) for model in models)
            return
        for model in models:
            caller.check()
            begun_s = monotonic_s()
            try:
                with self._registry.lease(model) as served:
                    _check_task(served, options)
                    answer = self._answer(served, _Question(image, options, Priority.SYNC, caller, begun_s))
                result = PairResult(index, model, answer, None)
            except SaccadeError as problem:
                result = PairResult(index, model, None, problem)
            yield result

    def _answer(self, served: ServedModel, question: _Question) -> Answer:
        """Answer from the cache, or compute and keep."""
        reference = served.card.reference
        image = hashlib.sha256(question.data).digest()
        key = _Key(image, reference, served.card.digest, question.options, question.caller.owner)
        try:
            answer, cached = self._cache.get(
                key, lambda caller: self._compute(served, replace(question, caller=caller)), caller=question.caller
            )
        except SaccadeError as problem:
            if not isinstance(problem, RequestError):
                self._metrics.predictions.labels(reference, "failed").inc()
            raise
        self._metrics.predictions.labels(reference, "cached" if cached else "computed").inc()
        self._metrics.cache_bytes.set(self._cache.size_bytes)
        if not cached:
            return answer
        return replace(answer, cached=True, timing=Timing(total_ms=(monotonic_s() - question.begun_s) * 1e3))

    def _taken(self, question: _Question) -> AbstractContextManager[tuple[Picture, Share]]:
        """Take the picture in; jobs wait for their turn as long as it takes, people do not."""
        max_wait_s = self._max_wait_s if question.priority is Priority.SYNC else None
        return taken(question.data, self._limits, self._gate, caller=question.caller, max_wait_s=max_wait_s)

    def _compute(self, served: ServedModel, question: _Question) -> Answer:
        """Decode the picture and ask the model.

        The picture's share of the memory budget is held until its tensors are made, or, where the model takes the
        picture itself, until it has answered.
        """
        options = question.options
        asked = RunOptions(
            top_k=options.top_k,
            threshold=options.threshold,
            function=options.function,
            candidate_labels=options.candidate_labels,
        )
        decode_s = monotonic_s()
        with ExitStack() as held:
            picture, share = held.enter_context(self._taken(question))
            self._metrics.image_bytes.observe(len(question.data))
            decoded_s = monotonic_s()
            ready = served.prepare(picture.rgb, asked.candidate_labels)
            image_id, width_px, height_px = picture.id, picture.width_px, picture.height_px
            del picture
            share.end_decoding()
            if not served.keeps_pictures:
                held.close()
            run = served.run(ready, asked, priority=question.priority, caller=question.caller)
        stages = {
            "queue": share.waited_s + run.queue_s,
            "decode": decoded_s - decode_s - share.waited_s,
            "preprocess": run.preprocess_s,
            "infer": run.infer_s,
            "postprocess": run.postprocess_s,
        }
        reference = served.card.reference
        for stage, seconds in stages.items():
            self._metrics.stage_seconds.labels(reference, stage).observe(seconds)
        if run.predictions:
            self._metrics.scores.labels(reference).observe(run.predictions[0].score)
        timing = Timing(
            **{f"{stage}_ms": seconds * 1e3 for stage, seconds in stages.items()},
            total_ms=(monotonic_s() - question.begun_s) * 1e3,
        )
        return Answer(
            model=reference,
            task=served.card.task,
            image_id=image_id,
            width_px=width_px,
            height_px=height_px,
            predictions=run.predictions,
            engine=served.runtime,
            timing=timing,
            digest=served.card.digest,
        )


def answer_bytes(answer: Answer) -> int:
    """Estimate the memory of an answer, for the cache's bound."""
    return _ANSWER_BYTES + _ENTRY_BYTES * len(answer.predictions)


def _check_task(served: ServedModel, options: PredictOptions) -> None:
    """Refuse options that the model's task does not know, and a request without those that it needs."""
    words = options.candidate_labels or served.card.labels
    if served.card.task.takes_words and not words:
        raise ParameterInvalid(
            f"{served.card.reference} looks for what it is told: 'candidate_labels' must name it.",
            faults={"candidate_labels": "must be at least one text"},
        )
    if options.candidate_labels and not served.card.task.takes_words:
        raise TaskMismatch(f"{served.card.reference} is for {served.card.task}, which takes no candidate_labels.")
    if options.function is not None and served.card.family != "transformers":
        raise TaskMismatch(
            f"{served.card.reference} gives scores and no logits, so no function can be applied to them."
        )
