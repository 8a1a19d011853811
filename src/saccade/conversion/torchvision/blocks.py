"""The parts that the mobile families share: a convolution with its norm, the gate of channels, rounded widths."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

#: Makes an activation; each place gets a module of its own, as the numbering of the keys wants it.
Activation = Callable[[], nn.Module]


def convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    eps: float = 1e-5,
    activation: Activation | None = None,
) -> nn.Sequential:
    """Return a convolution of odd ``kernel`` without bias, its norm, and its activation if it has one.

    Its keys are ``0.weight`` and ``1.…``. It maps (B, inputs, H, W) to (B, outputs, H / stride, W / stride), rounded
    up.
    """
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=eps),
    ]
    return nn.Sequential(*layers, *([] if activation is None else [activation()]))


class ChannelGate(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """Squeeze and excitation: each channel is weighed by what all channels are on average.

    Source:
        Hu et al., CVPR 2018, section 3.
    """

    def __init__(self, channels: int, squeezed: int, *, activation: Activation, gate: Activation) -> None:
        """Make a gate of ``channels`` whose inner layer has ``squeezed``; ``gate`` ends in 0..1."""
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = activation()
        self.gate = gate()

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, channels, H, W), weighed."""
        weights: Tensor = self.gate(self.fc2(self.activation(self.fc1(self.avgpool(features)))))
        return features * weights


class Shortcut(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """Layers under the key ``block``, whose result is added to their input where the shapes allow."""

    def __init__(self, layers: list[nn.Module], *, adds: bool) -> None:
        """Make it of these layers, in order; ``adds`` says whether there is a shortcut."""
        super().__init__()
        self.block = nn.Sequential(*layers)
        self.adds = adds

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to what the layers make of it."""
        changed: Tensor = self.block(features)
        return features + changed if self.adds else changed


def in_eights(width: float) -> int:
    """Return the multiple of 8 next to a width, at least 8, and never less than nine tenths of it.

    Example:
        >>> in_eights(18.0), in_eights(35.2), in_eights(11.0)
        (24, 32, 16)
    """
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded * 10 < width * 9 else rounded
