"""Who may come in: refuses, before a body is read, what could not be answered in good time.

Each model has a *line* of its own, so that a slow or a popular one shuts nobody else out. A request holds a *place* in
it while it is worked on. Two bounds stand on the number of places, and which one counts depends on what comes:

* In calm, a line takes a burst: ``burst`` places, as long as the last of them is expected to wait no longer than
  ``max_wait_s``. Clients that wait for each answer before they ask again (a closed loop) never have more requests under
  way than connections, so up to ``burst`` of them are never refused.
* Once a request had to be refused, the line *sheds*: it takes as many as are answered in ``STAY`` service times
  (Little's law: rate x stay), so that those let in are answered about as fast as on an idle server, and all slots are
  busy nevertheless. If the pressure lasts longer than ``PATIENCE_S``, those of the burst for whom there is no place any
  more are refused as well. The line is calm again when nobody had to be refused for ``CALM_S``.

One place for each slot and one more are always there, however slow the model is: with none to follow, slots would
stand idle between two requests, the measured rate would sink, and the line would shrink with it. So a server of two
slots that is offered ten times what it can do keeps three requests of that model under way, and one whose runs take
many pictures at once keeps as many as its measured rate deserves.

Rate and service time are measured, not configured: the rate over the time in which all slots had work, the service
time from requests that found an idle slot.

A body on its way holds no place, for else a few slow senders would hold them all: a request looks at the line when its
headers are there, and takes a place, or is refused after all, when its body is.

Source:
    Little, "A proof for the queuing formula L = λW", Operations Research 9 (3), 1961.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from saccade.caller import Caller
from saccade.clock import monotonic_s
from saccade.errors import QueueFull
from saccade.metrics import Metrics

#: Service times that a request may stay while its line sheds, in the mean; twice is promised for 95 of 100.
STAY = 1.6

#: Without a refusal for so long, a line is calm again.
CALM_S = 1.0

#: A peak that is over sooner costs nobody the place that they have.
PATIENCE_S = 0.5

#: Nobody is told to come back later than this, however many were refused before: most of them never come.
MOST_RETRY_S = 30.0

#: Weight of the past in the rate, per answer: about fifty answers count, which is more than one batch.
_RATE_MEMORY = 0.98
#: Weight of a new service time.
_SERVICE_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one line may hold.

    Attributes:
        slots: Runs of a model at the same time.
        burst: Most places in calm.
        max_wait_s: Longest wait that is expected of anybody let in.
    """

    slots: int
    burst: int
    max_wait_s: float

    @property
    def least(self) -> int:
        """Places that are always there: one for each slot, and one that follows."""
        return self.slots + 1


@dataclass(eq=False, slots=True)
class Place:
    """One request that is worked on, and whoever waits for it."""

    came_s: float
    found_idle_slot: bool
    caller: Caller


class Line:
    """The requests of one model. Used on the event loop only."""

    def __init__(self, bounds: Bounds, metrics: Metrics, clock: Callable[[], float] = monotonic_s) -> None:
        """Begin empty and calm, knowing nothing of the model."""
        self._bounds = bounds
        self._metrics = metrics
        self._clock = clock
        self._places: dict[Place, None] = {}
        self._service_s: float | None = None
        self._answers = 0.0
        self._busy_s = 0.0
        self._noted_s = clock()
        self._shed_since_s: float | None = None
        self._burst_ended = False
        self._refused_s = 0.0
        self._due_s = 0.0

    @property
    def held(self) -> int:
        """Places that are taken."""
        return len(self._places)

    @property
    def is_known(self) -> bool:
        """Whether anything was learnt of the model."""
        return self._service_s is not None or self._answers > 0

    @property
    def rate(self) -> float | None:
        """Answers per second while all slots had work; None before there was such a time."""
        return self._answers / self._busy_s if self._busy_s > 0 and self._answers > 0 else None

    @property
    def service_s(self) -> float | None:
        """Time of a request that found an idle slot, in the mean; None before there was one."""
        return self._service_s

    @property
    def is_shedding(self) -> bool:
        """Whether more was asked for lately than could be answered."""
        return self._shed_since_s is not None and self._clock() - self._refused_s <= CALM_S

    @property
    def most(self) -> int:
        """Places that there are at this moment."""
        rate, bounds = self.rate, self._bounds
        if not self.is_shedding:
            places = bounds.burst if rate is None else min(bounds.burst, int(rate * bounds.max_wait_s))
        elif rate is None or self._service_s is None:
            places = 0
        else:
            places = min(bounds.burst, int(rate * min(STAY * self._service_s, bounds.max_wait_s)))
        return max(bounds.least, places)

    def look(self) -> None:
        """Return if there is a place: before a body is read.

        Raises:
            QueueFull: There is none.
        """
        if self.held >= self.most:
            raise self._refusal("head")

    def enter(self) -> Place:
        """Take a place: the body is there, and work begins.

        Raises:
            QueueFull: There is none.
        """
        if self.held >= self.most:
            raise self._refusal("body")
        now_s = self._note()
        place = Place(now_s, found_idle_slot=self.held < self._bounds.slots, caller=Caller())
        self._places[place] = None
        return place

    def leave(self, place: Place, *, answered: bool) -> None:
        """Give a place back, and learn from it.

        Args:
            place: From ``enter``.
            answered: Whether a model's work came of it; what was refused or cached tells nothing of the model.
        """
        now_s = self._note()
        del self._places[place]
        if not answered:
            return
        if self.held + 1 >= self._bounds.slots:
            self._answers = self._answers * _RATE_MEMORY + 1
            self._busy_s *= _RATE_MEMORY
        if place.found_idle_slot and not self.is_shedding:
            spent_s = now_s - place.came_s
            known_s = spent_s if self._service_s is None else self._service_s
            self._service_s = known_s + _SERVICE_WEIGHT * (spent_s - known_s)

    def _note(self) -> float:
        """Bring the account of busy time up to this moment, and return it."""
        now_s = self._clock()
        if self.held >= self._bounds.slots:
            self._busy_s += now_s - self._noted_s
        self._noted_s = now_s
        return now_s

    def _refusal(self, where: str) -> QueueFull:
        """Note that somebody is refused, and return what they are told."""
        now_s = self._clock()
        if not self.is_shedding:
            self._shed_since_s = self._due_s = now_s
            self._burst_ended = False
        self._refused_s = now_s
        if self._shed_since_s is not None and now_s - self._shed_since_s > PATIENCE_S and not self._burst_ended:
            self._burst_ended = True
            self._end_burst(now_s)
        self._metrics.admission_refused.labels(where).inc()
        return self._full(now_s)

    def _end_burst(self, now_s: float) -> None:
        """Ask those of the burst to leave who have no place now; whose run has begun is answered nevertheless."""
        for place in tuple(self._places)[self.most :]:
            place.caller.leave(self._full(now_s))

    def _full(self, now_s: float) -> QueueFull:
        """Return a refusal with the time after which all who were refused before may have been answered.

        Each is told another moment, as far apart as answers are, so that they do not come back all at once.
        """
        rate = self.rate or float(self._bounds.slots)
        self._due_s = min(max(self._due_s, now_s + self.held / rate) + 1 / rate, now_s + MOST_RETRY_S)
        error = QueueFull(f"{self.held} requests for this model are under way, as many as are answered in good time.")
        wait_s = self._due_s - now_s
        error.retry_after_s = wait_s + random.uniform(0.0, 1.0 + wait_s / 4)  # noqa: S311 - it spreads, it hides nothing
        return error


class Admission:
    """All lines, by name. Used on the event loop only."""

    def __init__(self, bounds: Bounds, metrics: Metrics, clock: Callable[[], float] = monotonic_s) -> None:
        """Begin with no line.

        Args:
            bounds: The same for every line.
            metrics: Where refusals are counted.
            clock: Tells seconds.
        """
        self._bounds = bounds
        self._metrics = metrics
        self._clock = clock
        self._lines: dict[str, Line] = {}

    def look(self, name: str) -> None:
        """Return if there is a place in a line; see ``Line.look``."""
        line = self._lines.get(name)
        if line is not None:
            line.look()

    def enter(self, name: str) -> Place:
        """Take a place in a line, which is made when first asked for; see ``Line.enter``."""
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line(self._bounds, self._metrics, self._clock)
        place = line.enter()
        self._metrics.admission_held.inc()
        return place

    def leave(self, name: str, place: Place, *, answered: bool) -> None:
        """Give a place back; see ``Line.leave``. Lines of names that never answered end with their last request."""
        line = self._lines[name]
        line.leave(place, answered=answered)
        self._metrics.admission_held.dec()
        if line.held == 0 and not line.is_known:
            del self._lines[name]
