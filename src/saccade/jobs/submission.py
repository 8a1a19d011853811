"""What a caller hands in: images, models, options; and the fingerprint that tells whether two requests are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeAlias, cast

from saccade.jobs.records import JobPriority
from saccade.predictions.answer import PredictOptions

#: What the standard json module writes without help.
Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Source:
    """One image as it was handed in: exactly one of bytes, a URL, or the id (sha256, hex) of one that is stored.

    Attributes:
        file_name: As the client named it; it is shown and means nothing.
        sha256: Of ``data``, hex; worked out where it is not given.
    """

    file_name: str | None = None
    data: bytes | None = None
    url: str | None = None
    image_id: str | None = None
    sha256: str | None = None

    def hashed(self) -> Source:
        """Return the source with the hash of its bytes."""
        if self.data is None or self.sha256 is not None:
            return self
        return replace(self, sha256=hashlib.sha256(self.data).hexdigest())


@dataclass(frozen=True, slots=True)
class Submission:
    """One job as it was asked for.

    Attributes:
        principal: Who asks.
        models: Names, or ``name@version``.
        deadline_s: Seconds from now after which an item that has not begun expires; None waits forever.
        webhook: Address that is told the end.
        route: Where it was asked; an Idempotency-Key counts for one route.
        idempotency_key: The client's own name for this request.
        request_id: For the logs.
        keep: Whether the images are remembered beyond the job.
    """

    principal: str
    sources: tuple[Source, ...]
    models: tuple[str, ...]
    options: PredictOptions = field(default_factory=PredictOptions)
    priority: JobPriority = JobPriority.NORMAL
    deadline_s: float | None = None
    webhook: str | None = None
    route: str = "/v1/jobs"
    idempotency_key: str | None = None
    request_id: str | None = None
    keep: bool = False


def fingerprint(submission: Submission) -> str:
    """Return the sha256, hex, of what was asked, however it was encoded on the way here.

    The bytes of images count by their hash, so that a form with another boundary is the same request.
    """
    canonical = {
        "sources": [[source.file_name, source.sha256, source.url, source.image_id] for source in submission.sources],
        "models": submission.models,
        "options": options_to_json(submission.options),
        "priority": int(submission.priority),
        "deadline_s": submission.deadline_s,
        "webhook": submission.webhook,
        **({"keep": True} if submission.keep else {}),  # only then: a key of an older version still means the same
    }
    return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()


def options_to_json(options: PredictOptions) -> dict[str, Json]:
    """Return options as they are stored with a job."""
    return cast("dict[str, Json]", asdict(options))


def options_of(stored: Mapping[str, object]) -> PredictOptions:
    """Return options as they were stored with a job."""
    labels = stored.get("candidate_labels") or ()
    fields = {**stored, "candidate_labels": tuple(cast("Sequence[str]", labels))}
    return PredictOptions(**fields)  # type: ignore[arg-type]  # written by options_to_json
