"""What is known to be in the pictures of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from saccade.models.prediction import Box, Task


@dataclass(frozen=True, slots=True)
class TruthBox:
    """One object that is there.

    Attributes:
        box: In px of the upright original, origin top left; x_max and y_max exclusive.
        area_px: As annotated (COCO's ``area``), which decides its size class; that of the box where none is given.
        is_crowd: Many at once: what is found in it is neither right nor wrong.
    """

    label: str
    box: Box
    area_px: float
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class TruthImage:
    """One picture and what is in it.

    Attributes:
        name: Unique in the dataset; as the annotations call the file, with ``/`` between folders.
        path: Where the file lies.
        boxes: For detectors.
        label: For classifiers.
    """

    name: str
    path: Path
    boxes: tuple[TruthBox, ...] = ()
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures with their truth.

    Attributes:
        name: For people.
        sha256: Of names, files' bytes and truth, hex: equal datasets have equal ones, whatever lies around them.
        labels: All that the truth knows, also those that no picture shows, in the truth's order.
    """

    name: str
    sha256: str
    task: Task
    labels: tuple[str, ...]
    images: tuple[TruthImage, ...]
