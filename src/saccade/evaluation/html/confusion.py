"""The confusion matrix of a classifier as a field of cells: darker where more of a label's pictures are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from saccade.evaluation.document import ClassificationFigures
from saccade.usage.html.markup import Child, Markup, tag
from saccade.usage.html.parts import cut, legend, panel, picture, square, words
from saccade.usage.numbers import whole

#: Beyond so many labels no cell could be read; the most confused pairs tell more.
MOST_LABELS = 30
#: Up to so many labels the card leaves room for another beside it.
FEW_LABELS = 10
_SHADES = 5
_LETTERS = 18
_LETTER = 6.6
_HEAD_LETTER = 5.2
#: Cells narrower than this have no room for their number.
_LEAST_NUMBERED = 22.0
_NOTHING = "nothing known"


@dataclass(frozen=True, slots=True)
class _Field:
    """Where cells stand, in units of the picture."""

    left: float
    top: float
    cell: float
    height: float


def confusion_panel(figures: ClassificationFigures, key: str) -> Markup | None:
    """Return the card of the matrix; None where there are too many labels to read it, or too few to confuse."""
    labels = [row.label for row in figures.labels]
    if not 1 < len(labels) <= MOST_LABELS:
        return None
    is_few = len(labels) <= FEW_LABELS
    rows = [
        (*row, unsaid) if any(figures.unsaid) else row
        for row, unsaid in zip(figures.confusion, figures.unsaid, strict=True)
    ]
    heads = [*labels, _NOTHING] if any(figures.unsaid) else labels
    width = 600 if is_few else 1020
    field = _field(labels, heads, width)
    right = sum(figures.confusion[number][number] for number in range(len(labels)))
    total = sum(map(sum, rows))
    drawn = picture(
        f"{key}-confusion",
        title="Confusion matrix: what pictures show, and what was said",
        description=f"{whole(right)} of {whole(total)} pictures stand on the diagonal, where what was said is true.",
        kind="plot" if is_few else "matrix",
        size=(width, round(field.top + field.height * len(rows) + 2)),
        marks=_marks(labels, heads, rows, field),
    )
    shades = [(square("h0"), "none")] + [
        (square(f"h{shade}"), f"up to {100 * shade // _SHADES}\u00a0%") for shade in range(1, _SHADES + 1)
    ]
    hint = "A row is what pictures show, a column what was said of them; the shade is the share of the row."
    body = tag("div", drawn, class_="scroll", tabindex=0)
    return panel(f"{key}-confusion", "Confusion", hint, legend(shades), body, kind="seven" if is_few else "", level=3)


def shade_of(number: int, total: int) -> int:
    """Return the shade of a cell: 0 for none, 5 for more than four fifths of its row."""
    return -(-number * _SHADES // total) if number else 0


def _field(labels: Sequence[str], heads: Sequence[str], width: int) -> _Field:
    longest = max(len(cut(label, _LETTERS)) for label in heads)
    left = 14 + _LETTER * max(len(cut(label, _LETTERS)) for label in labels)
    # The last name leans out to the right of its column.
    cell = min(64.0, (width - left - _HEAD_LETTER * len(cut(heads[-1], _LETTERS))) / len(heads))
    return _Field(left, 18 + _HEAD_LETTER * longest, cell, min(cell, 44.0))


def _marks(
    labels: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[int]], field: _Field
) -> Iterator[Child]:
    for number, label in enumerate(heads):
        x, y = field.left + (number + 0.5) * field.cell, field.top - 7
        kind = "quiet" if number == len(labels) else None
        yield tag("text", cut(label, _LETTERS), x=x, y=y, transform=f"rotate(-45 {x:.2f} {y:.2f})", class_=kind)
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        y = field.top + number * field.height
        yield words(field.left - 8, y + field.height / 2 + 4, cut(label, _LETTERS), anchor="end")
        for column, pictures in enumerate(row):
            spoken = f"{label} said to be {heads[column]}: {whole(pictures)} of {whole(sum(row))}"
            yield _cell(
                pictures, sum(row), spoken, field.left + column * field.cell, y, field, is_right=number == column
            )


def _cell(number: int, total: int, spoken: str, x: float, y: float, field: _Field, *, is_right: bool) -> Markup:
    shade = shade_of(number, total)
    square_ = tag(
        "rect", x=x + 1, y=y + 1, width=field.cell - 2, height=field.height - 2, rx=2,
        class_=f"h{shade} right" if is_right else f"h{shade}",
    )  # fmt: skip
    text = None
    if number and field.cell >= _LEAST_NUMBERED:
        text = words(x + field.cell / 2, y + field.height / 2 + 4, whole(number), anchor="middle", kind=f"on{shade}")
    return tag("g", tag("title", spoken), square_, text)
