"""The JSON of an evaluation: every value under its name, nothing rounded, and the same value back."""

import dataclasses
import json

import pytest

from saccade.errors import ParameterInvalid
from saccade.evaluation.document import (
    Bin,
    Calibration,
    ClassificationFigures,
    ClassRow,
    Coco,
    Counted,
    Curve,
    DetectionFigures,
    Evaluation,
    Figure,
    ImageRow,
    Jaccard,
    LabelRow,
    ModelEvaluation,
    SizeRow,
    StageLatency,
)
from saccade.evaluation.result_json import FORMAT, evaluation_of, evaluation_to_json
from saccade.models.prediction import Task

THIRD = Figure(1 / 3, 0.1 + 0.2, 2 / 3)
NONE = Figure(None)
CALIBRATION = Calibration(THIRD, (Bin(0.0, 0.1, 0, None, None), Bin(0.9, 1.0, 3, 0.95, 1.0)))
DETECTION = DetectionFigures(
    threshold=0.55,
    truths=4,
    finds=5,
    coco=Coco(THIRD, THIRD, NONE, None, 0.5, 0.25, 0.1, 0.2, 0.3, None, 0.5, 0.6),
    greedy=(Counted(0.3, 3, 2, 1, THIRD, THIRD, NONE),),
    hungarian=(Counted(0.9, 0, 5, 4, THIRD, THIRD, THIRD),),
    jaccard=Jaccard(THIRD, NONE, 0.0, 1.0, 4),
    labels=(LabelRow("a", 4, 5, 1 / 7, None, 0.6, 0.75, None),),
    sizes=(SizeRow("small", 2, None, 0.5, 1.0),),
    curves=(Curve(None, 0.5, ((0.0, 1.0, 0.9), (0.5, 0.75, 0.8)), (0.5, 0.75)), Curve("a", 0.75, (), None)),
    calibration=CALIBRATION,
)
CLASSIFICATION = ClassificationFigures(
    THIRD, THIRD, NONE, (ClassRow("x", 3, 2, 1.0, None, 0.5),), ((1, 2), (3, 4)), (0, 1), CALIBRATION
)
ROW = ImageRow("a/ä.png", 40, 30, 2, 3, 1, 2, 1, 0.5, badness=1 / 3, total_ms=12.5, problem="It is torn.")


def evaluation():
    """Return one of everything."""
    latency = (StageLatency("infer", 1.0, 1.5, 2.0, 2.5, 3.0),)
    shared = {"engine": "e", "latency": latency, "failed": 1, "rows": (ROW,)}
    detector = ModelEvaluation(
        "d@1",
        "abc",
        Task.OBJECT_DETECTION,
        detection=DETECTION,
        classification=None,
        figures={"ap": 1 / 3, "f1@0.5": 1.0},
        **shared,
    )
    classifier = ModelEvaluation(
        "c@1", "", Task.IMAGE_CLASSIFICATION, detection=None, classification=CLASSIFICATION, figures={}, **shared
    )
    return Evaluation(
        "id", "2024-01-01T00:00:00+00:00", "1.0", "set", "0f", 4, 9, None, 1000, 7, models=(detector, classifier)
    )


def through_text(document):
    """Return a document after it was written and read."""
    return json.loads(json.dumps(document, allow_nan=False))


def test_document_gives_the_same_evaluation_back():
    """Types, tuples, numbers to the last bit."""
    assert evaluation_of(through_text(evaluation_to_json(evaluation(), rows=True))) == evaluation()


def test_keys_are_the_names_of_the_values():
    """Whoever knows the values knows the document."""
    document = through_text(evaluation_to_json(evaluation(), rows=True))

    assert list(document) == ["format", *(field.name for field in dataclasses.fields(Evaluation))]
    assert document["format"] == FORMAT
    detector, classifier = document["models"]
    assert list(detector) == [field.name for field in dataclasses.fields(ModelEvaluation)]
    assert detector["detection"]["greedy"][0]["f1"] == {"value": None, "low": None, "high": None}
    assert detector["detection"]["coco"]["ap"]["value"] == 1 / 3
    assert detector["detection"]["curves"][0]["points"] == [[0.0, 1.0, 0.9], [0.5, 0.75, 0.8]]
    assert classifier["classification"]["confusion"] == [[1, 2], [3, 4]]
    assert classifier["task"] == "image-classification"


def test_rows_are_left_out_unless_wanted():
    """A set of a hundred thousand pictures would drown the figures."""
    document = evaluation_to_json(evaluation(), rows=False)

    assert [model["rows"] for model in document["models"]] == [[], []]
    assert evaluation_of(through_text(document)).models[0].detection == DETECTION


def _at(path, value):
    def change(document):
        *parents, last = path
        for key in parents:
            document = document[key]
        if value is KeyError:
            del document[last]
        else:
            document[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _at(["format"], "saccade-evaluation/0"),
        _at(["format"], KeyError),
        _at(["images"], KeyError),
        _at(["images"], "4"),
        _at(["images"], True),
        _at(["images"], 4.5),
        _at(["models"], {}),
        _at(["models", 0, "task"], "telling fortunes"),
        _at(["models", 0, "figures", "ap"], None),
        _at(["models", 0, "detection", "extra"], 1),
        _at(["models", 0, "detection", "curves", 0, "points", 0], [1.0, 2.0]),
        _at(["models", 0, "detection", "coco"], 3),
    ],
)
def test_document_that_is_none_is_refused(change):
    """A sentence, not a trace."""
    document = through_text(evaluation_to_json(evaluation(), rows=True))
    change(document)

    with pytest.raises(ParameterInvalid):
        evaluation_of(document)
