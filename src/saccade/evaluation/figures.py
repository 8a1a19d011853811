"""From what is known to be in pictures and what a model says of them to every figure: the way in to all the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from saccade.evaluation.bootstrap import Draws
from saccade.evaluation.classification import answers_of, figures_of_classifier
from saccade.evaluation.collector import paused_collector
from saccade.evaluation.detection import figures_of_detector, held
from saccade.evaluation.document import (
    ClassificationFigures,
    DetectionFigures,
    Figure,
    ModelEvaluation,
    StageLatency,
)
from saccade.evaluation.latency import latencies_of
from saccade.evaluation.picture_rows import rows_of_classifier, rows_of_detector
from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import Dataset
from saccade.models.prediction import Task

#: Resamples of the bootstrap where nobody says how many.
RESAMPLES = 1000


@paused_collector()
def detection_figures(
    dataset: Dataset, seen: Iterable[Seen], *, threshold: float | None, resamples: int = RESAMPLES, seed: int = 0
) -> DetectionFigures:
    """Return how well a detector does.

    Args:
        dataset: With the truth.
        seen: What it found in each picture, in any order; labels are called as the truth calls them.
        threshold: At which finds were served; None: the model's own, which is not known.
        resamples: How often the pictures are drawn for intervals; 0: no intervals.
        seed: Of the draws.

    Raises:
        BackendNotInstalled: The extra ``eval`` is missing.
    """
    it = held(dataset, _in_order(dataset, seen))
    return figures_of_detector(it, threshold=threshold, draws=Draws(it.images, resamples, seed))


@paused_collector()
def classification_figures(
    dataset: Dataset, seen: Iterable[Seen], *, resamples: int = RESAMPLES, seed: int = 0
) -> ClassificationFigures:
    """Return how well a classifier does.

    Args:
        dataset: With the truth.
        seen: What it says of each picture, in any order; labels are called as the truth calls them.
        resamples: How often the pictures are drawn for intervals; 0: no intervals.
        seed: Of the draws.
    """
    return figures_of_classifier(answers_of(dataset, _in_order(dataset, seen)), resamples=resamples, seed=seed)


@paused_collector()
def evaluated(
    dataset: Dataset,
    seen: Iterable[Seen],
    *,
    model: str,
    digest: str,
    engine: str,
    threshold: float | None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ModelEvaluation:
    """Return all that an evaluation tells of one model.

    Args:
        dataset: With the truth, whose task is the model's.
        seen: What the model says of each picture, in any order; labels are called as the truth calls them.
        model: Its name, to be told.
        digest: Of the package that answered, to be told.
        engine: Which ran it, to be told.
        threshold: At which finds were served; None: the model's own, which is not known. Classifiers: not used.
        resamples: How often the pictures are drawn for intervals; 0: no intervals.
        seed: Of the draws.

    Raises:
        BackendNotInstalled: The extra ``eval`` is missing; detectors need it.
    """
    ordered = _in_order(dataset, seen)
    detection: DetectionFigures | None = None
    classification: ClassificationFigures | None = None
    if dataset.task is Task.OBJECT_DETECTION:
        it = held(dataset, ordered)
        detection = figures_of_detector(it, threshold=threshold, draws=Draws(it.images, resamples, seed))
        rows = rows_of_detector(dataset, ordered, it)
    else:
        classification = figures_of_classifier(answers_of(dataset, ordered), resamples=resamples, seed=seed)
        rows = rows_of_classifier(dataset, ordered)
    latency, failed = latencies_of(ordered), sum(each.problem is not None for each in ordered)
    named = {
        **dict(() if detection is None else _of_detector(detection)),
        **dict(() if classification is None else _of_classifier(classification)),
        **dict(_of_time(latency)),
        "failed": float(failed),
    }
    return ModelEvaluation(
        model=model,
        digest=digest,
        task=dataset.task,
        engine=engine,
        detection=detection,
        classification=classification,
        latency=latency,
        failed=failed,
        figures={name: value for name, value in named.items() if value is not None},
        rows=rows,
    )


def _in_order(dataset: Dataset, seen: Iterable[Seen]) -> Sequence[Seen]:
    """Return what was seen in the dataset's order.

    Raises:
        ValueError: Of a picture nothing is noted, so that the figures would be of other pictures.
    """
    by_name = {each.name: each for each in seen}
    missing = [image.name for image in dataset.images if image.name not in by_name]
    if missing:
        raise ValueError(f"{len(missing)} pictures were not shown to the model, {missing[0]!r} among them.")
    return [by_name[image.name] for image in dataset.images]


def _of_detector(figures: DetectionFigures) -> Iterator[tuple[str, float | None]]:
    coco = figures.coco
    for name, figure in (("ap", coco.ap), ("ap50", coco.ap50), ("ap75", coco.ap75)):
        yield name, figure.value
    for name, value in (("ap_small", coco.ap_small), ("ap_medium", coco.ap_medium), ("ap_large", coco.ap_large)):
        yield name, value
    for name, value in (("ar1", coco.ar1), ("ar10", coco.ar10), ("ar100", coco.ar100)):
        yield name, value
    for prefix, counts in (("", figures.greedy), ("hungarian_", figures.hungarian)):
        for each in counts:
            yield f"{prefix}precision@{each.iou:g}", each.precision.value
            yield f"{prefix}recall@{each.iou:g}", each.recall.value
            yield f"{prefix}f1@{each.iou:g}", each.f1.value
    yield "jaccard", figures.jaccard.mean.value
    yield "jaccard_weighted", figures.jaccard.weighted.value
    yield "ece", figures.calibration.ece.value


def _of_classifier(figures: ClassificationFigures) -> Iterator[tuple[str, float | None]]:
    named: dict[str, Figure] = {"top1": figures.top1, "top5": figures.top5, "macro_f1": figures.macro_f1}
    for name, figure in named.items():
        yield name, figure.value
    yield "ece", figures.calibration.ece.value


def _of_time(latency: Sequence[StageLatency]) -> Iterator[tuple[str, float]]:
    for each in latency:
        if each.stage == "total":
            yield "p50_ms", each.p50
            yield "p99_ms", each.p99
