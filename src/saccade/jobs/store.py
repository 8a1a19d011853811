"""The database as jobs see it: five small ports, and one handle that holds them.

Every method is one transaction and safe to call from any thread. All raise DatabaseUnreachable when the database does
not answer; nothing was changed then, or the caller may repeat the call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from saccade.images.records import NewImage
from saccade.jobs.records import (
    Claim,
    DeliveryRecord,
    IdempotencyKey,
    ItemRecord,
    JobRecord,
    NewJob,
    Outcome,
    QueueReport,
    Reaped,
    Reservation,
    Stored,
    WorkerRecord,
)
from saccade.jobs.states import Counts, ItemState, JobState


class Submissions(Protocol):
    """Where accepted work begins."""

    def reserve(self, key: IdempotencyKey, *, held_s: float = 60.0) -> Reservation:
        """Take an Idempotency-Key for this request, or learn the job that it made before.

        Args:
            key: What makes requests the same.
            held_s: After that time a reservation that has become no job (its server died) may be taken over. Too
                short is safe: whoever is late stores nothing.

        Raises:
            IdempotencyMismatch: The key was used for another request.
            IdempotencyInFlight: The same request is being worked on at this moment.
        """

    def release(self, key: IdempotencyKey, reservation: Reservation) -> None:
        """Give a key back, because the request was refused after all."""

    def submit(self, job: NewJob, *, reserved: tuple[IdempotencyKey, Reservation] | None = None) -> Stored:
        """Store a job with all its items; when this returns it is accepted. Returns what a reader would find then.

        Raises:
            IdempotencyInFlight: The reservation was taken over by somebody else; nothing was stored.
        """


class Records(Protocol):
    """What owners may see and do. A job of another principal is as absent as one that never was."""

    def job(self, principal: str, job_id: str) -> JobRecord:
        """Return a job.

        Raises:
            JobUnknown: This principal has no such job.
        """

    def owner_of(self, job_id: str) -> str | None:
        """Return whose job it is, for those who may see all; None if there is none."""

    def jobs(
        self, principal: str | None, *, before: str | None = None, state: JobState | None = None, limit: int = 50
    ) -> list[JobRecord]:
        """Return the newest jobs of a principal (None: of all), newest first, from behind an id on if there is one."""

    def items(
        self,
        principal: str,
        job_id: str,
        *,
        after: tuple[int, int] | None = None,
        states: Sequence[ItemState] = (),
        limit: int = 500,
    ) -> list[ItemRecord]:
        """Return items by (position, index of the model), with results; with ``after`` only those behind that place.

        Raises:
            JobUnknown: This principal has no such job.
        """

    def events(self, principal: str, job_id: str, *, after: int = 0, limit: int = 500) -> list[ItemRecord]:
        """Return ended items in the order in which they ended, those with a larger ``event_seq`` than ``after``.

        Raises:
            JobUnknown: This principal has no such job.
        """

    def cancel(self, principal: str, job_id: str) -> JobRecord:
        """End every open item as cancelled, and with them the job. Idempotent.

        Raises:
            JobUnknown: This principal has no such job.
        """

    def erase(self, principal: str, job_id: str) -> None:
        """Cancel and forget a job with everything that belongs to it but the usage rows; its blobs become garbage.

        Raises:
            JobUnknown: This principal has no such job.
        """

    def totals(self, principal: str | None) -> tuple[Counts, int]:
        """Return how the items of all kept jobs of a principal (None: of everybody) stand, and how many run."""

    def queue(self, *, span_s: float = 60.0) -> QueueReport:
        """Return the lines before all models, and who works on them."""

    def blob_of(self, principal: str, sha256: str) -> str | None:
        """Return the key of bytes with this hash that a record or a job of this principal still keeps, if any does."""

    def latest_items(self, principal: str, sha256: str) -> list[ItemRecord]:
        """Return the newest item of each model on a picture of this principal's, in all jobs that are still kept."""

    def open_items(self) -> Mapping[str, int]:
        """Return how many items of each principal have not ended; principals without any are left out."""


class Claims(Protocol):
    """What workers do. A write that is not fenced by owner, attempt and state does not exist here."""

    def claim(self, owner: str, held: Mapping[str, str], *, most: int, lease_s: float) -> list[Claim]:
        """Take items of one model into one's hands until the lease ends; each claim counts as an attempt.

        Principals take turns; within a principal higher priority goes first, then the older item.

        Args:
            owner: Who claims; unique for each life of a worker.
            held: Digest by reference of the models that this worker holds; only their items are taken.
            most: How many at most.
            lease_s: How long they are kept from others without a heartbeat.
        """

    def extend(self, owner: str, item_ids: Sequence[int], *, lease_s: float) -> set[int]:
        """Lengthen leases; returns the ids that are still the owner's. The others must be dropped."""

    def finish(self, owner: str, outcomes: Sequence[Outcome]) -> set[int]:
        """Write what became of items, in one transaction: state, result, usage, the job's counts, its end, its webhook.

        What is to be kept of an item is remembered by the same transaction. A blob that was written for that and is not
        needed, for there was a record or the item is no longer the owner's, becomes garbage.

        Returns the ids that were accepted; an item that is no longer the owner's is left alone.
        """

    def image_arrived(self, claim: Claim, *, sha256: str, blob_key: str, size_bytes: int) -> str | None:
        """Note where the bytes of a fetched image lie; None if noted, else the key that somebody noted before.

        Raises:
            ImageErased: The image was erased meanwhile; nothing may name its bytes any more.
        """

    def remembered(self, principal: str, sha256: str) -> NewImage | None:
        """Return what a principal's record of this picture says of its bytes; None if there is no record."""


class Upkeep(Protocol):
    """What must be done again and again by anybody. Every call is bounded and may run in any number of processes."""

    def reap(self, *, most: int = 200, retry_delay_s: float = 0.0) -> Reaped:
        """Take items whose lease has run out from their dead or stalled worker: back into the queue, or failed."""

    def expire(self, *, most: int = 500) -> int:
        """End queued items whose deadline has passed; returns how many."""

    def unhinted(self, *, older_than_s: float, most: int = 1000) -> tuple[int, ...]:
        """Return ids of items that could run but whose last hint is that old, and note that they get a new one now."""

    def purge(self, *, retention_s: float, most: int = 100) -> int:
        """Forget jobs that ended that long ago, and idempotency keys that have expired; returns how many jobs."""

    def garbage(self, *, most: int = 500) -> list[str]:
        """Return keys of blobs that no row names any more."""

    def swept(self, keys: Sequence[str]) -> None:
        """Forget garbage that was deleted."""

    def ownerless(self, keys: Sequence[str]) -> list[str]:
        """Return those of these keys that no image, no record and no garbage names: blobs of requests that died."""

    def report(self, worker: WorkerRecord) -> None:
        """Note a worker's sign of life; its times are set by the database."""

    def retire(self, worker_id: str) -> None:
        """Forget a worker that stops."""


class Deliveries(Protocol):
    """The outbox of webhooks."""

    def due(self, owner: str, *, most: int, lease_s: float) -> list[DeliveryRecord]:
        """Take deliveries that are due until the lease ends; each counts as an attempt."""

    def delivered(self, owner: str, delivery: DeliveryRecord, *, status_code: int) -> bool:
        """Note a success; False if the delivery is no longer the owner's."""

    def postpone(
        self, owner: str, delivery: DeliveryRecord, *, delay_s: float | None, status_code: int | None, error: str
    ) -> bool:
        """Note a failure and when to try again, or that nobody will (None); False if no longer the owner's."""

    def of_job(self, principal: str, job_id: str) -> list[DeliveryRecord]:
        """Return a job's deliveries, oldest first.

        Raises:
            JobUnknown: This principal has no such job.
        """

    def redeliver(self, principal: str, job_id: str, delivery_id: str) -> DeliveryRecord:
        """Make a delivery due now, its attempts counted anew.

        Raises:
            JobUnknown: This principal has no such job.
            DeliveryUnknown: The job has no such delivery.
        """

    def secret(self, principal: str) -> str | None:
        """Return the secret that signs this principal's webhooks (``whsec_…``), if there is one."""

    def new_secret(self, principal: str, secret: str) -> None:
        """Keep a new secret; the one before it stops to count."""


@dataclass(frozen=True, slots=True)
class Store:
    """The five ports of one database."""

    submissions: Submissions
    records: Records
    claims: Claims
    upkeep: Upkeep
    deliveries: Deliveries
