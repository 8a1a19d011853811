"""MobileNetV3-Large as an ONNX package with random weights: the work is that of the real network, the answers are not.

The architecture follows table 1 of Howard et al., "Searching for MobileNetV3", 2019.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: kernel, expansion, out, squeeze-and-excite, hard-swish, stride
BLOCKS = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)


class Builder:
    """Collects nodes and random weights."""

    def __init__(self) -> None:
        """Start empty, from a fixed random state."""
        self.random = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Add an operator and return the name of its output."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, array: np.ndarray) -> str:
        """Add a constant and return its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x: str, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> str:
        """Add a convolution with its bias (a folded batch norm)."""
        scale = np.sqrt(2.0 / (into // groups * kernel * kernel))
        shape = (out, into // groups, kernel, kernel)
        filters = self.weight((self.random.standard_normal(shape) * scale).astype(np.float32))
        bias = self.weight(np.zeros(out, np.float32))
        pads = [kernel // 2] * 4
        return self.node(
            "Conv", x, filters, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads, group=groups
        )

    def activation(self, x: str, *, hard_swish: bool) -> str:
        """Add hard-swish or ReLU."""
        return self.node("HardSwish", x) if hard_swish else self.node("Relu", x)

    def squeeze_excite(self, x: str, channels: int) -> str:
        """Add the channel gate."""
        squeezed = max(8, int(channels / 4 + 4) // 8 * 8)
        gate = self.node("Relu", self.conv(self.node("GlobalAveragePool", x), channels, squeezed, 1))
        gate = self.node("HardSigmoid", self.conv(gate, squeezed, channels, 1), alpha=1 / 6, beta=0.5)
        return self.node("Mul", x, gate)


def build() -> onnx.ModelProto:
    """Return the network: pixel_values [B, 3, 224, 224] to logits [B, 1000]."""
    net = Builder()
    x = net.activation(net.conv("pixel_values", 3, 16, 3, 2), hard_swish=True)
    channels = 16
    for kernel, expansion, out, squeeze, swish, stride in BLOCKS:
        y = x if expansion == channels else net.activation(net.conv(x, channels, expansion, 1), hard_swish=swish)
        y = net.activation(net.conv(y, expansion, expansion, kernel, stride, expansion), hard_swish=swish)
        y = net.squeeze_excite(y, expansion) if squeeze else y
        y = net.conv(y, expansion, out, 1)
        x = net.node("Add", x, y) if stride == 1 and out == channels else y
        channels = out
    x = net.activation(net.conv(x, channels, 960, 1), hard_swish=True)
    x = net.activation(net.conv(net.node("GlobalAveragePool", x), 960, 1280, 1), hard_swish=True)
    x = net.conv(x, 1280, 1000, 1)
    shape = net.weight(np.array([-1, 1000], np.int64))
    net.nodes.append(helper.make_node("Reshape", [x, shape], ["logits"]))
    graph = helper.make_graph(
        net.nodes,
        "mobilenet_v3_large",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1000])],
        net.weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def write_package(folder: Path) -> Path:
    """Write the network as a Hugging Face package and return its folder."""
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    onnx.save(build(), str(folder / "onnx" / "model.onnx"))
    labels = {str(index): f"class {index}" for index in range(1000)}
    config = {
        "architectures": ["MobileNetV3ForImageClassification"],
        "model_type": "mobilenet_v3",
        "id2label": labels,
        "num_labels": len(labels),
    }
    preprocessor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 224, "width": 224},
        "resample": 2,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder
