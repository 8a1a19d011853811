"""Measuring the exported graph: share right, confusions, calibration and time on one core."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.training.sem_textures.augment import as_pixel_values, warped_to_square
from saccade.training.sem_textures.calibration import expected_calibration_error, log_loss, probabilities
from saccade.training.sem_textures.dataset import PictureSet
from saccade.training.sem_textures.graph import Graph
from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.recipe import INPUT_PX


@dataclass(frozen=True)
class Measured:
    """What the graph does on a set of pictures it was not trained on."""

    #: (10, 10) int64, rows true and columns answered, in the order of ``LABELS``.
    confusion: NDArray[np.int64]
    #: Mean gap between sureness and share right, 0..1.
    calibration_error: float
    log_loss: float

    @property
    def count(self) -> int:
        """How many pictures were measured."""
        return int(self.confusion.sum())

    @property
    def share_right(self) -> float:
        """The share of pictures whose top answer is right, 0..1."""
        return float(np.trace(self.confusion) / max(self.count, 1))

    def recall(self, place: int) -> float:
        """Return the share of a class's pictures that are recognised, 0..1."""
        return float(self.confusion[place, place] / max(int(self.confusion[place].sum()), 1))

    def precision(self, place: int) -> float:
        """Return the share of a class's answers that are right, 0..1."""
        return float(self.confusion[place, place] / max(int(self.confusion[:, place].sum()), 1))

    def worst_confusions(self, count: int) -> list[tuple[str, str, int]]:
        """Return the most frequent mistakes as (true label, answer, how often), most frequent first."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        places = [(int(index) // len(LABELS), int(index) % len(LABELS)) for index in order]
        return [(LABELS[row], LABELS[column], int(wrong[row, column])) for row, column in places if wrong[row, column]]


@dataclass(frozen=True)
class Timed:
    """Median processor times for one picture on one thread, in ms: what else the machine does counts little."""

    decode_ms: float
    preprocess_ms: float
    graph_ms: float


def measure(graph: Graph, pictures: PictureSet, *, temperature: float = 1.0) -> Measured:
    """Return how well the graph does on whole pictures, preprocessed as in serving.

    Args:
        graph: The exported graph.
        pictures: What to answer.
        temperature: Divides the logits once more; the inverse of the folded one takes that back.
    """
    squares = np.stack([warped_to_square(image) for image in pictures.images])
    logits = np.concatenate([graph.logits(squares[start : start + 64]) for start in range(0, len(squares), 64)])
    chances = probabilities(logits, temperature=temperature)
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(confusion, (pictures.targets, chances.argmax(axis=1)), 1)
    error = expected_calibration_error(chances, pictures.targets)
    return Measured(confusion, error, log_loss(logits, pictures.targets, temperature=temperature))


def measure_time(graph: Graph, image: NDArray[np.uint8], *, rounds: int = 40) -> Timed:
    """Return the median processor times of decoding, preprocessing and running one picture on one thread."""
    file = io.BytesIO()
    Image.fromarray(image).convert("RGB").save(file, "JPEG", quality=90)
    coded = file.getvalue()

    def decode() -> Image.Image:
        return Image.open(io.BytesIO(coded)).convert("RGB")

    decoded = decode()

    def preprocess() -> NDArray[np.float32]:
        square = np.asarray(decoded.resize((INPUT_PX, INPUT_PX), Image.Resampling.BILINEAR), dtype=np.uint8)
        return as_pixel_values(square[None, :, :, 0])

    square = warped_to_square(image)[None]
    return Timed(
        _median_ms(decode, rounds=rounds),
        _median_ms(preprocess, rounds=rounds),
        _median_ms(lambda: graph.logits(square), rounds=rounds),
    )


def _median_ms(action: Callable[[], object], *, rounds: int) -> float:
    """Return the median processor time of an action in ms, after a few rounds to warm up."""
    times: list[float] = []
    for index in range(rounds + 5):
        started = time.process_time()
        action()
        if index >= 5:  # noqa: PLR2004
            times.append((time.process_time() - started) * 1000.0)
    return float(np.median(times))


def top_predictions(graph: Graph, path: Path, *, count: int = 3) -> list[dict[str, str | float | int]]:
    """Return the best answers for a picture file as label, score in 0..1 and class id, best first."""
    with Image.open(path) as opened:
        warped = opened.convert("RGB").resize((INPUT_PX, INPUT_PX), Image.Resampling.BILINEAR)
    chances = probabilities(graph.logits(np.asarray(warped, dtype=np.uint8)[None, :, :, 0]))[0]
    order = np.argsort(-chances, kind="stable")[:count]
    return [
        {"label": LABELS[place], "score": round(float(chances[place]), 6), "class_id": int(place)} for place in order
    ]
