"""What is kept: jobs, images, models, accounts, keys and the ledger, over one database, one store and one broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from saccade.errors import UnavailableError
from saccade.settings import Environment, Settings
from saccade.wiring.promotion import promoter_over
from saccade.wiring.registration import registrar_over
from saccade.wiring.schema import check_schema
from saccade.wiring.watch import Watch

if TYPE_CHECKING:
    from saccade.access.accounts import AccountBook
    from saccade.access.counting import Spent
    from saccade.access.keys import KeyRing
    from saccade.backends.database.connection import Database
    from saccade.errors import HintsUnreachable
    from saccade.images.ports import ImageRecords, ImageSearch
    from saccade.jobs.service import Jobs
    from saccade.models.promotion import Promoter
    from saccade.models.registrar import Registrar
    from saccade.models.registry import Registry
    from saccade.usage.ports import Ledger, LedgerReader


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that outlives a process."""

    jobs: Jobs
    images: ImageRecords
    image_search: ImageSearch
    promoter: Promoter
    registrar: Registrar
    accounts: AccountBook
    keys: KeyRing
    ledger: Ledger
    usage: LedgerReader
    spent: Spent

    def close(self) -> None:
        """Give the database, the store and the broker back. Idempotent."""
        with suppress(UnavailableError):
            self.keys.flush_used(is_last=True)
        self.jobs.close()


def open_kept(settings: Settings, registry: Registry, on_hint_failure: Callable[[HintsUnreachable], None]) -> Kept:
    """Open the database, the store and the broker, and what works on them; imported here, for it is much.

    Raises:
        UnavailableError: One of them does not answer, or the schema is behind.
        ConfigurationError: A URL cannot be opened.
    """
    from saccade.backends import open_hints, open_objects
    from saccade.backends.database.image_search import SqlImageSearch
    from saccade.backends.database.images import SqlImageRecords
    from saccade.backends.database.ledger import SqlLedger
    from saccade.backends.database.ledger_reading import SqlLedgerReader
    from saccade.backends.database.opening import open_database, open_store
    from saccade.backends.database.spending import SqlSpent
    from saccade.images.guard import Guard
    from saccade.jobs.room import Room, RoomLimits
    from saccade.jobs.service import JobLimits, Jobs
    from saccade.jobs.webhooks import Poster

    with ExitStack() as opened:
        database = open_database(settings.database_url)
        opened.callback(database.close)
        check_schema(database)
        objects = open_objects(settings.objects_url)
        opened.callback(objects.close)
        objects.check()
        hints = open_hints(settings.hints.url)
        opened.callback(hints.close)
        store, wanted = open_store(database), settings.jobs
        guard = Guard(allow=settings.fetch.allow, only_allowed=settings.fetch.only_allowed)
        accounts, keys = open_books(settings, database)
        promoter, registrar = promoter_over(database, registry), registrar_over(database, registry, settings)
        _watch(promoter, registrar, opened)
        jobs = Jobs(
            store,
            objects,
            hints,
            registry,
            room=Room(store.records, RoomLimits(wanted.queue_items, wanted.queue_items_each)),
            limits=JobLimits(wanted.max_images, wanted.max_models, wanted.max_attempts),
            poster=Poster(guard, timeout_s=settings.webhook.timeout_s),
            service=settings.usage.service,
            on_hint_failure=on_hint_failure,
            on_close=opened.pop_all().close,
        )
        return Kept(
            jobs,
            SqlImageRecords(database),
            SqlImageSearch(database),
            promoter,
            registrar,
            accounts,
            keys,
            SqlLedger(database),
            SqlLedgerReader(database),
            SqlSpent(database),
        )


def _watch(promoter: Promoter, registrar: Registrar, opened: ExitStack) -> None:
    """From now on let this process see what aliases mean and who registered itself, until all is given back."""

    def observe() -> None:
        promoter.observe()
        registrar.observe()

    observe()  # before anybody is told that all is there, so that no name means a wrong version
    watch = Watch(observe)
    watch.start()
    opened.callback(watch.stop)


def open_books(settings: Settings, database: Database) -> tuple[AccountBook, KeyRing]:
    """Return accounts and keys over an open database; commands open them without the rest."""
    from saccade.access.accounts import AccountBook
    from saccade.access.keys import KeyRing
    from saccade.access.passwords import Passwords
    from saccade.backends.database.accounts import SqlAccounts
    from saccade.backends.database.keys import SqlKeys

    keys = KeyRing(
        SqlKeys(database),
        recheck_s=settings.access.recheck_s,
        takes_development=settings.place.environment is not Environment.PROD,
        takes_outside=bool(settings.jwt.jwks),
        outside_lasts_s=settings.access.outside_key_s,
    )
    passwords = Passwords(min_chars=settings.access.password_min_chars)
    accounts = AccountBook(SqlAccounts(database), keys, passwords)
    return accounts, keys
