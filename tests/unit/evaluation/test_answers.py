"""What is asked, and how one run is cut into what is served and what is ranked."""

import numpy as np
import pytest

from saccade.evaluation.answers import _CUTTING, LOWEST_SCORE, Asking, renamed
from saccade.evaluation.seen import Seen
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.families import FAMILIES
from saccade.models.geometry import Geometry
from saccade.models.prediction import Box, Classification, Detection, Task
from saccade.predictions.answer import PredictOptions
from saccade.predictions.render import entry_to_json

QUERIES = 40


def logits(random, *shape):
    return random.normal(0, 2, shape).astype(np.float32)


def corners(random, count):
    low = random.uniform(0, 60, (count, 2))
    return np.hstack([low, low + random.uniform(0, 40, (count, 2))]).astype(np.float32)


def scores(random, *shape):
    """Return scores with many equal ones, and some that are exactly the threshold."""
    return (random.integers(0, 21, shape) / 20).astype(np.float32)


#: For each family, outputs of a graph of three labels, drawn at random.
OUTPUTS = {
    "transformers": lambda r: {"logits": logits(r, 3)},
    "detr": lambda r: {"logits": logits(r, QUERIES, 4), "pred_boxes": scores(r, QUERIES, 4)},
    "rt-detr": lambda r: {"logits": logits(r, QUERIES, 3), "pred_boxes": scores(r, QUERIES, 4)},
    "rf-detr": lambda r: {"labels": logits(r, QUERIES, 4), "dets": scores(r, QUERIES, 4)},
    "rt-detr-original": lambda r: {
        "labels": r.integers(0, 3, QUERIES),
        "boxes": corners(r, QUERIES),
        "scores": scores(r, QUERIES),
    },
    "torchvision-detection": lambda r: {
        "labels": r.integers(0, 3, QUERIES),
        "boxes": corners(r, QUERIES),
        "scores": scores(r, QUERIES),
    },
    "yolo-end2end": lambda r: {
        "output0": np.hstack(
            [corners(r, QUERIES), scores(r, QUERIES, 1), r.integers(0, 3, (QUERIES, 1)).astype(np.float32)]
        )
    },
    "nms-in-graph": lambda r: {
        "selected_indices": np.stack(
            [np.zeros(QUERIES, np.int64), r.integers(0, 3, QUERIES), r.permutation(QUERIES)], axis=1
        ),
        "boxes": corners(r, QUERIES),
        "scores": scores(r, 3, QUERIES),
    },
}
LABELS = ("a", "b", "c")


def decoded(family, outputs, threshold):
    """Return what a family reads from outputs, as clients see it."""
    geometry = Geometry(100, 100, 100, 100)
    package = {"max_detections": 30} if "max_detections" in FAMILIES[family].options else {}
    options = DecodeOptions(top_k=100, threshold=threshold, package=package)
    entries = FAMILIES[family].decode(outputs, geometry=geometry, labels=LABELS, options=options)
    return [entry_to_json(entry) for entry in entries]


def answer(entries):
    return {"image": {"width_px": 100, "height_px": 100}, "timing_ms": {"total": 1.0}, "predictions": entries}


def test_every_cutting_family_is_tried_below():
    """A family that is added to the list without outputs here is not proven to belong there."""
    assert set(OUTPUTS) == _CUTTING


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.55, 0.95, 1.0])
@pytest.mark.parametrize("family", OUTPUTS)
def test_one_run_of_a_cutting_family_tells_what_is_served(family, threshold):
    """What reaches the threshold of the lowest run is what a run at the threshold gives: entry for entry, in order."""
    task = FAMILIES[family].task
    for seed in range(20):
        outputs = OUTPUTS[family](np.random.default_rng(seed))
        asking = Asking(task, LABELS, threshold, family)

        seen = asking.seen("x", [answer(decoded(family, outputs, LOWEST_SCORE))])
        served = Asking(task, LABELS, None, "").seen("x", [answer(decoded(family, outputs, threshold))]).served

        assert asking.questions == (PredictOptions(top_k=100, threshold=LOWEST_SCORE),)
        assert seen.served == served
        assert len(seen.ranked) >= len(served)


@pytest.mark.parametrize(
    ("family", "threshold", "asked"),
    [
        ("peaks", 0.55, [0.55, LOWEST_SCORE]),
        ("yolo", 0.25, [0.25, LOWEST_SCORE]),
        ("of-tomorrow", 0.5, [0.5, LOWEST_SCORE]),
        ("detr", None, [None, LOWEST_SCORE]),
        ("python", None, [None, LOWEST_SCORE]),
        ("python", 0.5, [LOWEST_SCORE]),
    ],
)
def test_detector_is_asked_twice_where_one_run_does_not_tell(family, threshold, asked):
    """Suppression, an unknown family or an untold threshold: first as clients ask, then down to the lowest score."""
    questions = Asking(Task.OBJECT_DETECTION, (), threshold, family).questions

    assert [question.threshold for question in questions] == asked


def test_classifier_without_threshold_serves_all_it_says():
    """One question; nothing is cut, also no score below the lowest."""
    asking = Asking(Task.IMAGE_CLASSIFICATION, LABELS, None, "transformers")
    entries = [{"label": "b", "score": 1.0, "class_id": 1}, {"label": "a", "score": 0.0, "class_id": 0}]

    seen = asking.seen("x", [answer(entries)])

    assert asking.questions == (PredictOptions(top_k=100, threshold=None),)
    assert seen.served == seen.ranked == (Classification("b", 1.0, 1), Classification("a", 0.0, 0))


def test_two_runs_give_their_own_answers_and_the_first_gives_the_time():
    """What is served is what the first run gave, even where the second does not hold it."""
    asking = Asking(Task.OBJECT_DETECTION, ("c",), 0.5, "peaks")
    box = {"xmin": 1.0, "ymin": 2.0, "xmax": 3.0, "ymax": 4.0}
    find = {"label": "c", "box": box, "centroid": {"x": 2.0, "y": 3.0}, "radius_px": 1.0}
    first, second = answer([{**find, "score": 0.9}]), answer([{**find, "score": 0.8}, {**find, "score": 0.1}])
    first["timing_ms"] = {"total": 7.0}

    seen = asking.seen("x", [first, second])

    assert [entry.score for entry in seen.served] == [0.9]
    assert [entry.score for entry in seen.ranked] == [0.8, 0.1]
    assert seen.stages_ms == {"total": 7.0}
    assert seen.served[0] == Detection.of_box(label="c", score=0.9, class_id=0, box=Box(1, 2, 3, 4))


def test_remembered_answer_has_no_time():
    """A server's cache took no time that is the model's."""
    asking = Asking(Task.IMAGE_CLASSIFICATION, LABELS, None, "python")

    assert asking.seen("x", [{**answer([]), "cached": True}]).stages_ms == {}


def test_plug_in_is_cut_as_its_runner_cuts_it():
    """Its scores are Python's, and compared as such: a hair below the threshold is below."""
    hair, exact = 0.55 - 1e-12, 0.55
    entries = [{"label": "a", "score": score, "class_id": 0} for score in (exact, hair)]

    seen = Asking(Task.IMAGE_CLASSIFICATION, LABELS, 0.55, "python").seen("x", [answer(entries)])

    assert [entry.score for entry in seen.served] == [exact]
    assert [entry.score for entry in seen.ranked] == [exact, hair]


def test_renamed_calls_labels_as_the_truth_does():
    """Served and ranked alike; labels without another name keep theirs."""
    entries = (Classification("a", 0.5, 0), Classification("b", 0.4, 1))

    seen = renamed(Seen("x", served=entries, ranked=entries), {"a": "z"})

    assert [entry.label for entry in seen.served] == ["z", "b"]
    assert seen.ranked == seen.served
