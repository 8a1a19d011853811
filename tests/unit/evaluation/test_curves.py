"""Curves, thinning and calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from saccade.evaluation.bootstrap import Draws
from saccade.evaluation.calibration import calibration_of
from saccade.evaluation.curves import MOST_POINTS, thinned
from saccade.evaluation.figures import detection_figures
from unit.evaluation.drawn import drawn_scene, find, scene, truth


def curves(dataset, seen, threshold=0.4):
    """Return curves by label and overlap."""
    found = detection_figures(dataset, seen, threshold=threshold, resamples=0)
    return {(curve.label, curve.iou): curve for curve in found.curves}, found


def test_a_curve_is_that_of_scikit_learn():
    """Where every object is found at some score, recall and precision at each score are those of a ranking."""
    rng = np.random.default_rng(4)
    scores = rng.integers(1, 20, 60) / 20
    is_right = rng.random(60) < 0.6
    pictures = [
        ([truth(0, 0, 40, 40)], [find(0, 0, 40, 40, s)]) if right else ([], [find(0, 0, 40, 40, s)])
        for s, right in zip(scores, is_right, strict=True)
    ]
    precision, recall, _ = precision_recall_curve(is_right, scores, drop_intermediate=False)
    expected = list(zip(recall[:-1], precision[:-1], sorted(set(scores)), strict=True))[::-1]

    curve = curves(*scene(*pictures))[0][None, 0.5]

    np.testing.assert_allclose(expected, curve.points, atol=1e-12)


def test_the_operating_point_lies_on_the_curve():
    """The counts at the threshold are where the curve stands at that score; at 0.75 too, and by label."""
    dataset, seen = drawn_scene(8, levels=15, threshold=0.4)
    by_key, found = curves(dataset, seen)

    assert {(None, 0.5), (None, 0.75), ("l0", 0.5), ("l1", 0.5), ("l2", 0.5)} == set(by_key)
    for curve in by_key.values():
        recall, precision, _ = [point for point in curve.points if point[2] >= 0.4][-1]
        assert (recall, precision) == pytest.approx(curve.operating)
        assert [point[0] for point in curve.points] == sorted(point[0] for point in curve.points)
    assert by_key[None, 0.5].operating == (found.greedy[1].recall.value, found.greedy[1].precision.value)


def test_without_objects_there_is_no_curve_and_without_finds_no_point():
    """No recall, and no precision at the threshold."""
    assert () == curves(*scene(([], [find(0, 0, 9, 9)])))[1].curves
    curve = curves(*scene(([truth(0, 0, 9, 9)], [])))[0][None, 0.5]
    assert ((), None) == (curve.points, curve.operating)


def test_thinning_keeps_the_shape_of_a_long_curve():
    """Of 30,000 points 200 are left, and no point lies farther than 0.005 from the line through these."""
    rng = np.random.default_rng(1)
    is_right = rng.random(30_000) < np.linspace(1, 0.05, 30_000)
    right = np.cumsum(is_right)
    points = np.stack([right / 20_000, right / np.arange(1, 30_001), np.linspace(1, 0, 30_000)], axis=1)

    kept = thinned(points)

    assert MOST_POINTS == len(kept)
    assert (points[0].tolist(), points[-1].tolist()) == (kept[0].tolist(), kept[-1].tolist())
    assert (np.diff(kept[:, 0]) >= 0).all()
    begins, along = kept[:-1, None, :2], np.diff(kept[:, :2], axis=0)[:, None]
    chosen = points[::50, :2]
    share = np.clip(((chosen - begins) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-30), 0, 1)
    assert np.hypot(*np.moveaxis(chosen - begins - share[..., None] * along, -1, 0)).min(axis=0).max() < 0.005


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=60), st.integers(2, 20))
def test_thinning_keeps_ends_order_and_number(points, most):
    """A short line is kept whole; of a straight one no more than its ends is needed."""
    line = np.array(sorted(points), float).reshape(-1, 2)
    kept = thinned(line, most).tolist()

    assert len(kept) <= max(most, min(len(line), most))
    if len(line) <= most:
        assert line.tolist() == kept
    else:
        assert (line[0].tolist(), line[-1].tolist()) == (kept[0], kept[-1])
        assert kept == sorted(kept)


def test_calibration_is_the_mean_gap_weighted_by_count():
    """Three answers of 0.9 of which two are right, one of 0.35 that is; edges belong to the bin that they begin."""
    scores = np.array([0.9, 0.9, 0.9, 0.35, 0.3, 1.0, 0.0])
    is_right = np.array([True, True, False, True, False, True, False])

    found = calibration_of(np.zeros(7, int), scores, is_right, Draws(1, 3, 0))

    assert [1, 0, 0, 2, 0, 0, 0, 0, 0, 4] == [each.count for each in found.bins]
    assert (0.0, 0.1, 0.9, 1.0) == (found.bins[0].low, found.bins[0].high, found.bins[9].low, found.bins[9].high)
    assert (pytest.approx(0.925), 0.75) == (found.bins[9].mean_score, found.bins[9].share_right)
    assert (None, None) == (found.bins[1].mean_score, found.bins[1].share_right)
    assert (4 * abs(0.925 - 0.75) + 2 * abs(0.325 - 0.5)) / 7 == pytest.approx(found.ece.value)
    assert found.ece.value == pytest.approx(found.ece.low)


def test_a_detectors_calibration_is_of_what_is_served_and_not_on_crowds():
    """Right is what is matched greedily at IoU 0.5; ranked finds below the threshold do not count."""
    truths = [truth(0, 0, 40, 40), truth(200, 200, 100, 100, crowd=True)]
    finds = [find(0, 0, 40, 40, 0.85), find(210, 210, 20, 20, 0.95), find(100, 0, 40, 40, 0.55), find(0, 0, 9, 9, 0.1)]
    dataset, seen = scene((truths, finds), threshold=0.4)

    bins = detection_figures(dataset, seen, threshold=0.4, resamples=0).calibration.bins

    assert {5: (1, 0.0), 8: (1, 1.0)} == {n: (b.count, b.share_right) for n, b in enumerate(bins) if b.count}


def test_thinning_keeps_a_corner_wherever_it_is():
    """Of a level line with one dip, five points tell everything."""
    line = np.stack([np.linspace(0, 1, 10_000), np.full(10_000, 0.9)], axis=1)
    line[1234, 1] = 0.2

    assert line[[0, 1233, 1234, 1235, 9999]].tolist() == thinned(line).tolist()
