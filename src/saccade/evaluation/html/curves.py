"""Precision over recall as the threshold falls: all labels in one plot, each label in a small one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from saccade.evaluation.document import Curve, DetectionFigures
from saccade.evaluation.html.comparison import LINES
from saccade.evaluation.html.frame import Frame
from saccade.evaluation.numbers import count_of, share
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import folded, legend, panel, picture, table

PLOT = Frame(left=40, top=28, width=430, height=300, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
SIZE = (486, 370)
SMALL = Frame(left=26, top=8, width=160, height=112, ticks=(0, 0.5, 1))
_SMALL_SIZE = (196, 142)
_MOST_SMALL = 12
#: Rows of the table behind a curve.
_MOST_ROWS = 40


def curves_panel(figures: DetectionFigures, key: str) -> Markup:
    """Return the card of the curves over all labels."""
    curves = sorted((each for each in figures.curves if each.label is None and each.points), key=lambda each: each.iou)
    title = "Precision and recall"
    if not curves:
        empty = tag("p", "Nothing was found, or nothing is there: no curve.", class_="empty")
        return panel(f"{key}-pr", title, "As the threshold falls.", empty, kind="seven", level=3)
    shown = list(zip(LINES, curves, strict=False))
    marks: list[Child] = [*PLOT.grid(), *PLOT.axes("Recall", "Precision")]
    for kind, curve in shown:
        marks.append(PLOT.path([point[:2] for point in curve.points], f"line {kind}"))
    marks += [_ring(PLOT, kind, curve, 5) for kind, curve in shown]
    keys = legend(
        [
            *(
                (tag("line", x1=0, x2=12, y1=6, y2=6, class_=f"line {kind}"), f"IoU {curve.iou:g}")
                for kind, curve in shown
            ),
            (tag("circle", cx=6, cy=6, r=4, class_="spot l1"), "operating threshold"),
        ]
    )
    drawn = picture(
        f"{key}-pr",
        title="Precision over recall, all labels",
        description=" ".join(_told(curve) for _, curve in shown),
        kind="large",
        size=SIZE,
        marks=marks,
    )
    tables = join(_points_table(curve) for _, curve in shown)
    hint = "All labels together. Each point of a line is a threshold; up and to the right is better."
    return panel(f"{key}-pr", title, hint, keys, drawn, folded("These curves as tables", tables), kind="seven", level=3)


def small_curves_panel(figures: DetectionFigures, key: str) -> Markup | None:
    """Return the card of a plot for each label; None where there is one label, which the large plot shows."""
    every = [each for each in figures.curves if each.label is not None and each.points]
    if len({each.label for each in every}) < 2:  # noqa: PLR2004 - one label
        return None
    ious = {each.iou for each in every}
    iou = 0.5 if 0.5 in ious else min(ious)  # noqa: PLR2004 - the overlap most people mean
    curves = [each for each in every if each.iou == iou]
    objects = {row.label: row for row in figures.labels}
    curves.sort(key=lambda each: -objects[each.label].truths if each.label in objects else 0)
    shown = curves[:_MOST_SMALL]
    plots = (_small(curve, figures, f"{key}-label{number}") for number, curve in enumerate(shown))
    left_out = len(curves) - len(shown)
    which = f" The {len(shown)} labels with most objects; the table has all." if left_out else ""
    hint = f"Precision upwards, recall to the right, at IoU {iou:g}; the ring is the operating threshold.{which}"
    return panel(f"{key}-curves", "Curves by label", hint, tag("div", *plots, class_="smalls"), level=3)


def _small(curve: Curve, figures: DetectionFigures, key: str) -> Markup:
    label = curve.label or ""
    row = next((row for row in figures.labels if row.label == label), None)
    ap50 = None if row is None else row.ap50
    objects = "" if row is None else f", {count_of(row.truths, 'object')}"
    marks = [*SMALL.grid(), SMALL.path([point[:2] for point in curve.points], "line l1"), _ring(SMALL, "l1", curve, 4)]
    drawn = picture(
        key, title=f"Precision over recall of {label}", description=_told(curve), kind="plot", size=_SMALL_SIZE,
        marks=marks,
    )  # fmt: skip
    told = tag("span", f"AP50 {share(ap50)}{objects}", class_="under")
    return tag("figure", tag("figcaption", stranger(label), told), drawn)


def _ring(frame: Frame, kind: str, curve: Curve, radius: float) -> Markup | None:
    if curve.operating is None:
        return None
    recall, precision = curve.operating
    told = tag("title", f"precision {share(precision)}, recall {share(recall)}")
    return tag("circle", told, cx=frame.x(recall), cy=frame.y(precision), r=radius, class_=f"spot {kind}")


def _told(curve: Curve) -> str:
    most = max(recall for recall, _, _ in curve.points)
    words = f"At IoU {curve.iou:g} recall reaches {share(most)}"
    if curve.operating is None:
        return f"{words}."
    recall, precision = curve.operating
    return f"{words}; at the operating threshold precision is {share(precision)} and recall {share(recall)}."


def _points_table(curve: Curve) -> Markup:
    heads = (("Score at least", ""), ("Precision", "n"), ("Recall", "n"))
    rows = ((share(score), share(precision), share(recall)) for recall, precision, score in sampled(curve.points))
    return join([tag("p", f"IoU {curve.iou:g}", class_="hint"), table(f"Curve at IoU {curve.iou:g}", heads, rows)])


def sampled(points: Sequence[tuple[float, float, float]]) -> Iterator[tuple[float, float, float]]:
    """Yield points of a curve at even steps, the first and the last among them."""
    rows = min(_MOST_ROWS, len(points))
    for number in range(rows):
        yield points[round(number * (len(points) - 1) / max(1, rows - 1))]
