"""An answer, a model or an error as JSON: one shape for the HTTP routes and for the command line."""

from __future__ import annotations

from typing import TypeAlias

from saccade.errors import SaccadeError
from saccade.models.package import ModelCard
from saccade.models.prediction import Box, Classification, Detection, Entry, Point
from saccade.models.status import ModelState, ModelStatus
from saccade.predictions.answer import Answer, Timing

#: What the standard json module writes without help.
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

#: Timings are shown to the microsecond; what lies below is noise of the clock.
_TIMING_DIGITS = 3


def answer_to_json(answer: Answer) -> dict[str, Json]:
    """Return a prediction as clients see it; boxes and centroids in px of the upright original, origin top left."""
    return {
        "model": answer.model,
        "task": answer.task.value,
        "image": {"id": answer.image_id, "width_px": answer.width_px, "height_px": answer.height_px},
        "predictions": [entry_to_json(entry) for entry in answer.predictions],
        "timing_ms": timing_to_json(answer.timing),
        "cached": answer.cached,
        "engine": answer.engine,
    }


def entry_to_json(entry: Entry) -> dict[str, Json]:
    """Return one label, or one object with its place."""
    match entry:
        case Classification():
            return {"label": entry.label, "score": entry.score, "class_id": entry.class_id}
        case Detection():
            return {
                "label": entry.label,
                "score": entry.score,
                "box": _box(entry.box),
                "centroid": _point(entry.centroid),
                "radius_px": entry.radius_px,
            }


def timing_to_json(timing: Timing) -> dict[str, Json]:
    """Return the milliseconds of each stage, in the order in which a picture passes them."""
    stages = {
        "queue": timing.queue_ms,
        "decode": timing.decode_ms,
        "preprocess": timing.preprocess_ms,
        "infer": timing.infer_ms,
        "postprocess": timing.postprocess_ms,
        "total": timing.total_ms,
    }
    return {stage: round(spent_ms, _TIMING_DIGITS) for stage, spent_ms in stages.items()}


def status_to_json(status: ModelStatus) -> dict[str, Json]:
    """Return a model's state and card; ``name`` and ``ready`` are what KServe's v1 clients read.

    A package that cannot be read has a state but no card: the card's keys are missing then.
    """
    name, _, version = status.reference.partition("@")
    state: dict[str, Json] = {
        "name": name,
        "version": version,
        "model": status.reference,
        "default": status.default,
        "aliases": list(status.aliases),
        "state": status.state.value,
        "ready": status.state is ModelState.READY,
        "detail": status.detail,
        "loaded_at": status.loaded_at.isoformat() if status.loaded_at else None,
        "runtime": status.runtime,
    }
    if status.registered is not None:
        first, last = status.registered.first_at, status.registered.last_at
        state["registered"] = {"first_at": first.isoformat(), "last_at": last.isoformat()}
    return state if status.card is None else {**state, **card_to_json(status.card)}


def card_to_json(card: ModelCard) -> dict[str, Json]:
    """Return what the package says of itself."""
    return {
        "task": card.task.value,
        "family": card.family,
        "engine": card.engine,
        "layout": card.layout,
        "labels": list(card.labels),
        "threshold": card.threshold,
        "description": card.description,
        "license": card.license,
        "tags": list(card.tags),
        "source": card.source,
        "parameters": card.parameters,
        "size_bytes": card.size_bytes,
        "digest": card.digest,
        "files": [{"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256} for file in card.files],
    }


def error_to_json(error: SaccadeError) -> dict[str, Json]:
    """Return what happened and what to do about it: the part of a problem that needs no HTTP."""
    return {"code": error.code, "detail": str(error), "hint": error.hint}


def _box(box: Box) -> dict[str, Json]:
    """Return a box by the names that Hugging Face gave its sides."""
    return {"xmin": box.x_min, "ymin": box.y_min, "xmax": box.x_max, "ymax": box.y_max}


def _point(point: Point) -> dict[str, Json]:
    """Return a place."""
    return {"x": point.x, "y": point.y}
