"""What a model said of a picture drawn onto it: the one place where predictions become something to see."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from saccade.models.prediction import Box, Classification, Detection, Entry, Point
from saccade.vision.arrays import RgbImage
from saccade.vision.drawn import DrawnFormat, encode
from saccade.vision.layout import lay_out, lay_out_labels
from saccade.vision.marks import Circle, Mark
from saccade.vision.paint import painted
from saccade.vision.scene import Scene
from saccade.vision.svg import svg_of

if TYPE_CHECKING:
    from saccade.predictions.render import Json

#: In an SVG, pictures of more pixels than that are JPEG: as PNG a photograph would be several times as large.
_MOST_EXACT_PX = 1_000_000
_LONGEST_JPEG_PX = 65_500
#: A radius that differs by less from that of its box is a matter of rounding.
_ROUNDING_PX = 0.01
#: A thing of this name is round, whatever its box says.
_ROUND_LABEL = "circle"


def draw(rgb: RgbImage, entries: Sequence[Entry], drawn: DrawnFormat) -> bytes:
    """Draw what a model said: objects with their boxes and circles, or a panel with the labels of the whole picture.

    Args:
        rgb: (H, W, 3) uint8, RGB, 0..255, upright, origin top left; left as it is.
        entries: All of one answer, in any order; of classifiers best first.
        drawn: What is written.

    Returns:
        The file; equal pixels and entries give equal bytes.

    Raises:
        ParameterInvalid: The format cannot hold a picture of this size.
    """
    height_px, width_px = rgb.shape[:2]
    scene = scene_of(entries, width_px=width_px, height_px=height_px)
    if drawn is not DrawnFormat.SVG:
        return encode(painted(rgb, scene), drawn)
    is_exact = height_px * width_px <= _MOST_EXACT_PX or max(height_px, width_px) > _LONGEST_JPEG_PX
    inner = DrawnFormat.PNG if is_exact else DrawnFormat.JPEG
    return svg_of(scene, encode(rgb, inner), inner.media_type).encode()


def scene_of(entries: Sequence[Entry], *, width_px: int, height_px: int) -> Scene:
    """Say what is drawn where for an answer.

    Args:
        entries: All of one answer; of classifiers best first.
        width_px: Of the upright picture.
        height_px: Of the upright picture.
    """
    labels = [(entry.label, entry.score) for entry in entries if isinstance(entry, Classification)]
    if labels:
        return lay_out_labels(labels, width_px=width_px, height_px=height_px)
    found = [entry for entry in entries if isinstance(entry, Detection)]
    return lay_out(marks_of(found), width_px=width_px, height_px=height_px)


def marks_of(found: Sequence[Detection]) -> list[Mark]:
    """Return detections as they are drawn.

    A circle is drawn where the model knows radii. One that knows none gives each object the mean half side of its box;
    so a label is round if any object of it has another radius, or if it is called a circle.
    """
    round_labels = {_ROUND_LABEL} | {one.label for one in found if _knows_its_radius(one)}
    return [_mark(one, is_round=one.label in round_labels) for one in found]


def entries_of(prediction: str | Mapping[str, Json]) -> tuple[Entry, ...]:
    """Return the entries of a prediction from the JSON that clients see.

    Args:
        prediction: The JSON text, or what it says.

    Returns:
        As they were, but for the ``class_id`` of detections, which is not told: it is 0.

    Raises:
        ValueError: It is no prediction, or a score or a place in it is not finite.
    """
    try:
        told: Mapping[str, Json] = json.loads(prediction) if isinstance(prediction, str) else prediction
        return tuple(_entry(entry) for entry in cast("Sequence[Mapping[str, Json]]", told["predictions"]))
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"This is no prediction: {error!r}.") from error


def _entry(told: Mapping[str, Json]) -> Entry:
    label, score = str(told["label"]), _number(told["score"])
    if "box" not in told:
        return Classification(label, score, int(_number(told["class_id"])))
    box = cast("Mapping[str, Json]", told["box"])
    centroid = cast("Mapping[str, Json]", told["centroid"])
    return Detection(
        label,
        score,
        class_id=0,
        box=Box(*(_number(box[side]) for side in ("xmin", "ymin", "xmax", "ymax"))),
        centroid=Point(_number(centroid["x"]), _number(centroid["y"])),
        radius_px=_number(told["radius_px"]),
    )


def _number(told: Json) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise TypeError(f"{told!r} is no number")
    number = float(told)
    if not math.isfinite(number):
        raise ValueError("This is no prediction: a number in it is not finite.")
    return number


def _knows_its_radius(one: Detection) -> bool:
    sides_px = one.box.x_max - one.box.x_min + one.box.y_max - one.box.y_min
    return abs(one.radius_px - sides_px / 4) > _ROUNDING_PX


def _mark(one: Detection, *, is_round: bool) -> Mark:
    box = (one.box.x_min, one.box.y_min, one.box.x_max, one.box.y_max)
    circle = Circle(one.centroid.x, one.centroid.y, one.radius_px) if is_round and one.radius_px > 0 else None
    return Mark(one.label, one.score, box, circle)
