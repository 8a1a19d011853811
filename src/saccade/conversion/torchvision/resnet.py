"""Residual networks: ResNet 18 to 152, ResNeXt and wide ResNet, with the keys of torchvision's state dicts.

Source:
    He et al., CVPR 2016, table 1; Xie et al., CVPR 2017; Zagoruyko and Komodakis, BMVC 2016. The stride of a
    bottleneck stands at its 3 x 3 convolution, as in torchvision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

STEM_CHANNELS = 64
#: How much wider a bottleneck's output is than its plane count.
WIDENING = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNetVariant:
    """What tells one residual network from another.

    Attributes:
        blocks: Residual blocks of the four stages.
        bottleneck: Whether a block is three convolutions (1, 3, 1) or two (3, 3).
        groups: Groups of the 3 x 3 convolution of a bottleneck.
        group_width: Channels of one group in the first stage where ``groups`` is 1: 64, or 128 in the wide ones.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True
    groups: int = 1
    group_width: int = 64


VARIANTS: Mapping[str, ResNetVariant] = {
    "resnet18": ResNetVariant(blocks=(2, 2, 2, 2), bottleneck=False),
    "resnet34": ResNetVariant(blocks=(3, 4, 6, 3), bottleneck=False),
    "resnet50": ResNetVariant(blocks=(3, 4, 6, 3)),
    "resnet101": ResNetVariant(blocks=(3, 4, 23, 3)),
    "resnet152": ResNetVariant(blocks=(3, 8, 36, 3)),
    "resnext50_32x4d": ResNetVariant(blocks=(3, 4, 6, 3), groups=32, group_width=4),
    "resnext101_32x8d": ResNetVariant(blocks=(3, 4, 23, 3), groups=32, group_width=8),
    "resnext101_64x4d": ResNetVariant(blocks=(3, 4, 23, 3), groups=64, group_width=4),
    "wide_resnet50_2": ResNetVariant(blocks=(3, 4, 6, 3), group_width=128),
    "wide_resnet101_2": ResNetVariant(blocks=(3, 4, 23, 3), group_width=128),
}


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """Return what makes a block's input as large as its output, or None where it is already."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """Two 3 x 3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        """Make a block from ``inputs`` to ``outputs`` channels."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        changed = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(features)))))
        return torch.relu(changed + (features if self.downsample is None else self.downsample(features)))


class Bottleneck(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """A 3 x 3 convolution between two pointwise ones, and a shortcut."""

    def __init__(self, inputs: int, width: int, outputs: int, *, stride: int, groups: int) -> None:
        """Make a block from ``inputs`` to ``outputs`` channels whose 3 x 3 convolution has ``width``."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        changed = torch.relu(self.bn1(self.conv1(features)))
        changed = torch.relu(self.bn2(self.conv2(changed)))
        changed = self.bn3(self.conv3(changed))
        return torch.relu(changed + (features if self.downsample is None else self.downsample(features)))


class ResNet(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """From (B, 3, H, W) float32 to logits (B, classes)."""

    def __init__(self, variant: ResNetVariant, classes: int) -> None:
        """Make the network without weights of its own: they come from a state dict."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM_CHANNELS, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        outputs = [STEM_CHANNELS << stage for stage in range(4)]
        if variant.bottleneck:
            outputs = [planes * WIDENING for planes in outputs]
        self.layer1 = _stage(variant, 0, STEM_CHANNELS, outputs[0])
        self.layer2 = _stage(variant, 1, outputs[0], outputs[1])
        self.layer3 = _stage(variant, 2, outputs[1], outputs[2])
        self.layer4 = _stage(variant, 3, outputs[2], outputs[3])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(outputs[3], classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (B, classes)."""
        features = self.maxpool(torch.relu(self.bn1(self.conv1(pixels))))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(features), 1))
        return logits


def _stage(variant: ResNetVariant, stage: int, inputs: int, outputs: int) -> nn.Sequential:
    width = (variant.group_width << stage) * variant.groups
    blocks: list[nn.Module] = []
    for place in range(variant.blocks[stage]):
        before, stride = (inputs, 2 if stage else 1) if place == 0 else (outputs, 1)
        if variant.bottleneck:
            blocks.append(Bottleneck(before, width, outputs, stride=stride, groups=variant.groups))
        else:
            blocks.append(BasicBlock(before, outputs, stride=stride))
    return nn.Sequential(*blocks)
