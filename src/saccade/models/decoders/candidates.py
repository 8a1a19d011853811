"""What a detector proposes before it becomes predictions: boxes, scores and class ids side by side.

Every family ends here, so that thresholds, order, clipping and labels are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.errors import OutputInvalid
from saccade.models.decoders.options import choice
from saccade.models.geometry import Geometry
from saccade.models.package import Plain
from saccade.models.prediction import Box, Detection, Entry
from saccade.vision.arrays import BoxesXyxy, ClassIds, Indices, Scores
from saccade.vision.boxes import clip, have_area


@dataclass(frozen=True, slots=True)
class Candidates:
    """Proposals in one order.

    Attributes:
        boxes: (K, 4) float32, x1 y1 x2 y2, in the unit that the family says.
        scores: (K,) float32, 0..1.
        class_ids: (K,) integers of at least 0.
    """

    boxes: BoxesXyxy
    scores: Scores
    class_ids: ClassIds

    def take(self, indices: Indices | NDArray[np.bool_]) -> Candidates:
        """Return those at the indices, in their order, or those where a mask is true."""
        return Candidates(self.boxes[indices], self.scores[indices], self.class_ids[indices])

    def at_least(self, threshold: float) -> Candidates:
        """Return those whose score is the threshold or more, in the same order."""
        return self.take(self.scores >= np.float32(threshold))

    def best_first(self) -> Candidates:
        """Return all, best score first; equal scores keep their order."""
        return self.take(np.argsort(-self.scores, kind="stable"))

    def moved_to(self, boxes: BoxesXyxy) -> Candidates:
        """Return the same proposals with their boxes given in another unit."""
        return Candidates(boxes, self.scores, self.class_ids)


def from_input(boxes: BoxesXyxy, geometry: Geometry) -> BoxesXyxy:
    """Map boxes from px of the network's input to px of the original, clipped to it.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in px of the input, origin top left.
        geometry: The way back.

    Returns:
        (K, 4) float32, x1 y1 x2 y2 in px of the original, origin top left.
    """
    with np.errstate(over="ignore"):
        return geometry.to_original(boxes)


def from_relative(boxes: BoxesXyxy, geometry: Geometry, package: Mapping[str, Plain]) -> BoxesXyxy:
    """Map boxes in 0..1 to px of the original, clipped to it.

    What 1 means is the package's ``relative_to``: ``picture`` is the picture itself, even where padding followed it
    (what the DETR family is trained on), ``input`` is the whole input with its padding. Where the package is silent it
    is ``picture``, unless the picture was moved inside the input (a letterbox): there only ``input`` makes sense.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in 0..1, origin top left.
        geometry: The way back.
        package: The package's decoder options.

    Returns:
        (K, 4) float32, x1 y1 x2 y2 in px of the original, origin top left.

    Raises:
        PackageInvalid: ``relative_to`` is another word.
    """
    moved = geometry.offset_x != 0 or geometry.offset_y != 0
    unit = choice(package, "relative_to", default="input" if moved else "picture", choices=("picture", "input"))
    with np.errstate(over="ignore"):
        if unit == "input":
            return from_input(_scaled(boxes, geometry.input_width_px, geometry.input_height_px), geometry)
        scaled = _scaled(boxes, geometry.original_width_px, geometry.original_height_px)
    return clipped(scaled, geometry)


def clipped(boxes: BoxesXyxy, geometry: Geometry) -> BoxesXyxy:
    """Cut boxes that are in px of the original off at its edges.

    Args:
        boxes: (K, 4) float32, x1 y1 x2 y2 in px of the original, origin top left.
        geometry: Knows the original's size.

    Returns:
        (K, 4) float32 in the same unit.
    """
    return clip(boxes, width_px=geometry.original_width_px, height_px=geometry.original_height_px)


def described(candidates: Candidates, labels: Sequence[str]) -> list[Entry]:
    """Turn proposals with boxes in px of the clipped original into detections.

    Proposals without an area are dropped: they lay outside the picture or were padding.

    Returns:
        Detections, best score first; equal scores keep the order of the candidates.

    Raises:
        OutputInvalid: A class id lies beyond the labels.
    """
    seen = candidates.take(have_area(candidates.boxes)).best_first()
    rows = zip(seen.boxes.tolist(), seen.scores.tolist(), seen.class_ids.tolist(), strict=True)
    return [
        Detection.of_box(label=label_of(class_id, labels), score=score, class_id=class_id, box=Box(*corners))
        for corners, score, class_id in rows
    ]


def label_of(class_id: int, labels: Sequence[str]) -> str:
    """Return a class's name.

    A package without labels, or with a gap at this id (COCO's ids have gaps; the gap is an empty string), gets
    ``class 12``. An id beyond the labels means that labels and graph do not belong together: then every other name
    would be in doubt too, so it is refused and not papered over.

    Raises:
        OutputInvalid: The id lies beyond the labels.
    """
    if not labels:
        return f"class {class_id}"
    if class_id >= len(labels):
        raise OutputInvalid(
            f"The graph found class {class_id}, but the package names only 0..{len(labels) - 1}.",
            hint="Give the package the label list that the graph was trained with; COCO comes with 80 and with 91 ids.",
        )
    return labels[class_id] or f"class {class_id}"


def require_labels(classes: int, labels: Sequence[str]) -> None:
    """Refuse a graph that scores more classes than the package names, at the first picture and not at the first find.

    Raises:
        OutputInvalid: There are labels, but too few.
    """
    if labels and len(labels) < classes:
        raise OutputInvalid(
            f"The graph scores {classes} classes, but the package names {len(labels)}.",
            hint="Give the package the label list that the graph was trained with; COCO comes with 80 and with 91 ids.",
        )


def _scaled(boxes: BoxesXyxy, width_px: int, height_px: int) -> BoxesXyxy:
    return boxes * np.array([width_px, height_px, width_px, height_px], np.float32)
