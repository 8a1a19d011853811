"""A figure with its confidence interval: in words, and as a line with a dot on a track from 0 to 1."""

from __future__ import annotations

from saccade.evaluation.document import Figure
from saccade.evaluation.numbers import UNKNOWN, interval, share
from saccade.usage.html.markup import Markup, join, tag


def whisker(figure: Figure) -> Markup | None:
    """Return a figure as a picture; None where there is none. The number stands beside it."""
    if figure.value is None:
        return None
    drawn = [tag("rect", x=0, y=3, width=100, height=2, class_="track")]
    if figure.low is not None and figure.high is not None:
        width = max(1.0, 100 * (figure.high - figure.low))
        drawn.append(tag("rect", x=min(100 * figure.low, 100 - width), y=1, width=width, height=6, class_="interval"))
    drawn.append(tag("rect", x=min(max(100 * figure.value - 1, 0.0), 98.0), y=0, width=2, height=8, class_="blue"))
    return tag("svg", *drawn, class_="bar whisker", viewBox="0 0 100 8", preserveAspectRatio="none", aria_hidden="true")


def told(figure: Figure) -> Markup:
    """Return a figure, and below it its interval."""
    between = interval(figure)
    return join([share(figure.value), tag("span", between, class_="under") if between else None])


def known(value: float | None) -> Markup:
    """Return a figure without an interval."""
    return tag("span", UNKNOWN, class_="quiet") if value is None else join([share(value)])
