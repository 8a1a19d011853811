"""SqueezeNet 1.0 and 1.1, with the keys of torchvision's state dicts.

Source:
    Iandola et al., arXiv:1602.07360, table 1; 1.1 as its authors published it: the same answers for less work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: Squeezed and expanded channels of the eight fire modules; each expands twice and gives both.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


@dataclass(frozen=True, kw_only=True, slots=True)
class SqueezeNetVariant:
    """What tells one SqueezeNet from the other.

    Attributes:
        stem_channels: Channels of the first convolution.
        stem_kernel: Its kernel, px.
        pooled_before: The fire modules, counted from 0, before which the maximum of 3 x 3 places is taken.
    """

    stem_channels: int
    stem_kernel: int
    pooled_before: tuple[int, ...]


VARIANTS: Mapping[str, SqueezeNetVariant] = {
    "squeezenet1_0": SqueezeNetVariant(stem_channels=96, stem_kernel=7, pooled_before=(0, 3, 7)),
    "squeezenet1_1": SqueezeNetVariant(stem_channels=64, stem_kernel=3, pooled_before=(0, 2, 4)),
}


class Fire(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """Few channels, then many again: half of them see one place, half of them 3 x 3."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        """Make a module from ``inputs`` to twice ``expanded`` channels."""
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 2 * expanded, H, W)."""
        few = torch.relu(self.squeeze(features))
        return torch.relu(torch.cat([self.expand1x1(few), self.expand3x3(few)], 1))


class SqueezeNet(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """From (B, 3, H, W) float32 to logits (B, classes), none of them below 0."""

    def __init__(self, variant: SqueezeNetVariant, classes: int) -> None:
        """Make the network without weights of its own: they come from a state dict."""
        super().__init__()
        channels = variant.stem_channels
        layers: list[nn.Module] = [nn.Conv2d(3, channels, variant.stem_kernel, 2), nn.ReLU()]
        for place, (squeezed, expanded) in enumerate(FIRES):
            if place in variant.pooled_before:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            layers.append(Fire(channels, squeezed, expanded))
            channels = 2 * expanded
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(channels, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (B, classes)."""
        return torch.flatten(self.classifier(self.features(pixels)), 1)
