"""The head of each model's chapter: what it is, and the figures that count."""

from __future__ import annotations

from collections.abc import Iterator

from saccade.evaluation.document import Counted, Figure, ModelEvaluation
from saccade.evaluation.html.whisker import whisker
from saccade.evaluation.numbers import UNKNOWN, count_of, figure_of, interval, share
from saccade.models.prediction import Task
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import kpi
from saccade.usage.numbers import lasting, whole

_TASKS = {Task.OBJECT_DETECTION: "Object detection", Task.IMAGE_CLASSIFICATION: "Image classification"}
_IOU = 0.5
_DIGEST_LETTERS = 12


def chapter_head(model: ModelEvaluation, key: str, images: int, *, is_only: bool) -> Markup:
    """Return a model's name, what is known of it, and its figures.

    Args:
        model: Whose chapter.
        key: Unique in the page.
        images: How many pictures the dataset has.
        is_only: Whether the page's title names the model already.
    """
    return tag(
        "div",
        tag("h2", stranger(model.model), id=key, class_="hidden" if is_only else None),
        tag("p", join(_about(model)), class_="lede"),
        tag("dl", *_figures(model, images), class_="kpis", aria_label="The figures that count"),
        class_="chapter only" if is_only else "chapter",
    )


def counted_at(counts: tuple[Counted, ...], iou: float) -> Counted | None:
    """Return what was counted at one overlap."""
    return next((each for each in counts if each.iou == iou), None)


def _about(model: ModelEvaluation) -> Iterator[Child]:
    yield _TASKS.get(model.task, model.task.value)
    if model.engine:
        yield ", on "
        yield stranger(model.engine)
    if model.digest:
        yield ", package "
        yield tag("code", model.digest.removeprefix("sha256:")[:_DIGEST_LETTERS], title=model.digest)
    if model.detection is not None:
        threshold = model.detection.threshold
        yield ", operating threshold " + ("the model's own" if threshold is None else f"{threshold:g}")
    yield "."


def _figures(model: ModelEvaluation, images: int) -> Iterator[Markup]:
    detection, classification = model.detection, model.classification
    if detection is not None:
        counts = counted_at(detection.greedy, _IOU)
        yield _share("AP", detection.coco.ap, "mean over IoU 0.5 to 0.95")
        yield _share("AP50", detection.coco.ap50, "at IoU 0.5")
        if counts is not None:
            found = counts.true_positives + counts.false_negatives
            yield _share("Precision", counts.precision, _of(counts.true_positives, detection.finds, "finds right"))
            yield _share("Recall", counts.recall, _of(counts.true_positives, found, "objects found"))
            yield _share("F1", counts.f1, "greedy, at IoU 0.5")
    elif classification is not None:
        yield _share("Top-1", classification.top1, "the best answer is right")
        yield _share("Top-5", classification.top5, "the right one is among five")
        yield _share("Macro F1", classification.macro_f1, "mean over labels")
        yield _share("ECE", classification.calibration.ece, "how far scores are off")
        bad = model.failed > 0
        yield kpi("Failed", whole(model.failed), f"of {count_of(images, 'picture')}", is_bad=bad)
    p50 = figure_of(model, "p50_ms").value
    p99 = figure_of(model, "p99_ms").value
    beside = "not measured" if p99 is None else f"99 % within {lasting(p99)}"
    yield kpi("Latency, p50", UNKNOWN if p50 is None else lasting(p50), beside)


def _of(part: int, of: int, what: str) -> str:
    return f"{whole(part)} of {whole(of)} {what}"


def _share(name: str, figure: Figure, beside: str) -> Markup:
    return kpi(name, share(figure.value), interval(figure) or None, whisker(figure), beside)
