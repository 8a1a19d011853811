"""The worker: its loops, the threads on which items run, and how it stops."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterable, Sequence

from saccade.clock import monotonic_s
from saccade.failpoints import pass_failpoint
from saccade.jobs.records import TryAgain
from saccade.jobs.service import Jobs
from saccade.wiring import Platform
from saccade.worker.caretaker import Caretaker
from saccade.worker.claimer import Claimer
from saccade.worker.crashes import has_crashed_here
from saccade.worker.crew import Crew
from saccade.worker.deliver import Deliverer
from saccade.worker.finisher import Finisher
from saccade.worker.hands import Hands, Hold
from saccade.worker.heartbeat import Heartbeat
from saccade.worker.keeping import Keeper
from saccade.worker.lone import LoneChild
from saccade.worker.loops import Loop
from saccade.worker.models import HeldModels
from saccade.worker.pictures import Pictures
from saccade.worker.progress import Progress
from saccade.worker.runner import Runner
from saccade.worker.suspects import Suspects
from saccade.worker.trouble import DATABASE_PAUSE_S, Trouble

log = logging.getLogger("saccade.worker")

#: A loop that did not turn for so long is stuck; with a longer lease, it may take that.
_PATIENCE_S = 10.0
#: The loops whose turns wait for others: models are read and loaded, a suspect may take its whole time.
_LONG_PATIENCE_S = 150.0
_WATCH_S = 0.2
#: Items under way for each run of a graph that may take place at once: one runs, one is made ready, one waits.
_LANES_EACH = 3
#: Suspects that may wait for their turn. They run one by one, and must not keep the others from being claimed.
_SUSPECTS = 256
_HOST_CHARS = 64
#: How long ago, beyond its lease, a worker that died may have been seen for the last time to be of interest.
_CRASH_SEEN_S = 60.0
#: What a careful start takes beyond the time until the dead one's items are free again.
_CAREFUL_S = 2.0
#: What a stopping worker may take beyond its grace to write down what it has.
_FLUSH_S = 5.0


class Worker:
    """Works on items until it is stopped. Every method may be called from any thread."""

    def __init__(
        self,
        platform: Platform,
        jobs: Jobs,
        *,
        models: Iterable[str] = (),
        eager: bool = False,
        database: Trouble | None = None,
    ) -> None:
        """Put the parts together; nothing happens before ``start``.

        Args:
            platform: The models and the pipeline, which are shared with those who wait for an answer.
            jobs: The database, the place of bytes and the hints.
            models: Names, or ``name@version``, of which items are taken; none means all that are loaded.
            eager: Load what is wanted before an item waits for it.
            database: Told whether the database answers, together with others who ask.
        """
        settings, wanted = platform.settings, platform.settings.worker
        places = wanted.concurrency or 2 * settings.batch.max_items
        self.id = f"{socket.gethostname()[:_HOST_CHARS]}-{os.getpid()}-{secrets.token_hex(4)}"
        self.concurrency = places
        self._metrics = platform.metrics
        self._grace_s, self._lease_s, self._sweep_s = wanted.grace_s, wanted.lease_s, wanted.sweep_s
        self._records = jobs.store.records
        self._hints = jobs.hints
        self._beat = threading.Event()
        self._hands = Hands(places, suspects=_SUSPECTS)
        database = database or Trouble("the database", longest_pause_s=DATABASE_PAUSE_S)
        broker = Trouble("the broker of hints", longest_pause_s=5.0)
        place = Trouble("the place of stored bytes", longest_pause_s=10.0)
        self.progress = Progress()
        self._suspects = Suspects(settings, self._work, patience_s=_LONG_PATIENCE_S)
        self.models = HeldModels(
            platform.registry, jobs.store.records, wanted=models, eager=eager, on_change=self._on_models
        )
        pictures = Pictures(jobs.store.claims, jobs.objects, fetch=platform.fetch, trouble=place)
        self._runner = Runner(
            pictures,
            Keeper(jobs.store.claims, pictures, traits=platform.predictor.traits),
            platform.predictor,
            platform.registry,
            lanes=_LANES_EACH * settings.engine.runs,
            on_model_gone=self.models.look_again,
        )
        self._finisher = Finisher(
            self.id,
            jobs.store.claims,
            self._hands,
            platform.metrics,
            trouble=database,
            on_ended=self.progress.ended,
            on_dropped=lambda keys: jobs.objects.delete_many(jobs.store.upkeep.ownerless(keys)),
        )
        self._heartbeat = Heartbeat(
            self.id,
            jobs.store,
            self._hands,
            held=lambda: self.models.held,
            lease_s=wanted.lease_s,
            trouble=database,
        )
        self._claimer = Claimer(
            self.id,
            jobs.store.claims,
            jobs.hints,
            self._hands,
            self.models,
            batch_items=max(1, min(settings.batch.max_items, places // 2)),
            lease_s=wanted.lease_s,
            sweep_s=wanted.sweep_s,
            troubles=(database, broker, place),
            dispatch=self._dispatch,
        )
        self._caretaker = Caretaker(
            jobs,
            platform.metrics,
            sweep_s=wanted.sweep_s,
            hint_age_s=wanted.hint_age_s,
            retention_s=settings.jobs.retention_s,
            trouble=database,
        )
        self._deliverer = Deliverer(
            self.id, jobs.store, jobs.poster.post, timeout_s=settings.webhook.timeout_s, trouble=database
        )
        self._crew = Crew(places, self._work)
        self._loops = self._make_loops(max(_PATIENCE_S, wanted.lease_s, 3 * wanted.sweep_s))
        self._stop_lock = threading.Lock()
        self._draining = threading.Event()
        self._stopped = False

    def _make_loops(self, patience_s: float) -> tuple[Loop, ...]:
        """Return all loops in the order in which they start; the watch over the others comes first."""
        self._watch = Loop("watch", self._watch_turn, patience_s=patience_s)
        self._heart_loop = Loop("heartbeat", self._heart_turn, patience_s=patience_s)
        self._sweep_loop = Loop("sweep", self._sweep_turn, patience_s=patience_s)
        self._claim_loop = Loop("claimer", self._claimer.turn, patience_s=patience_s)
        return (
            self._watch,
            Loop("finisher", self._finisher.turn, patience_s=patience_s),
            self._heart_loop,
            Loop("look for models", self.models.turn, patience_s=_LONG_PATIENCE_S),
            *self._suspects.loops,
            self._sweep_loop,
            Loop("deliverer of webhooks", self._deliverer.turn, patience_s=patience_s),
            self._claim_loop,
        )

    def start(self) -> None:
        """Begin to work; after a crash of the worker before, carefully."""
        if has_crashed_here(self._records, within_s=self._lease_s + _CRASH_SEEN_S):
            careful_s = self._lease_s + 2 * self._sweep_s + _CAREFUL_S
            log.warning("a worker has died here; for %.0f s all items run alone", careful_s)
            self._suspects.beware(careful_s)
        for loop in self._loops:
            loop.start()

    def problem(self) -> str | None:
        """Return what is wrong with the worker; None while it is well. What it depends on answers for itself."""
        return next(filter(None, (loop.problem() for loop in self._loops)), None)

    def drain(self) -> None:
        """Take nothing more, and give back what nobody has begun. Returns at once; idempotent."""
        if self._draining.is_set():
            return
        self._draining.set()
        self._claim_loop.stop()
        self._claimer.close()
        pass_failpoint("drain.before_hand_back")
        self._finisher.put_back(self._hands.call_back())

    def stop(self) -> None:
        """Drain, wait for what was begun as long as the grace lasts, write everything down, and sign off. Idempotent.

        What still runs then is left to the others, who take it when its lease has run out.
        """
        with self._stop_lock:
            if self._stopped:
                return
            self._stopped = True
            end_s = monotonic_s() + self._grace_s
            self.drain()
            self._claim_loop.join(_FLUSH_S)
            # A claim that was under way when the drain began came back since, and has been handed back like the rest.
            self._hands.await_empty(end_s - monotonic_s())
            self._suspects.close()
            left = self._hands.await_empty(_FLUSH_S if self._grace_s else 0.5)
            if left:
                log.warning("%d items still run at the end of the grace; others take them after their lease", left)
            for loop in self._loops:
                loop.stop()
            self._finisher.stopping.set()
            self._deliverer.stop()
            self._beat.set()
            self.models.close()
            self._crew.close()
            for loop in self._loops:
                loop.join(1.0)
            self._heartbeat.retire()
            self._metrics.worker_running.set(0)

    def _dispatch(self, holds: Sequence[Hold]) -> None:
        """Put what was claimed to work, or give it back if the worker stops by now."""
        for hold in holds:
            if self._suspects.wants(hold):
                self._suspects.put(hold)
            elif not self._draining.is_set():
                self._crew.put(hold)
        if self._draining.is_set():
            self._finisher.put_back(self._hands.call_back())

    def _work(self, hold: Hold, *, lone: LoneChild | None = None) -> None:
        """Work on one item; runs on a thread of the crew, or on one of those for suspects."""
        if not self._hands.begin(hold):
            return
        self._metrics.item_wait_seconds.observe(hold.claim.waited_s + monotonic_s() - hold.taken_s)
        outcome = self._runner.run(hold, lone=lone)
        if isinstance(outcome, TryAgain) and outcome.crashed:
            self._suspects.found_poison(hold.claim.digest)
        self._finisher.put(hold, outcome)

    def _heart_turn(self) -> None:
        pause_s = self._heartbeat.beat()
        if not self._heart_loop.stopping.is_set():
            self._beat.wait(pause_s)
            self._beat.clear()

    def _on_models(self) -> None:
        """Look for items of new models, and say at once that this worker has them."""
        self._hints.wake()
        self._beat.set()

    def _sweep_turn(self) -> None:
        self._sweep_loop.stopping.wait(self._caretaker.sweep())

    def _watch_turn(self) -> None:
        """Start dead loops again, tell whose deadline has passed, and say now and then how it goes."""
        for loop in self._loops:
            loop.revive()
        self._hands.call_overdue()
        running = self._hands.running
        self._metrics.worker_running.set(running)
        self.progress.say(running)
        self._watch.stopping.wait(_WATCH_S)
