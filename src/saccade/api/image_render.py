"""Images that last, as JSON."""

from __future__ import annotations

import json

from starlette.types import Scope

from saccade.api.problems import item_problem
from saccade.images.records import ImageObject, ImagePrediction, ImageRecord
from saccade.images.search import FoundImage
from saccade.jobs.render import time_text
from saccade.predictions.album import Told


def record_to_json(record: ImageRecord) -> dict[str, object]:
    """Return a record with what models said of it."""
    traits = record.traits
    return {
        "id": traits.sha256,
        "owner": record.owner,
        "md5": traits.md5,
        "sha1": traits.sha1,
        "phash": f"{traits.phash:016x}",
        "format": traits.format,
        "width_px": traits.width_px,
        "height_px": traits.height_px,
        "size_bytes": traits.size_bytes,
        "file_names": list(record.file_names),
        "created_at": time_text(record.created_at_us),
        "updated_at": time_text(record.updated_at_us),
        "predictions": [said_to_json(said) for said in record.predictions],
    }


def found_to_json(found: FoundImage) -> dict[str, object]:
    """Return one image of a page; ``distance`` is null where no likeness was asked for."""
    return {**record_to_json(found.record), "distance": found.distance}


def said_to_json(said: ImagePrediction) -> dict[str, object]:
    """Return what one version of a model said of an image."""
    return {
        "model": said.model,
        "task": said.task,
        "engine": said.engine,
        "is_newest": said.is_newest,
        "created_at": time_text(said.created_at_us),
        "labels": [{"label": label, "score": score, "count": count} for label, score, count in said.labels],
        "object_count": said.object_count,
        "prediction": json.loads(said.prediction),
    }


def told_to_json(scope: Scope, told: Told) -> dict[str, object]:
    """Return what one model said when the image was sent, or why it said nothing."""
    if told.prediction is None:
        problem = None if told.problem is None else item_problem(scope, told.problem)
        return {"model": told.model, "problem": problem}
    return {"model": told.model, "prediction": json.loads(told.prediction), "stored": told.stored}


def object_to_json(stored: ImageObject) -> dict[str, object]:
    """Return one object; px of the upright original, origin top left."""
    found = stored.found
    return {
        "object_id": stored.id,
        "model": stored.model,
        "label": found.label,
        "score": found.score,
        "box": {"xmin": found.x_min, "ymin": found.y_min, "xmax": found.x_max, "ymax": found.y_max},
        "centroid": {"x": found.centroid_x, "y": found.centroid_y},
        "radius_px": found.radius_px,
    }
