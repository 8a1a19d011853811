"""Whether a graph computes what torch computes: the same inputs into both, and how far their answers are apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from saccade.conversion.network import Network
from saccade.errors import GraphFailed

#: Pictures per run, each number with inputs of its own: one, an even and an odd number of them.
BATCHES = (1, 2, 5)
_SEED = 20
#: Largest difference, as a share of the largest value. fp32 in another order of sums gives some 1e-6 of it, and up to
#: 4e-4 in the boxes of an OWL-ViT of full size with random weights; a weight in a wrong place gives a tenth and more.
MAX_SHARE = 2e-3
#: Labels that torch itself holds apart by less than this share may change places.
TIE_SHARE = 1e-4
_RANKS = 5
_LEAST_SCALE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How far the graph and torch are apart in one output.

    Attributes:
        pictures: How many went in.
        output: Its name.
        largest: The largest absolute difference.
        scale: The largest absolute value that torch gave.
    """

    pictures: int
    output: str
    largest: float
    scale: float


def compare(network: Network, path: Path) -> tuple[Difference, ...]:
    """Run a network and its graph on the same noise.

    Args:
        network: What was exported.
        path: The graph.

    Returns:
        One row for each number of pictures and each output; in all of them the best labels come in the same order.

    Raises:
        GraphFailed: The graph does not run, gives other shapes, differs by more than rounding, or in the order of the
            best labels.
    """
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return tuple(row for pictures in BATCHES for row in _rows(network, session, pictures))
    except GraphFailed:
        raise
    except Exception as error:
        # The engine raises kinds of its own that share no base but this.
        reason = " ".join(str(error).split())[:300]
        raise GraphFailed(f"The exported graph does not run with {reason!r}.", hint=_HINT) from error


def same_order(expected: NDArray[np.float32], found: NDArray[np.float32]) -> bool:
    """Say whether the best labels come in the same order.

    Args:
        expected: (..., C), what torch gave.
        found: (..., C), what the graph gave.

    Returns:
        Whether the labels that the graph puts first are in torch's order too. Those that torch holds apart by less than
        ``TIE_SHARE`` of its largest value may have changed places.
    """
    order = np.argsort(-found, axis=-1, kind="stable")
    ranked = np.take_along_axis(expected, order, axis=-1)
    slack = TIE_SHARE * _scale(expected)
    best = ranked[..., :_RANKS]
    rest = ranked[..., _RANKS:]
    falls = np.diff(best, axis=-1) <= slack
    below = rest <= best[..., -1:] + slack
    return bool(falls.all() and below.all())


def _rows(network: Network, session: onnxruntime.InferenceSession, pictures: int) -> Iterator[Difference]:
    inputs = network.example(pictures, torch.Generator().manual_seed(_SEED + pictures))
    feeds = {name: tensor.numpy() for name, tensor in zip(network.inputs, inputs, strict=True)}
    answers = dict(zip(network.outputs, session.run(list(network.outputs), feeds), strict=True))
    for name, tensor in network.run(inputs).items():
        expected, found = tensor.numpy(), answers[name]
        if expected.shape != found.shape:
            raise GraphFailed(f"{name}: torch gives {list(expected.shape)}, the graph {list(found.shape)}.", hint=_HINT)
        largest = float(np.abs(expected.astype(np.float64) - found).max())
        if not largest <= MAX_SHARE * _scale(expected):  # a NaN is not below either
            raise GraphFailed(
                f"The graph differs from torch: {name} by {largest:.2g}, of values up to {_scale(expected):.2g}, with "
                f"{pictures} pictures. Nothing was written.",
                hint=_HINT,
            )
        if name == network.ranked and not same_order(expected, found):
            raise GraphFailed(f"The graph puts labels in another order than torch, by {name}.", hint=_HINT)
        yield Difference(pictures=pictures, output=name, largest=largest, scale=float(np.abs(expected).max()))


def _scale(values: NDArray[np.float32]) -> float:
    """Return the largest absolute value; not 0, for all of a new network's may be."""
    return max(_LEAST_SCALE, float(np.abs(values).max()))


_HINT = "Use the versions that requirements/train.txt names: they were tested together."
