"""A file of weights by itself: one of torchvision's classifiers, recognised by the names and shapes in it."""

from __future__ import annotations

from pathlib import Path

from saccade.conversion.network import Network, classifier
from saccade.conversion.torchvision import Architecture, recognise
from saccade.conversion.weights import read_weights
from saccade.errors import PackageInvalid
from saccade.models.digests import file_sha256
from saccade.models.layouts.labels import labels_from_file
from saccade.models.manifest import Manifest, PreprocessPart, TorchvisionPart


def read_lone(path: Path, *, labels_file: Path | None) -> tuple[Network, Manifest]:
    """Return the network of a file of weights, and what is known of it: family and preparation.

    Args:
        path: A ``.pth``, ``.pt`` or ``.safetensors`` file.
        labels_file: Its labels in the order of its classes, which no state dict says.

    Raises:
        PackageInvalid: It holds something else than the state dict of such a classifier, or there are no labels, or not
            as many as classes.
    """
    architecture = recognise(read_weights(path))
    _refuse_other_labels(labels_file, architecture)
    sha256 = file_sha256(path)
    preset = architecture.preprocess_of_file(sha256)
    network = classifier(architecture.build(), height_px=preset.crop_px, width_px=preset.crop_px)
    known = sha256.startswith(preset.digest)
    origin = f"the published weights {preset.weights}" if known else "weights of your own"
    steps = f"short side {preset.resize_px} px, middle {preset.crop_px} px, {preset.resample.name.lower()}"
    prepared = f"as published ({steps})" if known else f"as for {preset.weights} ({steps}), which is assumed"
    manifest = Manifest(
        family="transformers",
        description=(
            f"torchvision's {architecture.name} with {origin}, {architecture.classes} classes; pictures are prepared "
            f"{prepared}."
        ),
        decoder={"function": "softmax"},
        preprocess=PreprocessPart(torchvision=TorchvisionPart.model_validate(preset.as_settings())),
    )
    return network, manifest


def _refuse_other_labels(labels_file: Path | None, architecture: Architecture) -> None:
    if labels_file is None:
        raise PackageInvalid(
            f"The weights are those of a {architecture.name}, and do not say what its {architecture.classes} classes "
            "are called.",
            hint="--labels FILE: one a line, in the order in which it was trained.",
        )
    labels = labels_from_file(labels_file)
    if len(labels) != architecture.classes:
        raise PackageInvalid(
            f"The weights are those of a {architecture.name} of {architecture.classes} classes, but "
            f"'{labels_file.name}' names {len(labels)}.",
            hint="Give the labels that it was trained with, one a line.",
        )
