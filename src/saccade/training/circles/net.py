"""The network: a small backbone of depthwise convolutions, a feature pyramid, and two heads at stride 4.

It takes (B, 3, H, W) float32 RGB 0..1 with H and W multiples of 32. For each cell of 4 x 4 px it says how likely the
middle of a round thing is there, and where that thing's box and outline are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE_PX = 4
OFFSET_UNIT_PX = 16.0
BOX_UNIT_PX = 32.0
RADIUS_UNIT_PX = 16.0
GEOMETRY_CHANNELS = 7  # box dx, dy, log w, log h; outline dx, dy, log radius
CALM_LOGIT = -4.0
NARROW_KERNEL = 3


def _conv(inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Separable(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """A depthwise convolution, then a pointwise one, with a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3) -> None:
        """Make a block from ``inputs`` to ``outputs`` channels."""
        super().__init__()
        self.spread = nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False)
        self.mix = _conv(inputs, outputs, 1)
        self.has_shortcut = inputs == outputs and stride == 1
        self.is_wide = kernel > NARROW_KERNEL

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y = functional.relu(self.mix(self._spread(x)))
        return x + y if self.has_shortcut else y

    def _spread(self, x: Tensor) -> Tensor:
        if not (self.is_wide and torch.is_autocast_enabled("cpu")):
            wide: Tensor = self.spread(x)
            return wide
        # The gradient of a 5 x 5 depthwise convolution takes oneDNN twice as long in bfloat16 as in float32.
        with torch.autocast("cpu", enabled=False):
            exact: Tensor = self.spread(x.float())
        return exact


def _stage(inputs: int, outputs: int, repeats: int, *, kernel: int = 3) -> nn.Sequential:
    first = Separable(inputs, outputs, stride=2, kernel=kernel)
    return nn.Sequential(first, *[Separable(outputs, outputs, kernel=kernel) for _ in range(repeats)])


class CircleNet(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """The detector's network: logits of the heat map and the geometry of each cell."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 48, 96, 128, 160), pyramid: int = 64) -> None:
        """Make the network with channel ``widths`` at strides 2, 4, 8, 16, 32 and a pyramid of that many channels."""
        super().__init__()
        self.entry = nn.Conv2d(3, widths[0], 3, 2, 1, bias=False)
        self.entry_scale = nn.BatchNorm2d(widths[0])
        self.stem = _conv(widths[0], widths[1], stride=2)
        self.stage4 = nn.Sequential(Separable(widths[1], widths[1]), Separable(widths[1], widths[1]))
        self.stage8 = _stage(widths[1], widths[2], 3)
        self.stage16 = _stage(widths[2], widths[3], 4, kernel=5)
        self.stage32 = _stage(widths[3], widths[4], 3, kernel=5)
        self.lateral = nn.ModuleList([_conv(width, pyramid, 1) for width in widths[1:]])
        self.merge16 = Separable(pyramid, pyramid, kernel=5)
        self.merge8 = Separable(pyramid, pyramid)
        self.merge4 = Separable(pyramid, pyramid)
        self.heat = nn.Sequential(Separable(pyramid, pyramid), nn.Conv2d(pyramid, 1, 1))
        self.geometry = nn.Sequential(Separable(pyramid, pyramid), nn.Conv2d(pyramid, GEOMETRY_CHANNELS, 1))
        self._calm()

    def _calm(self) -> None:
        """Start by saying that nothing is anywhere."""
        heat_bias, geometry_bias = self.heat[1].bias, self.geometry[1].bias
        if isinstance(heat_bias, Tensor) and isinstance(geometry_bias, Tensor):
            nn.init.constant_(heat_bias, CALM_LOGIT)
            nn.init.zeros_(geometry_bias)

    def arrange(self) -> CircleNet:
        """Lay the weights out for fast training: channels last, but for the first layer, which has only three."""
        self.to(memory_format=torch.channels_last)
        self.entry.to(memory_format=torch.contiguous_format)
        return self

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, 1, H / 4, W / 4) and geometry (B, 7, H / 4, W / 4).

        Geometry of a cell: from its middle to the box's centre, x and y in units of 16 px; log of the box's width and
        height in units of 32 px; from the cell's middle to the outline's centre, in 16 px; log of the radius in 16 px.
        """
        base = self.base(pixels)
        return self.heat(base), self.geometry(base)

    def base(self, pixels: Tensor) -> Tensor:
        """Return what both heads read, (B, pyramid, H / 4, W / 4)."""
        x = self.entry(pixels)
        if self.training:
            x = x.contiguous(memory_format=torch.channels_last)
        x = functional.relu(self.entry_scale(x))
        at4 = self.stage4(functional.relu(self.stem(x)))
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        at32 = self.stage32(at16)
        top = functional.relu(self.lateral[3](at32))
        mid = self.merge16(functional.relu(functional.interpolate(top, scale_factor=2.0) + self.lateral[2](at16)))
        low = self.merge8(functional.relu(functional.interpolate(mid, scale_factor=2.0) + self.lateral[1](at8)))
        merged: Tensor = self.merge4(
            functional.relu(functional.interpolate(low, scale_factor=2.0) + self.lateral[0](at4))
        )
        return merged


def cell_middles(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return (x, y) of the middles of (height, width) cells, px of the network's input."""
    y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * STRIDE_PX
    x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * STRIDE_PX
    return x.view(1, 1, width), y.view(1, height, 1)


def boxes_of(geometry: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return x1, y1, x2, y2 (each (B, H, W), px of the network's input) of the boxes that a geometry map describes."""
    centre_x, centre_y = x + geometry[:, 0] * OFFSET_UNIT_PX, y + geometry[:, 1] * OFFSET_UNIT_PX
    half_w = torch.exp(geometry[:, 2].clamp(-4, 4)) * (BOX_UNIT_PX / 2)
    half_h = torch.exp(geometry[:, 3].clamp(-4, 4)) * (BOX_UNIT_PX / 2)
    return centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h
