"""Every architecture by its name: how its network is made, and which key says how many classes it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import nn

from saccade.conversion.torchvision import efficientnet, mobilenet_v3, resnet, squeezenet

#: The length of each axis of a tensor.
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One architecture without weights.

    Attributes:
        make: Returns its network for a number of classes.
        head: Where the weights of its last layer stand: (classes, …).
    """

    make: Callable[[int], nn.Module]
    head: str

    def shapes(self, classes: int) -> Mapping[str, Shape]:
        """Return the shape of every tensor of its state dict, in the state dict's order. Takes no memory for them."""
        return _shapes(self, classes)


@lru_cache(maxsize=128)
def _shapes(blueprint: Blueprint, classes: int) -> Mapping[str, Shape]:
    with torch.device("meta"):
        network = blueprint.make(classes)
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


#: Every architecture that is read, by torchvision's name for it.
BLUEPRINTS: Mapping[str, Blueprint] = {
    **{name: Blueprint(partial(resnet.ResNet, kind), "fc.weight") for name, kind in resnet.VARIANTS.items()},
    **{
        name: Blueprint(partial(efficientnet.EfficientNet, kind), "classifier.1.weight")
        for name, kind in efficientnet.VARIANTS.items()
    },
    **{
        name: Blueprint(partial(mobilenet_v3.MobileNetV3, kind), "classifier.3.weight")
        for name, kind in mobilenet_v3.VARIANTS.items()
    },
    **{
        name: Blueprint(partial(squeezenet.SqueezeNet, kind), "classifier.1.weight")
        for name, kind in squeezenet.VARIANTS.items()
    },
}
