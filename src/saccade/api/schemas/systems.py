"""Bodies of the systems 0, 1, 2 and 4, whose clients keep working here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel

from saccade.api.schemas.shape import Request, Shape


class ErrorText(Shape):
    """What happened."""

    error: str


class ErrorDetail(Shape):
    """What happened."""

    detail: str


class System0Inference(Request):
    """Where the picture is."""

    image_url: str


class System0Queued(Shape):
    """A job that was taken in."""

    job_id: str
    status: Literal["PENDING"]
    message: str


class System0Job(Request):
    """Which job."""

    job_id: str


System0State = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED", "NOT_FOUND"]


class System0Status(Shape):
    """Where a job stands; times are UTC and do not say so."""

    job_id: str
    status: System0State
    submitted_at: str
    started_at: str | None
    completed_at: str | None
    metadata: dict[str, str]


class System0Result(Shape):
    """What a classifier said."""

    label: str
    confidence: float
    all_scores: dict[str, float]
    device_used: str


class System0Results(Shape):
    """What became of a job."""

    job_id: str
    status: System0State
    result: System0Result | None
    error: str | None
    completed_at: str | None


class System0Refused(RootModel[System0Results | ErrorText]):
    """A failed job, or a request that is wrong."""


class System0Version(Shape):
    """Version and routes."""

    api_version: str
    gateway: str
    service: str
    endpoints: dict[str, str]


class System0Gateway(Shape):
    """A sign of life."""

    status: str
    agents: dict[str, str]
    now: str


class System0Queue(Shape):
    """Items by where they stand."""

    total_jobs: int
    pending: int
    processing: int
    completed: int
    failed: int
    queue_size: int


class System0Waiting(Shape):
    """What waits."""

    pending: int
    processing: int


class System0Health(Shape):
    """How the server is."""

    status: Literal["healthy", "degraded"]
    model_loaded: bool
    device: str
    redis_connected: bool
    queue: System0Waiting


class System1Label(Shape):
    """One label."""

    class_name: str
    probability: float
    class_id: int


class System1ModelInfo(Shape):
    """A model, all in texts."""

    model_name: str
    device: str
    num_classes: str
    framework: str
    quantized: str
    torchscript: str
    parameters: str
    model_size_mb: str


class System1Classified(Shape):
    """The best labels first; ``processing_time_ms`` is 0 where the answer was known."""

    predictions: list[System1Label]
    model_info: System1ModelInfo
    processing_time_ms: float


class System1Result(Shape):
    """One file of several: its labels, or what went wrong."""

    file_index: int
    filename: str
    predictions: list[System1Label] | None = None
    model_info: System1ModelInfo | None = None
    error: str | None = None


class System1Batch(Shape):
    """Several files."""

    results: list[System1Result]
    total_files: int
    successful_files: int
    processing_time_ms: float


class System1Health(Shape):
    """How the model is."""

    status: Literal["healthy", "unhealthy"]
    model_loaded: bool
    model_info: System1ModelInfo | None


class System1Index(Shape):
    """Where things are."""

    message: str
    version: str
    endpoints: dict[str, str]


class System2Image(Request):
    """A picture in base64."""

    name: str
    data: str


class System2Queued(Shape):
    """Under which id the prediction will be."""

    uuid: str


class System2Prediction(Shape):
    """The best label; null while there is none yet."""

    prediction: str | None


class System2Greeting(Shape):
    """A greeting."""

    Hello: str


class System4Point(Shape):
    """A point, in px."""

    x: float
    y: float


class System4Detected(Shape):
    """One circle; the box is xmin, ymin, xmax, ymax in px."""

    object_id: str
    bbox: list[float] = Field(min_length=4, max_length=4)
    centroid: System4Point
    radius: float


class System4Detection(Shape):
    """All circles."""

    detections: list[System4Detected]
    count: int


class System4Uploaded(Shape):
    """A picture that was taken in."""

    image_id: str
    detection: System4Detection | None


class System4Summary(Shape):
    """One circle; the box is in whole px."""

    object_id: str
    bbox: list[int] = Field(min_length=4, max_length=4)


class System4Objects(Shape):
    """All circles of a picture."""

    image_id: str
    count: int
    objects: list[System4Summary]


class System4Object(Shape):
    """One circle."""

    object_id: str
    bbox: list[int] = Field(min_length=4, max_length=4)
    centroid: list[float] = Field(min_length=2, max_length=2)
    radius: float


class System4Health(Shape):
    """A sign of life."""

    status: str
    environment: str
    version: str


class System4Config(Shape):
    """Settings that are no secret."""

    app_name: str
    app_version: str
    environment: str
    debug: bool
    api_prefix: str
    storage_type: str
    mode: str
    model_name: str
    log_level: str
    log_json: bool
    max_upload_size: int
