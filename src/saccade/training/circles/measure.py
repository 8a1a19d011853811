"""Measuring an exported graph: on sets that the generator draws and on pictures with COCO boxes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

from saccade.models.decoders.peaks import MAX_CONTAINMENT, MAX_IOU, Peaks, keep_peaks
from saccade.training.circles.export import open_graph
from saccade.training.circles.generator import SCENES, decode_picture, encode_picture, make_picture
from saccade.training.circles.matching import Tally
from saccade.training.circles.preprocess import network_input
from saccade.training.circles.shards import STATES_PER_SET, TEST_FIRST_STATE, ShardReader
from saccade.training.circles.stage import LABEL_COLUMNS, Labels

LOWEST_SCORE = 0.02
SET_PICTURES = {"empty": 800}
DEFAULT_SET_PICTURES = 250
BENCHMARK_RUNS = 100

Sample = tuple[NDArray[np.uint8], Labels]


class CocoImage(TypedDict):
    """An image's entry in a COCO file."""

    id: int
    file_name: str


class CocoAnnotation(TypedDict):
    """A box's entry in a COCO file: x, y, width, height in px."""

    image_id: int
    bbox: list[float]


class CocoFile(TypedDict):
    """The parts of a COCO file that are read here."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]


@dataclass(slots=True)
class Detector:
    """A graph with its decoding, as it is served."""

    session: onnxruntime.InferenceSession
    max_iou: float = MAX_IOU
    max_containment: float = MAX_CONTAINMENT
    graph_times_s: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, graph: Path) -> Detector:
        """Return the detector of an ONNX file, on one thread."""
        return cls(open_graph(graph))

    def raw(self, image: NDArray[np.uint8]) -> tuple[Peaks, tuple[float, float]]:
        """Return all peaks of (H, W, 3) uint8 RGB, in px of the input, and the scale from there to the picture."""
        pixels, scale = network_input(image)
        started = time.perf_counter()
        scores, boxes, circles = self.session.run(["scores", "boxes", "circles"], {"pixel_values": pixels})
        self.graph_times_s.append(time.perf_counter() - started)
        return Peaks(scores[0], boxes[0], circles[0]), scale

    def find(self, image: NDArray[np.uint8], threshold: float) -> Peaks:
        """Return what is found in a picture, in px of it, boxes clipped to it, best score first."""
        peaks, scale = self.raw(image)
        kept = keep_peaks(peaks, threshold=threshold, max_iou=self.max_iou, max_containment=self.max_containment)
        return to_picture(kept, scale, image.shape)


def to_picture(peaks: Peaks, scale: tuple[float, float], shape: tuple[int, ...]) -> Peaks:
    """Return peaks in px of the picture instead of the input, boxes clipped to it."""
    x, y = scale
    boxes = peaks.boxes * np.array([x, y, x, y], np.float32)
    boxes[:, [0, 2]] = boxes[:, [0, 2]].clip(0, shape[1])
    boxes[:, [1, 3]] = boxes[:, [1, 3]].clip(0, shape[0])
    return Peaks(peaks.scores, boxes, peaks.circles * np.array([x, y, (x + y) / 2], np.float32))


def first_state_of(kind: str) -> int:
    """Return the random state of the first picture of a held-out set."""
    return TEST_FIRST_STATE + STATES_PER_SET * list(SCENES).index(kind)


def set_size(kind: str) -> int:
    """Return how many pictures a held-out set has."""
    return SET_PICTURES.get(kind, DEFAULT_SET_PICTURES)


def drawn_set(kind: str, pictures: int | None = None) -> Iterator[Sample]:
    """Yield the pictures of a held-out set: scenes of one kind whose random states no training picture has."""
    first = first_state_of(kind)
    for state in range(first, first + (pictures or set_size(kind))):
        picture = make_picture(state, kind=kind)
        data = np.frombuffer(encode_picture(state, picture.image), np.uint8)
        yield decode_picture(data), picture.labels


def shard_set(folder: Path, pictures: int | None = None) -> Iterator[Sample]:
    """Yield the pictures of a folder of shards."""
    reader = ShardReader(folder)
    for index in range(min(len(reader), pictures or len(reader))):
        yield reader.image(index), reader.labels[index]


def coco_set(annotations: Path, folder: Path) -> Iterator[Sample]:
    """Yield pictures with boxes of a COCO file; centre and radius are unknown (NaN), every box counts."""
    document: CocoFile = json.loads(annotations.read_text())
    rows: dict[int, list[list[float]]] = {entry["id"]: [] for entry in document["images"]}
    for annotation in document["annotations"]:
        x, y, width, height = annotation["bbox"]
        rows[annotation["image_id"]].append([x, y, x + width, y + height, math.nan, math.nan, math.nan, 1.0])
    for entry in document["images"]:
        with Image.open(folder / entry["file_name"]) as file:
            image = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
        yield image, np.array(rows[entry["id"]], np.float32).reshape(-1, len(LABEL_COLUMNS))


def measure(detector: Detector, samples: Iterator[Sample]) -> Tally:
    """Return the tally of a set: all finds above a score that is far below any useful threshold."""
    tally = Tally()
    for image, labels in samples:
        tally.add(detector.find(image, LOWEST_SCORE), labels)
    return tally


def time_graph(detector: Detector, width_px: int = 640, height_px: int = 480) -> tuple[float, float]:
    """Return the median and the least time in ms that the graph takes on one thread for a picture of this size."""
    image = np.random.default_rng(1).integers(0, 256, (height_px, width_px, 3), np.uint8)
    for _ in range(10):
        detector.raw(image)
    detector.graph_times_s.clear()
    for _ in range(BENCHMARK_RUNS):
        detector.raw(image)
    times_ms = np.array(detector.graph_times_s) * 1e3
    return float(np.median(times_ms)), float(times_ms.min())
