"""The pictures of a dataset that went worst, drawn so that a person sees what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from saccade.errors import SaccadeError
from saccade.evaluation.columns import finds_of, truths_of
from saccade.evaluation.document import ImageRow, ModelEvaluation
from saccade.evaluation.matching import match_greedily
from saccade.evaluation.overlay import MOST_PX, Kind, Outline, drawn
from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import Dataset, TruthBox, TruthImage
from saccade.images.intake import take
from saccade.images.limits import Limits
from saccade.models.prediction import Box, Entry
from saccade.vision.arrays import RgbImage

#: Opens a picture of the dataset: (H, W, 3) uint8 RGB, upright.
ReadImage: TypeAlias = Callable[[TruthImage], RgbImage]

_IOU = 0.5
#: Pictures in which nothing is drawn need less room.
_PLAIN_PX = (360, 270)


@dataclass(frozen=True, slots=True)
class WorstPicture:
    """A picture for the page.

    Attributes:
        row: What was counted in it.
        data: The picture as a file, small, with what was found drawn in; empty if it could not be read.
        media_type: Of the file.
        width_px: Of the file.
        height_px: Of the file.
    """

    row: ImageRow
    data: bytes = b""
    media_type: str = "image/jpeg"
    width_px: int = 0
    height_px: int = 0


def read_picture(image: TruthImage) -> RgbImage:
    """Return a picture of the dataset from its file.

    Raises:
        OSError: The file cannot be read.
        RequestError: It holds no picture that is taken.
    """
    return take(image.path.read_bytes(), Limits()).rgb


def worst_pictures(
    dataset: Dataset, seen: Sequence[Seen], model: ModelEvaluation, *, count: int, read_image: ReadImage = read_picture
) -> tuple[WorstPicture, ...]:
    """Return the pictures that went worst, the worst first; those without a mistake are never among them.

    Args:
        dataset: What is there.
        seen: What the model said, with the truth's labels.
        model: What was counted.
        count: At most so many.
        read_image: Opens a picture; one that cannot be opened is told of without it.
    """
    truths = {image.name: image for image in dataset.images}
    said = {each.name: each for each in seen}
    wrong = (row for row in model.rows if row.badness > 0 and row.name in truths)
    chosen = sorted(wrong, key=lambda row: (-row.badness, -_mistakes(row)))[: max(0, count)]
    return tuple(_drawn(row, truths[row.name], said.get(row.name), read_image) for row in chosen)


def outlines_of(truths: Sequence[TruthBox], finds: Sequence[Entry]) -> Iterator[Outline]:
    """Yield what is to be drawn: each object as found or missed, each find as right or false, greedily at IoU 0.5.

    Crowds, and finds that lie on one, are neither right nor wrong and are left out.

    Args:
        truths: What is there.
        finds: What was found.
    """
    known = [*(each.label for each in truths), *(each.label for each in finds)]
    labels = {label: number for number, label in enumerate(dict.fromkeys(known))}
    names = list(labels)
    there, found = truths_of([truths], labels), finds_of([finds], labels)
    matched = match_greedily(there, found, (_IOU,))
    for number, box in enumerate(there.boxes.tolist()):
        if there.is_crowd[number]:
            continue
        if matched.is_found[0, number]:
            yield Outline(Kind.FOUND, _box(box))
        else:
            yield Outline(Kind.MISSED, _box(box), f"missed {names[there.labels[number]]}")
    for number, box in enumerate(found.boxes.tolist()):
        if matched.is_right[0, number]:
            yield Outline(Kind.RIGHT, _box(box))
        elif not matched.is_ignored[0, number]:
            yield Outline(Kind.FALSE, _box(box), f"false {names[found.labels[number]]} {found.scores[number]:.2f}")


def _mistakes(row: ImageRow) -> int:
    return (row.false_positives or 0) + (row.false_negatives or 0)


def _drawn(row: ImageRow, image: TruthImage, said: Seen | None, read_image: ReadImage) -> WorstPicture:
    try:
        pixels = read_image(image)
    except (OSError, SaccadeError):
        return WorstPicture(row)
    is_plain = image.label is not None
    outlines = () if is_plain else tuple(outlines_of(image.boxes, () if said is None else said.served))
    file = drawn(pixels, outlines, most_px=_PLAIN_PX if is_plain else MOST_PX)
    return WorstPicture(row, file.data, file.media_type, file.width_px, file.height_px)


def _box(sides: Sequence[float]) -> Box:
    left, top, width, height = sides
    return Box(left, top, left + width, top + height)
