"""What the panels of a page are made of: a card, a figure, a table, a bar, a legend, a picture with its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from saccade.usage.html.markup import Child, Markup, join, tag

#: A bar that stands for something is never too thin to be seen, in percent of its track.
_LEAST_BAR = 0.8


def panel(key: str, title: str, hint: Child, *body: Child, kind: str = "", level: int = 2) -> Markup:
    """Return a card with a heading.

    Args:
        key: Unique in the page.
        title: What it is about.
        hint: One sentence on how to read it.
        body: What is in it.
        kind: Further classes.
        level: Of the heading, among those of the page.
    """
    return tag(
        "section",
        tag(f"h{level}", title, id=key),
        tag("p", hint, class_="hint"),
        *body,
        class_=f"panel {kind}".strip(),
        aria_labelledby=key,
    )


def kpi(name: str, figure: Child, *beside: Child, is_bad: bool = False) -> Markup:
    """Return one of the figures that count, for a list of them: what it is, its value, and what stands below."""
    return tag(
        "div",
        tag("dt", name),
        tag("dd", figure, class_="figure bad" if is_bad else "figure"),
        *(tag("dd", words, class_="beside") for words in beside),
        class_="kpi",
    )


def table(
    caption: str, heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[Child]], *, has_row_heads: bool = False
) -> Markup:
    """Return a table.

    Args:
        caption: What it has, for those who do not see the card.
        heads: Title and class of each column; the class is that of its cells too.
        rows: Cells, in the order of the columns.
        has_row_heads: Whether the first cell of a row says what the row is about.
    """
    titles = (tag("th", title, scope="col", class_=kind or None) for title, kind in heads)
    return tag(
        "table",
        tag("caption", caption, class_="hidden"),
        tag("thead", tag("tr", *titles)),
        tag("tbody", *(_row(cells, heads, has_row_heads=has_row_heads) for cells in rows)),
    )


def folded(summary: str, body: Markup, *, kind: str | None = None) -> Markup:
    """Return what is shown when somebody asks for it: the figures behind a picture."""
    return tag("details", tag("summary", summary), tag("div", body, class_="scroll", tabindex=0), class_=kind)


def bar(parts: Sequence[tuple[str, float]], *, thick: bool = False) -> Markup:
    """Return a bar of coloured parts on a track; the numbers stand beside it.

    Args:
        parts: Class and share of the track, 0..1, of each part.
        thick: Whether it is what the card is about.
    """
    drawn: list[Markup] = [_rect(0.0, 100.0, "track")]
    begin = 0.0
    for kind, share in parts:
        width = max(_LEAST_BAR, 100 * share) if share > 0 else 0.0
        if width:
            drawn.append(_rect(begin, min(width, 100 - begin), kind))
        begin += width
    return tag(
        "svg",
        *drawn,
        class_="bar thick" if thick else "bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def legend(entries: Iterable[tuple[Markup, Child]]) -> Markup:
    """Return what marks stand for: each a mark of 12 by 12 and words."""
    return tag(
        "ul",
        *(
            tag("li", tag("svg", mark, viewBox="0 0 12 12", aria_hidden="true"), tag("span", words))
            for mark, words in entries
        ),
        class_="legend",
    )


def square(kind: str) -> Markup:
    """Return the mark of an area."""
    return tag("rect", x=0, y=0, width=12, height=12, rx=2, class_=kind)


def picture(
    key: str, *, title: str, description: str, kind: str, size: tuple[int, int], marks: Iterable[Child]
) -> Markup:
    """Return an SVG that says in words what it shows.

    Args:
        key: Unique in the page.
        title: What it is.
        description: What is to be seen in it.
        kind: ``wide`` or ``narrow``: for which screens.
        size: Width and height in its own units.
        marks: What is drawn.
    """
    return tag(
        "svg",
        tag("title", title, id=f"{key}-{kind}-title"),
        tag("desc", description, id=f"{key}-{kind}-desc"),
        join(marks),
        class_=kind,
        viewBox=f"0 0 {size[0]} {size[1]}",
        role="img",
        aria_labelledby=f"{key}-{kind}-title {key}-{kind}-desc",
    )


def words(x: float, y: float, text: Child, *, anchor: str = "start", kind: str | None = None) -> Markup:
    """Return a line of text in a picture."""
    return tag("text", text, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=kind)


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters, for a picture; the whole of it stands elsewhere."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _row(cells: Sequence[Child], heads: Sequence[tuple[str, str]], *, has_row_heads: bool) -> Markup:
    drawn = [tag("td", cell, class_=kind or None) for cell, (_, kind) in zip(cells, heads, strict=True)]
    if has_row_heads:
        drawn[0] = tag("th", cells[0], scope="row", class_=heads[0][1] or None)
    return tag("tr", *drawn)


def _rect(x: float, width: float, kind: str) -> Markup:
    return tag("rect", x=x, y=0, width=width, height=8, class_=kind)
