"""Plug-ins are other people's code: what they answer is checked before it travels on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from saccade.errors import PluginFailed
from saccade.models.package import ModelCard
from saccade.models.ports import Plugin
from saccade.models.prediction import Box, Classification, Detection, Entry, Point, Task
from saccade.vision.arrays import RgbImage


def plugin_answers(plugin: Plugin, images: Sequence[RgbImage], reference: str) -> Sequence[object]:
    """Ask a plug-in about pictures.

    Raises:
        PluginFailed: It raised, or did not answer each picture.
    """
    try:
        answers: object = plugin.predict(images)
    except (Exception, SystemExit) as error:  # sys.exit() would end the whole server
        raise PluginFailed(f"The plug-in {reference} raised {type(error).__name__}.") from error
    if not isinstance(answers, Sequence) or len(answers) != len(images):
        raise PluginFailed(f"The plug-in {reference} did not answer with one list for each of {len(images)} pictures.")
    return answers


def checked_entries(raw: object, card: ModelCard, *, width_px: int, height_px: int) -> list[Entry]:
    """Turn one picture's answer into predictions.

    Args:
        raw: A list of ``Classification`` or ``Detection``, or of mappings with the keys of the HTTP answer.
        card: The plug-in's card; its task says which of the two is right.
        width_px: Of the picture; boxes are clipped to it.
        height_px: The same.

    Raises:
        PluginFailed: The answer is something else, or holds a score outside 0..1.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str | bytes):
        raise PluginFailed(f"The plug-in {card.reference} answered {type(raw).__name__} instead of a list.")
    entries: list[Entry] = []
    for item in raw:
        try:
            entry = item if isinstance(item, Classification | Detection) else _entry(item, card, width_px, height_px)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise PluginFailed(
                f"The plug-in {card.reference} answered a prediction without a valid {error}."
            ) from error
        _check(entry, card)
        entries.append(entry)
    return entries


def _entry(item: object, card: ModelCard, width_px: int, height_px: int) -> Entry:
    """Read a mapping as the kind of prediction that the card's task asks for."""
    if not isinstance(item, Mapping):
        raise TypeError("mapping")
    label, score = str(item["label"]), float(item["score"])
    class_id = int(item.get("class_id", card.labels.index(label) if label in card.labels else 0))
    if card.task is Task.IMAGE_CLASSIFICATION:
        return Classification(label, score, class_id)
    corners = item["box"]
    box = Box(
        min(max(float(corners["xmin"]), 0.0), width_px),
        min(max(float(corners["ymin"]), 0.0), height_px),
        min(max(float(corners["xmax"]), 0.0), width_px),
        min(max(float(corners["ymax"]), 0.0), height_px),
    )
    found = Detection.of_box(label=label, score=score, class_id=class_id, box=box)
    if "centroid" not in item:
        return found
    centroid = Point(float(item["centroid"]["x"]), float(item["centroid"]["y"]))
    radius_px = float(item.get("radius_px", found.radius_px))
    return Detection(label, score, class_id, box, centroid, radius_px)


def _check(entry: Entry, card: ModelCard) -> None:
    """Refuse what no model may say."""
    expected = Classification if card.task is Task.IMAGE_CLASSIFICATION else Detection
    if not isinstance(entry, expected):
        raise PluginFailed(f"The plug-in {card.reference} is for {card.task} but answered {type(entry).__name__}.")
    if not (math.isfinite(entry.score) and 0.0 <= entry.score <= 1.0):
        raise PluginFailed(f"The plug-in {card.reference} answered the score {entry.score}, which is outside 0..1.")
    if isinstance(entry, Detection):
        box, centroid = entry.box, entry.centroid
        numbers = (box.x_min, box.y_min, box.x_max, box.y_max, centroid.x, centroid.y, entry.radius_px)
        if not all(math.isfinite(number) for number in numbers):
            raise PluginFailed(f"The plug-in {card.reference} answered a place that is not finite.")
        if box.x_max < box.x_min or box.y_max < box.y_min:
            raise PluginFailed(f"The plug-in {card.reference} answered a box that ends before it begins.")
