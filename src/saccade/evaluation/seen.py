"""What a model said of one picture of a dataset, as it is noted down while an evaluation runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from saccade.models.prediction import Entry


@dataclass(frozen=True, slots=True)
class Seen:
    """What one model said of one picture.

    Attributes:
        name: Of the picture, as in the dataset.
        served: What a client gets at the operating threshold, best first; figures that count use these.
        ranked: Everything down to the lowest score, best first; figures over all thresholds use these.
        stages_ms: Milliseconds by stage: queue, decode, preprocess, infer, postprocess, total.
        problem: Code and sentence of what went wrong; the picture counts as one in which nothing was seen.
    """

    name: str
    width_px: int = 0
    height_px: int = 0
    served: tuple[Entry, ...] = ()
    ranked: tuple[Entry, ...] = ()
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    problem: tuple[str, str] | None = None
