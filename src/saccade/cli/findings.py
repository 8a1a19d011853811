"""A prediction in a few words, for one row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from saccade.predictions.render import Json

#: The runners-up of a classifier that a row has room for.
_RUNNERS_UP = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a row shows of a prediction: the main thing, what else, and the best score."""

    what: str
    more: str
    score: float | None
    total_ms: float


def finding_of(prediction: Mapping[str, Json]) -> Finding:
    """Return a prediction's row: the best label of a classifier, or how many of what a detector found."""
    entries = cast("list[dict[str, Json]]", prediction["predictions"])
    total_ms = float(str(cast("dict[str, Json]", prediction["timing_ms"])["total"]))
    scores = [float(str(entry["score"])) for entry in entries]
    labels = [str(entry["label"]) for entry in entries]
    best = max(scores, default=None)
    if prediction["task"] == "image-classification":
        more = "  ".join(
            f"{label} {score:.3f}" for label, score in zip(labels[1:][:_RUNNERS_UP], scores[1:], strict=False)
        )
        return Finding(labels[0] if labels else "nothing", more, best, total_ms)
    counted = ", ".join(f"{count} {label}" for label, count in Counter(labels).most_common())
    return Finding(counted or "nothing", "", best, total_ms)
