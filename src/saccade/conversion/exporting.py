"""From a network to an ONNX graph: one file, a free number of pictures, nothing of this machine in it."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch.export import Dim

from saccade.conversion.libraries import quiet
from saccade.conversion.network import Network
from saccade.errors import GraphFailed, PackageInvalid

OPSET = 18
#: Pictures that the network is shown when it is exported: the exporter would take 1 for the only number.
_PICTURES = 2
_SEED = 0
#: What one file of ONNX may hold, less a little for the graph itself.
_MAX_WEIGHT_BYTES = 2 * 1024**3 - 64 * 1024**2


def export(network: Network, path: Path) -> None:
    """Write a network as one ONNX file.

    Args:
        network: What is exported.
        path: Where to; its folder is made.

    Raises:
        PackageInvalid: The weights do not fit into one file of ONNX.
        GraphFailed: torch cannot export it, or what it wrote is no valid ONNX.
    """
    size_bytes = sum(value.numel() * value.element_size() for value in network.module.state_dict().values())
    if size_bytes > _MAX_WEIGHT_BYTES:
        raise PackageInvalid(f"The weights have {size_bytes / 1024**3:.1f} GiB; a graph of ONNX holds less than 2 GiB.")
    dims = {name: Dim(name, min=1, max=65536) for axes in network.inputs.values() for name in axes.values()}
    shapes = {name: {axis: dims[free] for axis, free in axes.items()} for name, axes in network.inputs.items()}
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                network.module,
                network.example(_PICTURES, torch.Generator().manual_seed(_SEED)),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(network.inputs),
                output_names=list(network.outputs),
                dynamic_shapes=tuple(shapes.values()),
                verbose=False,
            )
        model = program.model_proto
        _clean(model)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        # The exporter raises errors of a dozen kinds; each means that there is no graph.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise GraphFailed(f"torch could not export the network ({reason}).", hint=_EXPORT_HINT) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def _clean(model: onnx.ModelProto) -> None:
    """Drop notes that the exporter leaves in a graph, among them paths of the machine, in place."""
    graph = model.graph
    del model.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    model.doc_string = graph.doc_string = ""
    for part in [*graph.node, *graph.input, *graph.output, *graph.initializer]:
        part.doc_string = ""
        del part.metadata_props[:]


_EXPORT_HINT = "Use the versions that requirements/train.txt names: they were tested together."
