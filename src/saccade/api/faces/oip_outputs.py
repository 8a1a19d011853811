"""What models answer, as tensors: which outputs each task has, and their elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from saccade.api.answers import to_json
from saccade.api.faces.oip_tensors import BYTES, FP32, INT64, Scalar, Tensor
from saccade.models.prediction import Classification, Detection, Entry, Task
from saccade.predictions.answer import Answer
from saccade.predictions.render import answer_to_json

#: The one output that can be asked for as a classification.
SCORE = "score"
COUNT = "count"
PREDICTION = "prediction"
#: Class of what only fills a row up, for no model has it.
_NO_CLASS = -1

_Row: TypeAlias = Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Output:
    """One output that has an element, or a few, for each entry of a prediction.

    Attributes:
        datatype: Of the elements.
        filler: Stands where a picture has fewer entries than another one.
        read: Takes the elements out of an entry.
        width: Elements of each entry; 1 adds no dimension to the shape.
    """

    datatype: str
    filler: Scalar
    read: Callable[[Entry], Sequence[Scalar]]
    width: int = 1


def _box(entry: Entry) -> Sequence[Scalar]:
    box = _detection(entry).box
    return (box.x_min, box.y_min, box.x_max, box.y_max)


def _centroid(entry: Entry) -> Sequence[Scalar]:
    centroid = _detection(entry).centroid
    return (centroid.x, centroid.y)


def _radius(entry: Entry) -> Sequence[Scalar]:
    return (_detection(entry).radius_px,)


def _detection(entry: Entry) -> Detection:
    if isinstance(entry, Classification):
        raise TypeError("A label of a classifier has no place.")
    return entry


_ENTRY_OUTPUTS: Mapping[str, Output] = {
    "label": Output(BYTES, "", lambda entry: (entry.label,)),
    SCORE: Output(FP32, 0.0, lambda entry: (entry.score,)),
    "class_id": Output(INT64, _NO_CLASS, lambda entry: (entry.class_id,)),
}
_PLACE_OUTPUTS: Mapping[str, Output] = {
    "box": Output(FP32, 0.0, _box, 4),
    "centroid": Output(FP32, 0.0, _centroid, 2),
    "radius_px": Output(FP32, 0.0, _radius),
}


def gives_places(task: Task) -> bool:
    """Tell whether a task finds objects in a picture; else it gives labels to the whole of it."""
    return not task.value.endswith("image-classification")


def output_names(task: Task) -> tuple[str, ...]:
    """Return the names of all outputs of a task, in the order in which they are answered."""
    return (COUNT, *_outputs_of(task), PREDICTION)


def output_metadata(task: Task) -> list[dict[str, object]]:
    """Describe all outputs of a task; sizes that depend on the request are -1."""
    described: list[dict[str, object]] = [{"name": COUNT, "datatype": INT64, "shape": [-1]}]
    for name, output in _outputs_of(task).items():
        inner = [output.width] if output.width > 1 else []
        described.append({"name": name, "datatype": output.datatype, "shape": [-1, -1, *inner]})
    return [*described, {"name": PREDICTION, "datatype": BYTES, "shape": [-1]}]


def tensor_of(name: str, answers: Sequence[Answer], *, most: int) -> Tensor:
    """Return one output for all pictures.

    Args:
        name: One of ``output_names``.
        answers: One for each picture, in their order; all of one model.
        most: Labels of a classifier that were asked for; it may have been made to give more.
    """
    pictures = len(answers)
    rows = [answer.predictions if gives_places(answer.task) else answer.predictions[:most] for answer in answers]
    if name == COUNT:
        return Tensor(COUNT, INT64, (pictures,), [len(row) for row in rows])
    if name == PREDICTION:
        natives = [to_json({**answer_to_json(answer), **_cut(answer, most)}).decode("ascii") for answer in answers]
        return Tensor(PREDICTION, BYTES, (pictures,), natives)
    output = _outputs_of(answers[0].task)[name]
    longest = max(len(row) for row in rows)
    inner = (output.width,) if output.width > 1 else ()
    return Tensor(name, output.datatype, (pictures, longest, *inner), list(_elements(output, rows, longest)))


def classification_of(answers: Sequence[Answer], *, classes: int) -> Tensor:
    """Return the scores of all pictures as texts: ``value:index:label``, best first.

    Args:
        answers: One for each picture, of a classifier that was asked for so many labels at least.
        classes: Texts for each picture; fewer where the model gives no more.
    """
    rows = [answer.predictions[:classes] for answer in answers]
    longest = max(len(row) for row in rows)
    texts: list[Scalar] = []
    for row in rows:
        texts += [f"{entry.score:.6f}:{entry.class_id}:{entry.label}" for entry in row]
        texts += [""] * (longest - len(row))
    return Tensor(SCORE, BYTES, (len(answers), longest), texts)


def _elements(output: Output, rows: Sequence[_Row], longest: int) -> Iterator[Scalar]:
    """Yield the elements of each row, filled up to the longest."""
    for row in rows:
        for entry in row:
            yield from output.read(entry)
        yield from [output.filler] * ((longest - len(row)) * output.width)


def _outputs_of(task: Task) -> Mapping[str, Output]:
    return {**_PLACE_OUTPUTS, **_ENTRY_OUTPUTS} if gives_places(task) else _ENTRY_OUTPUTS


def _cut(answer: Answer, most: int) -> dict[str, object]:
    """Return what replaces the entries of a native prediction that has more labels than were asked for."""
    if gives_places(answer.task) or len(answer.predictions) <= most:
        return {}
    entries = answer_to_json(answer)["predictions"]
    return {"predictions": entries[:most]} if isinstance(entries, list) else {}
