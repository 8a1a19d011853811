"""Predictions, and what is asked for."""

from __future__ import annotations

from pydantic import Field

from saccade.api.schemas.problems import Problem
from saccade.api.schemas.shape import Request, Shape


class Options(Request):
    """What is asked of a model."""

    top_k: int = Field(5, ge=1, le=100)
    """How many labels a classifier gives."""

    threshold: float | None = Field(None, ge=0, le=1)
    """Lowest score that is returned; by default the model's own."""

    candidate_labels: list[str] | None = Field(None, max_length=100)
    """Words to look for; only zero-shot models take them."""


class PredictRequest(Options):
    """One picture, by URL or in base64: exactly one of the two."""

    image_url: str | None = Field(None, max_length=8192)
    """Where the server fetches the picture."""

    image_base64: str | None = None
    """The picture's bytes in base64, bare or as a data URL."""


class ImageSource(Request):
    """One picture, by URL or in base64: exactly one of the two."""

    url: str | None = Field(None, max_length=8192)
    """Where the server fetches the picture."""

    base64: str | None = None
    """The picture's bytes in base64, bare or as a data URL."""


class PairsRequest(Options):
    """Several pictures for several models."""

    images: list[ImageSource] = Field(min_length=1, max_length=32)
    """The pictures."""

    models: list[str] = Field(min_length=1, max_length=32)
    """Names of models, or ``name@version``."""


class ImageFacts(Shape):
    """The picture that was looked at."""

    id: str
    """sha256 of its bytes, hex."""

    width_px: int
    """Of the upright original."""

    height_px: int
    """Of the upright original."""


class Box(Shape):
    """A rectangle in px of the upright original, origin top left."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


class Centroid(Shape):
    """A place in px of the upright original, origin top left."""

    x: float
    y: float


class Label(Shape):
    """One label of a classifier."""

    label: str
    score: float
    """In 0..1, unless the model is one whose numbers are given as they are."""

    class_id: int
    """Position of the label in the model's list."""


class FoundObject(Shape):
    """One object that a detector found."""

    label: str
    score: float = Field(ge=0, le=1)
    box: Box
    centroid: Centroid
    radius_px: float


class StageTimes(Shape):
    """Milliseconds in each stage; all but the total are 0 for a cached answer."""

    queue: float
    decode: float
    preprocess: float
    infer: float
    postprocess: float
    total: float


class StoredPrediction(Shape):
    """What one model says of one picture, without what differs from one run to the next."""

    model: str
    """Name and version."""

    task: str
    """What the model does, by Hugging Face's name."""

    image: ImageFacts
    predictions: list[Label | FoundObject]
    """Best first."""

    engine: str
    """What ran it: engine, device, precision."""


class Prediction(StoredPrediction):
    """What one model says of one picture."""

    timing_ms: StageTimes
    cached: bool
    """Whether the answer was computed before."""


class ImagePlace(Shape):
    """Which of the request's pictures a result is about."""

    index: int
    """Position in the request, from 0."""

    name: str | None
    """The file's name or the URL, as the client sent it."""


class Pair(Shape):
    """One (image, model) pair: with a prediction, or with the problem that stood in its way."""

    image: ImagePlace
    model: str
    """As the client named it."""

    prediction: Prediction | None = None
    problem: Problem | None = None


class Pairs(Shape):
    """All pairs, by image, then by model."""

    results: list[Pair]
