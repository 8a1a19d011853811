"""EfficientNet B0 to B7 and EfficientNet V2 S, M and L, with the keys of torchvision's state dicts.

Source:
    Tan and Le, ICML 2019, table 1 and equation 3; Tan and Le, ICML 2021. What the papers leave open (eps, rounding, the
    rows of M and L) is as in torchvision, which the tests' golden values come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from saccade.conversion.torchvision.blocks import ChannelGate, Shortcut, convolution, in_eights

#: What the norms add to the variance where the weights came from TensorFlow.
TENSORFLOW_EPS = 1e-3
#: A gate squeezes to this part of a block's input.
SQUEEZE = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one kind.

    Attributes:
        expansion: How many times wider a block is inside than its input.
        kernel: Of the convolution over places, px.
        stride: Of that convolution in the first block, px.
        outputs: Channels that each block gives.
        repeats: How many blocks.
        fused: Whether one plain convolution stands for the pointwise and the depthwise one, and no gate follows.
    """

    expansion: int
    kernel: int
    stride: int
    outputs: int
    repeats: int
    fused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EfficientNetVariant:
    """What tells one EfficientNet from another.

    Attributes:
        stem_channels: Channels of the first convolution.
        stages: The stages, in order.
        last_channels: Channels before the classifier.
        eps: What the norms add to the variance.
    """

    stem_channels: int
    stages: tuple[Stage, ...]
    last_channels: int
    eps: float = TENSORFLOW_EPS


_B0 = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


def _scaled(width: float, depth: float, *, eps: float = TENSORFLOW_EPS) -> EfficientNetVariant:
    """Return B0, made wider and deeper."""
    stages = tuple(
        replace(stage, outputs=in_eights(stage.outputs * width), repeats=math.ceil(stage.repeats * depth))
        for stage in _B0
    )
    return EfficientNetVariant(
        stem_channels=in_eights(32 * width), stages=stages, last_channels=4 * stages[-1].outputs, eps=eps
    )


VARIANTS: Mapping[str, EfficientNetVariant] = {
    "efficientnet_b0": _scaled(1.0, 1.0, eps=1e-5),
    "efficientnet_b1": _scaled(1.0, 1.1, eps=1e-5),
    "efficientnet_b2": _scaled(1.1, 1.2, eps=1e-5),
    "efficientnet_b3": _scaled(1.2, 1.4, eps=1e-5),
    "efficientnet_b4": _scaled(1.4, 1.8, eps=1e-5),
    "efficientnet_b5": _scaled(1.6, 2.2),
    "efficientnet_b6": _scaled(1.8, 2.6),
    "efficientnet_b7": _scaled(2.0, 3.1),
    "efficientnet_v2_s": EfficientNetVariant(
        stem_channels=24,
        stages=(
            Stage(1, 3, 1, 24, 2, fused=True),
            Stage(4, 3, 2, 48, 4, fused=True),
            Stage(4, 3, 2, 64, 4, fused=True),
            Stage(4, 3, 2, 128, 6),
            Stage(6, 3, 1, 160, 9),
            Stage(6, 3, 2, 256, 15),
        ),
        last_channels=1280,
    ),
    "efficientnet_v2_m": EfficientNetVariant(
        stem_channels=24,
        stages=(
            Stage(1, 3, 1, 24, 3, fused=True),
            Stage(4, 3, 2, 48, 5, fused=True),
            Stage(4, 3, 2, 80, 5, fused=True),
            Stage(4, 3, 2, 160, 7),
            Stage(6, 3, 1, 176, 14),
            Stage(6, 3, 2, 304, 18),
            Stage(6, 3, 1, 512, 5),
        ),
        last_channels=1280,
    ),
    "efficientnet_v2_l": EfficientNetVariant(
        stem_channels=32,
        stages=(
            Stage(1, 3, 1, 32, 4, fused=True),
            Stage(4, 3, 2, 64, 7, fused=True),
            Stage(4, 3, 2, 96, 7, fused=True),
            Stage(4, 3, 2, 192, 10),
            Stage(6, 3, 1, 224, 19),
            Stage(6, 3, 2, 384, 25),
            Stage(6, 3, 1, 640, 7),
        ),
        last_channels=1280,
    ),
}


class EfficientNet(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """From (B, 3, H, W) float32 to logits (B, classes)."""

    def __init__(self, variant: EfficientNetVariant, classes: int) -> None:
        """Make the network without weights of its own: they come from a state dict."""
        super().__init__()
        channels, eps = variant.stem_channels, variant.eps
        layers = [convolution(3, channels, 3, stride=2, eps=eps, activation=nn.SiLU)]
        for stage in variant.stages:
            layers.append(_stage(stage, channels, eps))
            channels = stage.outputs
        layers.append(convolution(channels, variant.last_channels, 1, eps=eps, activation=nn.SiLU))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(variant.last_channels, classes))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (B, classes)."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(pixels)), 1))
        return logits


def _stage(stage: Stage, inputs: int, eps: float) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for place in range(stage.repeats):
        before, stride = (inputs, stage.stride) if place == 0 else (stage.outputs, 1)
        layers = _fused(stage, before, stride, eps) if stage.fused else _mobile(stage, before, stride, eps)
        blocks.append(Shortcut(layers, adds=stride == 1 and before == stage.outputs))
    return nn.Sequential(*blocks)


def _mobile(stage: Stage, inputs: int, stride: int, eps: float) -> list[nn.Module]:
    """Return the layers of a block with a depthwise convolution and a gate."""
    inner = inputs * stage.expansion
    layers: list[nn.Module] = []
    if inner != inputs:
        layers.append(convolution(inputs, inner, 1, eps=eps, activation=nn.SiLU))
    return [
        *layers,
        convolution(inner, inner, stage.kernel, stride=stride, groups=inner, eps=eps, activation=nn.SiLU),
        ChannelGate(inner, max(1, inputs // SQUEEZE), activation=nn.SiLU, gate=nn.Sigmoid),
        convolution(inner, stage.outputs, 1, eps=eps),
    ]


def _fused(stage: Stage, inputs: int, stride: int, eps: float) -> list[nn.Module]:
    """Return the layers of a block with a plain convolution."""
    inner = inputs * stage.expansion
    if inner == inputs:
        return [convolution(inputs, stage.outputs, stage.kernel, stride=stride, eps=eps, activation=nn.SiLU)]
    return [
        convolution(inputs, inner, stage.kernel, stride=stride, eps=eps, activation=nn.SiLU),
        convolution(inner, stage.outputs, 1, eps=eps),
    ]
