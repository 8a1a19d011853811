"""The network: a small residual stack of plain convolutions, a third of a million weights."""

import torch
from torch import nn

from saccade.training.sem_textures.labels import LABELS

PATCH_PX = 4
"""The grey picture is first folded: each square of this side becomes the channels of one place."""
STEM_CHANNELS = 32
STAGES = ((48, 48, 1), (80, 72, 1), (96, 56, 2))
"""Channels, inner channels and residual blocks at an eighth, a sixteenth and a thirty-second of the input."""


def _normed(channels_in: int, channels_out: int, *, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution with its normalisation."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out))


class ResidualBlock(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """Two 3x3 convolutions whose result is added to their input."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.first = _normed(channels, inner)
        self.second = _normed(inner, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C, H, W) of the same size."""
        change = self.second(torch.relu(self.first(features)))
        return torch.relu(features + change)


class TextureNetwork(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """From ``pixel_values`` (B, 3, S, S) float32 in -1..1, grey three times, to ``logits`` (B, 10).

    Plain convolutions, because on a CPU they run and train faster than depthwise ones of
    the same cost in multiplications.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(PATCH_PX), _normed(PATCH_PX**2, STEM_CHANNELS), nn.ReLU()]
        before = STEM_CHANNELS
        for channels, inner, blocks in STAGES:
            layers += [_normed(before, channels, stride=2), nn.ReLU()]
            layers += [ResidualBlock(channels, inner) for _ in range(blocks)]
            before = channels
        self.body = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.15)
        self.head = nn.Linear(2 * before, len(LABELS))

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return logits: what is everywhere (the mean) and what is somewhere (the maximum) both count."""
        grey = pixel_values.mean(dim=1, keepdim=True)
        features = self.body(grey)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        return self.head(self.drop(pooled))


def count_weights(network: TextureNetwork) -> int:
    """Return how many numbers training sets."""
    return sum(int(weight.numel()) for weight in network.parameters())
