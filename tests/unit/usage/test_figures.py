"""Latency out of classes, numbers as people read them, notes that are true."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saccade.usage.event import latency_class
from saccade.usage.latency import Histogram
from saccade.usage.notes import in_words, notes_on
from saccade.usage.numbers import compact, lasting, percent, size
from saccade.usage.totals import path_of
from unit.usage.ledger import FakeLedger, report_of


@given(some.lists(some.integers(64, 10**10), min_size=1, max_size=200))
def test_percentile_is_never_too_low_and_at_most_a_tenth_too_high(durations_us):
    """However requests are spread, the bound that the notes promise holds."""
    histogram = Histogram()
    for duration_us in durations_us:
        histogram.add(latency_class(duration_us), 1)
    found = histogram.percentiles()

    ordered = sorted(durations_us)
    for percent_, told_ms in ((50, found.p50_ms), (95, found.p95_ms), (99, found.p99_ms)):
        true_ms = ordered[-(-len(ordered) * percent_ // 100) - 1] / 1000
        assert true_ms <= told_ms * (1 + 1e-9)
        assert told_ms <= true_ms * 1.1


def test_nothing_has_no_percentiles():
    """Where there was no request no latency is made up."""
    assert Histogram().percentiles() is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1 k"), (12_345, "12.3 k"), (999_499, "999 k"), (999_500, "1 M"),
        (1_500_000, "1.5 M"), (2 * 10**12, "2 T"),
    ],
)  # fmt: skip
def test_large_numbers_have_three_digits(number, text):
    """Nobody reads seven digits at a glance, and no number rounds up into four."""
    assert text == compact(number).replace("\u00a0", " ")


def test_units_are_those_people_use():
    """Bytes count by 1024, pixels by 1000, durations by the clock; shares never hide that there is something."""
    shown = [size(1536), size(0), compact(63_600_000_000, "px"), lasting(0.064), lasting(1500), lasting(7_200_000)]
    shares = [percent(0), percent(1), percent(0.0001), percent(0.99999), percent(0.042)]

    assert ["1.5 KiB", "0 B", "63.6 Gpx", "0.06 ms", "1.5 s", "2 h"] == [text.replace("\u00a0", " ") for text in shown]
    assert ["0 %", "100 %", "<0.1 %", ">99.9 %", "4.2 %"] == [text.replace("\u00a0", " ") for text in shares]


def test_spans_are_told_in_two_units():
    """Days with hours, hours with minutes."""
    spans = [timedelta(minutes=1), timedelta(hours=25), timedelta(days=30), timedelta(minutes=90)]

    assert ["1 minute", "1 day 1 hour", "30 days", "1 hour 30 minutes"] == [in_words(span) for span in spans]


def test_path_has_the_model_in_its_place():
    """The model that was asked for stands where the route has a gap; a route without one keeps it apart."""
    assert "/v1/models/a/predict" == path_of("/v1/models/{model}/predict", "a")
    assert r"/v1/models/\1/predict" == path_of("/v1/models/{model:path}/predict", r"\1")
    assert ("/v1/jobs", "/v1/jobs [a]") == (path_of("/v1/jobs", ""), path_of("/v1/jobs", "a"))


def test_notes_say_what_limits_the_figures_and_nothing_else():
    """A window that is not covered is told with its gap, filters by their values; where all is well nothing is."""
    full = " ".join(notes_on(report_of()))
    short = " ".join(notes_on(report_of(since_h=48, service="lab", principal="ada")))

    assert "Only" not in full
    assert "oldest row" not in full
    assert "1 day after the window begins" in short
    assert "Only the service lab is counted." in short
    assert "Only who has the id or the name ada is counted." in short
    assert "Only your own requests and predictions are counted." in notes_on(report_of(only="ada"))
    assert "Nothing was counted in this window." in notes_on(report_of(FakeLedger(hours=0)))


def test_silence_and_changed_clocks_are_told():
    """Hours without a request between two with some are named with their begin; a change of clocks with its zone."""

    class Gappy(FakeLedger):
        def slots(self, chosen, *, width_us):
            return (cell for number, cell in enumerate(super().slots(chosen, width_us=width_us)) if not 5 <= number < 9)

    told = " ".join(notes_on(report_of(Gappy(), bucket="hour")))
    changed = " ".join(notes_on(report_of(since_h=24 * 120, zone="Europe/Rome", bucket="day")))

    assert "The longest time without a request: 4 hours from 2026-06-14 17:00." in told
    assert "The clocks of Europe/Rome were changed" in changed
    assert "clocks of" not in told
