"""Accepting work: check it, keep its bytes, store it in one transaction, wake somebody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from saccade.errors import (
    DatabaseUnreachable,
    HintsUnreachable,
    ImageErased,
    ImageUnknown,
    ModelFailed,
    NothingToRetry,
    ObjectMissing,
    ParameterInvalid,
    SaccadeError,
    SourceAmbiguous,
    TooManyItems,
    UrlRefused,
)
from saccade.failpoints import pass_failpoint
from saccade.images.blobs import new_blob_key, new_shelf
from saccade.images.targets import MAX_URL_CHARS
from saccade.jobs.ids import new_id
from saccade.jobs.ports import Hints, Objects
from saccade.jobs.records import (
    IdempotencyKey,
    ItemRecord,
    JobRecord,
    ModelPin,
    NewImage,
    NewJob,
    Reservation,
)
from saccade.jobs.room import Room
from saccade.jobs.states import RETRYABLE, JobState
from saccade.jobs.store import Store
from saccade.jobs.submission import Source, Submission, fingerprint, options_to_json
from saccade.jobs.webhooks import Poster
from saccade.models.registry import Registry

_PAGE = 1000
#: Where an Idempotency-Key of a retry counts; its fingerprint is the job that is retried.
_RETRY_ROUTE = "/v1/jobs/retry"
#: How long a key answers 409 after its server died: ten seconds, and what its bytes may take to a slow store.
_LEAST_HELD_S = 10.0
_SLOWEST_BYTES_PER_S = 1_000_000
_COPY_HELD_S = 0.5


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What one job may be."""

    max_images: int
    max_models: int
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that was accepted; ``replayed`` if an earlier request with the same Idempotency-Key made it."""

    job: JobRecord
    replayed: bool


class Jobs:
    """Accepts, repeats and erases jobs. Thread-safe and blocking."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        hints: Hints,
        registry: Registry,
        *,
        room: Room,
        limits: JobLimits,
        poster: Poster,
        service: str = "saccade",
        on_hint_failure: Callable[[HintsUnreachable], None] | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Tie the parts together.

        Args:
            store: The database.
            objects: Where bytes are kept.
            hints: What wakes workers.
            registry: Which models there are.
            room: How much may wait.
            limits: How large a job may be.
            poster: What tells the ends of jobs to those who asked for it.
            service: Name of this server, which jobs and their usage are written under.
            on_hint_failure: Told when no hint could be sent; workers find the items a little later.
            on_close: Gives the database, the store and the broker back.
        """
        self.store = store
        self.objects = objects
        self.hints = hints
        self.room = room
        self.poster = poster
        self._registry = registry
        self._limits = limits
        self._service = service
        self._on_hint_failure = on_hint_failure
        self.close = on_close

    def submit(self, submission: Submission) -> Accepted:
        """Accept a job; when this returns it will end, whatever dies.

        Raises:
            SourceAmbiguous: There is no image.
            TooManyItems: There are too many images or models.
            ModelUnknown: A model does not exist; nothing was stored.
            ModelFailed: A model's package cannot be read.
            ImageUnknown: The id of a stored image means nothing to this principal.
            UrlRefused: A picture's URL is too long, or the webhook's leads where nothing is sent.
            ParameterInvalid: There is no secret to sign the webhook with.
            ItemsQuotaReached: The caller has too many open items.
            JobsFull: All callers together have.
            IdempotencyMismatch: The key was used for another request.
            IdempotencyInFlight: The same request is being worked on.
            UnavailableError: The database or the store does not answer; nothing was accepted.
        """
        self._check_size(submission)
        self._check_urls(submission)
        pins = self.pin(submission.models)
        asked = _hashed(submission)
        self.room.check(asked.principal, len(asked.sources) * len(pins))
        return self._accept(_key_of(asked), lambda: self._new_job(asked, pins), held_s=_held_s(asked.sources))

    def retry(
        self, principal: str, job_id: str, *, idempotency_key: str | None = None, request_id: str | None = None
    ) -> Accepted:
        """Accept a new job of those items of an ended one that failed or expired, with the models as they are now.

        Raises:
            JobUnknown: This principal has no such job.
            NothingToRetry: The job still runs, or nothing of it failed whose image is still there.
            IdempotencyMismatch: The key was used to retry another job.
            IdempotencyInFlight: The same request is being worked on.
            UnavailableError: The database or the store does not answer; nothing was accepted.
        """
        old = self.store.records.job(principal, job_id)
        if old.state is JobState.RUNNING:
            raise NothingToRetry("The job is still running.")
        key = IdempotencyKey(principal, _RETRY_ROUTE, idempotency_key, job_id) if idempotency_key else None
        held_s = _LEAST_HELD_S + old.images * _COPY_HELD_S
        return self._accept(key, lambda: self._repeated(old, request_id=request_id), held_s=held_s)

    def _accept(self, key: IdempotencyKey | None, make: Callable[[], NewJob], *, held_s: float) -> Accepted:
        """Store the job that ``make`` returns, unless an earlier request under the same key made it.

        Args:
            key: The client's, if it sent one.
            make: Keeps the bytes and returns the job.
            held_s: How long that may take before a repeated request is free to take over.
        """
        if key is None:
            return Accepted(self._store(make()), replayed=False)
        reservation = self.store.submissions.reserve(key, held_s=held_s)
        if reservation.job_id is not None:
            return Accepted(self.store.records.job(key.principal, reservation.job_id), replayed=True)
        try:
            return Accepted(self._store(make(), reserved=(key, reservation)), replayed=False)
        except SaccadeError:
            self._release(key, reservation)
            raise

    def _new_job(self, asked: Submission, pins: tuple[ModelPin, ...]) -> NewJob:
        return NewJob(
            id=new_id(),
            principal=asked.principal,
            images=self._keep(asked.principal, asked.sources),
            models=pins,
            options=options_to_json(asked.options),
            priority=asked.priority,
            deadline_s=asked.deadline_s,
            webhook=asked.webhook,
            max_attempts=self._limits.max_attempts,
            request_id=asked.request_id,
            service=self._service,
            keep=asked.keep,
        )

    def _repeated(self, old: JobRecord, *, request_id: str | None) -> NewJob:
        """Return a job of what failed of an old one, with bytes of its own."""
        failed = self._failed_items(old.principal, old.id)
        if not failed:
            raise NothingToRetry("No item of the job failed or expired.")
        self.room.check(old.principal, len(failed))
        models = list(dict.fromkeys(item.model for item in failed))
        pins = self.pin(models)
        positions = {item.position: item for item in failed}
        order = {position: index for index, position in enumerate(sorted(positions))}
        return NewJob(
            id=new_id(),
            principal=old.principal,
            images=tuple(self._copied(positions[position]) for position in order),
            models=pins,
            pairs=tuple(sorted((order[item.position], models.index(item.model)) for item in failed)),
            options=old.options,
            priority=old.priority,
            webhook=old.webhook,
            retry_of=old.id,
            max_attempts=self._limits.max_attempts,
            request_id=request_id,
            service=self._service,
            keep=old.keep,
        )

    def pin(self, models: Sequence[str]) -> tuple[ModelPin, ...]:
        """Return each model as it is now: its reference and the digest of its package.

        Raises:
            ModelUnknown: One does not exist.
            ModelFailed: One has a package that cannot be read.
        """
        pins = []
        for name in models:
            status = self._registry.status(name)
            if status.card is None:
                raise ModelFailed(f"{status.reference} cannot be read: {status.detail}")
            pins.append(ModelPin(status.reference, status.card.digest))
        if len({pin.reference for pin in pins}) < len(pins):
            raise SourceAmbiguous("A model is named twice.", hint="Name each model once.")
        return tuple(pins)

    def _check_size(self, submission: Submission) -> None:
        if not submission.sources or not submission.models:
            raise SourceAmbiguous(
                "A job needs at least one image and one model.", hint="Send 'images' and 'models', one or more of each."
            )
        images, models = len(submission.sources), len(submission.models)
        if images > self._limits.max_images or models > self._limits.max_models:
            raise TooManyItems(
                f"{images} images and {models} models; a job has at most {self._limits.max_images} images "
                f"and {self._limits.max_models} models."
            )

    def _check_urls(self, submission: Submission) -> None:
        if any(len(source.url) > MAX_URL_CHARS for source in submission.sources if source.url is not None):
            raise UrlRefused(f"A picture's URL has more than {MAX_URL_CHARS} characters.")
        if submission.webhook is None:
            return
        self.poster.check(submission.webhook)
        if self.store.deliveries.secret(submission.principal) is None:
            fault = "has no secret yet that it could be signed with"
            raise ParameterInvalid(
                f"'webhook' {fault}.",
                hint="POST /v1/webhooks/secret makes one; its receiver checks the signature with it.",
                faults={"webhook": fault},
            )

    def _keep(self, principal: str, sources: Sequence[Source]) -> tuple[NewImage, ...]:
        """Make the bytes durable; the rows that name them come after."""
        pass_failpoint("submit.before_blobs")
        images, blobs, shelf = [], {}, new_shelf()
        for source in sources:
            if source.image_id is not None:
                images.append(self._stored(principal, source))
            elif source.data is not None:
                key = new_blob_key(shelf)
                blobs[key] = source.data
                images.append(
                    NewImage(source.file_name, None, source.sha256, blob_key=key, size_bytes=len(source.data))
                )
            else:
                images.append(NewImage(source.file_name, source.url))
        self.objects.put_many(blobs)
        pass_failpoint("submit.after_blobs")
        return tuple(images)

    def _stored(self, principal: str, source: Source) -> NewImage:
        """Return a stored image as one of this job, with bytes of its own: either may be erased without the other."""
        image_id = source.image_id or ""
        kept = self.store.records.blob_of(principal, image_id)
        if kept is None:
            raise ImageUnknown(f"There is no stored image {image_id[:64]!a}.")
        key = new_blob_key()
        try:
            self.objects.copy(kept, key)
        except ObjectMissing:
            raise ImageUnknown(f"The stored image {image_id[:64]!a} was erased.") from None
        return NewImage(source.file_name, None, image_id, blob_key=key)

    def _copied(self, item: ItemRecord) -> NewImage:
        if item.blob_key is None:
            return NewImage(item.file_name, item.source_url)
        key = new_blob_key()
        self.objects.copy(item.blob_key, key)
        return NewImage(item.file_name, item.source_url, item.sha256, blob_key=key)

    def _store(self, new: NewJob, *, reserved: tuple[IdempotencyKey, Reservation] | None = None) -> JobRecord:
        stored = self.store.submissions.submit(new, reserved=reserved)
        self.room.took(new.principal, len(stored.item_ids))
        try:
            self.hints.publish(stored.item_ids)
        except HintsUnreachable as error:
            if self._on_hint_failure is not None:
                self._on_hint_failure(error)
        pass_failpoint("submit.after_hints")
        return stored.job

    def _release(self, key: IdempotencyKey, reservation: Reservation) -> None:
        """Let the key be used again; where the database is away, the reservation ends by itself."""
        try:
            self.store.submissions.release(key, reservation)
        except DatabaseUnreachable:
            return

    def _failed_items(self, principal: str, job_id: str) -> list[ItemRecord]:
        found: list[ItemRecord] = []
        after = None
        while page := self.store.records.items(principal, job_id, after=after, states=RETRYABLE, limit=_PAGE):
            found += [item for item in page if item.error_code != ImageErased.code]
            after = (page[-1].position, page[-1].model_index)
        return found


def _hashed(submission: Submission) -> Submission:
    return replace(submission, sources=tuple(source.hashed() for source in submission.sources))


def _held_s(sources: Sequence[Source]) -> float:
    """Return how long it may take to keep these; who takes longer can lose the key, and stores nothing then."""
    size_bytes = sum(len(source.data) for source in sources if source.data is not None)
    copies = sum(source.image_id is not None for source in sources)
    return _LEAST_HELD_S + size_bytes / _SLOWEST_BYTES_PER_S + copies * _COPY_HELD_S


def _key_of(submission: Submission) -> IdempotencyKey | None:
    if submission.idempotency_key is None:
        return None
    return IdempotencyKey(submission.principal, submission.route, submission.idempotency_key, fingerprint(submission))
