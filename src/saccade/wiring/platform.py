"""The platform: everything that answers, opened and tied together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from saccade.access.acting import Acting
from saccade.access.quotas import Quotas
from saccade.access.rates import Rates
from saccade.access.service import Access
from saccade.backends import open_engine
from saccade.backends.allocator import give_memory_back
from saccade.backends.engines.inspection import GraphInspector
from saccade.backends.engines.python import open_plugin
from saccade.errors import ModelUnavailable, SettingInvalid
from saccade.failpoints import arm
from saccade.images.addresses import parse_allow_list
from saccade.images.gate import DecodeGate
from saccade.images.intake import take
from saccade.images.limits import Limits
from saccade.jobs.door import Door
from saccade.jobs.health import Health
from saccade.metrics import Metrics
from saccade.models import embedded_folder
from saccade.models.batching import BatchLimits
from saccade.models.catalog import Catalog
from saccade.models.layouts import read_package
from saccade.models.loading import Loader
from saccade.models.package import Package
from saccade.models.registry import Registry
from saccade.models.status import ModelState
from saccade.predictions.album import Album
from saccade.predictions.answer import Answer
from saccade.predictions.cache import AnswerCache
from saccade.predictions.service import Predictor, answer_bytes
from saccade.settings import Environment, Preload, Settings
from saccade.settings.production import check_production
from saccade.usage.meter import Meter, MeterPlan
from saccade.usage.retention import Retention
from saccade.wiring.access import has_development_key, open_access
from saccade.wiring.kept import Kept, open_kept
from saccade.wiring.limits import open_quotas, open_rates
from saccade.wiring.registration import remote_dialler

if TYPE_CHECKING:
    from saccade.access.accounts import AccountBook
    from saccade.access.keys import KeyRing
    from saccade.errors import HintsUnreachable, SaccadeError
    from saccade.images.fetch import Fetcher
    from saccade.jobs.service import Jobs
    from saccade.models.promotion import Promoter
    from saccade.models.registrar import Registrar
    from saccade.usage.ports import LedgerReader


@dataclass(slots=True)
class Platform:
    """Everything that answers, opened and tied together."""

    settings: Settings
    metrics: Metrics
    limits: Limits
    registry: Registry
    predictor: Predictor
    inspector: GraphInspector
    loader: Loader
    door: Door[Kept]
    health: Health
    access: Access
    acting: Acting
    meter: Meter
    rates: Rates
    quotas: Quotas
    _gate: DecodeGate
    _fetcher: Fetcher | None = None
    _started: bool = False

    def start(self) -> None:
        """Begin to load models in the background. Idempotent."""
        if self._started:
            return
        self._started = True
        self.registry.start(preload=self.settings.place.preload is Preload.ALL)

    def expect_jobs(self) -> None:
        """Count jobs as a part that must be well from now on, though they may be opened later."""
        self.health.watch("jobs", lambda: None if self.door.is_open else str(self.door.problem or "still being opened"))

    def open_jobs(self) -> None:
        """Begin to open the database, the store and the broker in the background. Idempotent."""
        self.expect_jobs()
        self.door.start()

    @property
    def jobs(self) -> Jobs:
        """What accepts work for later.

        Raises:
            UnavailableError: The database, the store or the broker is not there yet.
        """
        return self.door.kept().jobs

    @property
    def album(self) -> Album:
        """The images that last.

        Raises:
            UnavailableError: The database or the store is not there yet.
        """
        kept = self.door.kept()
        return Album(
            self.predictor,
            self.registry,
            kept.images,
            kept.image_search,
            kept.jobs.objects,
            limits=self.limits,
            gate=self._gate,
            max_wait_s=self.settings.server.max_wait_s,
        )

    @property
    def promoter(self) -> Promoter:
        """What moves the aliases of models.

        Raises:
            UnavailableError: The database is not there yet.
        """
        return self.door.kept().promoter

    @property
    def registrar(self) -> Registrar:
        """What takes in models that register themselves.

        Raises:
            UnavailableError: The database is not there yet.
        """
        return self.door.kept().registrar

    @property
    def accounts(self) -> AccountBook:
        """The accounts of this server.

        Raises:
            UnavailableError: The database is not there yet.
        """
        return self.door.kept().accounts

    @property
    def keys(self) -> KeyRing:
        """The keys and sessions of this server.

        Raises:
            UnavailableError: The database is not there yet.
        """
        return self.door.kept().keys

    @property
    def usage(self) -> LedgerReader:
        """The ledger, to be read.

        Raises:
            UnavailableError: The database is not there yet.
        """
        return self.door.kept().usage

    def close(self) -> None:
        """Give everything back. Idempotent."""
        self.meter.close()
        self.rates.close()
        self.door.close()
        self.predictor.close()
        self.registry.close()

    def check(self, package: Package) -> None:
        """Load a package beside those in service, run it, hold it against its references, and let it go.

        Raises:
            ModelError: What is wrong with it.
            ModelUnavailable: It runs elsewhere and is away, so that nobody can tell.
        """
        served = self.loader.build(package, is_trial=True)
        away = served.problem
        served.retire()
        if away is not None:
            raise ModelUnavailable(
                f"{package.card.reference} could not be run: {away}.",
                hint="Start the server that runs it, and try again.",
            )

    def fetch(self, url: str) -> bytes:
        """Fetch a picture from a URL, under the guard.

        Raises:
            UrlRefused: The URL points where this server does not go.
            UrlUnreachable: Nothing usable answered.
            ImageTooLarge: The picture has too many bytes.
        """
        if self._fetcher is None:  # the client library costs start-up time that most servers never need
            self._fetcher = _fetcher(self.settings)
        return self._fetcher.fetch(url).data


@dataclass(frozen=True, slots=True)
class Reports:
    """Whom the parts tell of trouble that nobody waits for; each does nothing unless told otherwise.

    Attributes:
        load_failure: Told each model that cannot be read or loaded, and why.
        waiting: Told why jobs cannot be opened yet, and the seconds until the next try.
        hint_failure: Told that workers could not be woken.
    """

    load_failure: Callable[[str, BaseException], None] = lambda *_: None
    waiting: Callable[[SaccadeError, float], None] = lambda *_: None
    hint_failure: Callable[[HintsUnreachable], None] = lambda *_: None


def open_platform(settings: Settings, *, reports: Reports | None = None) -> Platform:
    """Open all parts that the settings name. Nothing is loaded before ``start``.

    Args:
        settings: What is wanted.
        reports: Whom to tell of trouble in the background.

    Raises:
        SettingInvalid: A setting cannot be kept.
    """
    told = reports or Reports()
    if settings.place.failpoints:
        if settings.place.environment is Environment.PROD:
            raise SettingInvalid("SACCADE_FAILPOINTS is set in production.", hint="Unset it.")
        arm(settings.place.failpoints)
    check_production(settings, development_key=has_development_key(settings))
    give_memory_back()
    metrics = Metrics()
    limits = Limits(
        max_bytes=settings.image.max_bytes, max_pixels=settings.image.max_pixels, max_scans=settings.image.max_scans
    )
    parse_allow_list(settings.fetch.allow)  # the fetcher is opened late, but a wrong setting is told at the start
    gate = DecodeGate(settings.image.decode_memory_bytes, max_at_once=len(os.sched_getaffinity(0)))
    inspector = GraphInspector(
        cache_dir=settings.cache_folder / "graphs",
        shipped_dir=embedded_folder() / "_facts",
        memory_bytes=settings.engine.inspect_memory_bytes,
        timeout_s=settings.engine.inspect_timeout_s,
    )
    loader = Loader(
        open_engine=lambda name: open_engine(name, threads=settings.engine.threads),
        open_plugin=open_plugin,
        open_remote=remote_dialler(settings),
        read_image=lambda path: take(path.read_bytes(), limits).rgb,
        limits=BatchLimits(
            slots=settings.engine.runs,
            max_items=settings.batch.max_items,
            max_cost=settings.batch.max_pixels,
            queue_items=settings.batch.queue_items,
        ),
        on_batch=lambda model, items: metrics.batch_items.labels(model).observe(items),
        on_queue=lambda model, items: metrics.queue_items.labels(model).set(items),
    )

    catalog = Catalog(
        shipped=embedded_folder(), folder=settings.models_folder, read=partial(read_package, inspect=inspector)
    )
    registry = Registry(
        catalog,
        loader.build,
        on_state=partial(_count_state, metrics),
        on_failure=told.load_failure,
        on_vanished=partial(_count_no_more, metrics),
    )
    cache: AnswerCache[Answer] = AnswerCache(
        max_bytes=settings.cache.bytes, ttl_s=settings.cache.ttl_s, size_of=answer_bytes
    )
    threads = max(4, 2 * loader.limits.slots)
    predictor = Predictor(
        registry, limits, gate, metrics, cache, threads=threads, max_wait_s=settings.server.max_wait_s
    )
    door: Door[Kept] = Door(lambda: open_kept(settings, registry, told.hint_failure), on_wait=told.waiting)

    retention = Retention(lambda: door.kept().ledger, settings.usage.retention_s)

    def keep_books() -> None:
        door.kept().keys.flush_used()
        retention.tidy()

    meter = Meter(
        lambda: door.kept().ledger,
        MeterPlan(settings.usage.service, settings.usage.flush_s, settings.usage.buffer_rows),
        on_lost=metrics.usage_lost.inc,
        beside=keep_books,
    )
    access = open_access(settings, keys=lambda: door.kept().keys)
    return Platform(
        settings,
        metrics,
        limits,
        registry,
        predictor,
        inspector,
        loader,
        door,
        Health(),
        access,
        Acting(lambda: door.kept().accounts),
        meter,
        rates=open_rates(settings, on_uncounted=metrics.rate_uncounted.inc),
        quotas=open_quotas(settings, lambda: door.kept().spent),
        _gate=gate,
    )


def _count_state(metrics: Metrics, model: str, state: ModelState, seconds: float | None) -> None:
    """Let metrics show where a model stands, and how long its load took."""
    for known in ModelState:
        metrics.model_state.labels(model, known).set(known is state)
    if seconds is not None:
        metrics.model_load_seconds.labels(model).set(seconds)


def _count_no_more(metrics: Metrics, model: str) -> None:
    """Let metrics forget a model; else whoever may register models could fill the memory with their names."""
    for known in ModelState:
        metrics.model_state.remove(model, known)
    metrics.model_load_seconds.remove(model)
    metrics.queue_items.remove(model)


def _fetcher(settings: Settings) -> Fetcher:
    """Open the guarded fetcher."""
    from saccade.images.fetch import Fetcher, FetchPolicy

    policy = FetchPolicy(
        allow=settings.fetch.allow,
        only_allowed=settings.fetch.only_allowed,
        timeout_s=settings.fetch.timeout_s,
        max_bytes=settings.image.max_bytes,
        max_redirects=settings.fetch.max_redirects,
    )
    return Fetcher(policy)
