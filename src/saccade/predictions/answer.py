"""What one request asks of a model and what it gets: options in, an answer with its timing out."""

from __future__ import annotations

from dataclasses import dataclass, field

from saccade.models.prediction import Entry, Task


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """What the caller asks for.

    Attributes:
        top_k: How many labels a classifier gives, 1..100.
        threshold: Lowest score that is returned, 0..1; None takes the model's own.
        candidate_labels: Words to look for; only zero-shot models know them.
        function: How a classifier's logits become scores: ``softmax``, ``sigmoid`` or ``none``; None takes the model's
            own.
    """

    top_k: int = 5
    threshold: float | None = None
    candidate_labels: tuple[str, ...] = ()
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds that one picture spent in each stage."""

    queue_ms: float = 0.0
    decode_ms: float = 0.0
    preprocess_ms: float = 0.0
    infer_ms: float = 0.0
    postprocess_ms: float = 0.0
    total_ms: float = 0.0

    @property
    def compute_ms(self) -> float:
        """What was spent on the picture, without the time in line."""
        return self.decode_ms + self.preprocess_ms + self.infer_ms + self.postprocess_ms


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model says of one picture.

    Attributes:
        model: Name and version, ``circles@1``.
        task: What the model does.
        image_id: sha256 of the picture's bytes, hex.
        width_px: Of the upright original.
        height_px: Of the upright original.
        predictions: Best first.
        engine: What ran it: engine, device, precision.
        timing: Where the time went.
        cached: Whether the answer was computed before.
        digest: Of the model's package.
    """

    model: str
    task: Task
    image_id: str
    width_px: int
    height_px: int
    predictions: tuple[Entry, ...]
    engine: str
    timing: Timing = field(default_factory=Timing)
    cached: bool = False
    digest: str = ""
