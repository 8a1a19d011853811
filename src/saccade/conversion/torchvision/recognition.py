"""Telling by the names and shapes of a state dict which of torchvision's classifiers it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from saccade.conversion.torchvision.families import BLUEPRINTS, Blueprint, Shape
from saccade.conversion.torchvision.presets import PRESETS, Preset
from saccade.errors import PackageInvalid

#: What training scripts put a state dict under, beside epochs and optimisers.
_ENVELOPES = ("state_dict", "model_state_dict", "model")
#: What wrappers put before each key: DataParallel, torch.compile, and modules that hold the network as ``self.model``.
_PREFIXES = ("module.", "_orig_mod.", "model.")
#: A count of batches that no answer depends on; files from before torch 0.4.1 have none.
_COUNTER = "num_batches_tracked"
_HINT = (
    "Read is what model.state_dict() gives of a model whose last layer is a single one, as torchvision makes it: "
    f"{', '.join(BLUEPRINTS)}."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """A classifier that was recognised, with its weights.

    Attributes:
        name: torchvision's name for it: ``resnet50``.
        classes: How many classes it tells apart.
        presets: How pictures were prepared for each of its published weights, oldest first.
        weights: Its state dict, complete, float32.
    """

    name: str
    classes: int
    presets: tuple[Preset, ...]
    weights: Mapping[str, Tensor] = field(repr=False)

    @property
    def preprocess(self) -> Preset:
        """How pictures are prepared where nothing tells better: as for the first published weights."""
        return self.presets[0]

    def preprocess_of_file(self, sha256: str) -> Preset:
        """Return the preparation of the published file of this digest, 64 hex digits, else ``preprocess``."""
        return next((preset for preset in self.presets if sha256.startswith(preset.digest)), self.preprocess)

    def build(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode: (B, 3, H, W) float32 to logits (B, classes).

        The network and this architecture share the memory of the weights.
        """
        with torch.device("meta"):
            network = BLUEPRINTS[self.name].make(self.classes)
        network.load_state_dict(self.weights, strict=True, assign=True)
        return network.requires_grad_(requires_grad=False).eval()


def recognise(state: Mapping[str, Tensor]) -> Architecture:
    """Tell which classifier a state dict belongs to, and how many classes it has.

    Args:
        state: Tensors by their keys, as torchvision's models name them. What a training script or a wrapper put
            around it is taken off: ``{"state_dict": …}``, and ``module.`` before each key.

    Returns:
        The architecture that fits exactly; its weights are float32 on the CPU.

    Raises:
        PackageInvalid: None fits, and the message names the first key that does not; or a weight is no number.
    """
    given = _unwrapped(state)
    _refuse_what_is_no_tensor(given)
    shapes = {key: tuple(tensor.shape) for key, tensor in given.items()}
    name = min(BLUEPRINTS, key=lambda each: _strangers(_expected(BLUEPRINTS[each], shapes), shapes))
    expected = _expected(BLUEPRINTS[name], shapes)
    _refuse_misfit(name, expected, shapes)
    weights = {key: _as_weight(key, given.get(key), shape) for key, shape in expected.items()}
    classes = expected[BLUEPRINTS[name].head][0]
    return Architecture(name=name, classes=classes, presets=PRESETS[name], weights=weights)


def _unwrapped(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    inner = next((state[key] for key in _ENVELOPES if isinstance(state.get(key), Mapping)), state)
    while prefix := next((each for each in _PREFIXES if _all_begin_with(each, inner)), ""):
        inner = {key.removeprefix(prefix): value for key, value in inner.items()}
    return inner


def _all_begin_with(prefix: str, keys: Mapping[str, Tensor]) -> bool:
    return bool(keys) and all(str(key).startswith(prefix) for key in keys)


def _refuse_what_is_no_tensor(given: Mapping[str, Tensor]) -> None:
    stranger = next((key for key, value in given.items() if not isinstance(value, Tensor)), None)
    if stranger is not None:
        raise PackageInvalid(f"The weights hold `{stranger}`, which is no tensor.", hint=_HINT)


def _expected(blueprint: Blueprint, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
    """Return the architecture's shapes, with as many classes as the last layer has, if there is one."""
    head = shapes.get(blueprint.head, ())
    return blueprint.shapes(head[0] if head and head[0] > 0 else 1)


def _strangers(expected: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> int:
    """Return how many keys one has and the other has not, or has in another shape."""
    return len(expected.items() ^ shapes.items())


def _refuse_misfit(name: str, expected: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> None:
    if not expected.items() & shapes.items():
        first = next(iter(shapes), None)
        told = "are empty" if first is None else f"begin with `{first}`, which fits none of torchvision's classifiers"
        raise PackageInvalid(f"The weights {told}.", hint=_HINT)
    close = f"The weights come closest to {name}, but"
    for key, shape in expected.items():
        if key not in shapes and not key.endswith(_COUNTER):
            raise PackageInvalid(f"{close} `{key}` is missing.", hint=_HINT)
        if shapes.get(key, shape) != shape:
            raise PackageInvalid(f"{close} `{key}` is {_told(shapes[key])} instead of {_told(shape)}.", hint=_HINT)
    stranger = next((key for key in shapes if key not in expected), None)
    if stranger is not None:
        raise PackageInvalid(f"{close} `{stranger}` is not in it.", hint=_HINT)


def _told(shape: Shape) -> str:
    return " x ".join(str(length) for length in shape) or "one number"


def _as_weight(key: str, tensor: Tensor | None, shape: Shape) -> Tensor:
    """Return a tensor as the network takes it: float32 on the CPU; a counter that is missing is 0.

    Raises:
        PackageInvalid: It is quantised, sparse or smaller than its shape, or it holds what is no weight.
    """
    if key.endswith(_COUNTER):
        return torch.zeros(shape, dtype=torch.int64)
    if tensor is None or not _is_plain(tensor):
        raise PackageInvalid(
            f"`{key}` is not stored as plain floating-point numbers.",
            hint="Save the model before it is quantised or pruned.",
        )
    floats = tensor.detach().to("cpu", torch.float32).contiguous()
    is_variance = key.endswith("running_var")
    if not torch.isfinite(floats).all() or (is_variance and bool((floats < 0).any())):
        raise PackageInvalid(
            f"`{key}` holds {'a variance below 0 or ' if is_variance else ''}a value that is no finite number.",
            hint="The training went astray, or the file is damaged: take an earlier checkpoint.",
        )
    return floats


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor holds every one of its numbers, as a file of a few bytes with a huge shape does not."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta or not tensor.is_floating_point():
        return False
    return bool(tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes())
