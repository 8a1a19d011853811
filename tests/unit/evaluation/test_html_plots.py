"""What is drawn stands where the figures say: points of curves, whiskers, bars, cells and stages."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saccade.evaluation.document import Bin, Calibration, Curve, Figure, StageLatency
from saccade.evaluation.html.calibration import PLOT as BINS
from saccade.evaluation.html.calibration import calibration_panel
from saccade.evaluation.html.confusion import MOST_LABELS, confusion_panel, shade_of
from saccade.evaluation.html.curves import PLOT, SMALL, curves_panel, sampled, small_curves_panel
from saccade.evaluation.html.frame import Frame, thinned
from saccade.evaluation.html.latency import latency_panel
from saccade.evaluation.html.whisker import whisker
from unit.evaluation.examples import classifier, detector, empty_detector
from unit.evaluation.reader import Page

KNOWN = ((0.25, 1.0, 0.9), (0.5, 1.0, 0.8), (0.5, 0.5, 0.7), (1.0, 0.25, 0.6))
shares = some.floats(0, 1)


def with_curves(*curves):
    """Return the figures of a detector that has these curves."""
    return replace(empty_detector().detection, curves=curves)


def test_curve_goes_through_its_points():
    """Recall runs from left to right and precision upwards, each from 0 to 1 over the whole plot."""
    read = Page(curves_page(with_curves(Curve(None, 0.5, KNOWN, (0.5, 0.5)))))
    (line,), (ring, _) = read.named("polyline"), read.named("circle")[::-1]

    assert (PLOT.left, PLOT.top, PLOT.width, PLOT.height) == (40, 28, 430, 300)
    assert "147.50,28.00 255.00,28.00 255.00,178.00 470.00,253.00" == line["points"]
    assert ("255", "178") == (ring["cx"], ring["cy"])


def curves_page(figures):
    """Return the card of the curves as a page."""
    return f'<html lang="en">{curves_panel(figures, "k")}</html>'


def test_each_overlap_has_its_own_line():
    """Curves at several overlaps stand in one plot, from the least overlap on, told apart by more than colour."""
    read = Page(curves_page(with_curves(Curve(None, 0.75, KNOWN[:2], None), Curve(None, 0.5, KNOWN, None))))

    assert [("line l1", 4), ("line l2", 2)] == [
        (has["class"], len(has["points"].split())) for has in read.named("polyline")
    ]
    assert {"IoU 0.5", "IoU 0.75"} <= read.shown


def test_labels_have_small_plots_up_to_twelve():
    """Of many labels the twelve with most objects are drawn, their points where they belong; one label has none."""
    many = detector(labels=tuple(f"label {number}" for number in range(30))).detection
    read = Page(f'<html lang="en">{small_curves_panel(many, "k")}</html>')
    most = sorted(many.labels, key=lambda row: -row.truths)[:12]
    first = next(each for each in many.curves if each.label == most[0].label)
    x, y, _ = first.points[0]

    assert 12 == len(read.named("polyline"))
    assert {row.label for row in most} <= read.shown
    assert (
        f"{SMALL.left + x * SMALL.width:.2f},{SMALL.top + (1 - y) * SMALL.height:.2f}"
        == read.named("polyline")[0]["points"].split()[0]
    )
    assert small_curves_panel(detector(labels=("coin",)).detection, "k") is None


@given(some.lists(some.tuples(shares, shares), min_size=1, max_size=60))
def test_thinning_keeps_the_ends_and_moves_nothing(points):
    """The first and the last point stay, none is made up, and each that is left out has a neighbour to stand for it."""
    placed = [(100 * x, 100 * y) for x, y in points]
    kept = thinned(placed)

    assert (placed[0], placed[-1]) == (kept[0], kept[-1])
    assert set(kept) <= set(placed)
    assert all(min(max(abs(x - a), abs(y - b)) for a, b in kept) < 0.4 for x, y in placed)


@given(shares, shares)
def test_frame_is_linear_and_upright(x, y):
    """0 and 1 are the edges of the plot; more precision stands higher."""
    frame = Frame(left=10, top=20, width=200, height=100, ticks=(0, 1))

    assert (10 + 200 * x, 120 - 100 * y) == pytest.approx((frame.x(x), frame.y(y)))


@given(some.integers(1, 500))
def test_table_behind_a_curve_has_its_ends(count):
    """At most forty rows, the first and the last point of the curve among them, in their order."""
    points = [(number / count, 1.0, 1 - number / count) for number in range(count)]
    rows = list(sampled(points))

    assert min(40, count) == len(rows)
    assert (points[0], points[-1]) == (rows[0], rows[-1])
    assert sorted(set(rows)) == rows


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (Figure(0.5, 0.4, 0.7), [("track", "0", "100"), ("interval", "40", "30"), ("blue", "49", "2")]),
        (Figure(0.0, 0.0, 0.0), [("track", "0", "100"), ("interval", "0", "1"), ("blue", "0", "2")]),
        (Figure(1.0, 1.0, 1.0), [("track", "0", "100"), ("interval", "99", "1"), ("blue", "98", "2")]),
        (Figure(0.25), [("track", "0", "100"), ("blue", "24", "2")]),
    ],
)
def test_whisker_stands_on_its_track(figure, expected):
    """The interval lies between its ends and the mark around the value, never beyond the track."""
    read = Page(f'<html lang="en">{whisker(figure)}</html>')

    assert expected == [(has["class"], has["x"], has["width"]) for has in read.named("rect")]
    assert whisker(Figure(None)) is None


def test_reliability_bars_are_as_high_as_answers_were_right():
    """A bin from 0.5 to 0.6 with half of its answers right reaches half the height; its score is a line above."""
    bins = (Bin(0.0, 0.5, 0, None, None), Bin(0.5, 0.6, 20, 0.56, 0.5), Bin(0.9, 1.0, 40, 0.95, 1.0))
    panel = calibration_panel(Calibration(Figure(0.05, 0.01, 0.09), bins), "k", right="matched")
    read = Page(f'<html lang="en">{panel}</html>')
    bars, lines, counts = (
        read.named(name, kind) for name, kind in (("rect", "h2"), ("line", "said"), ("rect", "grey"))
    )

    assert (40, 28, 290, 240) == (BINS.left, BINS.top, BINS.width, BINS.height)
    assert [("186", "148", "27", "120"), ("302", "28", "27", "240")] == [
        tuple(has[key] for key in ("x", "y", "width", "height")) for has in bars[1:]
    ]
    assert ["133.6", "40"] == [has["y1"] for has in lines if has["y1"] == has["y2"] and has["x1"] != "0"]
    assert ["26", "52"] == [has["height"] for has in counts[1:]]
    assert "ECE 0.050" in read.text


def test_matrix_has_a_cell_for_each_pair():
    """Each cell tells how many pictures of a label were said to be another, shaded by its share of the row."""
    figures = classifier().classification
    read = Page(f'<html lang="en">{confusion_panel(figures, "k")}</html>')
    cells = [text for text in read.texts if " said to be " in text]
    labels = [row.label for row in figures.labels]

    wanted = [
        f"{true} said to be {said}: {number} of {sum(row) + nothing}"
        for true, row, nothing in zip(labels, figures.confusion, figures.unsaid, strict=True)
        for said, number in zip([*labels, "nothing known"], [*row, nothing], strict=True)
    ]
    assert wanted == cells
    assert len(labels) == len(read.named("rect", "right"))


@pytest.mark.parametrize(("count", "is_drawn"), [(1, False), (2, True), (MOST_LABELS, True), (MOST_LABELS + 1, False)])
def test_matrix_is_drawn_where_it_can_be_read(count, is_drawn):
    """One label cannot be confused; beyond thirty no cell could be read. All of it lies inside the picture."""
    figures = classifier(labels=tuple(f"a rather long label {number}" for number in range(count))).classification
    panel = confusion_panel(figures, "k")

    assert is_drawn == (panel is not None)
    if panel is not None:
        read = Page(f'<html lang="en">{panel}</html>')
        width, height = map(float, next(has for has in read.named("svg") if "role" in has)["viewbox"].split()[2:])
        cells = [has for has in read.named("rect") if float(has["width"]) != 12]
        assert max(float(has["x"]) + float(has["width"]) for has in cells) <= width
        assert max(float(has["y"]) + float(has["height"]) for has in cells) <= height


@given(some.integers(1, 10_000), some.data())
def test_more_pictures_are_never_paler(total, data):
    """Shades rise with the share of the row; only nothing has the shade of nothing, and all of a row the darkest."""
    few = data.draw(some.integers(1, total))

    assert 0 == shade_of(0, total)
    assert 1 <= shade_of(few, total) <= shade_of(total, total) == 5
    assert (shade_of(few, total) - 1) / 5 < few / total <= shade_of(few, total) / 5


def test_stages_fill_the_bar_by_their_means():
    """Parts stand in the order in which a picture goes through them; what no stage accounts for stays track."""
    means = {"total": 10.0, "infer": 5.0, "queue": 1.0, "decode": 2.0}
    panel = latency_panel(
        [StageLatency(name, mean, mean, mean, mean, mean) for name, mean in means.items()], "k", where="Here."
    )
    read = Page(f'<html lang="en">{panel}</html>')
    thick = re.search(r'<svg class="bar thick".*?</svg>', panel)[0]
    rows = [text for text in read.texts if text in means]

    assert [("track", "0", "100"), ("grey", "0", "10"), ("amber", "10", "20"), ("blue", "30", "50")] == [
        (has["class"], has["x"], has["width"]) for has in Page(f'<html lang="en">{thick}</html>').named("rect")
    ]
    assert ["queue", "decode", "infer"] * 2 + ["total"] == rows
    assert " 20.0\u00a0%" in read.text
