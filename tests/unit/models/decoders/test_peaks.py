"""Which peaks are kept: strong ones that no better one covers too much of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from saccade.models.decoders.peaks import NESTED_SCORE, Peaks, keep_peaks


def make_peaks(random_state: int, count: int = 60) -> Peaks:
    rng = np.random.default_rng(random_state)
    centres, sides = rng.uniform(0, 100, (count, 2)), rng.uniform(5, 40, (count, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).astype(np.float32)
    circles = np.concatenate([centres, sides.mean(1, keepdims=True) / 2], axis=1).astype(np.float32)
    return Peaks(rng.random(count, dtype=np.float32), boxes, circles)


def overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, float, float]:
    width = max(0.0, float(min(first[2], second[2])) - float(max(first[0], second[0])))
    height = max(0.0, float(min(first[3], second[3])) - float(max(first[1], second[1])))
    areas = [(float(box[2]) - float(box[0])) * (float(box[3]) - float(box[1])) for box in (first, second)]
    return width * height / (sum(areas) - width * height), width * height / min(areas), min(areas) / max(areas)


def kept_by_hand(
    peaks: Peaks, *, threshold: float, max_iou: float, max_containment: float, nested_area: float, nested_count: int
) -> list[int]:
    order = sorted(range(len(peaks.scores)), key=lambda row: -float(peaks.scores[row]))
    loose: list[int] = []
    for index in order:
        pairs = [overlap(peaks.boxes[index], peaks.boxes[other]) for other in loose]
        if all(
            iou <= max_iou and (containment <= max_containment or ratio < nested_area)
            for iou, containment, ratio in pairs
        ):
            loose.append(index)
    sizes = {index: float(np.prod(peaks.boxes[index, 2:] - peaks.boxes[index, :2])) for index in loose}

    def lies_in(inner: int, outer: int) -> bool:
        _, containment, ratio = overlap(peaks.boxes[inner], peaks.boxes[outer])
        return sizes[inner] < sizes[outer] and containment > max_containment and ratio < nested_area

    held = {
        outer: sum(lies_in(inner, outer) and float(peaks.scores[inner]) >= NESTED_SCORE for inner in loose)
        for outer in loose
    }
    kept: list[int] = []
    for index in loose:
        if all(
            not (lies_in(index, other) and held[other] < nested_count)
            and not (lies_in(other, index) and held[index] < nested_count)
            for other in kept
        ):
            kept.append(index)
    return [index for index in kept if float(peaks.scores[index]) >= threshold]


@pytest.mark.parametrize("random_state", range(10))
@pytest.mark.parametrize("max_containment", [0.6, 0.85, 1.0])
@pytest.mark.parametrize("nested_area", [0.0, 0.06, 0.3])
@pytest.mark.parametrize("nested_count", [1, 2, 4])
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.7])
def test_keep_peaks_agrees_with_the_plain_definition(
    random_state: int, max_containment: float, nested_area: float, nested_count: int, threshold: float
) -> None:
    """The kept peaks are those that a loop over all pairs keeps, in the same order."""
    peaks = make_peaks(random_state)
    rules: dict[str, Any] = {
        "threshold": threshold,
        "max_iou": 0.4,
        "max_containment": max_containment,
        "nested_area": nested_area,
        "nested_count": nested_count,
    }
    expected = kept_by_hand(peaks, **rules)

    kept = keep_peaks(peaks, **rules)

    np.testing.assert_array_equal(peaks.scores[expected], kept.scores)
    np.testing.assert_array_equal(peaks.boxes[expected], kept.boxes)
    np.testing.assert_array_equal(peaks.circles[expected], kept.circles)


def ringed(*inner_scores: float, outer_score: float = 0.9) -> Peaks:
    """A large thing, first, with small ones in a row inside it."""
    count = len(inner_scores)
    starts = 10 + 15 * np.arange(count, dtype=np.float32)
    inner = np.stack([starts, np.full(count, 45), starts + 10, np.full(count, 55)], axis=1)
    boxes = np.concatenate([[[0, 0, 100, 100]], inner]).astype(np.float32)
    circles = np.stack([boxes[:, [0, 2]].mean(1), boxes[:, [1, 3]].mean(1), (boxes[:, 2] - boxes[:, 0]) / 2], axis=1)
    return Peaks(np.array([outer_score, *inner_scores], np.float32), boxes, circles)


def test_keep_peaks_when_a_thing_holds_several_small_ones() -> None:
    """A dish and its colonies all stay, whichever scores best."""
    assert 5 == len(keep_peaks(ringed(0.85, 0.85, 0.85, 0.6), threshold=0.5).scores)
    assert 5 == len(keep_peaks(ringed(0.85, 0.85, 0.85, 0.6, outer_score=0.7), threshold=0.5).scores)


def test_keep_peaks_when_a_thing_holds_few_small_ones() -> None:
    """Marks on a coin go, and weak ones do not make a dish of it."""
    assert [0.9] == pytest.approx(keep_peaks(ringed(0.85, 0.85), threshold=0.5).scores.tolist())
    assert [0.9] == pytest.approx(keep_peaks(ringed(0.85, 0.85, 0.7, 0.7), threshold=0.1).scores.tolist())


@pytest.mark.parametrize("random_state", range(10))
def test_keep_peaks_when_the_threshold_rises(random_state: int) -> None:
    """A higher threshold gives the best of what a lower one gives and nothing else."""
    peaks = make_peaks(random_state, count=200)
    rules: dict[str, Any] = {"nested_area": 0.3, "nested_count": 2}

    all_kept, fewer = keep_peaks(peaks, threshold=0.1, **rules), keep_peaks(peaks, threshold=0.7, **rules)

    assert all_kept.scores[all_kept.scores >= 0.7].tolist() == fewer.scores.tolist()


def test_keep_peaks_when_a_score_equals_the_threshold() -> None:
    """A peak exactly at the threshold stays."""
    peaks = Peaks(np.array([0.5], np.float32), np.array([[0, 0, 4, 4]], np.float32), np.array([[2, 2, 2]], np.float32))

    kept = keep_peaks(peaks, threshold=0.5)

    assert [0.5] == kept.scores.tolist()


def test_keep_peaks_when_nothing_is_strong_enough() -> None:
    """No peak above the threshold gives empty arrays of the right shape."""
    kept = keep_peaks(make_peaks(0), threshold=1.0)

    assert ((0,), (0, 4), (0, 3)) == (kept.scores.shape, kept.boxes.shape, kept.circles.shape)


def test_keep_peaks_when_a_small_ring_lies_inside_a_larger_one() -> None:
    """The weaker of two nested things goes, unless containment is switched off."""
    boxes = np.array([[0, 0, 40, 40], [10, 10, 25, 25]], np.float32)
    peaks = Peaks(np.array([0.9, 0.8], np.float32), boxes, np.array([[20, 20, 20], [15, 15, 5]], np.float32))

    assert [1, 2] == [len(keep_peaks(peaks, threshold=0.1, max_containment=share).scores) for share in (0.85, 1.0)]
