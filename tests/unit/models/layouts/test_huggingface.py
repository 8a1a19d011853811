"""The Hugging Face layout: what is read of a folder, and what is refused."""

import json

import pytest
from onnx import TensorProto

from saccade.errors import GraphRefused, PackageInvalid, PreprocessorUnsupported
from saccade.models.layouts import read_package
from saccade.models.prediction import Task
from saccade.models.preprocess.transformers import plan_from_config


def change(path, **keys):
    """Set keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_folder_is_read_whole_when_it_is_as_exported(vit_folder, inspect):
    """Task, family, labels in the order of their ids, plan, graph and name come from the folder's own files."""
    package = read_package(vit_folder, inspect=inspect)

    assert package.card.reference == "tiny-vit@1"
    assert (package.card.task, package.card.family) == (Task.IMAGE_CLASSIFICATION, "transformers")
    assert package.card.labels == ("cat", "dog", "owl", "cow")
    assert package.card.layout == "huggingface"
    assert package.graph == vit_folder / "onnx" / "model.onnx"
    assert package.plan == plan_from_config(json.loads((vit_folder / "preprocessor_config.json").read_text()))
    assert [file.path for file in package.card.files] == [
        "config.json",
        "onnx/model.onnx",
        "preprocessor_config.json",
    ]
    assert package.card.parameters == 12


def test_processor_config_is_read_when_it_holds_the_image_processor(vit_folder, inspect):
    """Newer folders nest the image processor in processor_config.json."""
    nested = {"image_processor": json.loads((vit_folder / "preprocessor_config.json").read_text())}
    before = read_package(vit_folder, inspect=inspect).plan
    (vit_folder / "preprocessor_config.json").unlink()
    (vit_folder / "processor_config.json").write_text(json.dumps(nested))

    assert read_package(vit_folder, inspect=inspect).plan == before


@pytest.mark.parametrize(
    ("files", "variant", "expected"),
    [
        (["model_fp16", "model", "model_quantized"], None, "model.onnx"),
        (["model_fp16", "model_quantized", "model_uint8"], None, "model_quantized.onnx"),
        (["model_fp16", "model_uint8"], None, "model_uint8.onnx"),
        (["model_fp16"], None, "model_fp16.onnx"),
        (["model", "model_fp16"], "fp16", "model_fp16.onnx"),
        (["model", "model_quantized"], "q8", "model_quantized.onnx"),
        (["model", "model_quantized"], "fp32", "model.onnx"),
    ],
)
def test_variant_is_the_wanted_one_or_the_one_for_a_cpu(
    vit_folder, classifier, write, inspect, files, variant, expected
):
    """fp32 comes first, then the eight-bit ones; `variant` in saccade.yaml chooses another."""
    (vit_folder / "onnx" / "model.onnx").unlink()
    for name in files:
        classifier(vit_folder / "onnx" / f"{name}.onnx")
    if variant:
        write(vit_folder / "saccade.yaml", {"variant": variant})

    assert read_package(vit_folder, inspect=inspect).graph.name == expected


def test_variant_that_is_not_there_is_refused_with_those_that_are(vit_folder, write, inspect):
    """A misspelt variant does not fall back to another one."""
    write(vit_folder / "saccade.yaml", {"variant": "q4"})

    with pytest.raises(PackageInvalid, match=r"no variant 'q4' here, only: onnx/model\.onnx"):
        read_package(vit_folder, inspect=inspect)


def test_graph_beside_the_config_is_taken_when_there_is_no_onnx_folder(vit_folder, inspect):
    """Optimum writes model.onnx beside config.json."""
    (vit_folder / "onnx" / "model.onnx").rename(vit_folder / "model.onnx")

    assert read_package(vit_folder, inspect=inspect).graph == vit_folder / "model.onnx"


@pytest.mark.parametrize(
    ("config", "labels", "function"),
    [
        ({}, 4, "softmax"),
        ({"problem_type": "multi_label_classification"}, 4, "sigmoid"),
        ({"problem_type": "single_label_classification"}, 4, "softmax"),
        ({"problem_type": "regression"}, 1, "none"),
        ({}, 1, "sigmoid"),
    ],
)
def test_function_follows_the_pipeline_of_transformers(vit_folder, classifier, inspect, config, labels, function):
    """problem_type and the number of labels say how logits become scores."""
    ids = {str(class_id): f"l{class_id}" for class_id in range(labels)}
    change(vit_folder / "config.json", id2label=ids, **config)
    classifier(vit_folder / "onnx" / "model.onnx", labels=labels)

    assert read_package(vit_folder, inspect=inspect).decoder == {"function": function}


@pytest.mark.parametrize(
    ("model_type", "family"),
    [
        ("detr", "detr"),
        ("yolos", "detr"),
        ("table-transformer", "detr"),
        ("rt_detr", "rt-detr"),
        ("rt_detr_v2", "rt-detr"),
        ("d_fine", "rt-detr"),
        ("conditional_detr", "rt-detr"),
        ("deformable_detr", "rt-detr"),
        ("lw_detr", "rt-detr"),
    ],
)
def test_detector_family_follows_the_head_and_not_the_output_names(
    vit_folder, constant_graph, inspect, model_type, family
):
    """Softmax and sigmoid heads have the same output names; the model type tells them apart."""
    change(vit_folder / "config.json", model_type=model_type, architectures=["XForObjectDetection"])
    outputs = {"logits": (TensorProto.FLOAT, [1, 5, 5]), "pred_boxes": (TensorProto.FLOAT, [1, 5, 4])}
    inputs = [("pixel_values", TensorProto.FLOAT, [1, 3, 224, 224])]
    constant_graph(vit_folder / "onnx" / "model.onnx", outputs, inputs=inputs)

    card = read_package(vit_folder, inspect=inspect).card

    assert (card.family, card.task) == (family, Task.OBJECT_DETECTION)


def test_mask_is_made_when_the_graph_takes_one(vit_folder, constant_graph, inspect):
    """DETR exports with a pixel_mask input get a mask; those without do not."""
    change(vit_folder / "config.json", model_type="detr", architectures=["DetrForObjectDetection"])
    outputs = {"logits": (TensorProto.FLOAT, [1, 5, 5]), "pred_boxes": (TensorProto.FLOAT, [1, 5, 4])}
    inputs = [
        ("pixel_values", TensorProto.FLOAT, [1, 3, 224, 224]),
        ("pixel_mask", TensorProto.INT64, [1, 224, 224]),
    ]
    constant_graph(vit_folder / "onnx" / "model.onnx", outputs, inputs=inputs)
    with_mask = read_package(vit_folder, inspect=inspect)
    constant_graph(vit_folder / "onnx" / "model.onnx", outputs, inputs=inputs[:1])
    without_mask = read_package(vit_folder, inspect=inspect)

    assert (with_mask.plan.pixel_mask, without_mask.plan.pixel_mask) == (True, False)


def test_unknown_architecture_is_refused_by_name(vit_folder, constant_graph, inspect):
    """A detector without a decoder is not read as another one."""
    change(vit_folder / "config.json", model_type="grounding-dino", architectures=["GroundingDinoForObjectDetection"])
    outputs = {"logits": (TensorProto.FLOAT, [1, 5, 5]), "pred_boxes": (TensorProto.FLOAT, [1, 5, 4])}
    constant_graph(vit_folder / "onnx" / "model.onnx", outputs)

    with pytest.raises(PackageInvalid, match="grounding-dino"):
        read_package(vit_folder, inspect=inspect)


def test_missing_label_ids_are_left_empty(vit_folder, inspect):
    """COCO's ids have gaps; a label stays at its id, and what is found in a gap is shown as `class 1`."""
    change(vit_folder / "config.json", id2label={"0": "cat", "3": "cow"})

    assert read_package(vit_folder, inspect=inspect).card.labels == ("cat", "", "", "cow")


def test_labels_are_numbered_when_the_config_names_none(vit_folder, inspect):
    """Transformers leaves id2label out when nobody set it."""
    config = json.loads((vit_folder / "config.json").read_text())
    del config["id2label"]
    (vit_folder / "config.json").write_text(json.dumps(config))

    assert read_package(vit_folder, inspect=inspect).card.labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")


@pytest.mark.parametrize("ids", [{"x": "cat"}, {"-1": "cat"}, {"99999999": "cat"}])
def test_label_id_that_is_none_is_refused(vit_folder, inspect, ids):
    """Class ids are numbers from 0, and a huge one does not eat the memory."""
    change(vit_folder / "config.json", id2label=ids)

    with pytest.raises(PackageInvalid, match="id2label"):
        read_package(vit_folder, inspect=inspect)


@pytest.mark.parametrize("key", ["auto_map", "trust_remote_code", "custom_pipelines"])
@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_config_that_brings_code_is_refused_by_its_key(vit_folder, inspect, key, name):
    """Code that comes with a model is never run, and the refusal says what asked for it."""
    (vit_folder / "modeling_evil.py").write_text("raise SystemExit('imported')\n")
    change(vit_folder / name, **{key: {"AutoModel": "modeling_evil.Evil"}})

    with pytest.raises(PackageInvalid, match=key):
        read_package(vit_folder, inspect=inspect)


def test_folder_with_safetensors_alone_is_told_to_export(vit_folder, inspect):
    """Weights without a graph are not served; the hint says what to do."""
    (vit_folder / "onnx" / "model.onnx").rename(vit_folder / "model.safetensors")

    with pytest.raises(PackageInvalid, match="safetensors") as caught:
        read_package(vit_folder, inspect=inspect)
    assert "Export" in caught.value.hint


def test_folder_with_a_pickle_alone_is_refused_by_name(vit_folder, inspect):
    """A pickle is never opened."""
    (vit_folder / "onnx" / "model.onnx").rename(vit_folder / "pytorch_model.bin")

    with pytest.raises(GraphRefused, match=r"pytorch_model\.bin"):
        read_package(vit_folder, inspect=inspect)


def test_preprocessor_without_known_rules_is_refused(vit_folder, inspect):
    """A class whose exact rules are unknown is not approximated."""
    change(vit_folder / "preprocessor_config.json", image_processor_type="NovelImageProcessor")

    with pytest.raises(PreprocessorUnsupported, match="Novel"):
        read_package(vit_folder, inspect=inspect)


def test_saccade_yaml_stands_in_for_an_unknown_preprocessor(vit_folder, write, inspect):
    """What saccade.yaml gives is not looked for elsewhere."""
    change(vit_folder / "preprocessor_config.json", image_processor_type="NovelImageProcessor")
    write(vit_folder / "saccade.yaml", {"preprocess": {"torchvision": {"resize_px": 256}}})

    assert read_package(vit_folder, inspect=inspect).card.labels == ("cat", "dog", "owl", "cow")


def test_folder_without_any_preprocessor_is_refused(vit_folder, inspect):
    """How a picture becomes a tensor is never guessed for a Hugging Face folder."""
    (vit_folder / "preprocessor_config.json").unlink()

    with pytest.raises(PackageInvalid, match="how a picture becomes its input") as caught:
        read_package(vit_folder, inspect=inspect)
    assert "preprocessor_config.json" in caught.value.hint


def test_preprocessor_of_another_size_than_the_graph_is_refused(vit_folder, inspect):
    """A fixed graph and its preprocessor must agree before anything is served."""
    change(vit_folder / "preprocessor_config.json", size={"height": 200, "width": 200})

    with pytest.raises(PackageInvalid, match="224 x 224 px; its preprocessing makes them of 200 x 200"):
        read_package(vit_folder, inspect=inspect)


def test_damaged_config_is_named(vit_folder, inspect):
    """A file that is no JSON is named."""
    (vit_folder / "config.json").write_text("{")

    with pytest.raises(PackageInvalid, match=r"config\.json"):
        read_package(vit_folder, inspect=inspect)


def test_deeply_nested_config_is_refused(vit_folder, inspect):
    """A config that nests without end is an error and no crash."""
    (vit_folder / "config.json").write_text('{"a":' + "[" * 200_000 + "]" * 200_000 + "}")

    with pytest.raises(PackageInvalid, match=r"config\.json"):
        read_package(vit_folder, inspect=inspect)


def test_graph_that_is_a_link_out_of_the_folder_is_refused(vit_folder, classifier, tmp_path, inspect):
    """A package serves its own files only."""
    outside = classifier(tmp_path / "outside.onnx")
    (vit_folder / "onnx" / "model.onnx").unlink()
    (vit_folder / "onnx" / "model.onnx").symlink_to(outside)

    with pytest.raises(PackageInvalid, match="link that leaves"):
        read_package(vit_folder, inspect=inspect)
