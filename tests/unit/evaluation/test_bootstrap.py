"""Intervals: by redrawing pictures, equal for equal seeds, and as wide as they should be."""

from dataclasses import replace

import numpy as np
import pytest

from saccade.evaluation.bootstrap import Draws, figures_of, ratio
from saccade.evaluation.coco import IOUS, MOST_FINDS, coco_figures
from saccade.evaluation.figures import detection_figures
from saccade.evaluation.matching import match_greedily
from saccade.evaluation.resampled_ap import ResampledAp, _needed
from unit.evaluation.drawn import drawn_scene, find, scene, truth
from unit.evaluation.test_matching import columns


def resampled(dataset, seen):
    """Return the AP of draws of a scene."""
    truths, finds = columns(dataset, seen, most=MOST_FINDS)
    matched = match_greedily(truths, finds, IOUS)
    return ResampledAp(truths, finds, matched, images=len(seen), labels=len(dataset.labels))


def repeated(dataset, seen, times):
    """Return the scene that a draw stands for: each picture so often, its copies next to each other."""
    images, copies = [], []
    for image, each, number in zip(dataset.images, seen, times, strict=True):
        for copy in range(int(number)):
            images.append(replace(image, name=f"{image.name}#{copy}"))
            copies.append(replace(each, name=f"{image.name}#{copy}"))
    return replace(dataset, images=tuple(images)), copies


def official(dataset, seen):
    """Return AP, AP50 and AP75 by faster-coco-eval."""
    truths, finds = columns(dataset, seen, most=MOST_FINDS)
    stats = coco_figures(truths, finds, images=len(seen), labels=len(dataset.labels)).stats[:3]
    return [np.nan if value is None else value for value in stats]


@pytest.mark.parametrize("seed", range(8))
def test_the_ap_of_a_draw_is_that_of_the_pictures_drawn(seed):
    """Of the dataset itself, and of resamples that faster-coco-eval counts picture by picture.

    Equal scores in one picture are left to the dataset itself: nobody says how the copies of two such finds stand.
    """
    levels = (4, 10**9)[seed % 2]
    dataset, seen = drawn_scene(seed, levels=levels, crowds=(0, 0.3)[seed % 3 == 0], images=12, labels=4)
    statistic = resampled(dataset, seen)
    draws = [np.ones((1, 12)), *(Draws(12, 6, seed).blocks() if seed % 2 else ())]

    for times in np.concatenate(draws):
        expected = official(*repeated(dataset, seen, times))

        np.testing.assert_allclose(expected, statistic(times[None])[0], rtol=0, atol=1e-9)


def test_recalls_are_reached_as_coco_compares_them():
    """By rounded shares: 19 of 20 do not reach COCO's 0.95, which is a little more."""
    for truths in (*range(1, 700), 36_781):
        expected = np.searchsorted(np.arange(truths + 1) / truths, np.linspace(0, 1, 101))

        assert expected.tolist() == _needed(np.array([float(truths)]))[0].tolist()


def test_draws_without_any_object_have_no_ap():
    """And are left out of the interval; those that have one are not."""
    statistic = resampled(*scene(([truth(0, 0, 50, 50)], [find(0, 0, 50, 50)]), ([], [find(0, 0, 9, 9, 0.1)])))

    assert [[1, 1, 1]] == statistic(np.array([[2.0, 0.0]])).round(9).tolist()
    assert np.isnan(statistic(np.array([[0.0, 2.0]]))).all()


def test_rows_of_one_block_do_not_touch_each_other():
    """Many draws at once give what each gives alone."""
    statistic = resampled(*drawn_scene(3, crowds=0.3))
    times = next(Draws(30, 50, 0).blocks())

    assert np.concatenate([statistic(each[None]) for each in times]).tolist() == statistic(times).tolist()


def test_each_draw_has_as_many_pictures_as_the_dataset_whatever_the_blocks():
    """With replacement: some twice, some not; all draws differ."""
    blocks = list(Draws(700_000, 5, 1).blocks())
    drawn = np.concatenate(blocks)

    assert [2, 2, 1] == [len(block) for block in blocks]
    assert [700_000] * 5 == drawn.sum(axis=1).tolist()
    assert 0.36 < (drawn == 0).mean() < 0.375
    assert len(np.unique(drawn[:, :50], axis=0)) == 5


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Of 300 data sets from a known distribution, 95 in 100 intervals hold its mean."""
    rng = np.random.default_rng(11)
    covered = 0
    for number in range(300):
        table = np.stack([rng.exponential(size=80), np.ones(80)], axis=1)

        def mean(times, table=table):
            sums = times @ table
            return ratio(sums[:, 0], sums[:, 1])[:, None]

        (found,) = figures_of(mean, Draws(80, 400, number))
        covered += found.low <= 1 <= found.high

    assert 0.90 <= covered / 300 <= 0.98


def test_the_interval_is_as_wide_as_that_of_the_formula():
    """A share of independent pictures: 1.96 standard errors to each side."""
    is_right = (np.arange(2000) % 5 > 0).astype(float)
    (found,) = figures_of(lambda times: (times @ is_right / times.sum(axis=1))[:, None], Draws(2000, 2000, 5))
    error = (0.8 * 0.2 / 2000) ** 0.5

    assert found.value == pytest.approx(0.8)
    assert 2 * 1.96 * error == pytest.approx(found.high - found.low, rel=0.07)


def test_pictures_and_not_objects_are_drawn():
    """Objects of one picture stand or fall together, so that the interval is much wider than for independent ones."""
    right = [([truth(40 * n, 0, 30, 30) for n in range(10)], [find(40 * n, 0, 30, 30) for n in range(10)])] * 10
    missed = [(truths, []) for truths, _ in right]

    recall = detection_figures(*scene(*right, *missed), threshold=0.0, resamples=800).greedy[1].recall

    assert recall.value == 0.5
    assert 2 * 1.96 * (0.25 / 20) ** 0.5 == pytest.approx(recall.high - recall.low, rel=0.15)


def test_equal_seeds_give_equal_figures_and_others_do_not():
    """All of them, AP and counts and calibration."""
    dataset, seen = drawn_scene(2)
    first, same, other = (
        detection_figures(dataset, seen, threshold=0.4, resamples=50, seed=seed) for seed in (1, 1, 2)
    )

    assert first == same
    assert first.coco.ap.low != other.coco.ap.low
    assert first.coco.ap.value == other.coco.ap.value


def test_without_resamples_there_are_no_intervals():
    """The figures are the same."""
    dataset, seen = drawn_scene(2)
    bare, full = (detection_figures(dataset, seen, threshold=0.4, resamples=number) for number in (0, 20))

    assert (None, None) == (bare.coco.ap.low, bare.jaccard.mean.high)
    assert [each.f1.value for each in bare.greedy] == [each.f1.value for each in full.greedy]
    for each in full.greedy:
        assert each.f1.low <= each.f1.value <= each.f1.high
