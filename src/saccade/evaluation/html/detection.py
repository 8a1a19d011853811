"""The cards of a detector: COCO's numbers, counts at four overlaps, overlap of areas, labels and sizes."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.evaluation.document import Counted, DetectionFigures, Figure, Jaccard, LabelRow
from saccade.evaluation.html.whisker import known, told, whisker
from saccade.evaluation.numbers import count_of
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import bar, folded, legend, panel, square, table
from saccade.usage.numbers import whole

#: Labels that stand in the open; those that do better are folded.
_MOST_LABELS = 20
_SIZES = {"small": "below 32² px", "medium": "32² to 96² px", "large": "96² px and above"}
_GREEDY = "Greedy: the find with the best score chooses first, as COCO does."
_HUNGARIAN = "Hungarian: finds and objects are paired so that all overlaps together are largest, whatever the scores."


def coco_panel(figures: DetectionFigures, key: str) -> Markup:
    """Return the card of COCO's twelve numbers."""
    coco = figures.coco
    precision = (
        ("AP", coco.ap, "mean over IoU 0.50 to 0.95"),
        ("AP50", coco.ap50, "at IoU 0.50"),
        ("AP75", coco.ap75, "at IoU 0.75"),
        ("AP small", Figure(coco.ap_small), _SIZES["small"]),
        ("AP medium", Figure(coco.ap_medium), _SIZES["medium"]),
        ("AP large", Figure(coco.ap_large), _SIZES["large"]),
    )
    recall = (
        ("AR1", Figure(coco.ar1), "one find a picture"),
        ("AR10", Figure(coco.ar10), "ten finds a picture"),
        ("AR100", Figure(coco.ar100), "a hundred finds a picture"),
        ("AR small", Figure(coco.ar_small), _SIZES["small"]),
        ("AR medium", Figure(coco.ar_medium), _SIZES["medium"]),
        ("AR large", Figure(coco.ar_large), _SIZES["large"]),
    )
    tables = (_coco_table("Average precision", precision), _coco_table("Average recall", recall))
    hint = (
        "Average precision and recall over all thresholds, mean over labels. A dash: no object of that kind is there."
    )
    return panel(f"{key}-coco", "COCO's numbers", hint, tag("div", *tables, class_="halves"), level=3)


def _coco_table(caption: str, rows: Sequence[tuple[str, Figure, str]]) -> Markup:
    heads = ((caption, ""), ("", "barred"), ("", "n"))
    return table(
        caption,
        heads,
        (
            (join([name, tag("span", what, class_="under")]), whisker(figure), told(figure))
            for name, figure, what in rows
        ),
        has_row_heads=True,
    )


def counts_panel(figures: DetectionFigures, key: str) -> Markup:
    """Return the card of what was counted, by both ways to match."""
    heads = [("IoU", ""), ("", "barred"), ("Right", "n"), ("False", "n"), ("Missed", "n")]
    heads += [("Precision", "n"), ("Recall", "n"), ("F1", "n")]
    groups = (("Greedy", figures.greedy), ("Hungarian", figures.hungarian))
    bodies = [
        tag(
            "tbody",
            tag("tr", tag("th", name, scope="rowgroup", colspan=len(heads), class_="group")),
            *(_count_row(each, heads) for each in counts),
        )
        for name, counts in groups
        if counts
    ]
    body = tag(
        "table",
        tag("caption", "Finds held against truth, at each overlap, by both ways to match", class_="hidden"),
        tag("thead", tag("tr", *(tag("th", title, scope="col", class_=kind or None) for title, kind in heads))),
        *bodies,
    )
    marks = legend([(square("teal"), "right"), (square("red"), "false: found, not there"), (square("amber"), "missed")])
    hint = f"{_threshold_words(figures)} {_GREEDY} {_HUNGARIAN}"
    wide = tag("div", body, class_="scroll", tabindex=0)
    return panel(f"{key}-counts", "Counts", hint, marks, wide, level=3, kind="counts")


def _threshold_words(figures: DetectionFigures) -> str:
    at = "the model's own threshold" if figures.threshold is None else f"threshold {figures.threshold:g}"
    return f"{count_of(figures.finds, 'find')} at {at}, {count_of(figures.truths, 'object')} that are there."


def _count_row(each: Counted, heads: Sequence[tuple[str, str]]) -> Markup:
    numbers = (each.true_positives, each.false_positives, each.false_negatives)
    total = max(1, sum(numbers))
    parts = [(kind, number / total) for kind, number in zip(("teal", "red", "amber"), numbers, strict=True)]
    cells: list[Child] = [f"{each.iou:g}", bar(parts), *map(whole, numbers)]
    cells += [told(each.precision), told(each.recall), told(each.f1)]
    drawn = [tag("td", cell, class_=kind or None) for cell, (_, kind) in zip(cells, heads, strict=True)]
    return tag("tr", tag("th", cells[0], scope="row"), *drawn[1:])


def jaccard_panel(jaccard: Jaccard, each: Sequence[float], key: str) -> Markup:
    """Return the card of how well areas overlap.

    Args:
        jaccard: Over all pictures.
        each: Of the pictures that have one.
        key: Unique in the page.
    """
    heads = (("Pictures", ""), ("", "barred"), ("Jaccard", "n"))
    rows = (
        ("Mean", whisker(jaccard.mean), told(jaccard.mean)),
        ("Weighted by objects", whisker(jaccard.weighted), told(jaccard.weighted)),
        ("Worst picture", None, known(jaccard.least)),
        ("Best picture", None, known(jaccard.most)),
    )
    strip = _strip(each) if each else None
    hint = f"All found boxes together against all true ones, over {count_of(jaccard.images, 'picture')}."
    return panel(
        f"{key}-jaccard",
        "Jaccard",
        hint,
        table("Overlap of areas", heads, rows, has_row_heads=True),
        strip,
        kind="five",
        level=3,
    )


def _strip(each: Sequence[float]) -> Markup:
    """Return a tick for each picture on a line from 0 to 1."""
    ticks = (tag("rect", x=min(max(100 * value - 0.4, 0.0), 99.2), y=0, width=0.8, height=8) for value in each)
    drawn = tag(
        "svg",
        tag("title", f"Jaccard of each of {count_of(len(each), 'picture')}"),
        tag("rect", x=0, y=0, width=100, height=8, class_="track"),
        tag("g", *ticks, class_="tickets"),
        class_="bar thick", viewBox="0 0 100 8", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    ends = tag("div", tag("span", "0"), tag("span", "each picture"), tag("span", "1"), class_="ends")
    return tag("div", drawn, ends, class_="coverage")


def labels_panel(rows: Sequence[LabelRow], key: str) -> Markup:
    """Return the card of labels, worst first."""
    ordered = sorted(rows, key=_badness)
    shown, rest = ordered[:_MOST_LABELS], ordered[_MOST_LABELS:]
    more = (
        folded(f"{count_of(len(rest), 'more label')}, better or in no picture", _labels_table(rest), kind="more")
        if rest
        else None
    )
    hint = "Worst AP first. Precision, recall and F1 are greedy, at IoU 0.5 and the operating threshold."
    body = (
        tag("div", _labels_table(shown), class_="scroll", tabindex=0) if rows else tag("p", "No label.", class_="empty")
    )
    return panel(f"{key}-labels", "By label", hint, body, more, level=3, kind="labels")


def _badness(row: LabelRow) -> tuple[bool, float, int, str]:
    return row.ap is None, row.ap or 0.0, -row.truths, row.label


def _labels_table(rows: Sequence[LabelRow]) -> Markup:
    heads = (("Label", "name"), ("Objects", "n"), ("Finds", "n"), ("", "barred"), ("AP", "n"), ("AP50", "n"))
    more = (("Precision", "n"), ("Recall", "n"), ("F1", "n"))
    return table("Figures by label", heads + more, map(_label_cells, rows), has_row_heads=True)


def _label_cells(row: LabelRow) -> tuple[Child, ...]:
    drawn = None if row.ap is None else bar([("blue", row.ap)])
    figures = (row.ap, row.ap50, row.precision, row.recall, row.f1)
    return stranger(row.label), whole(row.truths), whole(row.finds), drawn, *map(known, figures)


def sizes_panel(figures: DetectionFigures, key: str) -> Markup:
    """Return the card of small, medium and large objects."""
    heads = (("Size", ""), ("Objects", "n"), ("AP", "n"), ("AR", "n"), ("Recall", "n"))
    rows = (
        (
            join([row.size.capitalize(), tag("span", _SIZES.get(row.size), class_="under")]),
            whole(row.truths), known(row.ap), known(row.ar), known(row.recall_at_50),
        )
        for row in figures.sizes
    )  # fmt: skip
    hint = "By the area that the truth tells. Recall is at IoU 0.5 and the operating threshold."
    body = table("Figures by size", heads, rows, has_row_heads=True)
    return panel(f"{key}-sizes", "By size", hint, body, kind="seven", level=3)
