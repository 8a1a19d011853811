"""Where the time of a picture goes: its stages as parts of a bar, and their percentiles."""

from __future__ import annotations

from collections.abc import Sequence

from saccade.evaluation.document import StageLatency
from saccade.usage.html.markup import Child, Markup, join, tag
from saccade.usage.html.parts import bar, legend, panel, square, table
from saccade.usage.numbers import lasting, percent

_TOTAL = "total"
#: In the order in which a picture goes through them.
_STAGES = ("queue", "decode", "preprocess", "infer", "postprocess")
_KINDS = ("grey", "amber", "teal", "blue", "violet")
_OTHER = "h2"


def latency_panel(stages: Sequence[StageLatency], key: str, *, where: str) -> Markup:
    """Return the card of how long pictures took.

    Args:
        stages: One for each stage, and one for the total.
        key: Unique in the page.
        where: Whose clock it was.
    """
    title = "Latency"
    if not stages:
        return panel(f"{key}-latency", title, where, tag("p", "Nothing was measured.", class_="empty"), level=3)
    ordered = sorted(stages, key=_place)
    parts, marks = _parts(ordered)
    heads = (("Stage", ""), ("", "barred"), ("Mean", "n"), ("p50", "n"), ("p90", "n"), ("p99", "n"), ("Max", "n"))
    most = max(each.p99 for each in stages)
    rows = [_row(each, most) for each in ordered]
    drawn = (bar(parts, thick=True), legend(marks)) if parts else ()
    body = tag("div", table("Milliseconds by stage", heads, rows, has_row_heads=True), class_="scroll", tabindex=0)
    hint = f"{where} The bar is the mean of a picture, by stage."
    return panel(f"{key}-latency", title, hint, tag("div", *drawn, class_="stages"), body, level=3)


def _place(each: StageLatency) -> tuple[int, str]:
    if each.stage == _TOTAL:
        return len(_STAGES) + 1, ""
    return _STAGES.index(each.stage) if each.stage in _STAGES else len(_STAGES), each.stage


def _parts(stages: Sequence[StageLatency]) -> tuple[list[tuple[str, float]], list[tuple[Markup, Child]]]:
    """Return the parts of the mean and what they are; what no stage accounts for is a part too."""
    named = [each for each in stages if each.stage != _TOTAL]
    known_ms = sum(each.mean for each in named)
    whole_ms = max(known_ms, *(each.mean for each in stages if each.stage == _TOTAL), 0.0)
    if not whole_ms:
        return [], []
    parts: list[tuple[str, float]] = []
    marks: list[tuple[Markup, Child]] = []
    for each in named:
        kind = _kind(each.stage)
        parts.append((kind, each.mean / whole_ms))
        marks.append((square(kind), join([tag("b", each.stage), f" {percent(each.mean / whole_ms)}"])))
    rest_ms = whole_ms - known_ms
    if rest_ms > 0.005 * whole_ms:
        marks.append((square("track"), join([tag("b", "between"), f" {percent(rest_ms / whole_ms)}"])))
    return parts, marks


def _kind(stage: str) -> str:
    return _KINDS[_STAGES.index(stage)] if stage in _STAGES else _OTHER


def _row(each: StageLatency, most_ms: float) -> tuple[Child, ...]:
    kind = "blue" if each.stage == _TOTAL else _kind(each.stage)
    drawn = bar([(kind, each.p50 / most_ms)]) if most_ms else None
    times = (lasting(value) for value in (each.mean, each.p50, each.p90, each.p99, each.most))
    name = tag("b", each.stage) if each.stage == _TOTAL else each.stage
    return name, drawn, *times
