"""An evaluation as people read it on a terminal, in 80 columns: models side by side, counts, the worst mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from saccade.cli.output import stdout
from saccade.cli.usage_page import plain
from saccade.evaluation.cautions import cautions_on, cautions_on_model
from saccade.evaluation.numbers import (
    UNKNOWN,
    best_of,
    columns_of,
    confused_pairs,
    count_of,
    figure_of,
    interval,
    share,
)
from saccade.usage.numbers import lasting, percent, whole

if TYPE_CHECKING:
    from rich.console import RenderableType

    from saccade.evaluation.document import Counted, Evaluation, Figure, ImageRow, ModelEvaluation

#: Models that stand beside each other; further ones follow below.
_MODELS = 3
_WORST = 5
_PAIRS = 5
_LABELS = 5
_PROBLEMS = 5
_HEADING = 72
_NAME = 32
_LABEL = 24
#: Letters of a label, and of a picture's name, where two labels stand in one row.
_BESIDE = 17
_SHORT = 26
_BEST = "*"


def write_tables(evaluation: Evaluation) -> None:
    """Print an evaluation to stdout."""
    console = stdout()
    for part in tables_of(evaluation):
        console.print(part)


def tables_of(evaluation: Evaluation) -> Iterator[RenderableType]:
    """Yield what is printed: the models side by side, then each by itself, then what to know before figures are used.

    Args:
        evaluation: What was found.
    """
    yield _title(evaluation)
    for begin in range(0, len(evaluation.models), _MODELS):
        yield _comparison(evaluation, begin)
    if evaluation.models:
        yield _legend(evaluation)
    for model in evaluation.models:
        parts = [*_counts(model), *_labels(model), *_pairs(model), *_worst(model), *_failures(model)]
        if parts:  # a classifier that is always right has nothing below its name
            yield Text()
            yield Text(_cut(plain(model.model), _HEADING), "bold")
            yield from parts
    yield from _cautions(evaluation)


def _title(evaluation: Evaluation) -> Text:
    where = "here" if evaluation.server is None else f"at {plain(evaluation.server)}"
    has_objects = any(model.detection is not None for model in evaluation.models)
    objects = f", {count_of(evaluation.truths, 'known object')}" if has_objects else ""
    about = f"{count_of(evaluation.images, 'picture')}{objects}, {where}"
    return Text.assemble((plain(evaluation.dataset), "bold"), f"  {about}", overflow="fold")


def _comparison(evaluation: Evaluation, begin: int) -> Table:
    """Return figures by model, each with the ends of its interval; a star marks the best of all models."""
    models = evaluation.models[begin : begin + _MODELS]
    table = _table("Figure")
    for model in models:
        table.add_column(Text(_cut(plain(model.model), _LABEL)), overflow="fold", justify="right")
    for name, title in columns_of(evaluation).items():
        best = best_of(name, [figure_of(model, name).value for model in evaluation.models])
        cells = (_figure(name, figure_of(model, name), is_best=begin + at in best) for at, model in enumerate(models))
        table.add_row(title, *cells)
    return table


def _legend(evaluation: Evaluation) -> Text:
    stars = f"{_BEST} the best. " if len(evaluation.models) > 1 else ""
    ranges = "Beside a figure: its 95 % interval." if evaluation.resamples else "No intervals were computed."
    return Text(f"{stars}{ranges}", "dim")


def _figure(name: str, figure: Figure, *, is_best: bool) -> Text:
    if figure.value is None:
        return Text(UNKNOWN)
    if name.endswith("_ms"):
        value = lasting(figure.value)
    else:
        value = f"{figure.value:.0f}" if name == "failed" else share(figure.value)
    told = Text.assemble((f"{_BEST} " if is_best else "", "bold green"), (value, "bold" if is_best else ""))
    between = interval(figure)
    if between:
        told.append(f" {between}", "dim")
    return told


def _counts(model: ModelEvaluation) -> Iterator[RenderableType]:
    """Yield what was counted at each overlap, by both ways to match; nothing of a classifier."""
    figures = model.detection
    if figures is None:
        return
    at = "the model's own threshold" if figures.threshold is None else f"threshold {figures.threshold:g}"
    yield Text(f"{count_of(figures.finds, 'find')} at {at}, {count_of(figures.truths, 'object')}.", "dim")
    table = _table("IoU")
    for heading in ("right", "false", "missed", "precision", "recall", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, counts in (("greedy", figures.greedy), ("Hungarian", figures.hungarian)):
        table.add_row(Text(name, "bold"))
        for number, each in enumerate(counts, 1):
            table.add_row(f"  {each.iou:g}", *_counted(each), end_section=number == len(counts))
    yield table


def _counted(each: Counted) -> tuple[str, ...]:
    numbers = (each.true_positives, each.false_positives, each.false_negatives)
    return (*map(whole, numbers), *(share(figure.value) for figure in (each.precision, each.recall, each.f1)))


def _labels(model: ModelEvaluation) -> Iterator[RenderableType]:
    """Yield the labels with the lowest AP; none where there is one label, of which all has been said."""
    rows = () if model.detection is None else model.detection.labels
    if len(rows) < 2:  # noqa: PLR2004 - one label
        return
    table = _table("Label, worst first")
    for heading in ("objects", "finds", "AP", "precision", "recall", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    ordered = sorted(rows, key=lambda row: (row.ap is None, row.ap or 0.0, -row.truths, row.label))
    for row in ordered[:_LABELS]:
        figures = (share(value) for value in (row.ap, row.precision, row.recall, row.f1))
        table.add_row(Text(_cut(plain(row.label), _LABEL)), whole(row.truths), whole(row.finds), *figures)
    yield table
    yield from _rest(len(ordered) - _LABELS, "label")


def _pairs(model: ModelEvaluation) -> Iterator[RenderableType]:
    """Yield what a classifier takes for what most often."""
    pairs = [] if model.classification is None else confused_pairs(model.classification)
    if not pairs:
        return
    table = _table("Is")
    table.add_column("Said", overflow="fold")
    table.add_column("pictures", justify="right", no_wrap=True)
    table.add_column("of all", justify="right", no_wrap=True)
    for true, said, number, part in pairs[:_PAIRS]:
        names = (Text(_cut(plain(label), _LABEL)) for label in (true, said))
        table.add_row(*names, whole(number), percent(part))
    yield table
    yield from _rest(len(pairs) - _PAIRS, "pair")


def _worst(model: ModelEvaluation) -> Iterator[RenderableType]:
    wrong = sorted((row for row in model.rows if row.badness > 0), key=lambda row: -row.badness)
    if not wrong:
        return
    is_detection = model.detection is not None
    table = _table("Worst pictures")
    for heading in ("objects", "right", "false", "missed", "Jaccard") if is_detection else ("Is", "Said", "score"):
        is_name = heading in {"Is", "Said"}
        table.add_column(heading, justify="left" if is_name else "right", no_wrap=not is_name, overflow="fold")
    for row in wrong[:_WORST]:
        table.add_row(
            Text(_middle_cut(plain(row.name), _NAME if is_detection else _SHORT)),
            *(_detected(row) if is_detection else _classified(row)),
        )
    yield table
    yield from _rest(len(wrong) - _WORST, "picture")


def _detected(row: ImageRow) -> tuple[str, ...]:
    counts = (row.true_positives, row.false_positives, row.false_negatives)
    told = (UNKNOWN if number is None else whole(number) for number in counts)
    return whole(row.truths), *told, share(row.jaccard)


def _classified(row: ImageRow) -> tuple[Text | str, ...]:
    names = (UNKNOWN if label is None else _cut(plain(label), _BESIDE) for label in (row.label, row.said))
    return (*(Text(name) for name in names), share(row.score))


def _failures(model: ModelEvaluation) -> Iterator[Text]:
    if not model.failed:
        return
    yield Text(f"{count_of(model.failed, 'picture')} could not be answered:", "yellow")
    problems = Counter(row.problem for row in model.rows if row.problem)
    for problem, number in problems.most_common(_PROBLEMS):
        yield Text(f"  {count_of(number, 'time')} {plain(problem)}", overflow="fold")
    if len(problems) > _PROBLEMS:
        yield Text(f"  and {count_of(len(problems) - _PROBLEMS, 'other problem')}", "dim")


def _cautions(evaluation: Evaluation) -> Iterator[RenderableType]:
    notes = [plain(note) for note in cautions_on(evaluation)]
    for model in evaluation.models:
        name = f"{_cut(plain(model.model), _NAME)}: " if len(evaluation.models) > 1 else ""
        notes += [f"{name}{plain(note)}" for note in cautions_on_model(model, evaluation.images)]
    if not notes:
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    for note in notes:
        grid.add_row("-", Text(note, overflow="fold"))
    yield Text()
    yield Text("Before you use these figures", "bold")
    yield grid


def _table(first: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column(first, overflow="fold")
    return table


def _rest(number: int, what: str) -> Iterator[Text]:
    if number > 0:
        yield Text(f"and {count_of(number, f'more {what}')}: see the report", "dim")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _middle_cut(text: str, most: int) -> str:
    """Return the beginning and the end of a path that is too long: the folder says of what, the end says which."""
    if len(text) <= most:
        return text
    begins = (most - 1) // 3
    return f"{text[:begins]}…{text[begins + 1 - most :]}"
