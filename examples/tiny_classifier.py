"""Make a model package of a few hundred bytes: says which of red, green and blue a picture has most of.

Run: ``python examples/tiny_classifier.py FOLDER``. It stands for whatever you trained: an ONNX graph beside the
``config.json`` and ``preprocessor_config.json`` that Hugging Face's libraries write.
"""

import json
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper


def main(folder: Path) -> None:
    """Write the package.

    Args:
        folder: Where to; it is made.
    """
    (folder / "onnx").mkdir(parents=True)
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, "height", "width"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    mean = helper.make_node("ReduceMean", ["pixel_values"], ["logits"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph([mean], "channel_means", [pixels], [logits])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "onnx" / "model.onnx"))
    config = {
        "architectures": ["ResNetForImageClassification"],
        "model_type": "resnet",
        "id2label": {"0": "red", "1": "green", "2": "blue"},
    }
    preprocessor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "do_normalize": False,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
