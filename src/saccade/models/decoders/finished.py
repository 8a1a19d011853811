"""The three outputs of graphs that finish their own boxes: labels, boxes, scores."""

from __future__ import annotations

from collections.abc import Mapping

from saccade.models.decoders.outputs import Floats, Part, find_parts, floats, integers, mismatch
from saccade.vision.arrays import ClassIds, Tensor


def finished_parts(outputs: Mapping[str, Tensor], *, family: str, expected: str) -> tuple[ClassIds, Floats, Floats]:
    """Return class ids (K,), boxes (K, 4) and scores (K,), found by name or by shape and kind of number.

    Args:
        outputs: The graph's outputs by name.
        family: The family's name, for the message.
        expected: What it expects, in words, for the message.

    Raises:
        OutputInvalid: One is missing, they differ in length, or they hold NaN or ids that are no ids.
    """
    parts = [
        Part(names=("labels", "classes", "class_ids"), shape=(None,), integer=True),
        Part(names=("boxes",), shape=(None, 4)),
        Part(names=("scores",), shape=(None,)),
    ]
    labels, boxes, scores = find_parts(outputs, parts, family=family, expected=expected)
    if not len(labels) == len(boxes) == len(scores):
        raise mismatch(outputs, family=family, expected=expected)
    return integers(labels, name="labels"), floats(boxes, name="boxes"), floats(scores, name="scores")
