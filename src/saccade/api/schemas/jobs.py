"""Jobs, their items and results, and what is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from saccade.api.schemas.predictions import Options, Prediction
from saccade.api.schemas.shape import Request, Shape

JobStateName = Literal["running", "succeeded", "failed", "cancelled"]
ItemStateName = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]
PriorityName = Literal["high", "normal", "low"]


class JobImage(Request):
    """One image, by URL, in base64, or by the id of one that is stored: exactly one of the three."""

    url: str | None = Field(None, min_length=1, max_length=4096)
    """Where a worker fetches the image."""

    base64: str | None = None
    """The image's bytes in base64, bare or as a data URL."""

    id: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """sha256, hex, of an image that one of the caller's jobs keeps."""

    name: str | None = None
    """What the image is called in results."""


class JobRequest(Options):
    """Images and models; every image meets every model."""

    images: list[JobImage] = Field(min_length=1)
    """The images, as many as SACCADE_JOBS_MAX_IMAGES allows."""

    models: list[str] = Field(min_length=1)
    """Names of models, or ``name@version``, as many as SACCADE_JOBS_MAX_MODELS allows."""

    webhook: str | None = Field(None, max_length=2048)
    """Where the job's end is told; POST /v1/webhooks/secret makes what signs it, and must have been called before."""

    deadline_s: float | None = Field(None, gt=0, le=2_592_000)
    """Seconds from now after which an item that no worker has begun with expires; by default it waits for ever."""

    priority: PriorityName | None = None

    keep: bool | None = None
    """Whether the images become records that last, with what the models say of them."""
    """Which of the caller's own jobs go first; by default normal."""


class JobCounts(Shape):
    """Items by state."""

    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class JobOptions(Shape):
    """What was asked of the models."""

    top_k: int
    threshold: float | None
    candidate_labels: list[str]


class JobLinks(Shape):
    """Where more is said of a job."""

    self: str
    results: str
    events: str
    deliveries: str


class Job(Shape):
    """One submission: running until its last item has ended; succeeded if all its items did."""

    id: str
    owner: str
    """Id of the principal whose job it is: the caller, unless an admin looks at another's."""

    state: JobStateName
    counts: JobCounts
    images: int
    models: list[str]
    """``name@version``, as they were when the job was accepted."""

    options: JobOptions
    priority: PriorityName

    keep: bool
    """Whether its images become records that last."""

    webhook: str | None
    retry_of: str | None
    """Id of the job whose failed items these are."""

    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None
    deadline_at: datetime | None
    links: JobLinks


class JobList(Shape):
    """Jobs, newest first."""

    jobs: list[Job]
    next: str | None
    """Where the list goes on; null at its end."""


class JobImagePlace(Shape):
    """Which of the job's images a result is about."""

    index: int
    """Position in the request, from 0."""

    name: str | None
    """The file's name or the URL, as the client sent it."""

    id: str | None
    """sha256 of its bytes, hex; null until they were fetched."""


class ItemProblem(Shape):
    """Why an item has no prediction."""

    code: str
    """The kind of problem, for programs: stable."""

    detail: str
    """What happened."""

    hint: str
    """What to do about it."""


class JobResult(Shape):
    """One ended item: with a prediction, or with the problem that stood in its way."""

    image: JobImagePlace
    model: str
    state: ItemStateName
    prediction: Prediction | None = None
    problem: ItemProblem | None = None


class JobResults(Shape):
    """Ended items, by image, then by model."""

    job: str
    """Its id."""

    state: JobStateName
    results: list[JobResult]
    next: str | None
    """Where the list goes on; null at its end."""


class Delivery(Shape):
    """One message to one webhook."""

    id: str
    """As in the message's webhook-id header; the same over all attempts."""

    event: str
    url: str
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    next_at: datetime | None
    status_code: int | None
    """Of the last answer."""

    error: str | None
    """What the last attempt failed with."""

    created_at: datetime
    ended_at: datetime | None


class DeliveryList(Shape):
    """A job's deliveries, oldest first."""

    deliveries: list[Delivery]


class WebhookSecret(Shape):
    """What signs the caller's webhooks; shown this once."""

    secret: str


class QueueLine(Shape):
    """The line before one model."""

    model: str
    digest: str
    """Of the package that was pinned when the items were accepted."""

    state: Literal["served", "model_unavailable"]
    """``model_unavailable`` while no live worker holds this package."""

    queued: int
    running: int
    oldest_age_s: float | None
    """How long the oldest item has waited."""

    drain_rate: float
    """Items that ended per second, over the last minute."""


class QueueWorker(Shape):
    """A worker that gave a sign of life lately."""

    id: str
    host: str
    models: list[str]
    concurrency: int
    """Items that it takes at a time."""

    running: int
    seen_age_s: float
    """How long ago its last sign of life was."""


class QueueTotals(Shape):
    """All lines together."""

    queued: int
    running: int
    oldest_age_s: float | None
    drain_rate: float


class Queue(Shape):
    """What waits, who works, and how fast; true counts from the database."""

    models: list[QueueLine]
    workers: list[QueueWorker]
    totals: QueueTotals
