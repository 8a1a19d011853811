"""Which family a graph belongs to: from Hugging Face's names, from its inputs and outputs, from its metadata."""

from __future__ import annotations

from collections.abc import Mapping

from saccade.models.graph import GraphFacts
from saccade.models.package import Plain
from saccade.models.ports import TensorSpec
from saccade.models.prediction import Task

#: Heads with one class more than labels, read by softmax.
_SOFTMAX_DETECTORS = frozenset({"detr", "yolos", "table-transformer"})
#: Heads with one score per label, read by sigmoid.
_SIGMOID_DETECTORS = frozenset(
    {
        "rt_detr",
        "rt_detr_v2",
        "d_fine",
        "deimv2",
        "conditional_detr",
        "deformable_detr",
        "dab-detr",
        "lw_detr",
        "rf_detr",
    }
)
#: Heads with one score per word that is looked for.
_ZERO_SHOT_DETECTORS = frozenset({"owlvit", "owlv2"})
_DETECTION_ROW = 6
_IMAGE_RANK = 4
_CLASSIFIER = "ForImageClassification"


def family_of_config(config: Mapping[str, Plain], facts: GraphFacts) -> str | None:
    """Return the family that a Hugging Face ``config.json`` names, where its graph has the outputs for it.

    An export by the authors of a detector, rather than by Hugging Face's tools, keeps their outputs: the graph is asked
    first.
    """
    shaped = family_of_graph(facts)
    if shaped is not None and shaped != "transformers":
        return shaped
    model_type = str(config.get("model_type", ""))
    architectures = _words(config.get("architectures"))
    if any(_CLASSIFIER in name for name in architectures):
        return "transformers"
    if model_type in _SOFTMAX_DETECTORS:
        return "detr"
    if model_type in _SIGMOID_DETECTORS:
        return "rt-detr"
    if model_type in _ZERO_SHOT_DETECTORS:
        return "owl-vit"
    return None if architectures else shaped


def function_of_config(config: Mapping[str, Plain], *, labels: int) -> str:
    """Return how a classifier's logits become scores, by the rule of Hugging Face's pipeline."""
    problem = config.get("problem_type")
    if problem == "regression":
        return "none"
    return "sigmoid" if problem == "multi_label_classification" or labels == 1 else "softmax"


def function_of_graph(facts: GraphFacts) -> str:
    """Return how a bare classifier's outputs become scores: by softmax, unless the graph itself ends in one."""
    return "none" if {"Softmax", "Sigmoid"} & set(facts.endings) else "softmax"


def family_of_graph(facts: GraphFacts) -> str | None:
    """Return the family that a graph's own inputs and outputs show; None where they fit none or more than one.

    ``logits`` with ``pred_boxes`` is read in two ways (softmax, sigmoid) that look alike, so it is never guessed.
    """
    inputs = {spec.name for spec in facts.inputs}
    outputs = {spec.name.lower(): spec for spec in facts.outputs}
    if {"dets", "labels"} <= outputs.keys():
        return "rf-detr"
    if {"labels", "boxes", "scores"} <= outputs.keys():
        return "rt-detr-original" if "orig_target_sizes" in inputs else "torchvision-detection"
    if "NonMaxSuppression" in facts.operators and _has_indices(facts):
        return "nms-in-graph"
    return _family_of_lone_output(facts)


def task_of_family(family: str) -> Task:
    """Return what the models of a family do."""
    from saccade.models.decoders.families import family_named

    return family_named(family).task


def _has_indices(facts: GraphFacts) -> bool:
    return any(spec.dtype == "int64" and spec.shape[-1:] == (3,) for spec in facts.outputs)


def _family_of_lone_output(facts: GraphFacts) -> str | None:
    """Classifiers give one row of numbers; YOLO one row or column for each cell or box."""
    floats = [spec for spec in facts.outputs if spec.dtype.startswith("float")]
    if len(floats) != 1 or len(facts.outputs) != 1:
        return (
            "transformers" if any(_is_logits(spec) for spec in floats) and "pred_boxes" not in _names(facts) else None
        )
    if _is_scores(floats[0]):
        return "transformers"
    rows = len(floats[0].shape) == _IMAGE_RANK - 1
    if rows and "names" in facts.metadata:
        return "yolo-end2end" if floats[0].shape[-1] == _DETECTION_ROW else "yolo"
    return None


def _is_logits(spec: TensorSpec) -> bool:
    return spec.name.lower() == "logits" and _is_scores(spec)


def _is_scores(spec: TensorSpec) -> bool:
    is_flat = len(spec.shape) == 2  # noqa: PLR2004 - pictures by labels
    return is_flat or (len(spec.shape) == _IMAGE_RANK and spec.shape[-2:] == (1, 1))


def _names(facts: GraphFacts) -> set[str]:
    return {spec.name for spec in facts.outputs}


def _words(value: Plain) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
