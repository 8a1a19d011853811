"""Looking again and again at what others change in the database: what aliases mean, and who registered itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from saccade.errors import DatabaseUnreachable

log = logging.getLogger("saccade.models")

#: How often is looked; what changed is observed everywhere within 5 s, a slow answer of the database included.
LOOK_S = 2.0


class Watch:
    """Observes on a thread of its own. While the database is away, what was seen last stays."""

    def __init__(self, observe: Callable[[], None], *, look_s: float = LOOK_S) -> None:
        """Set what is done, and how often."""
        self._observe = observe
        self._look_s = look_s
        self._stopping = threading.Event()
        self._is_blind = False
        self._thread = threading.Thread(target=self._run, name="model-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for a look that is under way."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._look_s):
            try:
                self._observe()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
                self._tell_blind(error)
            else:
                self._tell_seeing()

    def _tell_blind(self, error: Exception) -> None:
        """Tell the log once, not at every look; a trace only of what nobody foresaw."""
        if not self._is_blind:
            trace = None if isinstance(error, DatabaseUnreachable) else error
            facts = {"facts": {"error.message": str(error)}}
            log.warning("aliases and registered models cannot be looked at; they stay", extra=facts, exc_info=trace)
        self._is_blind = True

    def _tell_seeing(self) -> None:
        if self._is_blind:
            log.info("aliases and registered models are looked at again")
        self._is_blind = False
