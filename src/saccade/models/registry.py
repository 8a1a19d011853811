"""Who is loaded: finds packages, loads and unloads them while the server runs, and hands out the loaded ones.

Loading happens on one thread of its own and never on a thread that answers. A load that fails leaves the model that
was there before in service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

from saccade.clock import monotonic_s, utc_now
from saccade.errors import (
    AliasUnknown,
    ModelFailed,
    ModelLoading,
    ModelNotLoaded,
    ModelUnknown,
    SaccadeError,
    ShuttingDown,
)
from saccade.models.catalog import Catalog, Found
from saccade.models.meanings import Aliases, Meanings, is_alias, is_version
from saccade.models.package import Package
from saccade.models.served import ServedModel
from saccade.models.slot import Slot
from saccade.models.status import ModelState, ModelStatus, Readiness
from saccade.models.versions import newest_first

Builder: TypeAlias = Callable[[Package], ServedModel]


class Registry:
    """All models of one process. Thread-safe."""

    def __init__(
        self,
        catalog: Catalog,
        build: Builder,
        *,
        on_state: Callable[[str, ModelState, float | None], None] | None = None,
        on_failure: Callable[[str, BaseException], None] | None = None,
        load_wait_s: float = 30.0,
        rescan_s: float = 1.0,
    ) -> None:
        """Make an empty registry; ``start`` fills it.

        Args:
            catalog: Where packages are found.
            build: Loads one package: opens its graph or plug-in and tries it.
            on_state: Told each change of state, and the seconds that a load took.
            on_failure: Told each package that cannot be read or loaded, and why.
            load_wait_s: How long a request waits for a model that is loading.
            rescan_s: How often, at most, the folders are looked at again.
        """
        self._catalog = catalog
        self._build = build
        self._on_state = on_state
        self._on_failure = on_failure
        self._load_wait_s = load_wait_s
        self._rescan_s = rescan_s
        self._lock = threading.RLock()
        self._slots: dict[str, Slot] = {}
        self._meanings = Meanings()
        self._scanned_s = float("-inf")
        self._started = threading.Event()
        self._line: list[Slot] = []
        self._closed = False
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model-loader")

    def set_aliases(self, aliases: Aliases) -> None:
        """Let aliases mean these versions, and no alias anything else.

        A version that comes to be meant while it is unloaded is loaded when it is asked for: whoever promotes it, or
        rolls back to it, wants it to answer.

        Args:
            aliases: (name, alias) to (``name@version``, digest of the files that were promoted).
        """
        with self._lock:
            for reference in self._meanings.set(aliases):
                slot = self._slots.get(reference)
                if slot is not None and slot.state is ModelState.UNLOADED:
                    self._set_state(slot, ModelState.AVAILABLE)

    def start(self, *, preload: bool) -> None:
        """Begin to find, and if wanted to load, all packages in the background. Returns at once."""
        self._loader.submit(self._start, preload=preload)

    def close(self) -> None:
        """Retire every model and stop loading."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            line, self._line = self._line, []
            served = [slot.served for slot in self._slots.values() if slot.served is not None]
            for slot in self._slots.values():
                slot.served = None
        for slot in line:
            slot.detail = "The server is stopping."
            slot.loading.set_result(None)
        for each in served:
            each.retire()

    def readiness(self) -> Readiness:
        """Tell whether every wanted model is loaded or has failed, and at least one can answer."""
        with self._lock:
            by_state = [(reference, slot.state) for reference, slot in self._slots.items()]
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
            return tuple(self._status(slot) for name in names for slot in self._versions(name))

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
        found = self._catalog.scan()
        retired: list[ServedModel | None] = []
        with self._lock:
            vanished = [reference for reference in self._slots if reference not in found]
            retired.extend(self._slots.pop(reference).served for reference in vanished)
            for reference, item in found.items():
                self._take_in(reference, item)
        for served in retired:
            if served is not None:
                served.retire()

    def _take_in(self, reference: str, item: Found) -> None:
        """Bring one found package into its slot. The lock is held."""
        is_new = reference not in self._slots
        slot = self._slots.setdefault(reference, Slot(item))
        changed = slot.found.signature != item.signature
        slot.found = item
        if item.problem is not None and (is_new or changed):
            self._tell_failure(reference, item.problem)
        if item.problem is not None and slot.served is None:
            slot.detail = str(item.problem)
            self._set_state(slot, ModelState.FAILED)
        elif slot.state is ModelState.FAILED and changed:
            slot.detail = None
            self._set_state(slot, ModelState.AVAILABLE)

    def _versions(self, name: str) -> list[Slot]:
        """Return the slots of one name, newest version first. The lock is held."""
        slots = {slot.found.version: slot for slot in self._slots.values() if slot.found.name == name}
        return [slots[version] for version in newest_first(slots)]

    def _default(self, name: str) -> Slot | None:
        """Return what the bare name means: what ``prod`` does, else the newest in service, else the newest.

        The lock is held.
        """
        target = self._meanings.target(name)
        if target is not None:
            return self._slots.get(target[0])
        versions = self._versions(name)
        usable = [slot for slot in versions if slot.state not in {ModelState.FAILED, ModelState.UNLOADED}]
        return next(iter(usable or versions), None)

    def _find(self, reference: str) -> Slot:
        """Return the slot that a reference means; look at the folders again before saying that none works."""
        self._await_start()
        for again in (False, True):
            if again:
                self._rescan()
            with self._lock:
                slot = self._meant(reference)
            if slot is not None and (again or slot.state is not ModelState.FAILED):
                return slot
        raise ModelUnknown(self._meanings.unknown(reference))

    def _meant(self, reference: str) -> Slot | None:
        """Return the slot of a version, an alias or a bare name. The lock is held.

        Raises:
            AliasUnknown: The model has no such alias.
            ModelFailed: The version has other files than those that were promoted.
        """
        if is_version(reference):
            return self._slots.get(reference)
        target = self._meanings.target(reference)
        if target is None:
            if is_alias(reference):
                raise AliasUnknown(f"There is no alias {reference[:128]!r}.")
            return self._default(reference)
        slot = self._slots.get(target[0])
        package = None if slot is None else slot.package
        # Whoever promoted it looked at those files; what lies there now may be anything.
        if package is not None and package.card.digest != target[1]:
            raise ModelFailed(
                f"{reference} means {target[0]}, and its files are others now than those that were promoted.",
                hint="Put the files back, or promote the version again.",
            )
        return slot

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
            if not slot.is_loading:
                slot.is_loading, slot.loading = True, Future()
                self._line.append(slot)
                self._loader.submit(self._load_next)
            if first and slot in self._line:
                self._line.remove(slot)
                self._line.insert(0, slot)
            return slot.loading

    def _load_next(self) -> None:
        """Load whoever stands first in the line; runs on the loader's thread."""
        with self._lock:
            if not self._line:
                return
            slot = self._line.pop(0)
        self._load_now(slot)
        with self._lock:
            slot.is_loading = False
        slot.loading.set_result(None)

    def _load_now(self, slot: Slot) -> None:
        """Load one package and put it in service; on failure keep what was there."""
        begun_s = monotonic_s()
        try:
            if slot.found.package is None:
                raise slot.found.problem or ModelFailed("The package cannot be read.")  # noqa: TRY301
            served = self._build(slot.found.package)
        except BaseException as error:  # noqa: BLE001 - whatever a package does must not stop the loader
            self._tell_failure(slot.found.reference, error)
            with self._lock:
                slot.detail = str(error) if isinstance(error, SaccadeError) else f"{type(error).__name__}: {error}"
                self._set_state(slot, ModelState.READY if slot.served is not None else ModelState.FAILED)
            return
        with self._lock:
            if slot.state is ModelState.UNLOADED:  # somebody unloaded it while it was loading
                old: ServedModel | None = served
            else:
                old, slot.served = slot.served, served
                slot.detail, slot.loaded_at = None, utc_now()
                self._set_state(slot, ModelState.READY, seconds=monotonic_s() - begun_s)
        if old is not None:
            old.retire()

    def _set_state(self, slot: Slot, state: ModelState, *, seconds: float | None = None) -> None:
        """Change a slot's state and tell of it. The lock is held."""
        slot.state = state
        if self._on_state is not None:
            self._on_state(slot.found.reference, state, seconds)

    def _tell_failure(self, reference: str, error: BaseException) -> None:
        """Tell why a package is not served."""
        if self._on_failure is not None:
            self._on_failure(reference, error)

    def _status(self, slot: Slot) -> ModelStatus:
        """Describe a slot. The lock is held."""
        away = slot.served.problem if slot.served is not None else None
        return ModelStatus(
            card=slot.package.card if slot.package is not None else None,
            reference=slot.found.reference,
            state=slot.state if away is None else ModelState.AWAY,
            default=self._default(slot.found.name) is slot,
            detail=away or slot.detail,
            loaded_at=slot.loaded_at,
            runtime=slot.served.runtime if slot.served is not None else None,
            aliases=self._meanings.of(slot.found.reference),
        )
