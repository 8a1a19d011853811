"""The overlap of unions, against masks drawn pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.evaluation.figures import detection_figures
from saccade.evaluation.jaccard import overlaps_of_unions
from unit.evaluation.drawn import find, scene, truth
from unit.evaluation.test_matching import columns

numbers = st.floats(0, 30) | st.integers(0, 60).map(lambda number: number / 2)
boxes = st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=4)


def mask_of(boxes, width_px, height_px):
    """Return the pixels whose centre lies in any of the boxes."""
    y, x = np.mgrid[:height_px, :width_px] + 0.5
    found = np.zeros((height_px, width_px), bool)
    for left, top, width, height in boxes:
        found |= (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
    return found


@settings(deadline=None)
@given(boxes, boxes, boxes)
def test_it_is_what_masks_say(found, there, crowds):
    """Any boxes, also outside of the picture; pixels of crowds count only where a single object is."""
    truths_in = [*(truth(*each) for each in there), *(truth(*each, crowd=True) for each in crowds)]
    truths, finds = columns(*scene((truths_in, [find(*each) for each in found])))
    mine, theirs, ignored = (mask_of(each, 40, 32) for each in (found, there, crowds))
    mine &= theirs | ~ignored
    union = (mine | theirs).sum()

    (value,) = overlaps_of_unions(truths, finds, [(40, 32)])

    assert np.array_equal((mine & theirs).sum() / union if union else np.nan, value, equal_nan=True)


def test_means_are_simple_and_weighted_by_objects():
    """Of four pictures: half covered, missed, found for nothing, and one in which nothing is and nothing was found."""
    half = [truth(0, 0, 20, 10), truth(0, 20, 20, 10), truth(0, 40, 20, 10)]
    pictures = [
        (half, [find(0, 0, 10, 10), find(0, 20, 10, 10), find(0, 40, 10, 10)]),
        ([truth(0, 0, 9, 9)], []),
        ([], [find(0, 0, 9, 9)]),
        ([], []),
    ]

    jaccard = detection_figures(*scene(*pictures), threshold=0.0, resamples=40).jaccard

    assert (pytest.approx(0.5 / 3), pytest.approx(1.5 / 4)) == (jaccard.mean.value, jaccard.weighted.value)
    assert (0, 0.5, 3) == (jaccard.least, jaccard.most, jaccard.images)
    assert jaccard.mean.low < jaccard.mean.value < jaccard.mean.high


def test_two_boxes_on_one_pixel_count_once_and_labels_play_no_part():
    """Twice the same find is as good as one, of whatever label."""
    both = [find(0, 0, 20, 20), find(0, 0, 20, 20, label="note")]

    assert 1.0 == detection_figures(*scene(([truth(0, 0, 20, 20)], both)), threshold=0, resamples=0).jaccard.mean.value
