"""A model and its clients in virtual time: what admission does in a minute of overload is computed in a second."""

from __future__ import annotations

import heapq
import random
from collections import deque
from itertools import count

from saccade.api.admission import Admission, Bounds
from saccade.errors import QueueFull
from saccade.metrics import Metrics

NAME = "model"


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Storm:
    """Clients, one line, and a model of some slots whose runs take a fixed time and up to ``batch`` pictures.

    A request enters as soon as it comes: its body is there. ``outside_s`` passes before it needs a slot. Notes the stay
    of each answer, and each refusal.
    """

    def __init__(self, *, service_s=0.05, slots=2, batch=1, burst=64, max_wait_s=10.0, outside_s=0.0) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        self.admission = Admission(Bounds(slots, burst, max_wait_s), self.metrics, self.clock)
        self.service_s, self.slots, self.batch, self.outside_s = service_s, slots, batch, outside_s
        self.random = random.Random(1)
        self.stays_s, self.ended_s, self.refusals, self.late = [], [], [], 0
        self._events, self._order = [], count()
        self._waiting, self._running = deque(), 0

    @property
    def line(self):
        return self.admission._lines[NAME]

    @property
    def capacity(self) -> float:
        """Requests per second that the model can answer at most."""
        return self.slots * self.batch / self.service_s

    def at(self, moment_s, action) -> None:
        """Have something happen at a moment."""
        heapq.heappush(self._events, (moment_s, next(self._order), action))

    def after(self, delay_s, action) -> None:
        """Have something happen later."""
        self.at(self.clock.now_s + delay_s, action)

    def run(self, seconds=float("inf")) -> None:
        """Let time pass, until nothing more happens or the time is over."""
        end_s = self.clock.now_s + seconds
        while self._events and self._events[0][0] <= end_s:
            self.clock.now_s, _, action = heapq.heappop(self._events)
            action()
        if end_s < float("inf"):
            self.clock.now_s = end_s

    def ask(self, on_answer=lambda: None, on_refusal=lambda _: None) -> None:
        """Send one request now."""
        try:
            self.admission.look(NAME)
            place = self.admission.enter(NAME)
        except QueueFull as refusal:
            self.refusals.append((self.clock.now_s, refusal.retry_after_s))
            on_refusal(refusal)
            return
        request = (self.clock.now_s, place, on_answer, on_refusal)
        if self.outside_s:
            self.after(self.outside_s, lambda: self._join(request))
        else:
            self._join(request)

    def open_loop(self, rate, seconds) -> None:
        """Send requests at this rate, whatever becomes of them."""
        moment_s, end_s = self.clock.now_s, self.clock.now_s + seconds
        while (moment_s := moment_s + self.random.expovariate(rate)) < end_s:
            self.at(moment_s, self.ask)

    def closed_loop(self, connections, seconds) -> None:
        """Have this many clients who ask again as soon as they have their answer; a refused one gives up."""
        end_s = self.clock.now_s + seconds

        def again():
            if self.clock.now_s < end_s:
                self.after(0.0005, lambda: self.ask(again))

        for _ in range(connections):
            again()

    def _join(self, request) -> None:
        self._waiting.append(request)
        self._begin()

    def _begin(self) -> None:
        while self._running < self.slots and self._waiting:
            batch = []
            while self._waiting and len(batch) < self.batch:
                came_s, place, on_answer, on_refusal = self._waiting.popleft()
                if place.caller.left:
                    self.admission.leave(NAME, place, answered=False)
                    self.refusals.append((self.clock.now_s, place.caller.reason.retry_after_s))
                    self.late += 1
                    on_refusal(place.caller.reason)
                else:
                    batch.append((came_s, place, on_answer))
            if batch:
                self._running += 1
                self.after(self.service_s * self.random.uniform(0.9, 1.1), lambda batch=batch: self._end(batch))

    def _end(self, batch) -> None:
        self._running -= 1
        for came_s, place, on_answer in batch:
            self.admission.leave(NAME, place, answered=True)
            self.stays_s.append(self.clock.now_s - came_s)
            self.ended_s.append(self.clock.now_s)
            on_answer()
        self._begin()


def percentile(values, share) -> float:
    """Return the value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
