"""What the preprocessing tests share: random pictures, and transformers' own processors as the oracle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    """A function that draws a picture of noise: (height, width, 3) uint8."""

    def draw(height: int, width: int, *, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)

    return draw


@pytest.fixture(scope="session")
def oracle() -> Callable[[str], type]:
    """A function that returns transformers' torch-free class of a name without ``ImageProcessor``."""
    transformers = pytest.importorskip("transformers")

    def named(name: str) -> type:
        return getattr(transformers, f"{name}ImageProcessorPil")

    return named
