"""The whole page: what was evaluated, the models side by side, and a chapter for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from saccade.evaluation.document import Evaluation, ModelEvaluation
from saccade.evaluation.html.calibration import calibration_panel
from saccade.evaluation.html.chapter import chapter_head
from saccade.evaluation.html.classification import classes_panel, pairs_panel
from saccade.evaluation.html.comparison import comparison_panels
from saccade.evaluation.html.confusion import FEW_LABELS, confusion_panel
from saccade.evaluation.html.curves import curves_panel, small_curves_panel
from saccade.evaluation.html.detection import coco_panel, counts_panel, jaccard_panel, labels_panel, sizes_panel
from saccade.evaluation.html.latency import latency_panel
from saccade.evaluation.html.method import cautions_panel, method_panel
from saccade.evaluation.html.worst import failures_panel, worst_panel
from saccade.evaluation.numbers import count_of
from saccade.evaluation.worst import WorstPicture
from saccade.models.prediction import Task
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.shell import document, own_style, policy_of
from saccade.usage.numbers import whole

_HASH_LETTERS = 12


def page(evaluation: Evaluation, worst: Mapping[str, Sequence[WorstPicture]]) -> str:
    """Return an evaluation as one page that needs nothing else and does nothing.

    Args:
        evaluation: What was found.
        worst: The pictures that went worst, by model, the worst first.
    """
    is_only = len(evaluation.models) == 1
    chapters = [
        _chapter(model, worst.get(model.model, ()), f"model{number}", evaluation, is_only=is_only)
        for number, model in enumerate(evaluation.models, 1)
    ]
    # With one model its figures stand first; with several the table that holds them side by side.
    first = next(chapters[0]) if is_only else join(comparison_panels(evaluation))
    cards = tag(
        "main", first, cautions_panel(evaluation), *(join(chapter) for chapter in chapters), method_panel(evaluation)
    )
    body = (_header(evaluation), cards, _footer(evaluation))
    return document(f"{_title(evaluation)}: evaluation", *body, style=_style(), policy=content_security_policy())


def content_security_policy() -> str:
    """Return what a browser may do with the page: apply its own style, show the pictures that stand in it."""
    return policy_of(_style(), shows_pictures=True)


@cache
def _style() -> str:
    return own_style() + files("saccade.evaluation.html").joinpath("style.css").read_text("utf-8")


def _title(evaluation: Evaluation) -> str:
    models = evaluation.models
    if len(models) == 1:
        return f"{models[0].model} on {evaluation.dataset}"
    return f"{count_of(len(models), 'model')} on {evaluation.dataset}"


def _header(evaluation: Evaluation) -> Markup:
    return tag(
        "header",
        tag("p", "Evaluation", class_="eyebrow"),
        tag("h1", stranger(_title(evaluation))),
        tag("p", join(_told(evaluation)), class_="lede"),
        tag("p", _intervals(evaluation), class_="lede"),
        _contents(evaluation),
    )


def _told(evaluation: Evaluation) -> Iterator[Child]:
    yield tag("b", count_of(evaluation.images, "picture"))
    if any(model.task is Task.OBJECT_DETECTION for model in evaluation.models):
        yield " with "
        yield tag("b", count_of(evaluation.truths, "known object"))
    else:
        yield " with known labels"
    yield f", evaluated on {_moment(evaluation.made_at)} by "
    if evaluation.server is None:
        yield "models that ran here"
    else:
        yield "the server "
        yield tag("b", stranger(evaluation.server))
    yield ". Dataset "
    yield tag("code", evaluation.dataset_sha256[:_HASH_LETTERS], title=evaluation.dataset_sha256)
    yield "."


def _intervals(evaluation: Evaluation) -> str:
    if not evaluation.resamples:
        return "No confidence intervals were computed: small differences may be chance."
    return (
        "Ranges are 95 % confidence intervals: how far a figure moves when the pictures are drawn anew "
        f"({whole(evaluation.resamples)} resamples)."
    )


def _contents(evaluation: Evaluation) -> Markup | None:
    """Return where each model's chapter begins; None where there is one."""
    if len(evaluation.models) < 2:  # noqa: PLR2004 - one chapter needs no list
        return None
    links = (
        tag("li", tag("a", stranger(model.model), href=f"#model{number}"))
        for number, model in enumerate(evaluation.models, 1)
    )
    return tag("nav", tag("ul", *links, class_="filters"), aria_label="Models")


def _moment(made_at: str) -> str:
    try:
        moment = datetime.fromisoformat(made_at)
    except ValueError:
        return made_at
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%d %B %Y, %H:%M} UTC"


def _chapter(
    model: ModelEvaluation, worst: Sequence[WorstPicture], key: str, evaluation: Evaluation, *, is_only: bool
) -> Iterator[Markup | None]:
    yield chapter_head(model, key, evaluation.images, is_only=is_only)
    if model.detection is not None:
        figures = model.detection
        yield coco_panel(figures, key)
        yield counts_panel(figures, key)
        yield curves_panel(figures, key)
        yield calibration_panel(figures.calibration, key, right="matched at IoU 0.5")
        yield small_curves_panel(figures, key)
        yield labels_panel(figures.labels, key)
        yield sizes_panel(figures, key)
        yield jaccard_panel(figures.jaccard, [row.jaccard for row in model.rows if row.jaccard is not None], key)
    if model.classification is not None:
        classes = model.classification
        confusion = confusion_panel(classes, key)
        is_small = confusion is not None and len(classes.labels) <= FEW_LABELS
        calibration = calibration_panel(classes.calibration, key, right="the best answer is the true label")
        labels = classes_panel(classes.labels, key)
        # Two columns: a small matrix has room for a card beside it, a large one takes the whole width.
        yield confusion
        yield from (calibration, labels) if is_small else (labels, calibration)
        yield pairs_panel(classes, key, kind="five" if is_small else "")
    where = "Measured by the server." if evaluation.server is not None else "Measured here."
    yield latency_panel(model.latency, key, where=where)
    yield worst_panel(worst, model, key)
    yield failures_panel(model, key)


def _footer(evaluation: Evaluation) -> Markup:
    made = f"Made by Saccade {evaluation.saccade} on {_moment(evaluation.made_at)}."
    return tag("footer", f"{made} One file: no script, and nothing is loaded from elsewhere.")
