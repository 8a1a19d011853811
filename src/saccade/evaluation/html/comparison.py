"""The models side by side: one row for each, one column for each figure, and their curves in one plot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from saccade.evaluation.document import Curve, Evaluation, Figure, ModelEvaluation
from saccade.evaluation.html.frame import Frame
from saccade.evaluation.html.whisker import told, whisker
from saccade.evaluation.numbers import UNKNOWN, best_of, columns_of, figure_of, share
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import legend, panel, picture
from saccade.usage.numbers import lasting

#: Lines of one plot differ in colour and in how they are dashed.
LINES = ("l1", "l2", "l3", "l4", "l5")
_PLOT = Frame(left=44, top=28, width=430, height=330, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
_SIZE = (486, 400)
_IOU = 0.5


def comparison_panels(evaluation: Evaluation) -> Iterator[Markup]:
    """Yield the cards that compare; none where there is nothing to compare."""
    if len(evaluation.models) > 1:
        yield _table_panel(evaluation)
        yield from _curves_panel(evaluation.models)


def _table_panel(evaluation: Evaluation) -> Markup:
    columns = columns_of(evaluation)
    found = {name: [figure_of(model, name) for model in evaluation.models] for name in columns}
    best = {name: best_of(name, [figure.value for figure in figures]) for name, figures in found.items()}
    heads = [tag("th", "Model", scope="col", class_="name")]
    heads += [tag("th", title, scope="col", class_="n") for title in columns.values()]
    rows = (
        tag(
            "tr",
            tag("th", stranger(model.model), scope="row", class_="name"),
            *(_cell(name, title, found[name][number], is_best=number in best[name]) for name, title in columns.items()),
        )
        for number, model in enumerate(evaluation.models)
    )
    body = tag(
        "table",
        tag("caption", "Figures of all models", class_="hidden"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *rows),
        class_="stacked",
    )
    return panel("comparison", "Side by side", _hint(columns), tag("div", body, class_="scroll", tabindex=0))


def _hint(columns: Mapping[str, str]) -> str:
    counts = " Precision, recall and F1 are greedy, at IoU 0.5." if "f1@0.5" in columns else ""
    lines = "Below a figure its 95 % confidence interval, drawn on a track from 0 to 1."
    return f"The best of each column has a star; of ECE, latency and failures less is better.{counts} {lines}"


def _cell(name: str, title: str, figure: Figure, *, is_best: bool) -> Markup:
    value: Child
    if name.endswith("_ms"):
        value = UNKNOWN if figure.value is None else lasting(figure.value)
    elif name == "failed":
        value = UNKNOWN if figure.value is None else f"{figure.value:.0f}"
    else:
        value = join([told(figure), whisker(figure)])
    mark = star("mark") if is_best else None
    return tag("td", mark, value, class_="n best" if is_best else "n", data_label=title)


def star(kind: str) -> Markup:
    """Return the mark of the best of a column."""
    points = " ".join(
        f"{6 + radius * math.sin(turn * math.pi / 5):.2f},{6 - radius * math.cos(turn * math.pi / 5):.2f}"
        for turn, radius in zip(range(10), (6, 2.6) * 5, strict=True)
    )
    return tag("svg", tag("title", "best"), tag("polygon", points=points), class_=kind, viewBox="0 0 12 12", role="img")


def overall_curve(model: ModelEvaluation) -> Curve | None:
    """Return the curve over all labels at IoU 0.5, the one that models are compared by."""
    curves = () if model.detection is None else model.detection.curves
    return next((each for each in curves if each.label is None and each.iou == _IOU and each.points), None)


def _curves_panel(models: Sequence[ModelEvaluation]) -> Iterator[Markup]:
    curves = [(model, curve) for model in models if (curve := overall_curve(model)) is not None]
    if len(curves) < 2:  # noqa: PLR2004 - one curve stands with its model
        return
    shown = list(zip(LINES, curves, strict=False))
    marks = [
        *_PLOT.grid(),
        *_PLOT.axes("Recall", "Precision"),
        *(_PLOT.path([point[:2] for point in curve.points], f"line {kind}") for kind, (_, curve) in shown),
        *(
            tag("circle", cx=_PLOT.x(at[0]), cy=_PLOT.y(at[1]), r=5, class_=f"spot {kind}")
            for kind, (_, curve) in shown
            if (at := curve.operating) is not None
        ),
    ]
    keys = legend(
        (tag("line", x1=0, x2=12, y1=6, y2=6, class_=f"line {kind}"), stranger(model.model))
        for kind, (model, _) in shown
    )
    drawn = picture(
        "comparison-curves",
        title="Precision over recall of all models, all labels, IoU 0.5",
        description="; ".join(_described(model, curve) for _, (model, curve) in shown),
        kind="large",
        size=_SIZE,
        marks=marks,
    )
    left_out = len(curves) - len(shown)
    more = tag("p", f"{left_out} more have their curves below.", class_="empty") if left_out else None
    hint = "All labels together at IoU 0.5, as the threshold falls. The ring is the operating threshold."
    yield panel("comparison-pr", "Precision and recall", hint, keys, drawn, more)


def _described(model: ModelEvaluation, curve: Curve) -> str:
    if curve.operating is None:
        return model.model
    recall, precision = curve.operating
    return f"{model.model}: precision {share(precision)} at recall {share(recall)} at the operating threshold"
