"""A prediction in a few words."""

import pytest

from saccade.cli.findings import Finding, finding_of


def prediction(task, *entries):
    """Return a prediction as the API gives it."""
    return {
        "task": task,
        "predictions": [{"label": label, "score": score} for label, score in entries],
        "timing_ms": {"total": 4.9},
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            prediction("image-classification", ("tips", 0.9), ("powder", 0.06), ("films", 0.03), ("fibres", 0.01)),
            Finding("tips", "powder 0.060", 0.9, 4.9),
        ),
        (
            prediction("object-detection", ("coin", 0.8), ("well", 0.9), ("coin", 0.7)),
            Finding("2 coin, 1 well", "", 0.9, 4.9),
        ),
        (prediction("object-detection"), Finding("nothing", "", None, 4.9)),
        (prediction("image-classification"), Finding("nothing", "", None, 4.9)),
    ],
)
def test_finding_is_the_best_label_or_a_count(said, expected):
    """A classifier's row shows its best label and the next; a detector's row counts."""
    assert finding_of(said) == expected
