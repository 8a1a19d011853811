"""What the page warns of: each caution where it holds, and only there."""

from dataclasses import replace

import pytest

from saccade.evaluation.cautions import cautions_on, cautions_on_model, named
from saccade.evaluation.document import ClassRow, Figure, LabelRow
from saccade.evaluation.html.page import page
from saccade.evaluation.numbers import best_of, columns_of, confused_pairs, count_of, figure_of, interval, share
from unit.evaluation.examples import classifier, detector, empty_detector, evaluation, without_intervals


def much_calibrated(model):
    """Return a detector whose bins are full."""
    figures = model.detection
    bins = tuple(replace(each, count=50) for each in figures.calibration.bins)
    return replace(model, detection=replace(figures, calibration=replace(figures.calibration, bins=bins)))


SOUND = much_calibrated(detector(images=400, labels=("coin", "button"), skill=0.9))


def on(model, images=400):
    """Return what is said of a model as one text."""
    return " ".join(cautions_on_model(model, images))


def with_labels(*rows):
    """Return a detector with these (label, truths, finds)."""
    found = tuple(LabelRow(label, truths, finds, 0.5, 0.6, 0.7, 0.8, 0.75) for label, truths, finds in rows)
    return replace(SOUND, detection=replace(SOUND.detection, labels=found))


def test_sound_figures_have_no_caution():
    """Many pictures, narrow intervals, labels shown often: nothing stands out, and the page says so."""
    sound = with_labels(("coin", 50, 50))

    assert [] == cautions_on(evaluation(sound))
    assert [] == cautions_on_model(sound, 400)
    assert "Nothing stands out." in page(evaluation(sound), {})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (evaluation(), "No model was evaluated."),
        (evaluation(empty_detector()), "no picture"),
        (evaluation(detector(images=49)), "Only 49 pictures"),
        (replace(evaluation(SOUND), truths=0), "No picture has a known object"),
        (evaluation(without_intervals(SOUND), resamples=0), "No confidence intervals"),
        (evaluation(SOUND, replace(SOUND, model="b@1")), "overlap in AP, F1: which is better is not settled"),
        (evaluation(SOUND, classifier(images=400)), "different tasks"),
    ],
)
def test_caution_on_all_models(document, words):
    """What holds for the dataset, or for the models together."""
    assert words in " ".join(cautions_on(document))
    assert words not in " ".join(cautions_on(evaluation(SOUND)))


def test_intervals_that_do_not_meet_are_no_caution():
    """Where the better model's interval lies above the other's, which is better is settled."""
    worse = detector("b@1", images=400, labels=("coin", "button"), skill=0.3)

    assert "settled" not in " ".join(cautions_on(evaluation(SOUND, worse)))


def with_ap(low, high):
    """Return a detector whose AP has this interval."""
    coco = replace(SOUND.detection.coco, ap=Figure((low + high) / 2, low, high))
    return replace(SOUND, detection=replace(SOUND.detection, coco=coco))


def with_top5(value):
    """Return a classifier of three labels whose Top-5 is this."""
    model = classifier(labels=("a", "b", "c"))
    return replace(model, classification=replace(model.classification, top5=Figure(value)))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (replace(SOUND, failed=3), "3 of 400 pictures could not be answered"),
        (replace(SOUND, failed=400), "All pictures could not be answered"),
        (replace(SOUND, digest=""), "which package answered"),
        (with_ap(0.3, 0.7), "The interval of AP is 0.40 wide"),
        (with_ap(1.0, 1.0), "AP is 1.000 in every resample"),
        (replace(SOUND, detection=replace(SOUND.detection, finds=0)), "Nothing was found"),
        (replace(SOUND, detection=replace(SOUND.detection, threshold=None)), "the model's own threshold"),
        (with_labels(("coin", 9, 9)), "1 label has fewer than 10 objects, so that one more changes a lot: coin."),
        (with_labels(("coin", 50, 9), ("ring", 0, 0)), "1 label is in no picture and in no mean: ring."),
        (with_labels(("coin", 50, 9), ("ring", 0, 7)), "7 finds of labels that no picture is known to show"),
        (detector(labels=("coin",), seed=4), "its bars are rough"),
        (with_top5(1.0), "With 3 labels the right one is always among five"),
        (classifier(unsaid=4), "Of 4 pictures nothing was said"),
    ],
)
def test_caution_on_a_model(model, words):
    """What one model's figures rest on."""
    assert words in on(model)
    assert words not in on(with_labels(("coin", 50, 50)))


def test_top5_of_few_labels_may_still_say_something():
    """A model that knows labels beyond the truth's may miss with five answers: no caution then."""
    assert "among five" not in on(with_top5(0.9))


def test_class_that_no_picture_shows_is_named():
    """A label of the truth that is in no picture counts in no mean, and is told."""
    model = classifier()
    rows = (*model.classification.labels, ClassRow("foam", 0, 0, None, None, None))

    assert "1 label is in no picture and in no mean: foam." in on(
        replace(model, classification=replace(model.classification, labels=rows))
    )


def test_many_names_are_a_few_and_a_number():
    """Six are named, long ones cut."""
    assert "0, 1, 2, 3, 4, 5 and 4 more" == named([str(number) for number in range(10)])
    assert 40 == len(named(["long" * 99]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "\u2013"), (0, "0.000"), (1, "1.000"), (0.99999, ">0.999"), (0.00001, "<0.001"), (0.12345, "0.123")],
)
def test_share_never_looks_perfect_if_it_is_not(value, expected):
    """Three digits; what is almost all or almost nothing is told as that."""
    assert expected == share(value)


def test_interval_needs_both_ends_and_a_value():
    """Without a resample there is no interval."""
    assert "0.100\u20130.300" == interval(Figure(0.2, 0.1, 0.3))
    assert ["", "", ""] == [interval(each) for each in (Figure(0.2), Figure(None), Figure(None, 0.1, 0.2))]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("ap", (0.1, 0.3, None), {1}),
        ("ece", (0.1, 0.3, 0.1), {0, 2}),
        ("ap", (0.3, 0.3), set()),
        ("ap", (None, 0.3), set()),
        ("p99_ms", (9.0, 7.0), {1}),
    ],
)
def test_best_is_the_largest_or_of_some_the_smallest(name, values, expected):
    """Nothing is best among equals, or alone."""
    assert expected == best_of(name, values)


def test_columns_are_those_of_the_tasks_in_one_order():
    """A detector's figures, then a classifier's, then those of both; also where none could be computed."""
    both = list(columns_of(evaluation(classifier(), empty_detector())).values())

    assert ["AP", "AP50", "AP75", "Precision", "Recall", "F1", "Jaccard"] == both[:7]
    assert ["Top-1", "Top-5", "Macro F1", "ECE", "Latency p50", "Failed"] == both[7:]
    assert SOUND.detection.hungarian[1].f1 == figure_of(SOUND, "hungarian_f1@0.5")
    assert Figure(SOUND.figures["p50_ms"]) == figure_of(SOUND, "p50_ms")


def test_confused_pairs_are_those_beside_the_diagonal():
    """Most pictures first; together they are all that stands beside it."""
    figures = classifier().classification
    pairs = confused_pairs(figures)
    beside = sum(number for t, row in enumerate(figures.confusion) for s, number in enumerate(row) if t != s)

    assert beside == sum(number for _, _, number, _ in pairs)
    assert sorted((number for _, _, number, _ in pairs), reverse=True) == [number for _, _, number, _ in pairs]
    assert ("1 pair", "2 pairs", "1,000 finds") == (count_of(1, "pair"), count_of(2, "pair"), count_of(1000, "find"))
