"""Answers as they are remembered: what differs from run to run is left out, and nothing else is."""

import json
from dataclasses import replace

from saccade.models.prediction import Box, Classification, Detection, Task
from saccade.predictions.answer import Answer, PredictOptions, Timing
from saccade.predictions.remembered import remembered
from saccade.predictions.render import answer_to_json


def circle(label, score, x=0.0):
    """Return a detection whose box lies at x."""
    return Detection.of_box(label=label, score=score, class_id=0, box=Box(x, 1.0, x + 10.0, 21.0))


ANSWER = Answer(
    model="circles@1",
    task=Task.OBJECT_DETECTION,
    image_id="ab" * 32,
    width_px=640,
    height_px=480,
    predictions=(circle("ring", 0.4), circle("böx", 0.9, 5.0), circle("ring", 0.6, 7.0)),
    engine="onnxruntime/cpu/fp32",
    timing=Timing(infer_ms=3.0),
    digest="sha256:c1",
)


def test_runs_of_one_picture_are_remembered_alike():
    """Another time, or from the cache: the same value, so that nothing is written anew."""
    again = replace(ANSWER, timing=Timing(infer_ms=9.0, total_ms=1.0), cached=True)

    assert remembered(again, PredictOptions()) == remembered(ANSWER, PredictOptions())
    assert remembered(ANSWER, PredictOptions(top_k=3)) != remembered(ANSWER, PredictOptions())


def test_prediction_is_what_clients_see():
    """All of it but the timing and whether it was cached; ASCII only, as every database takes it."""
    text = remembered(ANSWER, PredictOptions()).prediction
    shown = answer_to_json(ANSWER)

    assert text.isascii()
    assert json.loads(text) == {key: shown[key] for key in shown if key not in {"timing_ms", "cached"}}


def test_labels_have_their_best_score_and_their_count():
    """Each once, best first."""
    assert remembered(ANSWER, PredictOptions()).labels == (("böx", 0.9, 1), ("ring", 0.6, 2))


def test_objects_are_best_first_with_their_places():
    """To the last bit as the model said."""
    objects = remembered(ANSWER, PredictOptions()).objects

    assert [(each.label, each.score, each.x_min) for each in objects] == [
        ("böx", 0.9, 5.0),
        ("ring", 0.6, 7.0),
        ("ring", 0.4, 0.0),
    ]
    best = objects[0]
    assert (best.y_min, best.x_max, best.y_max) == (1.0, 15.0, 21.0)
    assert (best.centroid_x, best.centroid_y, best.radius_px) == (10.0, 11.0, 7.5)


def test_classifier_has_labels_and_no_objects():
    """Its labels are found by search; there is nothing to be drawn."""
    said = (Classification("cat", 0.8, 3), Classification("dog", 0.2, 1))
    made = remembered(replace(ANSWER, task=Task.IMAGE_CLASSIFICATION, predictions=said), PredictOptions())

    assert (made.task, made.objects) == ("image-classification", ())
    assert made.labels == (("cat", 0.8, 1), ("dog", 0.2, 1))
