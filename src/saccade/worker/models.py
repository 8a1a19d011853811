"""Which models this process holds, and so of which it may claim items."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from saccade.clock import monotonic_s
from saccade.errors import DatabaseUnreachable, SaccadeError, UnavailableError
from saccade.jobs.store import Records
from saccade.models.registry import Registry
from saccade.models.status import ModelState, ModelStatus

log = logging.getLogger("saccade.worker")

_EVERY_S = 1.0
#: Counting the whole queue costs the database something; it is done only for models that are not loaded.
_DEMAND_EVERY_S = 2.0


class HeldModels:
    """The models that are loaded here, by reference; brings in those that items wait for. Thread-safe."""

    def __init__(
        self,
        registry: Registry,
        records: Records,
        *,
        wanted: Iterable[str],
        eager: bool,
        on_change: Callable[[], None],
    ) -> None:
        """Begin with none.

        Args:
            registry: Who is loaded.
            records: Tells which models items wait for.
            wanted: Names, or ``name@version``, that this worker is for; none means all.
            eager: Load what is wanted before an item waits for it.
            on_change: Told when there are others than before.
        """
        self._registry = registry
        self._records = records
        self._wanted = frozenset(wanted)
        self._eager = eager
        self._on_change = on_change
        self._held: Mapping[str, str] = {}
        self._look = threading.Event()
        self._asked: set[str] = set()
        self._demand_s = float("-inf")
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="worker-loader")

    @property
    def held(self) -> Mapping[str, str]:
        """Digest by reference of what is loaded here."""
        return self._held

    def look_again(self) -> None:
        """Have the next look soon: something is not as it was thought to be. Any thread may call it."""
        self._look.set()

    def turn(self) -> None:
        """Look who is loaded, ask for what is not and is needed, and wait a moment."""
        statuses = self._statuses()
        found = {s.reference: s.card.digest for s in statuses if s.state is ModelState.READY and s.card is not None}
        if found != self._held:
            self._held = found
            self._on_change()
        self._bring_in([s for s in statuses if s.state is ModelState.AVAILABLE and s.reference not in self._asked])
        self._look.wait(_EVERY_S)
        self._look.clear()

    def close(self) -> None:
        """Ask for nothing more."""
        self._look.set()
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _statuses(self) -> list[ModelStatus]:
        try:
            return [status for status in self._registry.statuses() if self._is_wanted(status.reference)]
        except UnavailableError:  # the folders are still being read
            return []

    def _is_wanted(self, reference: str) -> bool:
        return not self._wanted or reference in self._wanted or reference.partition("@")[0] in self._wanted

    def _bring_in(self, available: list[ModelStatus]) -> None:
        if not available:
            return
        digests = None if self._eager else self._demanded()
        for status in available:
            if digests is None or (status.card is not None and status.card.digest in digests):
                self._asked.add(status.reference)
                self._loader.submit(self._load, status.reference)

    def _demanded(self) -> frozenset[str]:
        """Return the digests of models that items wait for."""
        if monotonic_s() - self._demand_s < _DEMAND_EVERY_S:
            return frozenset()
        self._demand_s = monotonic_s()
        try:
            return frozenset(row.digest for row in self._records.queue().rows if row.queued)
        except DatabaseUnreachable:
            return frozenset()

    def _load(self, reference: str) -> None:
        """Load a model as a request for it would; the registry tells of its failure, and it is not asked for again."""
        log.info("a model is loaded to work on its items", extra={"facts": {"saccade.model": reference}})
        try:
            with self._registry.lease(reference):
                self.look_again()
        except SaccadeError as error:
            log.warning("the model cannot be had", extra={"facts": {"error.message": str(error)}})
        finally:
            self._asked.discard(reference)
