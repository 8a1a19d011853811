"""Images that last, their objects, and what a search finds."""

from __future__ import annotations

from pydantic import Field

from saccade.api.schemas.predictions import Box, Centroid, Options, StoredPrediction
from saccade.api.schemas.problems import Problem
from saccade.api.schemas.shape import Shape


class ImageRequest(Options):
    """One picture that is to be remembered, by URL or in base64: exactly one of the two."""

    image_url: str | None = Field(None, max_length=8192)
    """Where the server fetches the picture."""

    image_base64: str | None = None
    """The picture's bytes in base64, bare or as a data URL."""

    file_name: str | None = Field(None, max_length=1024)
    """Under which it is remembered."""

    models: list[str] | None = Field(None, max_length=32)
    """Names of models, or ``name@version``, that are asked."""


class ImageLabel(Shape):
    """One label that a model sees in an image."""

    label: str
    score: float
    """The best of all that have this label."""
    count: int
    """How many have it."""


class ImagePrediction(Shape):
    """What one version of a model said of an image."""

    model: str
    task: str
    engine: str
    is_newest: bool
    """Whether this version's answer is meant where only the model's name is given."""
    created_at: str
    labels: list[ImageLabel]
    object_count: int
    prediction: StoredPrediction


class Image(Shape):
    """One picture of one owner."""

    id: str
    """sha256 of its bytes, hex; unique within its owner."""
    owner: str
    md5: str
    sha1: str
    phash: str
    """Perceptual hash, 16 hex digits: pictures that look alike differ in few bits."""
    format: str
    width_px: int
    """Of the upright picture."""
    height_px: int
    size_bytes: int
    file_names: list[str]
    """All names under which it was sent, first seen first."""
    created_at: str
    updated_at: str
    predictions: list[ImagePrediction]


class ImageResult(Shape):
    """What one model said when the image was sent: a prediction, or the problem in its place."""

    model: str
    prediction: StoredPrediction | None = None
    stored: bool | None = None
    """Whether it was remembered already, and nothing was computed."""
    problem: Problem | None = None


class RememberedImage(Image):
    """An image after it was sent."""

    results: list[ImageResult]


class FoundImage(Image):
    """One image of a search."""

    distance: int | None
    """Bits in which its perceptual hash differs, where likeness was asked for."""


class ImageList(Shape):
    """One page of a search."""

    images: list[FoundImage]
    next: str | None
    """Where the list goes on; a page may be short, or empty, and still have one."""
    count: int | None = None
    """All that are found, if it was asked for."""
    count_is_exact: bool | None = None
    """False where counting stopped before the end: there are at least so many."""


class ImageIds(Shape):
    """One page of ids."""

    ids: list[str]
    next: str | None


class ImageObject(Shape):
    """One object of an image."""

    image_id: str | None = None
    object_id: str
    model: str
    label: str
    score: float
    box: Box
    centroid: Centroid
    radius_px: float


class ImageObjects(Shape):
    """What models found in an image, best first."""

    image_id: str
    model: str | None
    """That was asked for; null where all are meant."""
    count: int
    objects: list[ImageObject]
