"""Writing the trained network as an ONNX graph, and seeing that the graph says the same."""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from saccade.training.sem_textures.augment import as_pixel_values
from saccade.training.sem_textures.graph import Graph
from saccade.training.sem_textures.network import TextureNetwork
from saccade.training.sem_textures.recipe import INPUT_PX

OPSET = 18
_MAX_DIFFERENCE = 2e-3


class GraphDiffers(RuntimeError):
    """The exported graph answers otherwise than the network it was made from."""


def export_graph(network: TextureNetwork, path: Path, *, temperature: float) -> None:
    """Write the network as one ONNX file whose logits are already divided by the temperature.

    The exporter notes for each node which source line it came from; these notes are
    taken out, since they name folders of the machine.

    Raises:
        GraphDiffers: The written graph does not repeat the network's answers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    network = network.to(memory_format=torch.contiguous_format).eval()
    with torch.no_grad():
        network.head.weight.div_(temperature)
        network.head.bias.div_(temperature)
    pixels = torch.from_numpy(as_pixel_values(_probe(3)))
    program = torch.onnx.export(
        network,
        (pixels,),
        input_names=["pixel_values"],
        output_names=["logits"],
        dynamic_shapes={"pixel_values": {0: torch.export.Dim("batch", min=1, max=1024)}},
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    model: onnx.ModelProto = program.model_proto
    _without_notes(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    with torch.no_grad():
        expected = network(pixels).numpy()
    difference = float(np.abs(Graph.opened(path).logits(_probe(3)) - expected).max())
    if difference > _MAX_DIFFERENCE:
        raise GraphDiffers(f"logits differ by {difference:.5f}")


def _probe(count: int) -> NDArray[np.uint8]:
    """Return a few squares of noise to compare answers with."""
    return np.random.default_rng(0).integers(0, 256, (count, INPUT_PX, INPUT_PX)).astype(np.uint8)


def _without_notes(model: onnx.ModelProto) -> None:
    """Take every remark of the exporter out of a model."""
    model.doc_string = ""
    model.graph.doc_string = ""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    del model.functions[:]
