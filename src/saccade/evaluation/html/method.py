"""How the figures come about, in short, for whoever wants to check them; and what to know before they are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from saccade.evaluation.cautions import cautions_on, cautions_on_model
from saccade.evaluation.document import Evaluation
from saccade.models.prediction import Task
from saccade.usage.html.markup import Child, Markup, join, stranger, tag
from saccade.usage.html.parts import panel
from saccade.usage.numbers import whole

_DETECTION = {
    "AP and AR": (
        "As COCO defines them: a curve of precision over recall at 101 points, finds of all scores, at most a hundred "
        "a picture, mean over labels, and for AP and AR over IoU 0.50 to 0.95 in steps of 0.05. Crowds are neither "
        "right nor wrong."
    ),
    "Counts": (
        "Finds at the operating threshold against objects of the same label, each with at most one of the other. "
        "A find is right if both overlap with at least the IoU; other finds are false, other objects missed."
    ),
    "Greedy": "The find with the best score takes the free object that it overlaps most, then the next one.",
    "Hungarian": (
        "Pairs are chosen so that the sum of their overlaps is largest, whatever the scores; then those below the IoU "
        "do not count."
    ),
    "Curves": (
        "Precision and recall of all finds whose score reaches a threshold, as they are; AP takes the best precision "
        "at a recall or beyond."
    ),
    "Jaccard": (
        "The area of all found boxes together and of all true boxes together, in whole pixels: what both cover over "
        "what either covers, per picture. Weighted: by the objects of the picture."
    ),
}
_CLASSIFICATION = {
    "Top-1, Top-5": "Share of pictures whose label is the best answer, or among the five best.",
    "Macro F1": "Mean of the F1 of the labels, all counting the same.",
    "Confusion": "The best answer against the true label.",
}
_BOTH = {
    "ECE": (
        "Expected calibration error: answers in bins by score; the gap between mean score and share of right ones, "
        "weighted by how many answers a bin has."
    ),
    "Latency": "Of each picture by itself, by stage.",
    "Failures": "Pictures that could not be answered count as pictures in which nothing was seen.",
}


def cautions_panel(evaluation: Evaluation) -> Markup:
    """Return the card of what to know before these figures are used."""
    notes: list[Child] = list(cautions_on(evaluation))
    for model in evaluation.models:
        found = cautions_on_model(model, evaluation.images)
        if len(evaluation.models) == 1:
            notes += found
        else:
            notes += [join([tag("b", stranger(model.model)), f": {note}"]) for note in found]
    if notes:
        body = tag("ul", *(tag("li", note) for note in notes), class_="notes")
    else:
        body = tag("p", "Nothing stands out.", class_="empty")
    return panel(
        "cautions", "Before you use these figures", "Where they rest on little, or say less than they seem to.", body
    )


def method_panel(evaluation: Evaluation) -> Markup:
    """Return the card of how the figures come about."""
    tasks = {model.task for model in evaluation.models}
    rules = {
        **(_DETECTION if Task.OBJECT_DETECTION in tasks else {}),
        **(_CLASSIFICATION if Task.IMAGE_CLASSIFICATION in tasks else {}),
        "Intervals": _intervals(evaluation),
        **_BOTH,
    }
    body = tag("dl", *(tag("div", tag("dt", name), tag("dd", rule)) for name, rule in rules.items()), class_="method")
    identity = tag("dl", *_identity(evaluation), class_="identity")
    return panel("method", "Method", "The rules by which was counted.", body, identity)


def _intervals(evaluation: Evaluation) -> str:
    if not evaluation.resamples:
        return "No intervals were computed."
    return (
        f"95 %, by bootstrap: the pictures are drawn anew {whole(evaluation.resamples)} times, each time as many as "
        f"there are and some of them more than once (seed {evaluation.seed}); the interval holds the middle 95 % of "
        "the figures that follow."
    )


def _identity(evaluation: Evaluation) -> Iterator[Markup]:
    entries: Sequence[tuple[str, str]] = (
        ("Evaluation", evaluation.id),
        ("Dataset", f"{evaluation.dataset_sha256}"),
        *((model.model, model.digest) for model in evaluation.models if model.digest),
    )
    for name, text in entries:
        yield tag("div", tag("dt", stranger(name)), tag("dd", tag("code", text)))
