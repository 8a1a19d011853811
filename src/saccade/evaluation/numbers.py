"""Figures of an evaluation as people read them: shares with three digits, ranges, and a dash for what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade.evaluation.document import ClassificationFigures, Evaluation, Figure, ModelEvaluation

#: Stands for a figure that cannot be computed.
UNKNOWN = "\u2013"
#: Figures of which less is better; of all others more is.
_LESS_IS_BETTER = frozenset({"ece", "p50_ms", "p99_ms", "failed"})


def share(value: float | None) -> str:
    """Return a share of 0..1 with three digits; what is not quite 0 or 1 is never rounded to that."""
    if value is None:
        return UNKNOWN
    text = f"{value:.3f}"
    if text == "1.000" and value < 1:
        return ">0.999"
    if text == "0.000" and value > 0:
        return "<0.001"
    return text


def interval(figure: Figure) -> str:
    """Return the ends of a figure's interval with a dash between them; empty where there is none."""
    if figure.value is None or figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.3f}\u2013{figure.high:.3f}"


def count_of(number: int, one: str, many: str | None = None) -> str:
    """Return a number and what it counts: ``1 picture``, ``1,234 pictures``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def best_of(name: str, values: Sequence[float | None]) -> frozenset[int]:
    """Return where the best values stand; nowhere if there is nothing to choose from.

    Args:
        name: Of the figure, as in ``ModelEvaluation.figures``.
        values: One for each model; None where it has none.
    """
    known = {value for value in values if value is not None}
    if len(known) < 2:  # noqa: PLR2004 - with one value all are equal
        return frozenset()
    best = min(known) if name in _LESS_IS_BETTER else max(known)
    return frozenset(number for number, value in enumerate(values) if value == best)


def columns_of(evaluation: Evaluation) -> Mapping[str, str]:
    """Return the figures by which models are compared, their titles by their names: those of the models' tasks."""
    present = {name for model in evaluation.models for name in (*model.figures, *_with_intervals(model))}
    return {name: title for name, title in _TITLES.items() if name in present}


def figure_of(model: ModelEvaluation, name: str) -> Figure:
    """Return a figure by its name, with its interval where it has one.

    Args:
        model: Whose figure.
        name: As in ``ModelEvaluation.figures``.
    """
    found = _with_intervals(model).get(name)
    return Figure(model.figures.get(name)) if found is None else found


def confused_pairs(figures: ClassificationFigures) -> list[tuple[str, str, int, float]]:
    """Return what was taken for what: true label, what was said, how many pictures, their share; most first."""
    labels = [row.label for row in figures.labels]
    pairs = [
        (labels[true], labels[said], number, number / max(1, figures.labels[true].images))
        for true, row in enumerate(figures.confusion)
        for said, number in enumerate(row)
        if number and true != said
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], -pair[3], pair[:2]))


def _with_intervals(model: ModelEvaluation) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    detection, classification = model.detection, model.classification
    if detection is not None:
        coco, jaccard = detection.coco, detection.jaccard
        figures |= {"ap": coco.ap, "ap50": coco.ap50, "ap75": coco.ap75}
        figures |= {"jaccard": jaccard.mean, "jaccard_weighted": jaccard.weighted, "ece": detection.calibration.ece}
        for prefix, counts in (("", detection.greedy), ("hungarian_", detection.hungarian)):
            for each in counts:
                figures[f"{prefix}precision@{each.iou:g}"] = each.precision
                figures[f"{prefix}recall@{each.iou:g}"] = each.recall
                figures[f"{prefix}f1@{each.iou:g}"] = each.f1
    if classification is not None:
        figures |= {"top1": classification.top1, "top5": classification.top5, "macro_f1": classification.macro_f1}
        figures["ece"] = classification.calibration.ece
    return figures


_TITLES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "precision@0.5": "Precision",
    "recall@0.5": "Recall",
    "f1@0.5": "F1",
    "jaccard": "Jaccard",
    "top1": "Top-1",
    "top5": "Top-5",
    "macro_f1": "Macro F1",
    "ece": "ECE",
    "p50_ms": "Latency p50",
    "failed": "Failed",
}
