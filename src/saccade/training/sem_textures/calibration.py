"""Probabilities that mean what they say: the temperature, and how far from true they are."""

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]
"""(N, 10) float32, any range, columns in the order of ``LABELS``."""


def probabilities(logits: Logits, *, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the softmax of ``logits / temperature``, (N, 10) float64 in 0..1, rows adding to 1."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def log_loss(logits: Logits, targets: NDArray[np.int64], *, temperature: float = 1.0) -> float:
    """Return the mean of minus the logarithm of the right class's probability."""
    right = probabilities(logits, temperature=temperature)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def fit_temperature(logits: Logits, targets: NDArray[np.int64]) -> float:
    """Return the temperature in 0.2..5 with the lowest log loss, to a thousandth of its logarithm's range."""
    candidates = np.exp(np.linspace(np.log(0.2), np.log(5.0), 1001))
    losses = [log_loss(logits, targets, temperature=float(candidate)) for candidate in candidates]
    return float(candidates[int(np.argmin(losses))])


def expected_calibration_error(chances: NDArray[np.float64], targets: NDArray[np.int64], *, bins: int = 15) -> float:
    """Return the mean gap between how sure the top answer is and how often it is right, 0..1.

    Args:
        chances: (N, 10) float64, probabilities.
        targets: (N,) int64, true classes.
        bins: Equal parts of 0..1 within which sureness and share right are averaged.
    """
    sureness = chances.max(axis=1)
    is_right = chances.argmax(axis=1) == targets
    place = np.minimum((sureness * bins).astype(np.int64), bins - 1)
    gaps = [
        float(np.sum(place == index))
        * abs(float(is_right[place == index].mean()) - float(sureness[place == index].mean()))
        for index in np.unique(place)
    ]
    return float(sum(gaps) / max(len(targets), 1))
