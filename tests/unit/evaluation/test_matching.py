"""Which find is which object, against brute force and against pycocotools' own matches."""

import contextlib
import io
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask

from saccade.errors import BackendNotInstalled
from saccade.evaluation.coco import IOUS, MOST_FINDS
from saccade.evaluation.columns import finds_of, truths_of
from saccade.evaluation.extra import package
from saccade.evaluation.matching import match_best, match_greedily, overlaps
from unit.evaluation.drawn import drawn_scene, find, scene, truth
from unit.evaluation.test_coco_figures import oracle

sides = st.floats(0, 60) | st.integers(0, 60)
boxes = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), sides, sides), min_size=1, max_size=6)


def columns(dataset, seen, *, most=None):
    """Return truths and finds of all scores."""
    labels = {label: number for number, label in enumerate(dataset.labels)}
    return truths_of([image.boxes for image in dataset.images], labels), finds_of(
        [each.ranked for each in seen], labels, most=most
    )


@given(boxes, boxes, st.integers(0, 63))
def test_overlaps_are_those_of_coco_to_the_last_bit(finds, truths, crowds):
    """Crowds, boxes without area and boxes far away too; 0 where COCO divides nothing by nothing."""
    is_crowd = np.array([bool(crowds >> number & 1) for number in range(len(truths))])
    first, second = np.array(finds, float), np.array(truths, float)

    expected = np.array(mask.iou(first, second, is_crowd.astype(np.uint8)))

    assert np.nan_to_num(expected).tolist() == overlaps(first, second, is_crowd).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_greedy_matches_are_those_of_coco(seed):
    """At all ten overlaps, find by find: right, or on a crowd, or neither."""
    dataset, seen = drawn_scene(seed, levels=(3, 500)[seed % 2], crowds=0.25)
    truths, finds = columns(dataset, seen, most=MOST_FINDS)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = oracle(dataset, seen)
    expected = {}
    for each in evaluation.evalImgs:
        if each is not None and each["aRng"] == [0, 1e10]:
            ignored = each["dtIgnore"].astype(bool)
            right = (each["dtMatches"] > 0) & ~ignored
            expected[each["image_id"] - 1, each["category_id"] - 1] = right.tolist(), ignored.tolist()

    matched = match_greedily(truths, finds, IOUS)

    for (image, label), (right, ignored) in expected.items():
        mine = (finds.images == image) & (finds.labels == label)
        assert right == matched.is_right[:, mine].tolist()
        assert ignored == matched.is_ignored[:, mine].tolist()
    assert sum(len(right[0]) for right, _ in expected.values()) == len(finds.images)


@settings(deadline=None)
@given(boxes, boxes, st.lists(st.booleans(), min_size=6, max_size=6))
def test_the_best_matching_has_the_largest_sum_of_overlaps(found, there, notes):
    """No permutation has a larger one; only pairs of one label, and none below the overlap, count."""
    labels = ["note" if is_note else "coin" for is_note in notes]
    truths_in = [truth(*each, label) for each, label in zip(there, labels, strict=False)]
    finds_in = [find(*each, 0.5, label) for each, label in zip(found, reversed(labels), strict=False)]
    truths, finds = columns(*scene((truths_in, finds_in), labels=("coin", "note")))

    matched = match_best(truths, finds, (1e-9, 0.5))

    every = overlaps(finds.boxes, truths.boxes, truths.is_crowd) * (finds.labels[:, None] == truths.labels[None])
    square = np.zeros((6, 6))
    square[: every.shape[0], : every.shape[1]] = every
    largest = max(sum(square[row, column] for row, column in enumerate(order)) for order in permutations(range(6)))
    best = [
        order
        for order in permutations(range(6))
        if sum(square[row, column] for row, column in enumerate(order)) >= largest - 1e-9
    ]
    counts = {tuple(sum(square[r, c] >= iou for r, c in enumerate(order)) for iou in (1e-9, 0.5)) for order in best}
    assert tuple(matched.is_right.sum(axis=1)) in counts
    assert matched.is_right.sum(axis=1).tolist() == matched.is_found.sum(axis=1).tolist()


def test_the_two_ways_to_match_differ_where_the_best_score_takes_the_wrong_object():
    """Greedy: the strong find takes the object that both fit; Hungarian: each gets one."""
    truths_in = [truth(0, 0, 100, 100), truth(40, 0, 100, 100)]
    finds_in = [find(22, 0, 100, 100, 0.9), find(45, 0, 100, 100, 0.8)]
    truths, finds = columns(*scene((truths_in, finds_in)))

    assert [True, False] == match_greedily(truths, finds, (0.5,)).is_right[0].tolist()
    assert [True, True] == match_best(truths, finds, (0.5,)).is_right[0].tolist()


@pytest.mark.parametrize("match", [match_greedily, match_best])
def test_an_overlap_of_just_the_least_is_a_match_and_labels_are_kept_apart(match):
    """Half of the box is exactly 0.5; the same box with another label is nothing."""
    truths, finds = columns(*scene(([truth(0, 0, 20, 10)], [find(0, 0, 10, 10)])))
    assert match(truths, finds, (0.5,)).is_right.all()

    truths, finds = columns(*scene(([truth(0, 0, 20, 10, "note")], [find(0, 0, 20, 10)]), labels=("coin", "note")))
    assert not match(truths, finds, (0.5,)).is_right.any()


@pytest.mark.parametrize("match", [match_greedily, match_best])
def test_what_lies_on_a_crowd_is_neither_right_nor_wrong(match):
    """Any number of finds; but one that is matched with an object is right, wherever it lies."""
    truths_in = [truth(0, 0, 200, 200, crowd=True), truth(10, 10, 20, 20)]
    finds_in = [find(10, 10, 20, 20), find(100, 100, 20, 20), find(120, 100, 20, 20), find(300, 0, 20, 20)]
    truths, finds = columns(*scene((truths_in, finds_in)))

    matched = match(truths, finds, (0.5,))

    assert [True, False, False, False] == matched.is_right[0].tolist()
    assert [False, True, True, False] == matched.is_ignored[0].tolist()
    assert [False, True] == matched.is_found[0].tolist()


def test_an_object_is_found_once():
    """The second find of it is false, however good."""
    truths, finds = columns(*scene(([truth(0, 0, 20, 20)], [find(0, 0, 20, 20), find(0, 0, 20, 20)])))

    assert [True, False] == match_greedily(truths, finds, (0.5,)).is_right[0].tolist()
    assert 1 == match_best(truths, finds, (0.5,)).is_right.sum()


def test_what_is_not_installed_is_named():
    """With the command that installs it."""
    with pytest.raises(BackendNotInstalled, match="needs no_such_package") as caught:
        package("no_such_package")

    assert "pip install 'saccade[eval]'" == caught.value.hint


def test_of_objects_that_are_overlapped_equally_the_last_is_taken():
    """As with COCO, so that the next find may go without."""
    first, last = truth(0, 0, 40, 40), truth(20, 0, 40, 40)
    finds_in = [find(10, 0, 40, 40, 0.9), find(30, 0, 40, 40, 0.8)]
    for order, expected in (((first, last), [True, False]), ((last, first), [True, True])):
        dataset, seen = scene((order, finds_in))
        with contextlib.redirect_stdout(io.StringIO()):
            (theirs,) = [each for each in oracle(dataset, seen).evalImgs if each and each["aRng"] == [0, 1e10]]

        assert expected == (theirs["dtMatches"][0] > 0).tolist()
        assert expected == match_greedily(*columns(dataset, seen), (0.5,)).is_right[0].tolist()
