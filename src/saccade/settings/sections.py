"""The settings themselves, group by group: each with its unit, its default, and below it what it is for."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Environment(StrEnum):
    """Where the server runs."""

    DEV = "dev"
    PROD = "prod"


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From which weight on a log line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Preload(StrEnum):
    """Which models are loaded before the server calls itself ready."""

    ALL = "all"
    NONE = "none"


def _split(value: object) -> object:
    """Split a comma-separated list as the environment has it; leave anything else alone."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Section(BaseModel):
    """A frozen group of settings; ``prefix`` stands between SACCADE_ and the field's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefix: ClassVar[str] = ""


class PlaceSettings(Section):
    """Where things lie and what kind of place this is."""

    home: Path = Path("~/.saccade")
    """Folder of all embedded defaults: models, caches. Everything Saccade writes stays below it."""

    models: Path | None = None
    """Folder of model packages; by default ``models`` below the home. Copy a package there and it is served."""

    environment: Environment = Environment.DEV
    """What kind of place this is, ``dev`` or ``prod``; every JSON log line names it (``service.environment``)."""

    preload: Preload = Preload.ALL
    """``all`` loads every model before /readyz is true; ``none`` loads a model when it is first asked for."""

    failpoints: str = ""
    """Where this process kills, stops or fails itself, for tests: ``name:action@n``, separated by commas; dev only."""


class ServerSettings(Section):
    """Where the HTTP server listens and whom it answers."""

    prefix: ClassVar[str] = "SERVER_"

    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback a way in is needed, see ``allow_anyone``."""

    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""

    allow_anyone: bool = False
    """Say true to serve everybody who can reach the address, without asking who they are."""

    trusted_proxies: CommaList = ()
    """Addresses and networks of proxies in front of this server, separated by commas: from them, and from nobody else,
    ``X-Forwarded-For`` is believed when tries to log in are counted for an address."""

    cors_origins: CommaList = ()
    """Web origins whose pages may call the API, separated by commas; ``*`` allows all."""

    security_headers: bool = True
    """Send nosniff, frame, referrer and content security headers."""

    max_body_bytes: int = Field(268_435_456, ge=1)
    """Largest whole request body; many pictures may share one. Larger ones are refused before they are read."""

    body_memory_bytes: int = Field(1_073_741_824, ge=1)
    """Bodies of all requests under way together; beyond it a request is answered 503. Never less than one body."""

    body_timeout_s: float = Field(60.0, gt=0)
    """Longest time a client may take to send a body; slower ones are cut off."""

    threads: int = Field(40, ge=1, le=1000)
    """How many requests are worked on at once; more wait in line."""

    burst: int = Field(64, ge=1)
    """Requests for one model that may be under way at once. When more come, those beyond are refused with 503 and
    Retry-After, and only as many are let in as are answered about as fast as on an idle server."""

    max_wait_s: float = Field(10.0, gt=0)
    """Longest time that a request may be expected to wait, by the measured rate of its model, or wait for memory to
    decode its picture in. Shorter than most clients and proxies are patient; raise it for slow models."""

    grace_s: float = Field(20.0, ge=0)
    """How long a stopping server waits for requests under way."""


class GrpcSettings(Section):
    """The Open Inference Protocol over gRPC, beside HTTP."""

    prefix: ClassVar[str] = "GRPC_"

    port: int = Field(0, ge=0, le=65535)
    """Port to listen on, at the address of the HTTP server and without TLS; 0 opens none. It needs saccade[grpc]."""


class LogSettings(Section):
    """What is logged, and how."""

    prefix: ClassVar[str] = "LOG_"

    level: LogLevel = LogLevel.INFO
    """Lines of less weight are dropped."""

    format: LogFormat | None = None
    """``json`` writes one ECS object a line; by default console on a terminal, else json."""


class ImageSettings(Section):
    """What a picture may be. One policy for every way in."""

    prefix: ClassVar[str] = "IMAGE_"

    max_bytes: int = Field(52_428_800, ge=1)
    """Largest encoded picture."""

    max_pixels: int = Field(50_000_000, ge=1)
    """Largest width times height, read from the header before anything is decoded."""

    max_scans: int = Field(100, ge=1)
    """Most scans of a progressive JPEG; each costs a pass over all pixels."""

    decode_memory_bytes: int = Field(536_870_912, ge=1)
    """Decoded pixels that may be in memory at once; further pictures wait their turn."""


class FetchSettings(Section):
    """Where picture URLs may point."""

    prefix: ClassVar[str] = "FETCH_"

    allow: CommaList = ()
    """host:port and CIDR entries that may be fetched beside global addresses."""

    only_allowed: bool = False
    """Make the allow-list the only door."""

    timeout_s: float = Field(10.0, gt=0)
    """Longest whole time of one fetch, redirects included."""

    max_redirects: int = Field(3, ge=0, le=10)
    """Redirects that are followed, each checked anew."""


class RemoteSettings(Section):
    """Models that run elsewhere."""

    prefix: ClassVar[str] = "REMOTE_"

    allow: CommaList = ()
    """host:port and CIDR entries where models may run that register themselves; `*` is any port. Nowhere by default."""


class BatchSettings(Section):
    """How requests share runs of a graph."""

    prefix: ClassVar[str] = "BATCH_"

    max_items: int = Field(16, ge=1)
    """Most pictures in one run of a graph."""

    max_pixels: int = Field(4_000_000, ge=1)
    """Most input pixels in one run; large pictures make small batches."""

    queue_items: int = Field(256, ge=1)
    """Pictures that may wait for one model; more are refused with 503."""


class EngineSettings(Section):
    """How graphs are run."""

    prefix: ClassVar[str] = "ENGINE_"

    slots: int = Field(0, ge=0)
    """Runs of one model at the same time; 0 takes the number of CPUs that this process may use."""

    threads: int = Field(1, ge=1)
    """Threads of one run; one per run and several slots is the fastest under load."""

    inspect_memory_bytes: int = Field(4_294_967_296, ge=1)
    """Memory of the child process that inspects a graph which is new here."""

    inspect_timeout_s: float = Field(60.0, gt=0)
    """Longest time of that inspection."""

    @property
    def runs(self) -> int:
        """Runs of one model at the same time, as a number."""
        return self.slots or len(os.sched_getaffinity(0))


class CacheSettings(Section):
    """Answers kept in memory."""

    prefix: ClassVar[str] = "CACHE_"

    bytes: int = Field(67_108_864, ge=0)
    """Memory for answers to pictures that were seen before; 0 turns the cache off."""

    ttl_s: float = Field(3600.0, gt=0)
    """How long an answer is kept."""


class DatabaseSettings(Section):
    """Where jobs, results and usage are kept."""

    prefix: ClassVar[str] = "DATABASE_"

    url: str = ""
    """``sqlite:////path``, ``postgresql://…`` or ``mysql://…`` (MariaDB too); by default ``saccade.db`` in the home."""

    wait_s: float = Field(60.0, ge=0)
    """How long a starting process waits for the database, the broker and the store, in any order."""


class HintsSettings(Section):
    """What wakes workers. It carries no truth: losing it loses nothing."""

    prefix: ClassVar[str] = "HINTS_"

    url: str = "memory://"
    """``memory://`` wakes the workers of this process; ``redis://…`` and ``amqp://…`` wake those of other machines."""


class ObjectsSettings(Section):
    """Where the bytes of images lie."""

    prefix: ClassVar[str] = "OBJECTS_"

    url: str = ""
    """``file:///folder``, ``s3://bucket/prefix``, ``gs://…`` or ``az://…``; by default ``objects`` in the home."""


class JobsSettings(Section):
    """What a job may be, and how long it is kept."""

    prefix: ClassVar[str] = "JOBS_"

    max_images: int = Field(1000, ge=1, le=10_000)
    """Most images of one job."""

    max_models: int = Field(20, ge=1, le=100)
    """Most models of one job."""

    max_attempts: int = Field(8, ge=1, le=100)
    """Claims of one item, each by a worker that died or met something passing, before it fails."""

    queue_items: int = Field(200_000, ge=1)
    """Items of all callers that may wait; more are refused with 503."""

    queue_items_each: int = Field(100_000, ge=1)
    """Items of one caller that may wait; more are refused with 429."""

    retention_s: float = Field(604_800.0, ge=0)
    """How long an ended job, its results and its images are kept; 0 keeps them for ever."""


class WorkerSettings(Section):
    """How items are worked on."""

    prefix: ClassVar[str] = "WORKER_"

    embedded: bool = True
    """Whether ``saccade serve`` works on items itself; say false where ``saccade work`` does."""

    concurrency: int = Field(0, ge=0, le=1024)
    """Items in one worker's hands at a time; 0 takes twice the largest batch."""

    lease_s: float = Field(10.0, ge=0.5, le=3600)
    """How long an item stays with a worker that gives no sign of life; a third of it is the heartbeat."""

    sweep_s: float = Field(1.0, gt=0, le=60)
    """How often a worker looks for dead workers, passed deadlines, lost hints and garbage."""

    hint_age_s: float = Field(5.0, gt=0, le=3600)
    """After how long an item that still waits is hinted again."""

    grace_s: float = Field(20.0, ge=0)
    """How long a stopping worker finishes what it has begun; the rest is handed back."""


class WebhookSettings(Section):
    """How the ends of jobs are told."""

    prefix: ClassVar[str] = "WEBHOOK_"

    timeout_s: float = Field(15.0, gt=0, le=60)
    """Longest whole time of one delivery."""
