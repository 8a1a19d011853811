"""MobileNet V3, small and large, with the keys of torchvision's state dicts.

Source:
    Howard et al., ICCV 2019, tables 1 and 2. What the paper leaves open (eps, the gate's width) is as in torchvision,
    which the tests' golden values come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from saccade.conversion.torchvision.blocks import Activation, ChannelGate, Shortcut, convolution, in_eights

STEM_CHANNELS = 16
#: What torchvision's norms add to the variance.
EPS = 1e-3
#: The last convolution is so many times wider than what it reads.
WIDENING = 6


@dataclass(frozen=True, slots=True)
class Bneck:
    """One row of the paper's table.

    Attributes:
        kernel: Of the depthwise convolution, px.
        expanded: Channels inside.
        outputs: Channels that it gives.
        activation: The hard swish (HS in the table) or ReLU (RE).
        stride: Of the depthwise convolution, px.
        gated: Whether its channels are weighed (SE in the table).
    """

    kernel: int
    expanded: int
    outputs: int
    activation: Activation
    stride: int
    gated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileNetV3Variant:
    """What tells one MobileNet V3 from the other: its rows, and the channels before the last layer."""

    rows: tuple[Bneck, ...]
    last_channels: int


_LARGE = (
    Bneck(3, 16, 16, nn.ReLU, 1),
    Bneck(3, 64, 24, nn.ReLU, 2),
    Bneck(3, 72, 24, nn.ReLU, 1),
    Bneck(5, 72, 40, nn.ReLU, 2, gated=True),
    Bneck(5, 120, 40, nn.ReLU, 1, gated=True),
    Bneck(5, 120, 40, nn.ReLU, 1, gated=True),
    Bneck(3, 240, 80, nn.Hardswish, 2),
    Bneck(3, 200, 80, nn.Hardswish, 1),
    Bneck(3, 184, 80, nn.Hardswish, 1),
    Bneck(3, 184, 80, nn.Hardswish, 1),
    Bneck(3, 480, 112, nn.Hardswish, 1, gated=True),
    Bneck(3, 672, 112, nn.Hardswish, 1, gated=True),
    Bneck(5, 672, 160, nn.Hardswish, 2, gated=True),
    Bneck(5, 960, 160, nn.Hardswish, 1, gated=True),
    Bneck(5, 960, 160, nn.Hardswish, 1, gated=True),
)
_SMALL = (
    Bneck(3, 16, 16, nn.ReLU, 2, gated=True),
    Bneck(3, 72, 24, nn.ReLU, 2),
    Bneck(3, 88, 24, nn.ReLU, 1),
    Bneck(5, 96, 40, nn.Hardswish, 2, gated=True),
    Bneck(5, 240, 40, nn.Hardswish, 1, gated=True),
    Bneck(5, 240, 40, nn.Hardswish, 1, gated=True),
    Bneck(5, 120, 48, nn.Hardswish, 1, gated=True),
    Bneck(5, 144, 48, nn.Hardswish, 1, gated=True),
    Bneck(5, 288, 96, nn.Hardswish, 2, gated=True),
    Bneck(5, 576, 96, nn.Hardswish, 1, gated=True),
    Bneck(5, 576, 96, nn.Hardswish, 1, gated=True),
)
VARIANTS: Mapping[str, MobileNetV3Variant] = {
    "mobilenet_v3_large": MobileNetV3Variant(rows=_LARGE, last_channels=1280),
    "mobilenet_v3_small": MobileNetV3Variant(rows=_SMALL, last_channels=1024),
}


class MobileNetV3(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """From (B, 3, H, W) float32 to logits (B, classes)."""

    def __init__(self, variant: MobileNetV3Variant, classes: int) -> None:
        """Make the network without weights of its own: they come from a state dict."""
        super().__init__()
        channels = STEM_CHANNELS
        layers = [convolution(3, channels, 3, stride=2, eps=EPS, activation=nn.Hardswish)]
        for row in variant.rows:
            layers.append(_bneck(row, channels))
            channels = row.outputs
        wide = WIDENING * channels
        layers.append(convolution(channels, wide, 1, eps=EPS, activation=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(wide, variant.last_channels),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(variant.last_channels, classes),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (B, classes)."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(pixels)), 1))
        return logits


def _bneck(row: Bneck, inputs: int) -> Shortcut:
    inner, activation = row.expanded, row.activation
    layers: list[nn.Module] = []
    if inner != inputs:
        layers.append(convolution(inputs, inner, 1, eps=EPS, activation=activation))
    layers.append(
        convolution(inner, inner, row.kernel, stride=row.stride, groups=inner, eps=EPS, activation=activation)
    )
    if row.gated:
        layers.append(ChannelGate(inner, in_eights(inner // 4), activation=nn.ReLU, gate=nn.Hardsigmoid))
    layers.append(convolution(inner, row.outputs, 1, eps=EPS))
    return Shortcut(layers, adds=row.stride == 1 and inputs == row.outputs)
