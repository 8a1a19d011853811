"""Random draws with names: each takes the picture's own generator, so a seed fixes a picture."""

from collections.abc import Sequence
from typing import TypeVar

from numpy.random import Generator

T = TypeVar("T")


def chance(rng: Generator, probability: float) -> bool:
    """Return true with the given probability, 0..1."""
    return bool(rng.random() < probability)


def between(rng: Generator, low: float, high: float) -> float:
    """Return a number drawn evenly from ``low``..``high``."""
    return float(rng.uniform(low, high))


def log_between(rng: Generator, low: float, high: float) -> float:
    """Return a number from ``low``..``high`` whose logarithm is even: small sizes are as frequent as large."""
    return float(low * (high / low) ** rng.random())


def whole(rng: Generator, low: int, high: int) -> int:
    """Return a whole number from ``low``..``high``, both included."""
    return int(rng.integers(low, high + 1))


def pick(rng: Generator, options: Sequence[T]) -> T:
    """Return one of ``options``, each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def pick_weighted(rng: Generator, options: Sequence[tuple[float, T]]) -> T:
    """Return one of ``options``, each as likely as its weight says."""
    point = rng.random() * sum(weight for weight, _ in options)
    for weight, option in options:
        point -= weight
        if point <= 0.0:
            return option
    return options[-1][1]
