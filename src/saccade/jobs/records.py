"""What the database keeps of jobs, as values. Times are microseconds since 1970, UTC, by the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from saccade.images import records as images
from saccade.jobs.states import Counts, ItemState, JobState


class JobPriority(IntEnum):
    """Which of one principal's jobs go first; between principals it means nothing, for those share fairly."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


@dataclass(frozen=True, slots=True)
class ModelPin:
    """A model as it was when the job was accepted: ``name@version`` and the digest of its package."""

    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class NewImage:
    """One image of a job that is to be stored; bytes lie under ``blob_key``, or are yet to come from ``source_url``.

    Attributes:
        file_name: As the client named it; None if it did not.
        source_url: Where the worker fetches it; None if the bytes came with the request.
        sha256: Of the bytes, hex; None until they were fetched.
        blob_key: Where the bytes lie; None until they were fetched.
        size_bytes: How many; None until they were fetched.
    """

    file_name: str | None = None
    source_url: str | None = None
    sha256: str | None = None
    blob_key: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """One submission, checked and ready to be stored.

    Attributes:
        id: From ``new_id``.
        principal: Who asks.
        images: In the order given; their index is the item's ``position``.
        models: In the order given.
        pairs: (position, index of the model) of each item; None makes every image meet every model.
        options: Of the prediction, the same for all items; JSON.
        priority: Within the principal.
        deadline_s: Seconds from now after which an item that has not begun expires; None waits forever.
        webhook: Address that is told the end; None tells nobody.
        retry_of: Id of the job whose failed items these are.
        max_attempts: Claims of one item before it fails.
        request_id: Of the request that asked, for the logs.
        service: Name of the server that accepted it; its usage is written under this name, whoever works on it.
        keep: Whether its images, and what is said of them, are remembered beyond the job.
    """

    id: str
    principal: str
    images: tuple[NewImage, ...]
    models: tuple[ModelPin, ...]
    pairs: tuple[tuple[int, int], ...] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    priority: JobPriority = JobPriority.NORMAL
    deadline_s: float | None = None
    webhook: str | None = None
    retry_of: str | None = None
    max_attempts: int = 8
    request_id: str | None = None
    service: str = "saccade"
    keep: bool = False

    def places(self) -> tuple[tuple[int, int], ...]:
        """Return (position, index of the model) of each item, by position, then by model."""
        if self.pairs is not None:
            return self.pairs
        return tuple((position, model) for position in range(len(self.images)) for model in range(len(self.models)))


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it stands.

    Attributes:
        event_seq: How many of its items have ended; grows by one with each.
        running: Items being worked on at this moment.
        keep: Whether its images are remembered beyond it.
    """

    id: str
    principal: str
    state: JobState
    counts: Counts
    running: int
    models: tuple[str, ...]
    images: int
    options: Mapping[str, object]
    priority: JobPriority
    webhook: str | None
    retry_of: str | None
    event_seq: int
    created_at_us: int
    started_at_us: int | None
    finished_at_us: int | None
    cancelled_at_us: int | None
    deadline_at_us: int | None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A job that was accepted: as it stood when it was, and the ids of its items in their order."""

    job: JobRecord
    item_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """An item as it stands, with its result if it has one.

    Attributes:
        prediction: JSON text of the prediction; None unless it succeeded.
        event_seq: Its place in the order in which the job's items ended; None while it is open.
    """

    id: int
    job_id: str
    position: int
    model_index: int
    model: str
    digest: str
    state: ItemState
    attempt: int
    file_name: str | None
    source_url: str | None
    sha256: str | None
    blob_key: str | None
    error_code: str | None
    error_detail: str | None
    prediction: str | None
    event_seq: int | None
    created_at_us: int
    started_at_us: int | None
    finished_at_us: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """An item that a worker holds by a lease; ``attempt`` and the owner are the fence of everything it may write.

    Attributes:
        crash_count: How often whoever worked on it died; above 0 it must run alone, in a child process.
        deadline_in_s: Seconds left when it was claimed; None if it may wait forever.
        waited_s: How long it was in the queue.
        keep: Whether its image and what is said of it are to be remembered.
    """

    id: int
    job_id: str
    principal: str
    position: int
    model: str
    digest: str
    options: Mapping[str, object]
    attempt: int
    max_attempts: int
    crash_count: int
    deadline_in_s: float | None
    waited_s: float
    file_name: str | None
    source_url: str | None
    sha256: str | None
    blob_key: str | None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is remembered together with the end of an item, or not at all.

    Attributes:
        image: The picture, with the key of a blob that is the record's own.
        prediction: What the model said of it.
        is_new_blob: Whether that blob was written for this; if not, it is the one of a record that was found, and
            without that record there is nothing to remember.
    """

    image: images.NewImage
    prediction: images.NewPrediction
    is_new_blob: bool


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The model answered; ``kept`` is what is remembered of it, if the job asked for that."""

    claim: Claim
    prediction: str
    pixels: int
    compute_ms: float
    cached: bool
    kept: Keeping | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The item cannot succeed: its image, its options or its model are at fault, or its attempts are used up."""

    claim: Claim
    code: str
    detail: str
    pixels: int = 0
    compute_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Expired:
    """Its deadline passed before it began."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Something failed that may not fail again; the item waits and is tried again, or fails at its last attempt.

    Attributes:
        crashed: The process that worked on it died; counts towards ``worker_crashed``.
    """

    claim: Claim
    code: str
    detail: str
    delay_s: float
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Nothing was begun; the item returns to its place and the attempt does not count."""

    claim: Claim


Outcome = Succeeded | Failed | Expired | TryAgain | HandedBack


@dataclass(frozen=True, slots=True)
class Reaped:
    """What became of items whose lease had run out."""

    queued: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker that has given a sign of life.

    Attributes:
        models: Digest of each model that it holds, by reference.
        running: Items in its hands.
    """

    id: str
    host: str
    pid: int
    models: Mapping[str, str]
    concurrency: int
    running: int
    started_at_us: int
    seen_at_us: int


@dataclass(frozen=True, slots=True)
class QueueRow:
    """The line before one model.

    Attributes:
        ended_recently: Its items that ended in the report's last ``span_s`` seconds.
    """

    model: str
    digest: str
    queued: int
    running: int
    oldest_age_s: float | None
    ended_recently: int = 0


@dataclass(frozen=True, slots=True)
class QueueReport:
    """True counts, from the database.

    Attributes:
        ended_recently: Items that ended in the last ``span_s`` seconds.
    """

    rows: tuple[QueueRow, ...]
    workers: tuple[WorkerRecord, ...]
    ended_recently: int
    span_s: float
    now_us: int

    @property
    def drain_rate(self) -> float:
        """Items that end in a second."""
        return self.ended_recently / self.span_s


class DeliveryState(StrEnum):
    """Where a webhook's delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One message to one webhook; ``id`` stays the same over all attempts, so that the receiver can drop doubles."""

    id: str
    job_id: str
    principal: str
    url: str
    event: str
    state: DeliveryState
    attempt: int
    next_at_us: int | None
    status_code: int | None
    error: str | None
    created_at_us: int
    ended_at_us: int | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """An Idempotency-Key that was taken: either this request may go on with ``token``, or it was answered before."""

    token: str
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes two requests the same: who, where, which key, and a fingerprint of the parsed request."""

    principal: str
    route: str
    key: str
    fingerprint: str


def counts_by_state(counts: Counts, *, running: int) -> dict[str, int]:
    """Return all counts by the names of states, with ``total`` first."""
    return {
        "total": counts.total,
        ItemState.QUEUED.value: max(0, counts.open - running),
        ItemState.RUNNING.value: min(running, counts.open),
        ItemState.SUCCEEDED.value: counts.succeeded,
        ItemState.FAILED.value: counts.failed,
        ItemState.CANCELLED.value: counts.cancelled,
        ItemState.EXPIRED.value: counts.expired,
    }
