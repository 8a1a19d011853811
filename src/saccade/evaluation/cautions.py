"""What to know before figures are used: where they rest on little, or do not mean what they seem to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from saccade.evaluation.document import (
    ClassificationFigures,
    DetectionFigures,
    Evaluation,
    Figure,
    ModelEvaluation,
)
from saccade.evaluation.numbers import count_of, figure_of, share

#: Fewer pictures than this say little.
_FEW_PICTURES = 50
#: A label with fewer objects or pictures has a figure that the next one can turn over.
_FEW_OF_LABEL = 10
#: An interval wider than this cannot tell good from fair.
_WIDE = 0.15
#: Fewer answers than this do not fill the bins of a calibration.
_FEW_ANSWERS = 100
_TOP = 5
_MOST_NAMED = 6
_MOST_LETTERS = 40
_HEADLINES = ("ap", "f1@0.5", "top1", "macro_f1")
_TITLES = {"ap": "AP", "f1@0.5": "F1", "top1": "Top-1", "macro_f1": "Macro F1"}


def cautions_on(evaluation: Evaluation) -> list[str]:
    """Return what holds for all models: of the dataset, and of what was left out."""
    found: list[str] = []
    if not evaluation.models:
        found.append("No model was evaluated.")
    if not evaluation.images:
        found.append("The dataset has no picture: no figure means anything.")
    elif evaluation.images < _FEW_PICTURES:
        pictures = count_of(evaluation.images, "picture")
        found.append(f"Only {pictures}: with other ones, every figure could be quite different.")
    if not evaluation.truths and evaluation.images:
        found.append("No picture has a known object: only false finds can be counted.")
    if not evaluation.resamples:
        found.append("No confidence intervals were asked for: differences between models may be chance.")
    elif len(evaluation.models) > 1:
        found += _overlaps(evaluation.models)
    if len({model.task for model in evaluation.models}) > 1:
        found.append("These models do different tasks: most of their figures cannot be compared.")
    return found


def cautions_on_model(model: ModelEvaluation, images: int) -> list[str]:
    """Return what to know of one model's figures.

    Args:
        model: Whose figures.
        images: How many pictures the dataset has.
    """
    found: list[str] = []
    if model.failed:
        part = "All" if model.failed == images else f"{model.failed:,} of {images:,}"
        found.append(f"{part} pictures could not be answered: counted as if nothing was seen in them.")
    found += _of_intervals(model)
    if model.detection is not None:
        found += _of_detection(model.detection)
    if model.classification is not None:
        found += _of_classification(model.classification)
    if not model.digest:
        found.append("The server does not tell which package answered: nobody can say later what was evaluated.")
    return found


def named(labels: Sequence[str]) -> str:
    """Return some labels in one phrase."""
    shown = [label if len(label) <= _MOST_LETTERS else f"{label[: _MOST_LETTERS - 1]}…" for label in labels]
    more = len(shown) - _MOST_NAMED
    words = ", ".join(shown[:_MOST_NAMED])
    return f"{words} and {more} more" if more > 0 else words


def _overlaps(models: Sequence[ModelEvaluation]) -> Iterator[str]:
    """Yield which of the headline figures do not tell the best model from the next."""
    unsure = []
    for name in _HEADLINES:
        figures = [figure for model in models if (figure := figure_of(model, name)).value is not None]
        figures.sort(key=lambda figure: figure.value or 0.0, reverse=True)
        if len(figures) > 1 and _meet(figures[0], figures[1]):
            unsure.append(_TITLES[name])
    if unsure:
        yield f"The intervals of the two best models overlap in {', '.join(unsure)}: which is better is not settled."


def _meet(better: Figure, worse: Figure) -> bool:
    return better.low is not None and worse.high is not None and better.low <= worse.high


def _of_intervals(model: ModelEvaluation) -> Iterator[str]:
    for name in _HEADLINES:
        figure = figure_of(model, name)
        if figure.value is None or figure.low is None or figure.high is None:
            continue
        width = figure.high - figure.low
        if width > _WIDE:
            yield (
                f"The interval of {_TITLES[name]} is {width:.2f} wide: models nearer to each other than this "
                "cannot be told apart here."
            )
        if not width and share(figure.value) in {"0.000", "1.000"}:
            yield (
                f"{_TITLES[name]} is {share(figure.value)} in every resample: that says that these pictures have no "
                "exception, not that there is none."
            )


def _of_detection(figures: DetectionFigures) -> Iterator[str]:
    if figures.truths and not figures.finds:
        yield "Nothing was found at the operating threshold: is it too high, or do the labels differ?"
    if figures.threshold is None:
        yield "The server did not tell the model's own threshold, at which finds were counted."
    shown = [row for row in figures.labels if row.truths]
    unknown = [row for row in figures.labels if not row.truths and row.finds]
    absent = [row.label for row in figures.labels if not row.truths and not row.finds]
    if unknown:
        finds = count_of(sum(row.finds for row in unknown), "find")
        labels = named([row.label for row in unknown])
        yield f"{finds} of labels that no picture is known to show, all counted as false: {labels}."
    yield from _of_labels([(row.label, row.truths) for row in shown], absent, "object")
    answers = sum(each.count for each in figures.calibration.bins)
    if 0 < answers < _FEW_ANSWERS:
        yield f"Calibration rests on {count_of(answers, 'find')}: its bars are rough."


def _of_classification(figures: ClassificationFigures) -> Iterator[str]:
    shown = [(row.label, row.images) for row in figures.labels if row.images]
    absent = [row.label for row in figures.labels if not row.images]
    yield from _of_labels(shown, absent, "picture")
    # A model that knows further labels may well miss.
    if 0 < len(figures.labels) <= _TOP and figures.top5.value == 1:
        labels = count_of(len(figures.labels), "label")
        yield f"With {labels} the right one is always among five: Top-5 says nothing."
    unsaid = sum(figures.unsaid)
    if unsaid:
        yield f"Of {count_of(unsaid, 'picture')} nothing was said, or a label that the truth does not know."
    answers = sum(each.count for each in figures.calibration.bins)
    if 0 < answers < _FEW_ANSWERS:
        yield f"Calibration rests on {count_of(answers, 'answer')}: its bars are rough."


def _of_labels(shown: Sequence[tuple[str, int]], absent: Sequence[str], what: str) -> Iterator[str]:
    few = [label for label, number in shown if number < _FEW_OF_LABEL]
    if few:
        labels = "1 label has" if len(few) == 1 else f"{len(few)} labels have"
        yield f"{labels} fewer than {_FEW_OF_LABEL} {what}s, so that one more changes a lot: {named(few)}."
    if absent:
        labels = "1 label is" if len(absent) == 1 else f"{len(absent)} labels are"
        yield f"{labels} in no picture and in no mean: {named(absent)}."
