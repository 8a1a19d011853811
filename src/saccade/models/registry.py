"""Who is loaded: finds packages, loads and unloads them while the server runs, and hands out the loaded ones.

Loading happens on a thread of its own and never on a thread that answers; models that run elsewhere have theirs, for a
server that does not answer must not hold up what is loaded here. A load that fails leaves the model that was there
before in service. Models that registered themselves stand beside those of the folders: they are loaded as soon as they
are known, and again when they moved.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeAlias

from saccade.clock import monotonic_s, utc_now
from saccade.errors import (
    ModelFailed,
    ModelLoading,
    ModelNotLoaded,
    ModelUnknown,
    SaccadeError,
    ShuttingDown,
)
from saccade.models.catalog import Catalog, Found
from saccade.models.load_line import LoadLine
from saccade.models.meanings import Aliases
from saccade.models.package import Package
from saccade.models.served import ServedModel
from saccade.models.slot import Slot
from saccade.models.slots import Slots
from saccade.models.status import ModelState, ModelStatus, Readiness

Builder: TypeAlias = Callable[[Package], ServedModel]

#: Models elsewhere that are dialled at once; each may take as long as its server lets it wait.
_DIALLED_AT_ONCE = 8


class Registry:
    """All models of one process. Thread-safe."""

    def __init__(
        self,
        catalog: Catalog,
        build: Builder,
        *,
        on_state: Callable[[str, ModelState, float | None], None] | None = None,
        on_failure: Callable[[str, BaseException], None] | None = None,
        on_vanished: Callable[[str], None] | None = None,
        load_wait_s: float = 30.0,
        rescan_s: float = 1.0,
    ) -> None:
        """Make an empty registry; ``start`` fills it.

        Args:
            catalog: Where packages are found.
            build: Loads one package: opens its graph or plug-in and tries it.
            on_state: Told each change of state, and the seconds that a load took.
            on_failure: Told each package that cannot be read or loaded, and why.
            on_vanished: Told each model that is not here any more.
            load_wait_s: How long a request waits for a model that is loading.
            rescan_s: How often, at most, the folders are looked at again.
        """
        self._catalog = catalog
        self._build = build
        self._on_state = on_state
        self._on_failure = on_failure
        self._on_vanished = on_vanished
        self._load_wait_s = load_wait_s
        self._rescan_s = rescan_s
        self._lock = threading.RLock()
        self._slots = Slots()
        self._scanning = threading.Lock()  # what was seen first must not be taken in last
        self._scanned_s = float("-inf")
        self._started = threading.Event()
        self._closed = False
        self._here = LoadLine(self._load_now, lock=self._lock, threads=1, name="model-loader")
        self._elsewhere = LoadLine(self._load_now, lock=self._lock, threads=_DIALLED_AT_ONCE, name="remote-loader")

    def set_aliases(self, aliases: Aliases) -> None:
        """Let aliases mean these versions, and no alias anything else.

        A version that comes to be meant while it is unloaded is loaded when it is asked for: whoever promotes it, or
        rolls back to it, wants it to answer.

        Args:
            aliases: (name, alias) to (``name@version``, digest of the files that were promoted).
        """
        with self._lock:
            for reference in self._slots.meanings.set(aliases):
                slot = self._slots.get(reference)
                if slot is not None and slot.state is ModelState.UNLOADED:
                    self._set_state(slot, ModelState.AVAILABLE)

    def set_registered(self, registered: Iterable[Found], *, load: bool) -> None:
        """Let these models be the ones that registered themselves, and no others; a folder's model hides its namesakes.

        Args:
            registered: All of them.
            load: Look after them from now on, rather than when they are asked for.
        """
        if self._catalog.set_registered(registered):
            self._rescan(force=True)
        with self._lock:
            waiting = [slot for slot in self._slots.values() if slot.found.registered and not self._closed]
            for slot in waiting if load else ():
                if slot.state is ModelState.AVAILABLE:
                    self._begin_load(slot)

    def has_package(self, name: str) -> bool:
        """Tell whether a model of this name, in any version, is here without having registered itself."""
        return self._catalog.has_package(name)

    def start(self, *, preload: bool) -> None:
        """Begin to find, and if wanted to load, all packages in the background. Returns at once."""
        self._here.submit(lambda: self._start(preload=preload))

    def close(self) -> None:
        """Retire every model and stop loading."""
        with self._lock:
            self._closed = True
            served = [slot.served for slot in self._slots.values() if slot.served is not None]
            for slot in self._slots.values():
                slot.served = None
        self._here.close()
        self._elsewhere.close()
        for each in served:
            each.retire()

    def readiness(self) -> Readiness:
        """Tell whether every wanted model is loaded or has failed, and at least one can answer.

        Models that registered themselves come and go, and do not count.
        """
        with self._lock:
            by_state = [
                (reference, slot.state) for reference, slot in self._slots.items() if slot.found.registered is None
            ]
        loading = tuple(reference for reference, state in by_state if state is ModelState.LOADING)
        failed = tuple(reference for reference, state in by_state if state is ModelState.FAILED)
        answering = any(state in {ModelState.READY, ModelState.AVAILABLE} for _, state in by_state)
        return Readiness(self._started.is_set() and not loading and answering, loading, failed)

    def statuses(self) -> tuple[ModelStatus, ...]:
        """Return every version of every model, by name, newest version first."""
        self._await_start()
        self._rescan()
        with self._lock:
            names = sorted({slot.found.name for slot in self._slots.values()})
            return tuple(self._status(slot) for name in names for slot in self._slots.versions(name))

    def status(self, reference: str) -> ModelStatus:
        """Return one version.

        Raises:
            ModelUnknown: No model has this name.
        """
        slot = self._find(reference)
        with self._lock:
            return self._status(slot)

    def load(self, reference: str) -> ModelStatus:
        """Load a model, or load it again from its files; wait until that is done.

        Raises:
            ModelUnknown: No model has this name.
            ModelFailed: It cannot be loaded. If it was loaded before, that one stays in service.
            ShuttingDown: The registry was closed.
        """
        self._await_start()
        self._rescan(force=True)
        slot = self._find(reference)
        self._begin_load(slot, first=True).result()
        with self._lock:
            if slot.detail is not None:
                kept = " The one loaded before stays in service." if slot.served is not None else ""
                raise ModelFailed(f"{slot.found.reference} cannot be loaded: {slot.detail}{kept}")
            return self._status(slot)

    def unload(self, reference: str) -> ModelStatus:
        """Take a model out of service; requests under way still end. Idempotent.

        Raises:
            ModelUnknown: No model has this name.
        """
        slot = self._find(reference)
        with self._lock:
            served, slot.served = slot.served, None
            slot.loaded_at = None
            self._set_state(slot, ModelState.UNLOADED)
            status = self._status(slot)
        if served is not None:
            served.retire()
        return status

    @contextmanager
    def lease(self, reference: str) -> Iterator[ServedModel]:
        """Hand out a loaded model; it stays open until the block ends.

        A model that was not asked for before is loaded now, and one that is loading is waited for.

        Raises:
            ModelUnknown: No model has this name.
            ModelNotLoaded: It was unloaded on purpose.
            ModelLoading: It is still loading after the time a request waits.
            ModelFailed: It cannot be loaded.
            ShuttingDown: The registry was closed.
        """
        slot = self._find(reference)
        served = self._await_load(slot)
        try:
            yield served
        finally:
            served.release()

    def _start(self, *, preload: bool) -> None:
        """Scan, then load one after the other; runs on the loader's thread."""
        try:
            self._rescan(force=True)
            if preload:
                with self._lock:
                    for slot in self._slots.values():
                        if slot.state is ModelState.AVAILABLE:
                            self._begin_load(slot)
        finally:
            self._started.set()

    def _await_start(self) -> None:
        """Wait until the folders were read once."""
        if not self._started.wait(self._load_wait_s):
            raise ModelLoading("The model packages are still being read.")

    def _rescan(self, *, force: bool = False) -> None:
        """Look at the folders again: take in what is new, drop what vanished, give what was broken a new chance."""
        with self._lock:
            if not force and monotonic_s() - self._scanned_s < self._rescan_s:
                return
            self._scanned_s = monotonic_s()
        with self._scanning:
            found = self._catalog.scan()
            with self._lock:
                vanished = [reference for reference in self._slots if reference not in found]
                retired = [self._slots.pop(reference).served for reference in vanished]
                retired += [self._take_in(reference, item) for reference, item in found.items()]
                for reference in vanished:
                    self._tell_vanished(reference)
        for served in retired:
            if served is not None:
                served.retire()

    def _take_in(self, reference: str, item: Found) -> ServedModel | None:
        """Bring one found package into its slot; return what is out of service by that. The lock is held."""
        is_new = reference not in self._slots
        slot = self._slots.setdefault(reference, Slot(item))
        before, slot.found = slot.found, item
        changed = before.signature != item.signature
        is_other_kind = (before.registered is None) is not (item.registered is None)
        exchanged: ServedModel | None = None
        if item.is_another(before):
            # It moved, or is a folder's now: whoever answers at the old place may be somebody else.
            exchanged, slot.served, slot.loaded_at = slot.served, None, None
        if item.problem is not None and (is_new or changed):
            self._tell_failure(reference, item.problem)
        if item.problem is not None and slot.served is None:
            slot.detail = str(item.problem)
            self._set_state(slot, ModelState.FAILED)
        elif exchanged is not None or is_other_kind or (slot.state is ModelState.FAILED and changed):
            slot.detail = None
            self._set_state(slot, ModelState.AVAILABLE)
        return exchanged

    def _find(self, reference: str) -> Slot:
        """Return the slot that a reference means; look at the folders again before saying that none works."""
        self._await_start()
        for again in (False, True):
            if again:
                self._rescan()
            with self._lock:
                slot = self._slots.meant(reference)
            if slot is not None and (again or slot.state is not ModelState.FAILED):
                return slot
        raise ModelUnknown(self._slots.meanings.unknown(reference))

    def _acquire(self, slot: Slot) -> ServedModel | None:
        """Take hold of a slot's model if it is in service."""
        with self._lock:
            if slot.served is not None:
                slot.served.acquire()
            return slot.served

    def _await_load(self, slot: Slot) -> ServedModel:
        """Take hold of a model; load it first, and wait for that, if it is not loaded yet."""
        with self._lock:
            # Looked at under the lock that begins a load: one that ended a moment ago must not be done again.
            served = self._acquire(slot)
            if served is not None:
                return served
            self._refuse_out_of_service(slot)
            loading = self._begin_load(slot, first=True)
        try:
            loading.result(self._load_wait_s)
        except TimeoutError:
            raise ModelLoading(f"{slot.found.reference} is still loading.") from None
        served = self._acquire(slot)
        if served is None:
            self._refuse_out_of_service(slot)
            raise ModelLoading(f"{slot.found.reference} was taken out of service while it was waited for.")
        return served

    def _refuse_out_of_service(self, slot: Slot) -> None:
        """Say why a model cannot answer, if it was unloaded or has failed."""
        if slot.state is ModelState.UNLOADED:
            raise ModelNotLoaded(f"{slot.found.reference} was unloaded.")
        if slot.state is ModelState.FAILED or slot.detail is not None:
            raise ModelFailed(f"{slot.found.reference} cannot be loaded: {slot.detail}")

    def _begin_load(self, slot: Slot, *, first: bool = False) -> Future[None]:
        """Put a load into the loader's line unless it stands there; somebody who waits for it lets it go first."""
        with self._lock:
            if self._closed:
                raise ShuttingDown("The server is stopping.")
            if slot.served is None and slot.state is not ModelState.LOADING:
                self._set_state(slot, ModelState.LOADING)  # also where an unload came in between: a load undoes it
            return (self._elsewhere if slot.is_elsewhere else self._here).put(slot, first=first)

    def _load_now(self, slot: Slot) -> None:
        """Load one package and put it in service; on failure keep what was there."""
        begun_s = monotonic_s()
        while not self._try_load(slot, slot.found, begun_s):
            pass

    def _try_load(self, slot: Slot, found: Found, begun_s: float) -> bool:
        """Load what was found; tell whether that is still what the slot stands for, and so is in service or failed."""
        built: ServedModel | None = None
        failure: BaseException | None = None
        try:
            built = self._built(found)
        except BaseException as error:  # noqa: BLE001 - whatever a package does must not stop the loader
            failure = error
        with self._lock:
            is_current = self._closed or not slot.found.is_another(found)
            if failure is not None and is_current:
                self._tell_failure(found.reference, failure)
                is_ours = isinstance(failure, SaccadeError)
                slot.detail = str(failure) if is_ours else f"{type(failure).__name__}: {failure}"
                self._set_state(slot, ModelState.READY if slot.served is not None else ModelState.FAILED)
            elif built is not None and is_current and self._is_wanted(slot):
                built, slot.served = slot.served, built
                slot.detail, slot.loaded_at = None, utc_now()
                self._set_state(slot, ModelState.READY, seconds=monotonic_s() - begun_s)
        if built is not None:  # what was in service before, or what nobody wants any more
            built.retire()
        return is_current

    def _built(self, found: Found) -> ServedModel:
        """Build what was found, if it could be read."""
        if found.package is None:
            raise found.problem or ModelFailed("The package cannot be read.")
        return self._build(found.package)

    def _is_wanted(self, slot: Slot) -> bool:
        """Tell whether what was loaded is to be in service: it may have been unloaded meanwhile, or have vanished."""
        is_here = self._slots.get(slot.found.reference) is slot
        return is_here and slot.state is not ModelState.UNLOADED and not self._closed

    def _set_state(self, slot: Slot, state: ModelState, *, seconds: float | None = None) -> None:
        """Change a slot's state and tell of it. The lock is held."""
        slot.state = state
        if self._on_state is not None:
            self._on_state(slot.found.reference, state, seconds)

    def _tell_failure(self, reference: str, error: BaseException) -> None:
        """Tell why a package is not served."""
        if self._on_failure is not None:
            self._on_failure(reference, error)

    def _tell_vanished(self, reference: str) -> None:
        """Tell that a model is not here any more."""
        if self._on_vanished is not None:
            self._on_vanished(reference)

    def _status(self, slot: Slot) -> ModelStatus:
        """Describe a slot. The lock is held."""
        away = slot.served.problem if slot.served is not None else None
        return ModelStatus(
            card=slot.package.card if slot.package is not None else None,
            reference=slot.found.reference,
            state=slot.state if away is None else ModelState.AWAY,
            default=self._slots.default(slot.found.name) is slot,
            detail=away or slot.detail,
            loaded_at=slot.loaded_at,
            runtime=slot.served.runtime if slot.served is not None else None,
            aliases=self._slots.meanings.of(slot.found.reference),
            registered=slot.found.registered,
        )
