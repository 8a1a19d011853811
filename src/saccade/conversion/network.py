"""A network that is ready to become a graph: its module, its inputs and outputs by name, and inputs to try it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: Gives inputs for so many pictures, always the same from the same source of random numbers.
Example = Callable[[int, torch.Generator], tuple[Tensor, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """What is exported, and how it is tried.

    Attributes:
        module: In evaluation mode; takes the inputs in order and gives the outputs in order.
        inputs: The inputs' names in order, each with its free axes by name.
        outputs: The outputs' names in order.
        ranked: The output whose last axis is an answer in order: one number per label.
        example: Makes inputs.
        left_out: Weights of the checkpoint that no layer of the network uses.
    """

    module: nn.Module
    inputs: Mapping[str, Mapping[int, str]]
    outputs: tuple[str, ...]
    ranked: str
    example: Example
    left_out: tuple[str, ...] = ()

    def run(self, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Return what torch computes from these inputs, by name."""
        with torch.inference_mode():
            found = self.module(*inputs)
        return dict(zip(self.outputs, found if isinstance(found, tuple) else (found,), strict=True))


def classifier(module: nn.Module, *, height_px: int, width_px: int) -> Network:
    """Return a classifier as a network: pixel_values (B, 3, H, W) float32 in, logits (B, C) out."""

    def example(pictures: int, random: torch.Generator) -> tuple[Tensor, ...]:
        return (torch.randn(pictures, 3, height_px, width_px, generator=random),)

    return Network(
        module=module.eval(),
        inputs={"pixel_values": {0: "batch"}},
        outputs=("logits",),
        ranked="logits",
        example=example,
    )
