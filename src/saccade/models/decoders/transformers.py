"""Family ``transformers``: one score per label, as Hugging Face's image-classification pipeline makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.errors import OutputInvalid
from saccade.models.decoders import DecodeOptions
from saccade.models.decoders.candidates import label_of
from saccade.models.decoders.options import choice, threshold_of
from saccade.models.decoders.outputs import Floats, Part, find_parts, floats, mismatch, sigmoid, softmax
from saccade.models.geometry import Geometry
from saccade.models.prediction import Classification, Entry
from saccade.vision.arrays import Tensor

FUNCTIONS = ("softmax", "sigmoid", "none")
EXPECTED = "logits [C], one number per label"


def decode_transformers(
    outputs: Mapping[str, Tensor],
    *,
    geometry: Geometry,  # noqa: ARG001  a whole picture's label has no place
    labels: Sequence[str],
    options: DecodeOptions,
) -> list[Entry]:
    """Give the best labels of a classifier.

    The package's ``function`` says how logits become scores: ``softmax`` (one label is true), ``sigmoid`` (each label
    by itself), ``none`` (the graph did it). Where it is silent, a graph with a single label gets sigmoid and every
    other softmax; that is Hugging Face's rule, whose ``problem_type`` the layout has turned into ``function``.

    Args:
        outputs: ``logits`` (C,) by name, or the only one-dimensional float output.
        geometry: Not used.
        labels: By class id; C of them, or none at all.
        options: ``top_k`` cuts the list; a threshold, the caller's or the package's, drops labels below it.

    Returns:
        At most ``top_k`` labels, best first; equal scores by class id.

    Raises:
        OutputInvalid: No such output, NaN in it, or another number of labels than the package names.
        PackageInvalid: ``function`` is another word.
    """
    flat = {name: _without_space(tensor) for name, tensor in outputs.items()}
    part = Part(names=("logits",), shape=(None,))
    [found] = find_parts(flat, [part], family="transformers", expected=EXPECTED)
    logits = floats(found, name="logits")
    if not logits.size:
        raise mismatch(outputs, family="transformers", expected=EXPECTED)
    if labels and len(labels) != logits.size:
        raise OutputInvalid(
            f"The graph scores {logits.size} labels, but the package names {len(labels)}.",
            hint="Give the package the label list that the graph was trained with.",
        )
    default = "sigmoid" if logits.size == 1 else "softmax"
    scores = _scored(logits, choice(options.package, "function", default=default, choices=FUNCTIONS))
    best = np.argsort(-scores, kind="stable")[: options.top_k]
    strong = best[scores[best] >= np.float32(threshold_of(options, default=-np.inf))]
    return [
        Classification(label=label_of(class_id, labels), score=score, class_id=class_id)
        for class_id, score in zip(strong.tolist(), scores[strong].tolist(), strict=True)
    ]


def _without_space(tensor: Tensor) -> Tensor:
    # Fully convolutional classifiers (SqueezeNet in the ONNX model zoo) leave (C, 1, 1).
    if tensor.ndim >= 3 and tensor.shape[-2:] == (1, 1):  # noqa: PLR2004  channels, height, width
        return np.squeeze(tensor, axis=(-2, -1))
    return tensor


def _scored(logits: Floats, function: str) -> Floats:
    if function == "softmax":
        return softmax(logits)
    if function == "sigmoid":
        return sigmoid(logits)
    return logits
