"""Whether scores mean what they say: of answers with score 0.8, eight in ten should be right.

Ten bins of equal width. The expected calibration error (ECE) is the mean over bins of the gap between mean score and
share of right answers, weighted by how many answers a bin has.

Source:
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
"""

from __future__ import annotations

import numpy as np

from saccade.evaluation.bootstrap import Draws, figures_of, ratio
from saccade.evaluation.columns import Flags, Floats, Integers
from saccade.evaluation.document import Bin, Calibration

BINS = 10


def calibration_of(images: Integers, scores: Floats, is_right: Flags, draws: Draws) -> Calibration:
    """Hold scores against what was right.

    Args:
        images: (A,) picture of each answer.
        scores: (A,) in 0..1; what lies outside counts in the bin next to it.
        is_right: (A,).
        draws: Of the pictures.
    """
    # Held against the edges as they are told, for a score times ten may be rounded across one.
    edges = np.arange(1, BINS) / BINS
    bins = np.searchsorted(edges, scores, side="right")
    cells, size = images * BINS + bins, draws.images * BINS
    each = [np.bincount(cells, weights, minlength=size) for weights in (np.ones(len(scores)), scores, is_right)]
    tables = [sums.reshape(draws.images, BINS) for sums in each]

    def statistic(times: Floats) -> Floats:
        counts, sums, right = (times @ table for table in tables)
        return ratio(np.abs(sums - right).sum(axis=1), counts.sum(axis=1))[:, None]

    counts, sums, right = (table.sum(axis=0) for table in tables)
    return Calibration(
        ece=figures_of(statistic, draws)[0],
        bins=tuple(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                count=int(counts[number]),
                mean_score=float(sums[number] / counts[number]) if counts[number] else None,
                share_right=float(right[number] / counts[number]) if counts[number] else None,
            )
            for number in range(BINS)
        ),
    )
