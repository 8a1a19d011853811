"""Hints through a broker: one connection that publishes, one that waits, both made again when they broke."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from saccade.backends.hints.bodies import pack
from saccade.backends.hints.link import Broker, Link
from saccade.clock import monotonic_s
from saccade.errors import HintsUnreachable

#: After a failure nobody dials for so long: callers get their answer at once, and no loop runs hot.
_PAUSE_S = 1.0
#: How long a wait looks at its connection before it looks at ``wake``.
_SLICE_S = 0.05
#: A look at a connection is no shorter, or what is there would not arrive.
_GLANCE_S = 0.005
#: A connection that breaks younger than this is not replaced at once.
_SETTLED_S = 1.0
#: A publish that failed quicker than this is tried once more on a new connection; longer ones took their time.
_PROMPT_S = 0.5


class BrokerHints:
    """Hints in one queue of a broker, shared by all processes. Losing the broker, or what is in it, loses nothing."""

    def __init__(self, broker: Broker) -> None:
        """Keep where the broker is; nothing is dialled yet."""
        self._publisher = _Publisher(broker)
        self._waiter = _Waiter(broker)

    def publish(self, item_ids: Sequence[int]) -> None:
        """See ``Hints``. It takes two seconds at most, and while the broker is known to be away no time."""
        if item_ids:
            self._publisher.run(lambda link: link.publish(pack(item_ids)))

    def wait(self, *, most: int, timeout_s: float) -> list[int]:
        """See ``Hints``. While the broker is away it takes up to a second before it says so."""
        return self._waiter.wait(most=most, timeout_s=timeout_s)

    def wake(self) -> None:
        """See ``Hints``. A ``wait`` that begins later returns at once too, once."""
        self._waiter.woken.set()

    def check(self) -> None:
        """See ``Hints``."""
        self._publisher.run(Link.ask)

    def close(self) -> None:
        """See ``Hints``; from now on ``wait`` returns at once, with nothing."""
        self._waiter.close()
        self._publisher.close()


class _Publisher:
    """A connection that threads use in turn."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._turn = threading.Lock()
        self._link: Link | None = None
        self._pause = _Pause()
        self._closed = False

    def run(self, action: Callable[[Link], None]) -> None:
        """Do something on the connection; once more on a new one if the old one turns out to be dead."""
        with self._turn:
            self._pause.refuse()
            started_s = monotonic_s()
            was_open = self._link is not None
            try:
                self._attempt(action)
            except HintsUnreachable as failure:
                if not was_open or monotonic_s() - started_s > _PROMPT_S:
                    self._pause.begin(failure)
                    raise
                self._again(action)

    def close(self) -> None:
        with self._turn:
            self._closed = True
            if self._link is not None:
                self._link.close()
                self._link = None

    def _again(self, action: Callable[[Link], None]) -> None:
        try:
            self._attempt(action)
        except HintsUnreachable as failure:
            self._pause.begin(failure)
            raise

    def _attempt(self, action: Callable[[Link], None]) -> None:
        if self._closed:
            raise HintsUnreachable("The connection to the broker was closed by this process.")
        if self._link is None:
            self._link = Link(self._broker)
        try:
            action(self._link)
        except HintsUnreachable:
            self._link.drop()
            self._link = None
            raise


class _Waiter:
    """A connection on which the one thread that waits is sent messages."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.woken = threading.Event()
        self._turn = threading.Lock()
        self._link: Link | None = None
        self._opened_s = 0.0
        self._pause = _Pause()
        self._rest: list[int] = []
        self._closed = False

    def wait(self, *, most: int, timeout_s: float) -> list[int]:
        deadline_s = monotonic_s() + timeout_s
        with self._turn:
            while not self._was_woken():
                if not self._rest:
                    self._look(most, deadline_s)
                if self._rest or monotonic_s() >= deadline_s:
                    taken, self._rest = self._rest[:most], self._rest[most:]
                    return taken
            return []

    def close(self) -> None:
        self._closed = True
        self.woken.set()
        with self._turn:
            self._rest = []
            if self._link is not None:
                self._link.close()
                self._link = None

    def _was_woken(self) -> bool:
        if self._closed:
            return True
        if self.woken.is_set():
            self.woken.clear()
            return True
        return False

    def _look(self, most: int, deadline_s: float) -> None:
        """Receive what comes within a slice of time; a connection that broke is replaced."""
        if self._link is None and not self._connect(deadline_s):
            return
        link = self._link
        if link is None:
            return
        try:
            self._rest += link.receive(max(_GLANCE_S, min(_SLICE_S, deadline_s - monotonic_s())))
            while 0 < len(self._rest) < most and (more := link.take()):
                self._rest += more
        except HintsUnreachable as failure:
            link.drop()
            self._link = None
            if monotonic_s() - self._opened_s < _SETTLED_S:
                self._pause.begin(failure)
                raise

    def _connect(self, deadline_s: float) -> bool:
        """Connect; while the broker is known to be away, rest before, for as long as there is time. False: woken."""
        rest_s = min(self._pause.left_s(), max(0.0, deadline_s - monotonic_s()))
        if rest_s > 0 and self.woken.wait(rest_s):
            return False
        self._pause.refuse()
        try:
            self._link = Link(self._broker)
            self._link.subscribe()
        except HintsUnreachable as failure:
            if self._link is not None:
                self._link.drop()
                self._link = None
            self._pause.begin(failure)
            raise
        self._opened_s = monotonic_s()
        return True


class _Pause:
    """The time after a failure in which nobody dials."""

    def __init__(self) -> None:
        self._until_s = 0.0
        self._reason = ""

    def begin(self, failure: HintsUnreachable) -> None:
        self._until_s = monotonic_s() + _PAUSE_S
        self._reason = failure.reason

    def left_s(self) -> float:
        return max(0.0, self._until_s - monotonic_s())

    def refuse(self) -> None:
        """Raise the failure that the pause began with, as long as it lasts."""
        if self.left_s() > 0:
            unreachable = HintsUnreachable("The broker of hints does not answer.")
            unreachable.reason = self._reason
            raise unreachable
