"""Calibration: scores that mean how often a find is right, fitted on synthetic validation pictures only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.export import Calibration
from saccade.training.circles.matching import Tally

NEWTON_STEPS = 50
RIDGE = 1e-3
CONVERGED = 1e-9
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(6, 19))
#: So much of F1 is given away for fewer false finds.
F1_FOR_CALM = 0.002


@dataclass(frozen=True, slots=True)
class Choice:
    """What validation decided: the calibration of the logits and the default threshold on calibrated scores."""

    calibration: Calibration
    threshold: float


def fit_calibration(tally: Tally) -> Calibration:
    """Return slope and offset of the logistic regression of "is right" on the raw logit, found by Newton's method.

    Source:
        Platt, Probabilistic Outputs for Support Vector Machines, 1999, without its prior on the targets.
    """
    logits = to_logits(np.array(tally.scores, np.float64))
    hits = np.array(tally.hits, np.float64)
    if hits.min(initial=1) == hits.max(initial=0) or len(hits) < len(THRESHOLDS):
        return Calibration()
    design = np.stack([logits, np.ones_like(logits)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(NEWTON_STEPS):
        guess = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (guess - hits) + RIDGE * (weights - [1.0, 0.0])
        bend = (design * (guess * (1 - guess))[:, None]).T @ design + RIDGE * np.eye(2)
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if float(np.abs(step).max()) < CONVERGED:
            break
    # A slope that is not positive would turn the order of the scores around: such a net has learned nothing yet.
    return Calibration(float(weights[0]), float(weights[1])) if weights[0] > 0 else Calibration()


def to_logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logits of scores in 0..1, kept finite."""
    safe = np.clip(scores, 1e-6, 1 - 1e-6)
    logits: NDArray[np.float64] = np.log(safe / (1 - safe))
    return logits


def calibrated(tally: Tally, calibration: Calibration) -> Tally:
    """Return the tally with the scores that a calibrated graph gives."""
    logits = to_logits(np.array(tally.scores, np.float64)) * calibration.slope + calibration.offset
    scores = 1 / (1 + np.exp(-logits))
    return Tally(
        scores.tolist(),
        tally.hits,
        tally.overlaps,
        tally.centre_errors,
        tally.radius_errors,
        tally.things,
        tally.pictures,
    )


def choose(tally: Tally) -> Choice:
    """Return the calibration and the threshold, both from the same pictures.

    The threshold is the highest multiple of 0.05 at which F1 is at most F1_FOR_CALM below its best.
    """
    calibration = fit_calibration(tally)
    after = calibrated(tally, calibration)
    f1 = {threshold: after.report(threshold).f1 for threshold in THRESHOLDS}
    if not any(f1.values()):
        return Choice(calibration, 0.5)
    return Choice(calibration, max(threshold for threshold in f1 if f1[threshold] >= max(f1.values()) - F1_FOR_CALM))
