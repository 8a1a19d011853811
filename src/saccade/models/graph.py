"""What is known of an ONNX file without running it in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from saccade.models.ports import TensorSpec


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """Inputs, outputs and the exporter's own words.

    Attributes:
        inputs: What the graph takes, in order.
        outputs: What it gives, in order.
        metadata: ``metadata_props`` of the file: strings by key.
        opset: The version of the standard operator set.
        parameters: Number of weights.
        nodes: Number of operators.
        operators: Names of the operator types in it.
        endings: The operator type that makes each output, in their order.
        external: Names of the files beside the graph that hold weights of it.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metadata: Mapping[str, str]
    opset: int
    parameters: int
    nodes: int
    operators: frozenset[str]
    endings: tuple[str, ...] = ()
    external: tuple[str, ...] = ()


#: Reads the facts of a graph, checking it on the way; raises GraphRefused for one that may not be served.
Inspector: TypeAlias = Callable[[Path], GraphFacts]
