"""The card of the package: what it is, how it was made, what was measured, what was not."""

from dataclasses import dataclass

from saccade.training.sem_textures.labels import LABELS
from saccade.training.sem_textures.measuring import Measured, Timed
from saccade.training.sem_textures.recipe import INPUT_PX, Recipe


@dataclass(frozen=True)
class Findings:
    """Everything the card reports."""

    recipe: Recipe
    test: Measured
    #: The same pictures without the temperature.
    uncalibrated: Measured
    large: Measured
    timed: Timed
    #: What the logits were divided by.
    temperature: float
    training_s: float
    weights: int
    graph_bytes: int


def card_text(findings: Findings) -> str:
    """Return the card as Markdown."""
    return "\n".join((*_introduction(findings), *_figures(findings), *_making(findings), *_limits(), ""))


def _introduction(findings: Findings) -> tuple[str, ...]:
    """Return what the package is."""
    return (
        "# sem-textures",
        "",
        "Sorts a grey scanning electron micrograph into one of the ten categories of the NFFA-EUROPE SEM set:",
        ", ".join(LABELS) + ".",
        "",
        "It is small enough to ship with the program, so that everything works with no network.",
        "**It was trained on synthetic pictures only.",
        "Its accuracy on real micrographs is not measured and is likely much lower than the figures below.**",
        "Use it to try the server out; do not rely on it in research.",
        "",
        f"* Input: the whole picture, warped to {INPUT_PX}x{INPUT_PX} (Pillow, bilinear), brightness to -1..1,",
        "  RGB; colour is averaged away.",
        "* Output: ten logits; their softmax is the probability of each category.",
        f"* Size: {findings.weights:,} weights, {findings.graph_bytes / 1e6:.2f} MB of ONNX.",
        "* Licence: Apache-2.0, weights and pictures alike.",
        "",
    )


def _figures(findings: Findings) -> tuple[str, ...]:
    """Return what was measured."""
    test, large, timed = findings.test, findings.large, findings.timed
    rows = [_row(test, place) for place in range(len(LABELS))]
    mistakes = [f"* {count}x {true} taken for {answer}" for true, answer, count in test.worst_confusions(6)]
    side = "x".join(str(length) for length in reversed(findings.recipe.picture_shape))
    large_side = "x".join(str(length) for length in reversed(findings.recipe.large_shape))
    calibrating = findings.recipe.calibration_per_label * len(LABELS)
    whole_ms = timed.decode_ms + timed.preprocess_ms + timed.graph_ms
    return (
        "## Measured, on synthetic pictures that were not trained on",
        "",
        f"Top-1 {test.share_right:.4f} on {test.count} pictures of {side} px (other seeds, same generator);",
        f"{large.share_right:.4f} on {large.count} pictures of {large_side} px.",
        f"Log loss {test.log_loss:.4f}.",
        f"Expected calibration error (15 bins) {findings.uncalibrated.calibration_error:.4f} before and",
        f"{test.calibration_error:.4f} after division by the temperature {findings.temperature:.3f},",
        f"which was set on {calibrating} further pictures and is folded into the graph.",
        "",
        "| category | pictures | right | recall | precision |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "Most frequent mistakes:",
        "",
        *(mistakes or ["* none"]),
        "",
        f"Processor time for one {large_side} JPEG on one thread, median: decode {timed.decode_ms:.1f} ms,",
        f"preprocess {timed.preprocess_ms:.1f} ms, graph {timed.graph_ms:.1f} ms; {whole_ms:.1f} ms together,",
        "measured on the machine that trained it, which did other work at the time.",
        "",
    )


def _row(test: Measured, place: int) -> str:
    """Return a category's row of the table."""
    count, right = int(test.confusion[place].sum()), int(test.confusion[place, place])
    return f"| {LABELS[place]} | {count} | {right} | {test.recall(place):.3f} | {test.precision(place):.3f} |"


def _making(findings: Findings) -> tuple[str, ...]:
    """Return how the package was made."""
    recipe = findings.recipe
    return (
        "## Made by",
        "",
        "`python -m saccade.training.sem_textures all` (see `--help`),",
        "which draws the pictures, trains, exports, measures and writes this file.",
        "",
        f"* {recipe.train_per_label * len(LABELS)} training pictures of several kinds a category, each from its seed:",
        "  a scene, then focus, charging, scan faults, contrast, shot noise, JPEG and an info bar on about two thirds.",
        f"* {recipe.steps} steps of {recipe.batch} pictures, random state {recipe.random_state}, one thread,",
        f"  {findings.training_s / 60:.0f} minutes beside other work.",
        "* Varied in training: crops down to 55 % of a side, mirroring, quarter turns, contrast, inversion, JPEG.",
        "* The weights are the moving average of the run's. No real picture and no foreign weights were used.",
        "",
    )


def _limits() -> tuple[str, ...]:
    """Return what the package cannot do."""
    return (
        "## Limits",
        "",
        "* The generator draws what its author thinks each category looks like. Real categories are wider and overlap:",
        "  a packed bed of spheres is both Particles and Powder, an electrode array both MEMS and Patterned surface.",
        "* Every picture gets one of the ten labels, also a photograph of a cat: no answer says that none fits.",
        "* The probabilities are calibrated for synthetic pictures and will be too sure on real ones.",
    )
