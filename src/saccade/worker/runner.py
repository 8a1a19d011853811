"""One item from claim to outcome: its deadline, its bytes, its model, its answer."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import threading
from collections.abc import Callable, Iterator

from saccade.caller import CallerLeft
from saccade.clock import monotonic_s
from saccade.errors import ModelError, QueueFull, RequestError, SaccadeError
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import Expired, HandedBack, Keeping, Outcome, Succeeded, TryAgain
from saccade.jobs.submission import options_of
from saccade.models.batching import Priority
from saccade.models.registry import Registry
from saccade.predictions.answer import Answer
from saccade.predictions.remembered import remembered
from saccade.predictions.render import answer_to_json
from saccade.predictions.service import Predictor
from saccade.worker.hands import DeadlinePassed, Drained, Hold
from saccade.worker.keeping import Keeper
from saccade.worker.lone import LoneChild, LoneDied, LoneProblem
from saccade.worker.pictures import Pictures, StoreAway
from saccade.worker.verdicts import Kind, ModelChanged, outcome_of, verdict_of

log = logging.getLogger("saccade.worker")

#: How long an item waits here for a place in its model's line before it is handed back.
_LINE_PATIENCE_S = 10.0
_FIRST_LINE_PAUSE_S = 0.02
_LONGEST_LINE_PAUSE_S = 0.5
_LANE_LOOK_S = 0.1
#: A suspect whose child died waits so long: whatever took the memory or the device away may need a moment.
_AFTER_CRASH_S = 0.5


class Runner:
    """Runs items, in this process or in a child of their own. Thread-safe."""

    def __init__(
        self,
        pictures: Pictures,
        keeper: Keeper,
        predictor: Predictor,
        registry: Registry,
        *,
        lanes: int,
        on_model_gone: Callable[[], None],
    ) -> None:
        """Tie the parts together.

        Args:
            pictures: Gets the bytes.
            keeper: Makes ready what is to be remembered.
            predictor: Shares its pipeline and its batches with those who wait for an answer.
            registry: Tells which files a model was loaded from.
            lanes: Items that are decoded or before their model at once; more would make batches so long that those
                who wait for an answer had to wait for them too. The bytes of others are fetched meanwhile.
            on_model_gone: Told that a model is not held as it was thought to be.
        """
        self._pictures = pictures
        self._keeper = keeper
        self._predictor = predictor
        self._registry = registry
        self._lanes = threading.Semaphore(lanes)
        self._on_model_gone = on_model_gone

    def run(self, hold: Hold, *, lone: LoneChild | None = None) -> Outcome:
        """Return what becomes of an item; never raises.

        Args:
            hold: The item.
            lone: The process in which it runs alone; None runs it here, in batches with others.
        """
        try:
            return self._run(hold, lone)
        except CallerLeft as error:
            return _left(hold, error.reason)
        except StoreAway:
            return HandedBack(hold.claim)
        except LoneDied as error:
            log.warning("an item that ran alone took its process down", extra=_facts(hold, str(error)))
            detail = f"The process that showed this image to {hold.claim.model} {error}."
            return TryAgain(hold.claim, "worker_crashed", detail, _AFTER_CRASH_S, crashed=True)
        except LoneProblem as error:
            return outcome_of(hold.claim, error.verdict)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the item must go on to an end
            return self._failed(hold, error)

    def _run(self, hold: Hold, lone: LoneChild | None) -> Outcome:
        if hold.expires_s <= monotonic_s():
            return Expired(hold.claim)
        hold.caller.check()
        data = self._pictures.of(hold.claim)
        hold.caller.check()
        if lone is not None:
            return self._run_alone(hold, data, lone)
        with self._lane(hold):
            self._check_digest(hold)
            pass_failpoint("run.before_predict")
            answer = self._predict(hold, data)
            self._check_digest(hold)
        pass_failpoint("run.after_predict")
        claim = hold.claim
        return Succeeded(
            claim=claim,
            prediction=answer_text(answer),
            pixels=answer.width_px * answer.height_px,
            compute_ms=compute_ms_of(answer),
            cached=answer.cached,
            kept=self._kept(hold, data, answer),
        )

    def _kept(self, hold: Hold, data: bytes, answer: Answer) -> Keeping | None:
        """Make ready what is to be remembered; of an item that was lost meanwhile nothing is written any more."""
        claim = hold.claim
        if not claim.keep or not hold.is_ours:
            return None
        return self._keeper.kept(claim, data, remembered(answer, options_of(claim.options)))

    def _run_alone(self, hold: Hold, data: bytes, lone: LoneChild) -> Outcome:
        pass_failpoint("lone.before_predict")
        claim = hold.claim
        told = lone.predict(data, model=claim.model, digest=claim.digest, options=claim.options, keep=claim.keep)
        kept = None
        if told.kept is not None and hold.is_ours:
            traits, said = told.kept
            kept = self._keeper.kept(claim, data, said, traits=traits)
        return Succeeded(claim, told.prediction, told.pixels, told.compute_ms, cached=False, kept=kept)

    @contextlib.contextmanager
    def _lane(self, hold: Hold) -> Iterator[None]:
        """Wait for a lane, but no longer than anybody needs the outcome.

        Raises:
            CallerLeft: Nobody does any more.
        """
        while not self._lanes.acquire(timeout=_LANE_LOOK_S):
            hold.caller.check()
        try:
            hold.caller.check()
            yield
        finally:
            self._lanes.release()

    def _predict(self, hold: Hold, data: bytes) -> Answer:
        """Ask the model; while its line is full of those who wait for an answer, let them go first."""
        claim = hold.claim
        hold.caller.owner = claim.principal
        give_up_s = monotonic_s() + _LINE_PATIENCE_S
        pause_s = _FIRST_LINE_PAUSE_S
        while True:
            try:
                return self._predictor.predict(
                    data,
                    model=claim.model,
                    options=options_of(claim.options),
                    priority=Priority.ASYNC,
                    caller=hold.caller,
                )
            except QueueFull:
                if monotonic_s() >= give_up_s:
                    raise
            _pause(hold, pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            pause_s = min(_LONGEST_LINE_PAUSE_S, pause_s * 2)

    def _check_digest(self, hold: Hold) -> None:
        """See that the model is still the one that the item was accepted for.

        Raises:
            ModelChanged: It is not.
            ModelUnknown: It is gone.
        """
        card = self._registry.status(hold.claim.model).card
        if card is None or card.digest != hold.claim.digest:
            raise ModelChanged("This process holds other files of the model than the item was accepted for.")

    def _failed(self, hold: Hold, error: BaseException) -> Outcome:
        verdict = verdict_of(error)
        if verdict.kind is Kind.BACK and not isinstance(error, QueueFull):
            self._on_model_gone()
        if not isinstance(error, SaccadeError):
            if verdict.kind is not Kind.BACK:
                log.error("an item met a fault", extra=_facts(hold, type(error).__name__), exc_info=error)
        elif isinstance(error, ModelError) and not isinstance(error, RequestError):
            log.warning("a model failed on an item", extra=_facts(hold, str(error)))
        return outcome_of(hold.claim, verdict)


def answer_text(answer: Answer) -> str:
    """Return an answer as it is stored; ASCII only, for not every database takes every character as it is."""
    return json.dumps(answer_to_json(answer), separators=(",", ":"))


def compute_ms_of(answer: Answer) -> float:
    """Return the milliseconds that were spent on an answer, without those in line."""
    timing = answer.timing
    return timing.decode_ms + timing.preprocess_ms + timing.infer_ms + timing.postprocess_ms


def _left(hold: Hold, reason: Exception) -> Outcome:
    """Return what becomes of an item whose run was called off before it began."""
    if isinstance(reason, DeadlinePassed):
        return Expired(hold.claim)
    if not isinstance(reason, Drained) and hold.is_ours:
        log.error("an item was called off for no known reason", extra=_facts(hold, type(reason).__name__))
    return HandedBack(hold.claim)


def _pause(hold: Hold, seconds: float) -> None:
    """Wait, but no longer than anybody needs the outcome.

    Raises:
        CallerLeft: Nobody does any more.
    """
    left = threading.Event()
    with hold.caller.told(left.set):
        left.wait(seconds)
    hold.caller.check()


def _facts(hold: Hold, message: str) -> dict[str, dict[str, str | int]]:
    claim = hold.claim
    return {
        "facts": {
            "saccade.job": claim.job_id,
            "saccade.item": claim.id,
            "saccade.model": claim.model,
            "saccade.attempt": claim.attempt,
            "error.message": message,
        }
    }
