"""Does harm, by a seed and at an even pace: kills, stops, wipes, and failpoints in processes that start again."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from chaos.journal import Journal
from chaos.plan import Plan
from chaos.processes import Program
from chaos.services import Service
from saccade.failpoints import FAILPOINTS

_TICK_S = 0.05
_START_TIMEOUT_S = 10.0
#: The failpoints that kill in passing: a process that starts again has one armed now and then.
_ARMED_SHARE = 0.15


class Saboteur:
    """One thread that does all the harm of a run."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        *,
        servers: Sequence[Program],
        workers: Sequence[Program],
        database: Service | None,
        broker: Service | None,
    ) -> None:
        """Take the victims."""
        self._plan = plan
        self._journal = journal
        self._random = random.Random(plan.seed)
        self._servers, self._workers = servers, workers
        self._database, self._broker = database, broker
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="saboteur", daemon=True)
        self.done: Counter[str] = Counter()
        self.failure: BaseException | None = None

    @property
    def kills(self) -> int:
        """How many processes died."""
        return sum(count for name, count in self.done.items() if name.startswith("kill "))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, timeout_s: float) -> None:
        """Wait until all harm that was planned is done, which a busy machine delays."""
        self._thread.join(timeout_s)

    def stop(self) -> None:
        """Do no more harm, let everything go on, and start what is dead."""
        self._stopping.set()
        self._thread.join(60.0)
        for service in filter(None, (self._database, self._broker)):
            service.await_up()
        for program in (*self._servers, *self._workers):
            program.resume()
        self.mend()
        if self.failure is not None:
            raise self.failure

    def mend(self, *, armed: bool = False) -> None:
        """Start what has ended, as systemd would."""
        for program in (*self._servers, *self._workers):
            if not program.is_running:
                failpoints = ""
                if armed and self._random.random() < _ARMED_SHARE:
                    name = self._random.choice(sorted(FAILPOINTS))
                    failpoints = f"{name}:{self._random.choice(('kill', 'raise'))}@{self._random.randint(5, 40)}"
                    self._note("armed")
                program.start(failpoints=failpoints)

    def _schedule(self) -> list[tuple[float, Callable[[], None]]]:
        """Return when to do what: everything evenly spread, shuffled by the seed."""
        plan, chance = self._plan, self._random
        acts: list[Callable[[], None]] = []
        for _ in range(plan.kills):
            kinds: list[tuple[Callable[[], None], float]] = [(self._kill_worker, 60.0), (self._kill_server, 20.0)]
            if self._broker is not None:
                kinds.append((self._kill_broker, 5.0))
            if self._database is not None:
                kinds.append((self._kill_database, 5.0))
            acts += chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        acts += [self._stop_somebody] * round(plan.stops * plan.kills)
        if self._broker is not None:
            acts += [self._wipe_broker] * plan.wipes
        chance.shuffle(acts)
        begin_s, span_s = 0.05 * plan.seconds, 0.9 * plan.seconds
        return [(begin_s + span_s * (index + chance.random()) / len(acts), act) for index, act in enumerate(acts)]

    def _work(self) -> None:
        try:
            began = time.monotonic()
            for due_s, act in self._schedule():
                while not self._stopping.is_set() and time.monotonic() - began < due_s:
                    self._tick()
                    time.sleep(_TICK_S)
                if self._stopping.is_set():
                    return
                act()
        except BaseException as error:  # noqa: BLE001 - told by stop()
            self.failure = error

    def _tick(self) -> None:
        for program in (*self._servers, *self._workers):
            if program.stopped_until and time.monotonic() >= program.stopped_until:
                program.resume()
        self.mend(armed=True)

    def _kill_worker(self) -> None:
        self._kill(self._random.choice(self._workers or self._servers), "worker")

    def _kill_server(self) -> None:
        self._kill(self._random.choice(self._servers or self._workers), "server")

    def _kill(self, program: Program, what: str) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not program.is_running and time.monotonic() < deadline:
            self._tick()
            time.sleep(_TICK_S)
        program.resume()
        # Half of the time the supervisor dies and takes everything along, else somebody below it.
        index = 0 if self._random.random() < 0.5 else self._random.randint(1, 3)
        at = time.time_ns() // 1000
        writers = program.kill(index)
        if writers:
            self._journal.write("kill", what=program.name, writers=writers, before_us=at)
            self._note(f"kill {what}")

    def _stop_somebody(self) -> None:
        program = self._random.choice((*self._workers, *self._servers))
        if not program.stopped_until:
            program.stop(self._plan.lease_s * self._random.uniform(0.5, 3.0))
            self._note("stop")

    def _kill_broker(self) -> None:
        assert self._broker is not None
        self._broker.kill()
        self._broker.start(wait=False)
        self._note("kill broker")

    def _wipe_broker(self) -> None:
        assert self._broker is not None
        self._broker.wipe()
        self._note("wipe broker")

    def _kill_database(self) -> None:
        assert self._database is not None
        self._journal.write("database_down")
        self._database.kill()
        self._database.start()
        self._journal.write("database_up")
        self._note("kill database")

    def _note(self, what: str) -> None:
        self.done[what] += 1
