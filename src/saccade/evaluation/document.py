"""What an evaluation finds, as values: the JSON document, the table and the page are all made of these.

Shares are 0..1. A figure that cannot be computed (no truth of that kind, nothing found) is None, never 0 or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from saccade.models.prediction import Task


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and its 95 % confidence interval, by bootstrap over the pictures; low and high None: not resampled."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Finds held against truth at one overlap: a find is right if it is matched with an object of its label.

    Attributes:
        iou: Least intersection over union of a match, inclusive.
    """

    iou: float
    true_positives: int
    false_positives: int
    false_negatives: int
    precision: Figure
    recall: Figure
    f1: Figure


@dataclass(frozen=True, slots=True)
class Jaccard:
    """Overlap of the union of all found boxes with the union of all true ones, per picture, in whole pixels.

    Attributes:
        mean: Over the pictures that have either.
        weighted: The same, weighted by the true objects of each picture.
        least: The worst picture's.
        most: The best picture's.
        images: How many pictures it is over.
    """

    mean: Figure
    weighted: Figure
    least: float | None
    most: float | None
    images: int


@dataclass(frozen=True, slots=True)
class Coco:
    """COCO's twelve numbers; None where COCO says -1."""

    ap: Figure
    ap50: Figure
    ap75: Figure
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar1: float | None
    ar10: float | None
    ar100: float | None
    ar_small: float | None
    ar_medium: float | None
    ar_large: float | None


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label of a detector: objects that are there, finds at the operating threshold, greedy counts at IoU 0.5.

    Labels that only the model knows have a row if they were served: no truths, no AP, and all finds are false.
    """

    label: str
    truths: int
    finds: int
    ap: float | None
    ap50: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Objects of one size class by annotated area: ``small`` below 32² px, ``medium`` below 96² px, ``large``.

    Attributes:
        ap: COCO's, which counts an object of exactly 32² or 96² px in both classes.
        ar: COCO's, of a hundred finds.
        recall_at_50: At IoU 0.5 and the operating threshold, matched greedily whatever the size.
    """

    size: str
    truths: int
    ap: float | None
    ar: float | None
    recall_at_50: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision over recall at one overlap, as the threshold falls; ``label`` None: over all labels together.

    Attributes:
        points: (recall, precision, score), recall rising.
        operating: (recall, precision) at the operating threshold.
    """

    label: str | None
    iou: float
    points: tuple[tuple[float, float, float], ...]
    operating: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose score lies in [low, high), the last one with 1.0: how sure they were, and how often right."""

    low: float
    high: float
    count: int
    mean_score: float | None
    share_right: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether scores mean what they say; ``ece`` is the mean gap between both, weighted by count."""

    ece: Figure
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class DetectionFigures:
    """How well a detector does.

    Attributes:
        threshold: Operating threshold of everything that counts; None: the model's own, which it does not tell.
        coco: Over all thresholds, faster-coco-eval's.
        greedy: Matched as COCO does, best score first; at IoU 0.3, 0.5, 0.7, 0.9.
        hungarian: Matched so that the sum of overlaps is largest, whatever the scores; at the same four.
    """

    threshold: float | None
    truths: int
    finds: int
    coco: Coco
    greedy: tuple[Counted, ...]
    hungarian: tuple[Counted, ...]
    jaccard: Jaccard
    labels: tuple[LabelRow, ...]
    sizes: tuple[SizeRow, ...]
    curves: tuple[Curve, ...]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One label of a classifier: pictures that show it, pictures it was said of, and what follows."""

    label: str
    images: int
    said: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class ClassificationFigures:
    """How well a classifier does.

    Attributes:
        confusion: ``confusion[true][said]`` pictures, both in the order of ``labels`` of the rows; pictures of which
            nothing was said are in none.
        unsaid: Pictures of which nothing was said, or something that no truth knows, by true label.
    """

    top1: Figure
    top5: Figure
    macro_f1: Figure
    labels: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    unsaid: tuple[int, ...]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class StageLatency:
    """Milliseconds of one stage over all pictures."""

    stage: str
    mean: float
    p50: float
    p90: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One picture: for detectors counted greedily at IoU 0.5, for classifiers what was said.

    Attributes:
        badness: 0 is perfect; the worst pictures have the largest. For detectors 1 - F1 at IoU 0.5, then the number of
            mistakes; for classifiers how sure the wrong answer was, and 1 where nothing was said.
        rank: Of the true label among a classifier's answers, from 1; None if it is not among them.
    """

    name: str
    width_px: int
    height_px: int
    truths: int
    finds: int
    true_positives: int | None = None
    false_positives: int | None = None
    false_negatives: int | None = None
    jaccard: float | None = None
    label: str | None = None
    said: str | None = None
    score: float | None = None
    rank: int | None = None
    badness: float = 0.0
    total_ms: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ModelEvaluation:
    """One model on one dataset.

    Attributes:
        digest: Of the package that answered; empty where a server does not tell.
        failed: Pictures that could not be answered; they count as pictures in which nothing was seen.
        figures: Flat, for promotion: ``ap``, ``ap50``, ``ap75``, ``ar100``, ``f1@0.5``, ``precision@0.5``,
            ``recall@0.5`` (greedy), ``hungarian_f1@0.5`` …, ``ap_small`` …, ``ar1``, ``ar10``, ``jaccard``,
            ``jaccard_weighted``, ``top1``, ``top5``, ``macro_f1``, ``ece``, ``p50_ms``, ``p99_ms``, ``failed``. Those
            that are None are left out.
    """

    model: str
    digest: str
    task: Task
    engine: str
    detection: DetectionFigures | None
    classification: ClassificationFigures | None
    latency: tuple[StageLatency, ...]
    failed: int
    figures: Mapping[str, float]
    rows: tuple[ImageRow, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Several models, one dataset, side by side.

    Attributes:
        id: UUID that sorts by time.
        made_at: ISO 8601, UTC.
        server: Base URL where a running server answered; None: the models ran here.
        resamples: Of the bootstrap; 0 if it was left out.
        seed: Of the bootstrap.
    """

    id: str
    made_at: str
    saccade: str
    dataset: str
    dataset_sha256: str
    images: int
    truths: int
    server: str | None
    resamples: int
    seed: int
    models: tuple[ModelEvaluation, ...]
