"""Counts, shares, sizes, labels and the flat figures, on scenes whose answers can be counted on fingers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.evaluation.figures import detection_figures, evaluated
from unit.evaluation.drawn import drawn_scene, find, scene, truth


def figures(*pictures, labels=("coin",), threshold=0.0):
    """Return the figures of a scene without intervals."""
    dataset, seen = scene(*pictures, labels=labels, threshold=threshold)
    return detection_figures(dataset, seen, threshold=threshold, resamples=0)


def evaluation(dataset, seen, **more):
    """Return the evaluation of a scene."""
    return evaluated(dataset, seen, model="m@1", digest="d", engine="e", threshold=0.0, **{"resamples": 0, **more})


def circles(missing=0, extra=0):
    """Return ten pictures with two circles each, all found to the pixel but the first few."""
    pictures = []
    for number in range(10):
        places = [(20 + 10 * number, 30, 40, 40), (300, 200 - 5 * number, 60, 60)]
        found = [find(*each, 0.9 - 0.01 * number) for each in places]
        pictures.append(([truth(*each) for each in places], found))
    for number in range(missing):
        pictures[number][1].pop()
    for number in range(extra):
        pictures[number][1].append(find(500, 400, 30, 30, 0.95))
    return pictures


def test_a_perfect_detector_has_exactly_one_everywhere():
    """Every share of every kind, with an interval of no width."""
    dataset, seen = scene(*circles())
    found = evaluation(dataset, seen, resamples=30)

    # COCO's recall of one find a picture is a half where there are two.
    others = {"p50_ms": 3.0, "p99_ms": 3.0, "failed": 0.0, "ar1": 0.5, "ece": found.figures["ece"]}
    assert pytest.approx(dict.fromkeys(found.figures, 1.0) | others, abs=1e-12) == dict(found.figures)
    assert 0.145 == pytest.approx(found.figures["ece"])
    assert (1.0, 1.0) == (found.detection.greedy[3].f1.low, found.detection.greedy[3].f1.high)
    assert [0.0] * 10 == [row.badness for row in found.rows]


def test_one_missing_and_one_false_give_exactly_the_computed_figures():
    """19 of 20 found and one false: 19/20, 19/20, 38/40, at every overlap and both ways to match."""
    found = figures(*circles(missing=1, extra=1))

    for each in (*found.greedy, *found.hungarian):
        assert (19, 1, 1) == (each.true_positives, each.false_positives, each.false_negatives)
        assert (19 / 20, 19 / 20, 38 / 40) == (each.precision.value, each.recall.value, each.f1.value)
    # The false find has the best score: precision at recall k/20 is k/(k+1), at best 19/20; COCO's 0.95 is a little
    # more than 19/20, so that 95 of its 101 recalls are reached.
    assert 19 / 20 * 95 / 101 == pytest.approx(found.coco.ap.value, abs=1e-9)
    assert (20, 20) == (found.truths, found.finds)


def test_each_overlap_counts_what_reaches_it():
    """A find shifted so that it overlaps by 0.6 is right at 0.3 and 0.5 only."""
    found = figures(([truth(0, 0, 80, 10)], [find(20, 0, 80, 10)]))

    assert [1, 1, 0, 0] == [each.true_positives for each in found.greedy]
    assert [0.3, 0.5, 0.7, 0.9] == [each.iou for each in found.hungarian]


def test_what_cannot_be_computed_is_none():
    """No finds: no precision; no truth: no recall; neither: no F1."""
    nothing, unfound, unreal = figures(([], [])), figures(([truth(0, 0, 9, 9)], [])), figures(([], [find(0, 0, 9, 9)]))

    assert (None, None, None) == tuple(getattr(nothing.greedy[1], k).value for k in ("precision", "recall", "f1"))
    assert (None, 0.0, 0.0) == tuple(getattr(unfound.greedy[1], k).value for k in ("precision", "recall", "f1"))
    assert (0.0, None, 0.0) == tuple(getattr(unreal.greedy[1], k).value for k in ("precision", "recall", "f1"))
    assert (None, None, 0) == (nothing.jaccard.mean.value, nothing.jaccard.least, nothing.jaccard.images)
    assert nothing.calibration.ece.value is None


def test_a_label_that_the_truth_does_not_know_is_false_and_has_a_row():
    """It counts against precision and not against AP, as COCO has no such category."""
    found = figures(([truth(0, 0, 40, 40)], [find(0, 0, 40, 40), find(0, 0, 40, 40, 0.95, "button")]))

    assert (1, 1, 0) == (
        found.greedy[1].true_positives,
        found.greedy[1].false_positives,
        found.greedy[1].false_negatives,
    )
    coin, button = found.labels
    assert ("coin", 1, 1, 1.0) == (coin.label, coin.truths, coin.finds, coin.precision)
    assert ("button", 0, 1, None, 0.0, None) == (
        button.label, button.truths, button.finds, button.ap, button.precision, button.recall
    )  # fmt: skip
    assert pytest.approx(1.0) == found.coco.ap.value


def test_what_counts_is_served_and_what_ranks_is_all():
    """A find below the threshold is missed by clients, and has its place in AP."""
    found = figures(([truth(0, 0, 40, 40)], [find(0, 0, 40, 40, 0.3)]), threshold=0.5)

    assert (0, 0.0, 0) == (found.greedy[1].true_positives, found.greedy[1].recall.value, found.finds)
    assert pytest.approx(1.0) == found.coco.ap.value


def test_sizes_are_by_annotated_area_and_crowds_have_none():
    """Edges at 32² and 96² px belong to the larger size; recall is that of the operating threshold."""
    truths = [
        truth(0, 0, 32, 32),
        truth(50, 0, 90, 90, area=1023),
        truth(200, 0, 96, 96),
        truth(0, 200, 20, 20, crowd=True),
    ]
    small, medium, large = figures((truths, [find(0, 0, 32, 32)])).sizes

    assert [("small", 1, 0.0), ("medium", 1, 1.0), ("large", 1, 0.0)] == [
        (row.size, row.truths, row.recall_at_50) for row in (small, medium, large)
    ]
    assert None is figures(([truth(0, 0, 9, 9)], [])).sizes[2].recall_at_50


def test_a_picture_that_failed_counts_as_one_in_which_nothing_was_seen():
    """Even if something is noted of it; its time does not count."""
    dataset, seen = scene(([truth(0, 0, 40, 40)], [find(0, 0, 40, 40)]), ([truth(0, 0, 40, 40)], [find(0, 0, 40, 40)]))
    seen[1] = replace(seen[1], problem=("image_unreadable", "It ends too early."), stages_ms={"total": 999.0})

    found = evaluation(dataset, seen)

    assert (1, 1.0, 0.5, 1.0) == (
        found.failed, found.figures["failed"], found.figures["recall@0.5"], found.figures["precision@0.5"]
    )  # fmt: skip
    assert ("image_unreadable: It ends too early.", None, 0, 1) == (
        found.rows[1].problem, found.rows[1].total_ms, found.rows[1].finds, found.rows[1].false_negatives
    )  # fmt: skip
    assert 3.0 == found.figures["p99_ms"]


def test_a_picture_that_was_not_shown_stops_the_count():
    """Figures of other pictures than the dataset's would be worse than none."""
    dataset, seen = scene(([], []), ([], []))
    with pytest.raises(ValueError, match="1 pictures were not shown"):
        evaluation(dataset, seen[:1])


def test_rows_tell_each_picture_and_the_worst_has_the_largest_badness():
    """1 - F1, then the number of mistakes; an empty picture without finds is perfect."""
    good = ([truth(0, 0, 40, 40)], [find(0, 0, 40, 40)])
    half = ([truth(0, 0, 40, 40)], [find(0, 0, 40, 40), find(300, 0, 40, 40), find(400, 0, 40, 40)])
    bad, worse = ([truth(0, 0, 40, 40)], []), ([], [find(0, 0, 40, 40), find(100, 0, 40, 40)])
    rows = evaluation(*scene(worse, good, half, bad, ([], []))).rows

    assert rows[0].badness > rows[3].badness > rows[2].badness > rows[1].badness == rows[4].badness == 0
    assert 0.5 == pytest.approx(rows[2].badness, abs=1e-5)
    assert (1, 3, 1, 2, 0, 3.0) == (
        rows[2].truths, rows[2].finds, rows[2].true_positives, rows[2].false_positives, rows[2].false_negatives,
        rows[2].total_ms,
    )  # fmt: skip
    assert [0.0, 1.0, pytest.approx(1 / 3), 0.0, None] == [row.jaccard for row in rows]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_of_pictures_changes_nothing(seed, shuffle):
    """No figure but those whose ties it breaks, and no interval's middle."""
    dataset, seen = drawn_scene(seed, images=8, levels=10**6)
    order = list(range(8))
    shuffle.shuffle(order)
    turned = replace(dataset, images=tuple(dataset.images[n] for n in order))

    expected, found = evaluation(dataset, seen), evaluation(turned, seen)

    assert expected.figures == pytest.approx(found.figures, abs=1e-9)
    assert {row.name: row for row in expected.rows} == {row.name: row for row in found.rows}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 7))
def test_one_more_false_find_never_makes_anything_better(seed, score, place):
    """Far from everything, with any score: precision, F1 and AP do not rise, recall stays."""
    dataset, seen = drawn_scene(seed, images=8)
    stray = find(2000, 2000, 30, 30, score, "l0")
    there = seen[place]
    ranked = tuple(sorted((*there.ranked, stray), key=lambda each: -each.score))
    seen[place] = replace(there, served=(*there.served, stray), ranked=ranked)

    before = evaluation(dataset, drawn_scene(seed, images=8)[1]).figures
    after = evaluation(dataset, seen).figures

    for name, value in before.items():
        if name.startswith(("precision", "hungarian_precision", "f1", "hungarian_f1", "ap")):
            assert after[name] <= value + 1e-12
        if name.startswith(("recall", "hungarian_recall")):
            assert after[name] == value


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_counts_add_up(seed):
    """Right and missed are the truths; right, false and what lies on crowds are the finds; rows sum to the whole."""
    dataset, seen = drawn_scene(seed, images=8, crowds=0)
    found = evaluation(dataset, seen)

    for each in (*found.detection.greedy, *found.detection.hungarian):
        assert found.detection.truths == each.true_positives + each.false_negatives
        assert found.detection.finds == each.true_positives + each.false_positives
    assert found.detection.greedy[1].true_positives == sum(row.true_positives for row in found.rows)
    assert (
        found.detection.truths == sum(row.truths for row in found.rows) == sum(r.truths for r in found.detection.sizes)
    )
    assert found.detection.finds == sum(row.finds for row in found.detection.labels)
