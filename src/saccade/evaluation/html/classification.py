"""The cards of a classifier that are tables: its labels, and what it takes for what."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.evaluation.document import ClassificationFigures, ClassRow
from saccade.evaluation.html.whisker import known
from saccade.evaluation.numbers import confused_pairs, count_of
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import bar, folded, panel, table
from saccade.usage.numbers import percent, whole

_MOST_LABELS = 20
_MOST_PAIRS = 8


def classes_panel(rows: Sequence[ClassRow], key: str) -> Markup:
    """Return the card of labels, worst first."""
    ordered = sorted(rows, key=lambda row: (row.f1 is None, row.f1 or 0.0, -row.images, row.label))
    shown, rest = ordered[:_MOST_LABELS], ordered[_MOST_LABELS:]
    more = (
        folded(f"{count_of(len(rest), 'more label')}, better or in no picture", _classes_table(rest), kind="more")
        if rest
        else None
    )
    hint = "Worst F1 first. Pictures: that show it. Said: pictures of which it was the best answer."
    body = (
        tag("div", _classes_table(shown), class_="scroll", tabindex=0)
        if rows
        else tag("p", "No label.", class_="empty")
    )
    return panel(f"{key}-labels", "By label", hint, body, more, level=3, kind="seven labels")


def _classes_table(rows: Sequence[ClassRow]) -> Markup:
    heads = (("Label", "name"), ("Pictures", "n"), ("Said", "n"), ("", "barred"))
    more = (("Precision", "n"), ("Recall", "n"), ("F1", "n"))
    return table("Figures by label", heads + more, map(_class_cells, rows), has_row_heads=True)


def _class_cells(row: ClassRow) -> tuple[Child, ...]:
    drawn = None if row.f1 is None else bar([("blue", row.f1)])
    return (
        stranger(row.label),
        whole(row.images),
        whole(row.said),
        drawn,
        *map(known, (row.precision, row.recall, row.f1)),
    )


def pairs_panel(figures: ClassificationFigures, key: str, *, kind: str) -> Markup:
    """Return the card of what is taken for what most often."""
    pairs = confused_pairs(figures)
    unsaid = sum(figures.unsaid)
    heads = (("Is", "name"), ("Was said to be", "name"), ("Pictures", "n"), ("Of all", "n"))
    rows = (
        (stranger(true), stranger(said), whole(number), percent(part))
        for true, said, number, part in pairs[:_MOST_PAIRS]
    )
    body: Child = table("Confused pairs", heads, rows, has_row_heads=True)
    if not pairs:
        body = tag("p", "No label was taken for another.", class_="empty")
    left_out = len(pairs) - _MOST_PAIRS
    more = f"{count_of(left_out, 'more pair')} less often." if left_out > 0 else ""
    none = f"Of {count_of(unsaid, 'picture')} nothing was said, or what no truth knows." if unsaid else ""
    after = tag("p", join([" ".join(filter(None, (more, none)))]), class_="empty") if more or none else None
    return panel(f"{key}-pairs", "Taken for another", "Most often first.", body, after, kind=kind, level=3)
