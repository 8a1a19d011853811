"""The tiny OWL-ViT package of the tests, and what transformers says of pictures with it; ``make.py`` made both."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

#: The package, in Hugging Face's layout.
FOLDER = Path(__file__).parent / "tiny-owlvit"
GOLDEN = Path(__file__).parent / "golden.json"


class Found(NamedTuple):
    """One thing that transformers found: corners in px, not cut off at the picture's edge."""

    label: str
    score: float
    box: tuple[float, float, float, float]


def golden(part: str) -> list[dict]:
    """Return the rows of ``tokens`` or of ``answers``."""
    return json.loads(GOLDEN.read_text())[part]


def found(row: dict, threshold: str) -> list[Found]:
    """Return a row's answer for a threshold, best first."""
    answer = row["answers"][threshold]
    things = zip(answer["labels"], answer["scores"], map(tuple, answer["boxes"]), strict=True)
    return sorted((Found(*thing) for thing in things), key=lambda thing: -thing.score)


def picture(height: int, width: int, seed: int) -> np.ndarray:
    """Noise over a ramp: (height, width, 3) uint8."""
    noise = np.random.default_rng(seed).integers(0, 128, (height, width, 3))
    ramp = np.linspace(0, 127, width).astype(np.int64)[None, :, None]
    return (noise + ramp).astype(np.uint8)


def png(height: int, width: int, seed: int) -> bytes:
    """The same picture as a file."""
    stream = io.BytesIO()
    Image.fromarray(picture(height, width, seed)).save(stream, "PNG")
    return stream.getvalue()
