"""An answer as JSON: the shape that clients rely on."""

import json

from saccade.errors import ImageEmpty
from saccade.models.prediction import Box, Classification, Detection, Point, Task
from saccade.predictions.answer import Answer, Timing
from saccade.predictions.render import answer_to_json, error_to_json


def answer(task, *entries):
    """Return an answer with round figures."""
    timing = Timing(
        queue_ms=0.2, decode_ms=0.9, preprocess_ms=0.4, infer_ms=3.1, postprocess_ms=0.1, total_ms=4.70000001
    )
    return Answer(
        model="circles@1",
        task=task,
        image_id="9f86d0",
        width_px=640,
        height_px=480,
        predictions=entries,
        engine="onnxruntime/cpu/fp32",
        timing=timing,
    )


def test_detection_has_box_centroid_and_radius():
    """The whole document, name by name and in order."""
    found = Detection("circle", 0.97, 0, Box(100.9, 40.2, 181.3, 120.8), Point(141.0, 80.5), 40.2)

    assert json.dumps(answer_to_json(answer(Task.OBJECT_DETECTION, found))) == json.dumps(
        {
            "model": "circles@1",
            "task": "object-detection",
            "image": {"id": "9f86d0", "width_px": 640, "height_px": 480},
            "predictions": [
                {
                    "label": "circle",
                    "score": 0.97,
                    "box": {"xmin": 100.9, "ymin": 40.2, "xmax": 181.3, "ymax": 120.8},
                    "centroid": {"x": 141.0, "y": 80.5},
                    "radius_px": 40.2,
                }
            ],
            "timing_ms": {
                "queue": 0.2,
                "decode": 0.9,
                "preprocess": 0.4,
                "infer": 3.1,
                "postprocess": 0.1,
                "total": 4.7,
            },
            "cached": False,
            "engine": "onnxruntime/cpu/fp32",
        }
    )


def test_classification_has_its_class_id():
    """Labels come best first, each with its score and class id."""
    entries = (Classification("tips", 0.9, 7), Classification("powder", 0.1, 2))

    assert answer_to_json(answer(Task.IMAGE_CLASSIFICATION, *entries))["predictions"] == [
        {"label": "tips", "score": 0.9, "class_id": 7},
        {"label": "powder", "score": 0.1, "class_id": 2},
    ]


def test_error_says_code_detail_and_hint():
    """What happened and what to do, without anything of HTTP."""
    assert error_to_json(ImageEmpty("The picture has no bytes.")) == {
        "code": "image_empty",
        "detail": "The picture has no bytes.",
        "hint": "Check that the file was read before it was sent.",
    }
