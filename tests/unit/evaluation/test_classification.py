"""The figures of classifiers, against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, top_k_accuracy_score

from saccade.evaluation.bootstrap import Draws
from saccade.evaluation.classification import _MacroF1, answers_of
from saccade.evaluation.figures import classification_figures, evaluated
from unit.evaluation.drawn import album, drawn_album, said


def indices(dataset, seen):
    """Return true and said labels by index; what nobody knows and nothing have one more index."""
    known = {label: number for number, label in enumerate(dataset.labels)}
    true = [known[image.label] for image in dataset.images]
    given = [known.get(each.served[0].label, len(known)) if each.served else len(known) for each in seen]
    return np.array(true), np.array(given)


@pytest.mark.parametrize("seed", range(6))
def test_each_label_and_the_matrix_are_those_of_scikit_learn(seed):
    """Precision, recall, F1, support, confusion, unsaid and macro F1 over the labels that the truth shows."""
    dataset, seen = drawn_album(seed)
    true, given = indices(dataset, seen)
    precision, recall, f1, support = precision_recall_fscore_support(true, given, labels=range(7), zero_division=np.nan)
    matrix = confusion_matrix(true, given, labels=range(8))

    found = classification_figures(dataset, seen, resamples=0)

    nothing = lambda values: [None if math.isnan(value) else value for value in values.tolist()]  # noqa: E731
    rows = found.labels
    assert nothing(precision) == [pytest.approx(row.precision) if row.precision is not None else None for row in rows]
    assert nothing(recall) == [pytest.approx(row.recall) if row.recall is not None else None for row in rows]
    assert f1[:6].tolist() == [pytest.approx(row.f1) for row in rows[:6]]
    assert support.tolist() == [row.images for row in rows]
    assert matrix[:7, :7].tolist() == [list(row) for row in found.confusion]
    assert matrix[:7, 7].tolist() == list(found.unsaid)
    assert f1[:6].mean() == pytest.approx(found.macro_f1.value)


@pytest.mark.parametrize("k", [1, 5])
def test_top_k_is_that_of_scikit_learn(k):
    """Where something is said of each picture."""
    dataset, seen = drawn_album(3, silent=0, strange=0, labels=9)
    true, _ = indices(dataset, seen)
    scores = np.array([[{e.label: e.score for e in each.served}[label] for label in dataset.labels] for each in seen])

    found = classification_figures(dataset, seen, resamples=0)

    expected = top_k_accuracy_score(true, scores, k=k, labels=range(9))
    assert expected == pytest.approx((found.top1 if k == 1 else found.top5).value)


def test_draws_give_the_macro_f1_of_the_pictures_drawn():
    """A label that no drawn picture shows is left out of that draw."""
    dataset, seen = drawn_album(5, images=25)
    true, given = indices(dataset, seen)
    statistic = _MacroF1(answers_of(dataset, seen))

    for times in next(Draws(25, 30, 1).blocks()):
        chosen = np.repeat(np.arange(25), times.astype(int))
        shown = np.unique(true[chosen])
        f1 = precision_recall_fscore_support(true[chosen], given[chosen], labels=shown, zero_division=0)[2]

        assert f1.mean() == pytest.approx(statistic(times[None])[0, 0])


def test_figures_and_rows_of_pictures_that_can_be_counted_on_fingers():
    """Right, wrong, nothing said, failed, unknown label."""
    dataset, seen = album(
        said("a", ("a", 0.9), ("b", 0.1)),
        said("a", ("b", 0.8), ("a", 0.2)),
        said("b"),
        said("b", ("b", 0.7), problem=("timed_out", "Too late.")),
        said("b", ("z", 0.6)),
        labels=("a", "b", "c"),
    )
    found = evaluated(dataset, seen, model="m", digest="", engine="", threshold=None, resamples=50, seed=3)

    assert (0.2, 0.4, 1, 1.0) == (found.figures["top1"], found.figures["top5"], found.failed, found.figures["failed"])
    assert ((1, 1, 0), (0, 0, 0), (0, 0, 0)) == found.classification.confusion
    assert (0, 3, 0) == found.classification.unsaid
    assert (2 / 3 + 0) / 2 == pytest.approx(found.figures["macro_f1"])
    assert [(2, 1), (3, 1), (0, 0)] == [(row.images, row.said) for row in found.classification.labels]
    assert (None, None, None) == tuple(
        getattr(found.classification.labels[2], k) for k in ("precision", "recall", "f1")
    )
    assert [1, 2, None, None, None] == [row.rank for row in found.rows]
    assert ["a", "b", None, None, "z"] == [row.said for row in found.rows]
    assert [0.0, 0.8, 1.0, 1.0, 0.6] == [row.badness for row in found.rows]
    assert [None, None, None, "timed_out: Too late.", None] == [row.problem for row in found.rows]
    assert 3 == sum(each.count for each in found.classification.calibration.bins)
    assert (0.1 + 0.8 + 0.6) / 3 == pytest.approx(found.figures["ece"])
    assert found.classification.top1.low < 0.2 < found.classification.top1.high


def test_without_pictures_there_are_no_figures():
    """None everywhere, and no row."""
    found = classification_figures(*album(labels=("a",)), resamples=10)

    assert (None, None, None) == (found.top1.value, found.top5.value, found.macro_f1.value)
    assert found.calibration.ece.value is None
