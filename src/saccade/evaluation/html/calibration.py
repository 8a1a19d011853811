"""Whether scores mean what they say: how often answers were right, over how sure they were."""

from __future__ import annotations

from collections.abc import Iterator

from saccade.evaluation.document import Bin, Calibration
from saccade.evaluation.html.frame import Frame
from saccade.evaluation.html.whisker import told
from saccade.evaluation.numbers import UNKNOWN, share
from saccade.usage.html.markup import Child, Markup, tag
from saccade.usage.html.parts import folded, legend, panel, picture, square, table, words
from saccade.usage.numbers import compact, whole

PLOT = Frame(left=40, top=28, width=290, height=240, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
#: Where the counts stand, below the plot: their foot and how high the highest is.
_COUNTS_FOOT = 386
_COUNTS_HEIGHT = 52
_SIZE = (346, 392)


def calibration_panel(calibration: Calibration, key: str, *, right: str) -> Markup:
    """Return the card of a reliability diagram.

    Args:
        calibration: What is shown.
        key: Unique in the page.
        right: When an answer counts as right.
    """
    answers = sum(each.count for each in calibration.bins)
    title = "Calibration"
    if not answers:
        empty = tag("p", "Nothing was said: nothing to hold scores against.", class_="empty")
        return panel(f"{key}-calibration", title, "Whether scores mean what they say.", empty, kind="five", level=3)
    drawn = picture(
        f"{key}-calibration",
        title="Share of right answers over score, and how many answers there are",
        description=_described(calibration, answers),
        kind="plot",
        size=_SIZE,
        marks=_marks(calibration.bins),
    )
    keys = legend(
        [
            (square("h2"), "how often right"),
            (tag("line", x1=0, x2=12, y1=6, y2=6, class_="said"), "mean score"),
            (square("grey"), "how many answers"),
        ]
    )
    ece = calibration.ece
    figure = tag("p", tag("b", "ECE ", told(ece)), class_="lead") if ece.value is not None else None
    hint = f"Of answers with score 0.8, eight in ten should be right, that is {right}. Honest bars end at their line."
    return panel(
        f"{key}-calibration", title, hint, figure, keys, drawn,
        folded("These figures as a table", _table(calibration.bins)), kind="five", level=3,
    )  # fmt: skip


def _described(calibration: Calibration, answers: int) -> str:
    return f"Expected calibration error {share(calibration.ece.value)} over {whole(answers)} answers."


def _marks(bins: tuple[Bin, ...]) -> Iterator[Child]:
    yield from PLOT.grid()
    yield words(0, PLOT.top - 10, "Share right")
    most = max(each.count for each in bins)
    for each in bins:
        if each.count:
            yield _bar(each, most)
    yield tag("line", x1=PLOT.x(0), y1=PLOT.y(0), x2=PLOT.x(1), y2=PLOT.y(1), class_="honest")
    yield words(PLOT.x(0.5), PLOT.y(0) + 34, "Score", anchor="middle")
    yield words(0, _COUNTS_FOOT - _COUNTS_HEIGHT - 6, "Answers")
    yield words(PLOT.left - 7, _COUNTS_FOOT - _COUNTS_HEIGHT + 8, compact(most), anchor="end")
    yield tag("line", x1=PLOT.x(0), x2=PLOT.x(1), y1=_COUNTS_FOOT, y2=_COUNTS_FOOT, class_="axis")


def _bar(each: Bin, most: int) -> Markup:
    """Return how often answers of one bin were right, how far that is from what they said, and how many there are."""
    x, width = PLOT.x(each.low) + 1, (each.high - each.low) * PLOT.width - 2
    right, said = each.share_right or 0.0, each.mean_score or 0.0
    spoken = f"score {each.low:g} to {each.high:g}: {whole(each.count)} answers, {share(each.share_right)} right"
    height = max(1.0, _COUNTS_HEIGHT * each.count / most)
    return tag(
        "g",
        tag("title", spoken),
        tag("rect", x=x, y=PLOT.y(right), width=width, height=PLOT.height * right, class_="h2"),
        tag("line", x1=x + width / 2, x2=x + width / 2, y1=PLOT.y(right), y2=PLOT.y(said), class_="said thin"),
        tag("line", x1=x, x2=x + width, y1=PLOT.y(said), y2=PLOT.y(said), class_="said"),
        tag("rect", x=x, y=_COUNTS_FOOT - height, width=width, height=height, class_="grey"),
    )


def _table(bins: tuple[Bin, ...]) -> Markup:
    heads = (("Score", ""), ("Answers", "n"), ("Mean score", "n"), ("Share right", "n"))
    rows = (
        (
            f"{each.low:g} to {each.high:g}",
            whole(each.count),
            share(each.mean_score) if each.count else UNKNOWN,
            share(each.share_right) if each.count else UNKNOWN,
        )
        for each in bins
    )
    return table("Calibration", heads, rows)
