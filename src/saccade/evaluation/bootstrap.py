"""How sure a figure is: what it would be on other pictures of the same kind, by drawing from these again and again.

The percentile bootstrap over pictures: as many pictures as there are, drawn with replacement; what belongs to a picture
comes and goes with it, for objects of one picture are not independent. A figure's interval reaches from the 2.5 % to
the 97.5 % quantile of its values (linear between neighbours); resamples in which it cannot be computed are left out.
Equal seeds draw equal pictures, for every figure and every model, so that models are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from saccade.evaluation.columns import Floats
from saccade.evaluation.document import Figure

#: From how often each picture was drawn, (R, N) float64 whole numbers, to S figures of each of the R draws, (R, S);
#: NaN where one cannot be computed. Ones in a single row give the figures of the dataset itself.
Statistic: TypeAlias = Callable[[Floats], Floats]

_QUANTILES = (2.5, 97.5)
#: Numbers held at a time: 16 MB.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Draws:
    """Resamples of a dataset's pictures.

    Attributes:
        images: How many pictures there are.
        resamples: How often they are drawn; 0: not at all, and no figure has an interval.
        seed: Of the draws.
    """

    images: int
    resamples: int
    seed: int

    def blocks(self) -> Iterator[Floats]:
        """Yield how often each picture was drawn, (R, N) float64, some resamples at a time."""
        if not self.images:
            return
        generator = np.random.default_rng(self.seed)
        step = max(1, _BLOCK // self.images)
        for begin in range(0, self.resamples, step):
            rows = min(step, self.resamples - begin)
            drawn = generator.integers(self.images, size=(rows, self.images), dtype=np.int64)
            drawn += np.arange(rows)[:, None] * self.images
            times = np.bincount(drawn.ravel(), minlength=rows * self.images)
            yield times.reshape(rows, self.images).astype(np.float64)


def figures_of(statistic: Statistic, draws: Draws) -> list[Figure]:
    """Return figures with their intervals.

    Args:
        statistic: What computes them.
        draws: Of which pictures.
    """
    values = statistic(np.ones((1, draws.images)))[0]
    return with_intervals([None if np.isnan(value) else float(value) for value in values], statistic, draws)


def with_intervals(values: list[float | None], statistic: Statistic, draws: Draws) -> list[Figure]:
    """Return figures whose values are known already with their intervals.

    Args:
        values: The S figures of the dataset itself.
        statistic: What computes the same ones of a draw.
        draws: Of which pictures.
    """
    found = [statistic(times) for times in draws.blocks()]
    if not found:
        return [Figure(value) for value in values]
    drawn = np.concatenate(found)
    return [_figure(value, drawn[:, number]) for number, value in enumerate(values)]


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return shares, NaN where there is nothing to share."""
    shares: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return shares


def _figure(value: float | None, drawn: Floats) -> Figure:
    known = drawn[~np.isnan(drawn)]
    if value is None or not len(known):
        return Figure(value)
    low, high = np.percentile(known, _QUANTILES)
    return Figure(value, float(low), float(high))
