"""An answer as it is remembered with its image: without what differs from one run to the next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from saccade.images.records import NewObject, NewPrediction
from saccade.models.prediction import Detection, Entry
from saccade.predictions.answer import Answer, PredictOptions
from saccade.predictions.render import answer_to_json

#: Of this run, not of the image: with them no answer would ever be the same as the one before.
_OF_THE_RUN = frozenset({"timing_ms", "cached"})


def remembered(answer: Answer, options: PredictOptions) -> NewPrediction:
    """Return what is stored of an answer; equal pictures, models and options give equal values.

    Args:
        answer: What the model said.
        options: What it was asked for.
    """
    shown = {key: value for key, value in answer_to_json(answer).items() if key not in _OF_THE_RUN}
    return NewPrediction(
        model=answer.model,
        digest=answer.digest,
        task=answer.task.value,
        engine=answer.engine,
        options=options_text(options),
        prediction=json.dumps(shown, separators=(",", ":")),
        labels=_labels(answer.predictions),
        objects=_objects(answer.predictions),
    )


def options_text(options: PredictOptions) -> str:
    """Return what was asked for as JSON text; equal options give equal texts."""
    return json.dumps(asdict(options), sort_keys=True, separators=(",", ":"))


def _labels(entries: Sequence[Entry]) -> tuple[tuple[str, float, int], ...]:
    """Return each label with its best score and how often it stands there, best first."""
    found: dict[str, tuple[float, int]] = {}
    for entry in entries:
        best, count = found.get(entry.label, (entry.score, 0))
        found[entry.label] = (max(best, entry.score), count + 1)
    ordered = sorted(found.items(), key=lambda each: -each[1][0])
    return tuple((label, score, count) for label, (score, count) in ordered)


def _objects(entries: Sequence[Entry]) -> tuple[NewObject, ...]:
    """Return what detectors found, best first; those of equal score keep their order."""
    found = sorted((entry for entry in entries if isinstance(entry, Detection)), key=lambda entry: -entry.score)
    return tuple(
        NewObject(
            label=entry.label,
            score=entry.score,
            x_min=entry.box.x_min,
            y_min=entry.box.y_min,
            x_max=entry.box.x_max,
            y_max=entry.box.y_max,
            centroid_x=entry.centroid.x,
            centroid_y=entry.centroid.y,
            radius_px=entry.radius_px,
        )
        for entry in found
    )
