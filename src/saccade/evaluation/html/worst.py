"""The pictures that went worst, with what was said of them drawn over what is there; and those that failed."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence

from saccade.evaluation.document import ImageRow, ModelEvaluation
from saccade.evaluation.numbers import UNKNOWN, count_of, share
from saccade.evaluation.worst import WorstPicture
from saccade.models.prediction import Task
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import folded, legend, panel, table
from saccade.usage.numbers import whole

#: Failed pictures whose names are listed.
_MOST_FAILED = 50


def worst_panel(pictures: Sequence[WorstPicture], model: ModelEvaluation, key: str) -> Markup:
    """Return the card of the worst pictures."""
    title = "Worst pictures"
    if not pictures:
        wrong = sum(row.badness > 0 for row in model.rows)
        words = f"{count_of(wrong, 'picture')} with mistakes; none is shown." if wrong else "No picture went wrong."
        return panel(f"{key}-worst", title, words, level=3)
    is_detection = model.task is Task.OBJECT_DETECTION
    figures = (_figure(each, is_detection=is_detection) for each in pictures)
    hint = (
        "Lowest F1 first, then most mistakes, greedy at IoU 0.5. Red and solid: found. Green and dashed: there."
        if is_detection
        else "Surest wrong answers first."
    )
    keys = legend(_marks()) if is_detection else None
    kind = "pictures" if is_detection else "pictures many"
    return panel(f"{key}-worst", title, hint, keys, tag("div", *figures, class_=kind), level=3, kind="gallery")


def _marks() -> Iterator[tuple[Markup, str]]:
    for kind, words in (
        ("seen", "found, right"),
        ("seen wrong", "found, false: thick, with its name"),
        ("there", "there, found"),
        ("there wrong", "there, missed: thick, with its name"),
    ):
        yield tag("rect", x=1.5, y=1.5, width=9, height=9, class_=kind), words


def _figure(each: WorstPicture, *, is_detection: bool) -> Markup:
    row = each.row
    told = _detected(row) if is_detection else _classified(row)
    if each.data:
        encoded = base64.b64encode(each.data).decode("ascii")
        shown = tag(
            "img", src=f"data:{each.media_type};base64,{encoded}", width=each.width_px, height=each.height_px,
            alt=f"{row.name}: {told}",
        )  # fmt: skip
    else:
        shown = tag("p", "This picture could not be read.", class_="unread")
    caption = tag(
        "figcaption",
        tag("b", stranger(row.name), class_="file"),
        tag("span", _told_in_full(row, is_detection=is_detection), class_="under"),
        tag("span", row.problem, class_="under bad") if row.problem else None,
    )
    return tag("figure", tag("div", shown, class_="mat"), caption)


def _detected(row: ImageRow) -> str:
    right, wrong, missed = (number or 0 for number in (row.true_positives, row.false_positives, row.false_negatives))
    return f"{whole(right)} right, {whole(wrong)} false, {whole(missed)} missed of {whole(row.truths)}"


def _classified(row: ImageRow) -> str:
    said = "nothing" if row.said is None else row.said
    return f"is {row.label or UNKNOWN}, said {said}"


def _told_in_full(row: ImageRow, *, is_detection: bool) -> Child:
    if is_detection:
        return f"{_detected(row)}. Jaccard {share(row.jaccard)}"
    said: Child = "nothing" if row.said is None else stranger(row.said)
    rank = "" if row.rank is None or row.rank == 1 else f"; the truth stands at place {row.rank}"
    missing = "; the truth is not among its answers" if row.rank is None and row.said is not None else ""
    score = "" if row.score is None else f" {share(row.score)}"
    return join(["Is ", tag("b", stranger(row.label or UNKNOWN)), ", said ", tag("b", said), f"{score}{rank}{missing}"])


def failures_panel(model: ModelEvaluation, key: str) -> Markup | None:
    """Return the card of pictures that could not be answered; None if there are none."""
    failed = [row for row in model.rows if row.problem]
    if not failed and not model.failed:
        return None
    counts = Counter(row.problem or "" for row in failed)
    hint = f"{count_of(model.failed, 'picture')} without an answer: counted as if nothing was seen."
    heads = (("Problem", "name"), ("Pictures", "n"))
    rows = ((stranger(problem), whole(number)) for problem, number in counts.most_common())
    names = table("Failed pictures", (("Picture", "name"), ("Problem", "name")), (
        (stranger(row.name), stranger(row.problem or "")) for row in failed[:_MOST_FAILED]
    ))  # fmt: skip
    body = table("Problems", heads, rows) if failed else None
    which = folded("Which pictures", names) if failed else None
    return panel(f"{key}-failures", "Failed pictures", hint, body, which, level=3)
