"""The Triton layout and the text format of its config."""

import pytest

from saccade.errors import GraphRefused, PackageInvalid
from saccade.models.layouts import read_package
from saccade.models.layouts.pbtxt import parse_pbtxt

CONFIG = """
# A classifier.
name: "tiny"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "pixel_values" data_type: TYPE_FP32 dims: [ 3, 224, 224 ] } ]
output [
  { name: "logits", data_type: TYPE_FP32, dims: [ 4 ], label_filename: "names.txt" }
]
instance_group { count: 1 kind: KIND_CPU }
"""
PREPROCESS = {"preprocess": {"torchvision": {}}}


@pytest.fixture
def folder(tmp_path, classifier, write):
    """Return a Triton folder with two versions."""
    place = tmp_path / "tiny"
    write(place / "config.pbtxt", CONFIG)
    write(place / "names.txt", "cat\ndog\n\nowl\ncow\n")
    classifier(place / "2" / "model.onnx")
    classifier(place / "10" / "model.onnx")
    return place


def test_newest_version_is_read_when_saccade_yaml_says_how_to_prepare(folder, write, inspect):
    """Ten is newer than two; labels come from the file that the output names."""
    write(folder / "saccade.yaml", PREPROCESS)

    package = read_package(folder, inspect=inspect)

    assert package.card.reference == "tiny@10"
    assert package.graph == folder / "10" / "model.onnx"
    assert package.card.labels == ("cat", "dog", "owl", "cow")


def test_folder_without_preprocessing_is_refused_with_what_to_write(folder, inspect):
    """Triton's config does not say how a picture becomes a tensor, and nobody guesses."""
    with pytest.raises(PackageInvalid, match="how a picture becomes its input") as caught:
        read_package(folder, inspect=inspect)
    assert "`preprocess` in a saccade.yaml" in caught.value.hint


@pytest.mark.parametrize("platform", ["tensorrt_plan", "pytorch_libtorch", "python"])
def test_folder_for_another_runtime_is_refused_by_name(folder, write, inspect, platform):
    """A TensorRT plan is not taken for a graph."""
    write(folder / "config.pbtxt", CONFIG.replace("onnxruntime_onnx", platform))

    with pytest.raises(PackageInvalid, match=platform):
        read_package(folder, inspect=inspect)


def test_model_file_that_is_a_pickle_is_refused(folder, write, inspect):
    """The config may not point at a format that runs code."""
    write(folder / "10" / "model.pt", "x")
    write(folder / "config.pbtxt", CONFIG + 'default_model_filename: "model.pt"')

    with pytest.raises(GraphRefused, match=r"model\.pt"):
        read_package(folder, inspect=inspect)


@pytest.mark.parametrize("label_file", ["../names.txt", "/etc/passwd"])
def test_labels_outside_the_folder_are_refused(folder, write, inspect, label_file):
    """A config cannot make the server read other files."""
    write(folder / "config.pbtxt", CONFIG.replace("names.txt", label_file))

    with pytest.raises(PackageInvalid, match="no path inside"):
        read_package(folder, inspect=inspect)


def test_folder_without_versions_is_refused(tmp_path, write, inspect):
    """A config alone is no model."""
    write(tmp_path / "tiny" / "config.pbtxt", CONFIG)

    with pytest.raises(PackageInvalid, match="numbered folder"):
        read_package(tmp_path / "tiny", inspect=inspect)


def test_text_format_is_read_as_protobuf_reads_it():
    """Comments, separators, both kinds of brackets, repeated fields and escapes."""
    text = "a: 1 a: 2; b { c: 'x\\'y' } d [ {e: -0.5}, {e: W} ] # end"

    assert parse_pbtxt(text, where="x") == {
        "a": ["1", "2"],
        "b": [{"c": ["x'y"]}],
        "d": [{"e": ["-0.5"]}, {"e": ["W"]}],
    }


@pytest.mark.parametrize(
    "text", ["a {", "a: [1", "a: }", "{", '"a": 1', 'a: "x', "a", "a {" * 100, "a: \u00e9", "a: [["]
)
def test_damaged_text_format_is_refused(text):
    """Whatever is cut short or nested too deep ends in the same error."""
    with pytest.raises(PackageInvalid, match="not valid protobuf text"):
        parse_pbtxt(text, where="config.pbtxt")
