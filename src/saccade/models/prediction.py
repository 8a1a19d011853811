"""What a model says of a picture: labels with scores, or labelled boxes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Task(StrEnum):
    """What a model does, by the names that Hugging Face gave these tasks."""

    IMAGE_CLASSIFICATION = "image-classification"
    OBJECT_DETECTION = "object-detection"
    ZERO_SHOT_OBJECT_DETECTION = "zero-shot-object-detection"

    @property
    def takes_words(self) -> bool:
        """Whether the caller says what to look for."""
        return self is Task.ZERO_SHOT_OBJECT_DETECTION


@dataclass(frozen=True, slots=True)
class Classification:
    """One label of a classifier."""

    label: str
    score: float
    class_id: int


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in px of the upright original, origin top left; floats, x_max and y_max exclusive."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float


@dataclass(frozen=True, slots=True)
class Point:
    """A place in px of the upright original, origin top left."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that a detector found.

    Detectors that know nothing of circles get the box's centre and a quarter of its width and height summed.
    """

    label: str
    score: float
    class_id: int
    box: Box
    centroid: Point
    radius_px: float

    @classmethod
    def of_box(cls, *, label: str, score: float, class_id: int, box: Box) -> Detection:
        """Return a detection whose centroid and radius are those of its box."""
        centroid = Point((box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2)
        radius_px = (box.x_max - box.x_min + box.y_max - box.y_min) / 4
        return cls(label=label, score=score, class_id=class_id, box=box, centroid=centroid, radius_px=radius_px)


Entry: TypeAlias = Classification | Detection
