"""How errors are told on a face's paths, also those raised before any of its routes ran."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

#: Turns the members of a problem into a face's own words.
Dialect: TypeAlias = Callable[[Mapping[str, object]], dict[str, object]]

#: Seconds that a client is told to wait for a model that still loads; Hugging Face's clients show it.
LOADING_ESTIMATE_S = 1.0

#: What clients of system 3 look for in an answer, word for word.
_SYSTEM_3_WORDS: Mapping[str, str] = {
    "login_failed": "Incorrect username or password.",
    "unauthenticated": "Unable to validate credentials.",
    "credential_invalid": "Unable to validate credentials.",
}
#: Codes whose sentence a face says in the very words of the system whose clients look for them.
_SAID_AS_EVER = frozenset(
    {"image_known", "image_unknown", "object_unknown", "prediction_missing", "service_unreachable", "job_unknown"}
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Where a dialect is spoken.

    Attributes:
        paths: A path itself, or, with a slash at its end, all below it; a star stands for anything in between.
    """

    paths: tuple[str, ...]
    dialect: Dialect

    def is_spoken_at(self, path: str) -> bool:
        """Tell whether this path is one of the face's."""
        return any(_fits(path, known) for known in self.paths)


def huggingface(problem: Mapping[str, object]) -> dict[str, object]:
    """Tell a problem as Hugging Face's inference API does: one ``error`` text, and how long a load may take."""
    told: dict[str, object] = {"error": problem["detail"]}
    if problem["code"] == "model_loading":
        told["estimated_time"] = LOADING_ESTIMATE_S
    return told


def error(problem: Mapping[str, object]) -> dict[str, object]:
    """Tell a problem as one ``error`` text."""
    return {"error": _in_full(problem)}


def detail(problem: Mapping[str, object]) -> dict[str, object]:
    """Tell a problem as FastAPI does by itself: one ``detail`` text."""
    return {"detail": _in_full(problem)}


def failure(problem: Mapping[str, object]) -> dict[str, object]:
    """Tell a problem as system 3 does: ``status`` is ``failure``, and why."""
    return {"status": "failure", "detail": _SYSTEM_3_WORDS.get(str(problem["code"]), _in_full(problem))}


#: By the name of a face, where its dialect is spoken.
DIALECTS: Mapping[str, Spoken] = {
    "hf": Spoken(("/hf/",), huggingface),
    "oip": Spoken(("/v2", "/v2/"), error),
    "kserve": Spoken(("/v1/models/*:predict",), error),
    "0": Spoken(("/api/v1/inference", "/api/v1/jobs/", "/api/v1/version", "/__health", "/queue_stats"), error),
    "1": Spoken(
        ("/api/v1/classify", "/api/v1/classify-batch", "/api/v1/health", "/api/v1/model/", "/nginx-health"), detail
    ),
    "2": Spoken(("/inference/", "/predictions/"), detail),
    "3": Spoken(("/auth/", "/model/", "/predict", "/predict/"), failure),
    "4": Spoken(("/images", "/images/", "/api/v1/images", "/api/v1/images/"), detail),
}


def _in_full(problem: Mapping[str, object]) -> str:
    """Return what happened and what to do about it, for a face that has one text for both."""
    parts = ("detail",) if problem["code"] in _SAID_AS_EVER else ("detail", "hint")
    return " ".join(str(problem[part]) for part in parts if problem.get(part))


def _fits(path: str, known: str) -> bool:
    start, star, end = known.partition("*")
    if star:
        return path.startswith(start) and path.endswith(end)
    return path.startswith(known) if known.endswith("/") else path == known


def dialect_of(path: str, *, off: Collection[str] = ()) -> Dialect | None:
    """Return the dialect spoken at a path, or None where our own problems are.

    Args:
        path: Of a request.
        off: Faces that are not shown.
    """
    for face, spoken in DIALECTS.items():
        if spoken.is_spoken_at(path):
            return None if face in off else spoken.dialect
    return None
