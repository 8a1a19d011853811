"""What the Open Inference Protocol says of the server and of its models, without any picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saccade import __version__
from saccade.api.answers import to_json
from saccade.api.faces.oip_outputs import output_metadata
from saccade.api.faces.oip_requests import IMAGE
from saccade.api.faces.oip_tensors import BYTES
from saccade.errors import ModelFailed, ParameterInvalid
from saccade.models.package import ModelCard
from saccade.models.status import ModelState, ModelStatus

#: What is offered beside the protocol itself.
EXTENSIONS = ("binary_tensor_data", "classification", "model_repository")

#: By engine, what the protocol calls the kind of a model: who runs it, and its format.
_PLATFORMS: Mapping[str, str] = {"onnxruntime": "onnx_onnxv1", "python": "python"}


def server_metadata() -> dict[str, object]:
    """Return name, version and extensions of the server."""
    return {"name": "saccade", "version": __version__, "extensions": list(EXTENSIONS)}


def model_metadata(status: ModelStatus, versions: Sequence[str]) -> dict[str, object]:
    """Return what a model takes and gives.

    Args:
        status: Of the version that is meant.
        versions: All that there are of the model, newest first.

    Raises:
        ModelFailed: Its package cannot be read.
    """
    card = card_of(status)
    return {
        "name": card.name,
        "versions": list(versions),
        "platform": _PLATFORMS.get(card.engine, card.engine),
        "inputs": [{"name": IMAGE, "datatype": BYTES, "shape": [-1]}],
        "outputs": output_metadata(card.task),
        "properties": {
            "version": card.version,
            "task": card.task.value,
            "labels": to_json(list(card.labels)).decode("ascii"),
        },
    }


def card_of(status: ModelStatus) -> ModelCard:
    """Return a model's card.

    Raises:
        ModelFailed: Its package cannot be read.
    """
    if status.card is None:
        raise ModelFailed(f"{status.reference} cannot be loaded: {status.detail}")
    return status.card


def index_entry(status: ModelStatus) -> dict[str, object]:
    """Return a model as the index of the repository shows it."""
    name, _, version = status.reference.partition("@")
    is_ready = status.state is ModelState.READY
    entry: dict[str, object] = {"name": name, "version": version, "state": "READY" if is_ready else "UNAVAILABLE"}
    if not is_ready:
        entry["reason"] = status.detail or status.state.value
    return entry


def reference_of(model: str, version: str | None) -> str:
    """Return the reference that a path means.

    Args:
        model: A name; it may bring a version or an alias itself: ``circles@prod``.
        version: A version or an alias that stands in the path by itself.

    Raises:
        ParameterInvalid: There are two versions.
    """
    if not version:
        return model
    if "@" in model:
        raise ParameterInvalid("The path names the version twice.")
    return f"{model}@{version}"
