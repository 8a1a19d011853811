"""Bodies of other systems' dialects."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel

from saccade.api.schemas.shape import Request, Shape


class HuggingFaceParameters(Request):
    """What is asked of a model."""

    top_k: int | None = Field(None, ge=1, le=100)
    threshold: float | None = Field(None, ge=0, le=1)
    candidate_labels: list[str] | None = None
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = None
    """How a classifier's logits become scores; by default the model's own way."""


class HuggingFaceRequest(Request):
    """A picture in base64."""

    inputs: str
    parameters: HuggingFaceParameters | None = None


class HuggingFaceBox(Shape):
    """Whole px of the upright original."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int


class HuggingFaceEntry(Shape):
    """A label, with a box where the model is a detector."""

    label: str
    score: float
    box: HuggingFaceBox | None = None


class HuggingFaceAnswer(RootModel[list[HuggingFaceEntry]]):
    """Best first."""


class HuggingFaceError(Shape):
    """What happened."""

    error: str
    estimated_time: float | None = None
    """Seconds until a loading model may be ready; else missing."""
