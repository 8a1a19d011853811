"""A square plot of two shares: where a point stands in it, its grid and its axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from saccade.usage.html.markup import Markup, tag
from saccade.usage.html.parts import words

#: Points nearer to the last one than this, in units of the picture, are not drawn: nobody would see them.
_LEAST_STEP = 0.4


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a plot stands in its picture; both axes run from 0 to 1, the vertical one upwards.

    Attributes:
        left: Of the plot's own area, in units of the picture.
        top: As left.
        width: As left.
        height: As left.
        ticks: Shares that are named on both axes.
    """

    left: float
    top: float
    width: float
    height: float
    ticks: tuple[float, ...]

    def x(self, share: float) -> float:
        """Return where a share stands from left to right."""
        return self.left + share * self.width

    def y(self, share: float) -> float:
        """Return where a share stands from bottom to top."""
        return self.top + (1 - share) * self.height

    def grid(self) -> Iterator[Markup]:
        """Yield lines at the ticks, and their names."""
        for share in self.ticks:
            kind = "axis" if share == 0 else "grid"
            x, y = self.x(share), self.y(share)
            yield tag("line", x1=x, x2=x, y1=self.top, y2=self.y(0), class_=kind)
            yield tag("line", x1=self.left, x2=self.x(1), y1=y, y2=y, class_=kind)
            yield words(x, self.y(0) + 16, f"{share:g}", anchor="middle")
            yield words(self.left - 7, y + 4, f"{share:g}", anchor="end")

    def axes(self, across: str, upwards: str) -> Iterator[Markup]:
        """Yield what both axes are."""
        yield words(self.x(0.5), self.y(0) + 34, across, anchor="middle")
        yield words(0, self.top - 10, upwards)

    def path(self, points: Iterable[tuple[float, float]], kind: str) -> Markup:
        """Return a line through points.

        Args:
            points: (across, upwards), shares.
            kind: Class of the line.
        """
        written = " ".join(f"{x:.2f},{y:.2f}" for x, y in thinned([(self.x(x), self.y(y)) for x, y in points]))
        return tag("polyline", points=written, class_=kind)


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points without those that nobody would see; the first and the last always stay."""
    kept: list[tuple[float, float]] = []
    for number, (x, y) in enumerate(points):
        if kept and number < len(points) - 1:
            last_x, last_y = kept[-1]
            if abs(x - last_x) < _LEAST_STEP and abs(y - last_y) < _LEAST_STEP:
                continue
        kept.append((x, y))
    return kept
