"""AP and AR, against pycocotools."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from saccade.evaluation.coco import coco_figures
from saccade.evaluation.columns import finds_of, truths_of
from saccade.evaluation.figures import detection_figures
from unit.evaluation.drawn import drawn_scene, find, scene, truth


def oracle(dataset, seen):
    """Return the evaluation that pycocotools makes of a scene."""
    ids = {label: number for number, label in enumerate(dataset.labels, 1)}
    truths, finds = [], []
    for number, (image, each) in enumerate(zip(dataset.images, seen, strict=True), 1):
        for there in image.boxes:
            b = there.box
            truths.append(
                {"id": len(truths) + 1, "image_id": number, "category_id": ids[there.label], "area": there.area_px,
                 "bbox": [b.x_min, b.y_min, b.x_max - b.x_min, b.y_max - b.y_min], "iscrowd": int(there.is_crowd)}
            )  # fmt: skip
        for entry in each.ranked:
            b = entry.box
            if entry.label in ids:
                finds.append(
                    {"image_id": number, "category_id": ids[entry.label], "score": entry.score,
                     "bbox": [b.x_min, b.y_min, b.x_max - b.x_min, b.y_max - b.y_min]}
                )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": number} for number in range(1, len(seen) + 1)],
            "annotations": truths,
            "categories": [{"id": number, "name": label} for label, number in ids.items()],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(finds), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def stats_of(coco):
    """Return the twelve numbers, -1 for None as COCO has it."""
    values = [coco.ap.value, coco.ap50.value, coco.ap75.value, coco.ap_small, coco.ap_medium, coco.ap_large, coco.ar1,
              coco.ar10, coco.ar100, coco.ar_small, coco.ar_medium, coco.ar_large]  # fmt: skip
    return [-1 if value is None else value for value in values]


@pytest.mark.parametrize("seed", range(12))
def test_the_twelve_numbers_are_those_of_pycocotools(seed):
    """Crowds, equal scores, empty pictures, labels the truth lacks, and all three sizes are in these sets."""
    dataset, seen = drawn_scene(seed, levels=(5, 1000)[seed % 2], crowds=(0, 0.1, 0.4)[seed % 3], strange=seed > 5)

    figures = detection_figures(dataset, seen, threshold=0.4, resamples=0)

    np.testing.assert_allclose(oracle(dataset, seen).stats, stats_of(figures.coco), rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_each_label_has_the_ap_of_pycocotools(seed):
    """AP and AP50, from the precisions that pycocotools keeps."""
    dataset, seen = drawn_scene(seed, labels=5, images=20)
    precision = oracle(dataset, seen).eval["precision"][:, :, :, 0, 2]

    rows = detection_figures(dataset, seen, threshold=0.4, resamples=0).labels

    assert list(dataset.labels) == [row.label for row in rows]
    np.testing.assert_allclose(precision.mean(axis=(0, 1)), [row.ap for row in rows], atol=1e-9)
    np.testing.assert_allclose(precision[0].mean(axis=0), [row.ap50 for row in rows], atol=1e-9)


def test_of_each_picture_and_label_only_the_best_hundred_finds_count():
    """A right find in place 101 does not count, as with COCO; of another label it would."""
    wrong = [find(200, 200, 20, 20, 0.9) for _ in range(100)]
    late, other = find(0, 0, 50, 50, 0.1), find(0, 0, 50, 50, 0.1, "note")
    truths = [truth(0, 0, 50, 50), truth(0, 0, 50, 50, "note")]
    dataset, seen = scene((truths, [*wrong, late, other]), labels=("coin", "note"))

    found = detection_figures(dataset, seen, threshold=0.0, resamples=3)

    assert [0.0, pytest.approx(1.0)] == [row.ap for row in found.labels]
    assert oracle(dataset, seen).stats[0] == pytest.approx(0.5)
    # What goes over all scores without COCO's code looks at the same hundred.
    assert (pytest.approx(0.5), pytest.approx(0.5)) == (found.coco.ap.low, found.coco.ap.high)
    assert {(0.0, 0.0, 0.9)} == {point for curve in found.curves if curve.label == "coin" for point in curve.points}


def test_without_truth_nothing_can_be_computed():
    """No objects, crowds only, no picture: None, where COCO says -1."""
    for pictures in ((([], [find(0, 0, 9, 9)]),), (([truth(0, 0, 9, 9, crowd=True)], [find(0, 0, 9, 9)]),), ()):
        coco = detection_figures(*scene(*pictures), threshold=None, resamples=10).coco

        assert [-1] * 12 == stats_of(coco)
        assert coco.ap.low is None


def test_nothing_found_is_zero():
    """Truth there was, so that AP can be computed."""
    coco = detection_figures(*scene(([truth(0, 0, 50, 50)], [])), threshold=None, resamples=5).coco

    assert [0, 0, 0, -1, 0, -1, 0, 0, 0, -1, 0, -1] == stats_of(coco)


def test_it_is_quiet(capfd, caplog):
    """The library prints and logs what it does; we do not."""
    dataset, seen = drawn_scene(1)
    labels = {label: number for number, label in enumerate(dataset.labels)}
    truths = truths_of([image.boxes for image in dataset.images], labels)
    caplog.set_level(0)

    coco_figures(truths, finds_of([each.ranked for each in seen], labels), images=len(seen), labels=3)

    assert ("", "") == tuple(capfd.readouterr())
    assert [] == caplog.records
