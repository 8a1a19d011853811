"""Tiny graphs and the folders around them, and an inspector that needs no child."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from pydantic import TypeAdapter

from saccade.backends.engines.inspection_child import inspect as inspect_here
from saccade.backends.engines.inspection_rules import Refused
from saccade.errors import GraphRefused
from saccade.models.graph import GraphFacts


def save(nodes, inputs, outputs, path, *, weights=(), metadata=None, opset=17):
    """Write a graph; inputs and outputs are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*item) for item in inputs],
        [helper.make_tensor_value_info(*item) for item in outputs],
        list(weights),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


@pytest.fixture
def classifier():
    """Return a function that writes a classifier: the mean of each channel times ones."""

    def make(path: Path, *, labels=4, side=224, softmax=False, metadata=None):
        weights = numpy_helper.from_array(np.ones((3, labels), np.float32), "weights")
        nodes = [
            helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["raw" if softmax else "logits"]),
        ]
        if softmax:
            nodes.append(helper.make_node("Softmax", ["raw"], ["logits"]))
        return save(
            nodes,
            [("pixel_values", TensorProto.FLOAT, ["batch", 3, side, side])],
            [("logits", TensorProto.FLOAT, ["batch", labels])],
            path,
            weights=[weights],
            metadata=metadata,
        )

    return make


@pytest.fixture
def constant_graph():
    """Return a function that writes a graph which always gives zeros: outputs are name -> (type, shape)."""

    def make(path: Path, outputs, *, inputs=None, metadata=None):
        nodes = [
            helper.make_node(
                "Constant",
                [],
                [name],
                value=helper.make_tensor(name, kind, shape, np.zeros(int(np.prod(shape)), np.int64).tolist()),
            )
            for name, (kind, shape) in outputs.items()
        ]
        taken = inputs or [("images", TensorProto.FLOAT, [1, 3, 64, 64])]
        given = [(name, kind, shape) for name, (kind, shape) in outputs.items()]
        return save(nodes, taken, given, path, metadata=metadata)

    return make


@pytest.fixture
def write():
    """Return a function that writes a file as its suffix says: JSON, YAML or text."""

    def make(path: Path, content) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif path.suffix == ".json":
            path.write_text(json.dumps(content))
        else:
            path.write_text(yaml.safe_dump(content))
        return path

    return make


@pytest.fixture
def inspect():
    """Return the real checks, run in this process: the graphs here are our own."""

    def ask(graph: Path) -> GraphFacts:
        ask.count += 1
        try:
            return TypeAdapter(GraphFacts).validate_python(inspect_here(graph, trial=False))
        except Refused as refusal:
            raise GraphRefused(str(refusal)) from refusal

    ask.count = 0
    return ask


VIT = {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}}


@pytest.fixture
def vit_folder(tmp_path, classifier, write):
    """Return a Hugging Face folder of a classifier with four labels."""
    folder = tmp_path / "Tiny ViT"
    config = {
        "model_type": "vit",
        "architectures": ["ViTForImageClassification"],
        "id2label": {"0": "cat", "1": "dog", "2": "owl", "3": "cow"},
    }
    write(folder / "config.json", config)
    write(folder / "preprocessor_config.json", VIT)
    classifier(folder / "onnx" / "model.onnx")
    return folder
