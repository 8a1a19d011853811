"""Packages that are told what to look for: what is read of their folders, and what is refused."""

import json
import shutil

import pytest
from onnx import TensorProto

from saccade.errors import PackageInvalid, PreprocessorUnsupported
from saccade.models.layouts import read_package
from saccade.models.package import Package
from saccade.models.prediction import Task
from saccade.models.tokens import TextPlan
from zero_shot.golden import FOLDER

WORDS = [
    ("pixel_values", TensorProto.FLOAT, [1, 3, 64, 64]),
    ("input_ids", TensorProto.INT64, ["labels", "tokens"]),
]
FOUND = {"logits": (TensorProto.FLOAT, [1, 5, 5]), "pred_boxes": (TensorProto.FLOAT, [1, 5, 4])}


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the tiny package."""
    return shutil.copytree(FOLDER, tmp_path / "tiny-owlvit")


def change(path, **keys):
    """Set keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_folder_is_read_whole_when_it_is_as_exported(folder, inspect):
    """Task, family and tokenizer come from the folder's own files, and all of them count for the digest."""
    package = read_package(folder, inspect=inspect)

    assert isinstance(package, Package)
    assert (package.card.task, package.card.family) == (Task.ZERO_SHOT_OBJECT_DETECTION, "owl-vit")
    assert package.card.labels == ()
    assert package.text == TextPlan(tokenizer=folder / "tokenizer.json", length=16, pad_token="!", pad_id=0)
    assert [file.path for file in package.card.files] == [
        "config.json",
        "onnx/model.onnx",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_labels_of_the_manifest_are_looked_for_when_nobody_says_others(folder, write, inspect):
    """They are the card's labels; those of config.json, which every config has, are not."""
    change(folder / "config.json", id2label={"0": "LABEL_0", "1": "LABEL_1"})
    bare = read_package(folder, inspect=inspect)
    write(folder / "saccade.yaml", {"labels": ["coin", "well"]})

    assert (bare.card.labels, read_package(folder, inspect=inspect).card.labels) == ((), ("coin", "well"))


@pytest.mark.parametrize(
    ("file", "keys", "expected"),
    [
        ("tokenizer_config.json", {"pad_token": {"content": "<|endoftext|>"}}, (16, "<|endoftext|>", 0)),
        ("tokenizer_config.json", {"pad_token": None}, (16, None, 0)),
        ("tokenizer_config.json", {"model_max_length": 8}, (8, "!", 0)),
        ("tokenizer_config.json", {"model_max_length": 1e30}, (16, "!", 0)),
        ("tokenizer_config.json", {"model_max_length": 77}, (16, "!", 0)),
        ("config.json", {"text_config": {"pad_token_id": 5}}, (16, "!", 5)),
        ("config.json", {"text_config": {"max_position_embeddings": 12}}, (12, "!", 0)),
        ("config.json", {"text_config": None}, (16, "!", 0)),
    ],
)
def test_length_and_filling_are_the_packages_own(folder, inspect, file, keys, expected):
    """A label has as many tokens as the tokenizer says, and never more than the graph has places for."""
    change(folder / file, **keys)

    text = read_package(folder, inspect=inspect).text

    assert (text.length, text.pad_token, text.pad_id) == expected


def test_missing_tokenizer_is_refused_with_how_to_write_it(folder, inspect):
    """A folder with vocab.json and merges.txt alone cannot be served."""
    (folder / "tokenizer.json").unlink()

    with pytest.raises(PackageInvalid, match=r"no tokenizer\.json") as caught:
        read_package(folder, inspect=inspect)

    assert "save_pretrained" in caught.value.hint


def test_owlv2_is_refused_for_its_preprocessing(folder, inspect):
    """The reason is named, for the graph itself could be served with steps of one's own."""
    change(folder / "config.json", model_type="owlv2", architectures=["Owlv2ForObjectDetection"])
    change(folder / "preprocessor_config.json", image_processor_type="Owlv2ImageProcessor")

    with pytest.raises(PreprocessorUnsupported, match="pads to a square and resizes with a filter of its own"):
        read_package(folder, inspect=inspect)


def test_graph_without_words_is_refused_for_a_task_with_them(folder, constant_graph, inspect):
    """Owl's names on a plain detector are no owl."""
    constant_graph(folder / "onnx" / "model.onnx", FOUND, inputs=WORDS[:1])

    with pytest.raises(PackageInvalid, match="takes no words"):
        read_package(folder, inspect=inspect)


def test_graph_with_words_is_refused_for_a_task_without(folder, constant_graph, inspect):
    """A detector that wants a text would be fed none."""
    constant_graph(folder / "onnx" / "model.onnx", FOUND, inputs=WORDS)
    change(folder / "config.json", model_type="detr", architectures=["DetrForObjectDetection"])

    with pytest.raises(PackageInvalid, match="takes words as well as a picture"):
        read_package(folder, inspect=inspect)


def test_graph_for_a_fixed_number_of_labels_is_refused(folder, constant_graph, inspect):
    """Callers look for as many things as they like."""
    fixed = [WORDS[0], ("input_ids", TensorProto.INT64, [2, 16])]
    constant_graph(folder / "onnx" / "model.onnx", FOUND, inputs=fixed)

    with pytest.raises(PackageInvalid, match="3 channels"):
        read_package(folder, inspect=inspect)


def test_references_are_refused_without_labels_to_look_for(folder, write, inspect):
    """A known answer needs a known question."""
    (folder / "a.png").write_bytes(b"")
    write(folder / "saccade.yaml", {"references": [{"image": "a.png", "predictions": []}]})

    with pytest.raises(PackageInvalid, match="do not say what to look for"):
        read_package(folder, inspect=inspect)


def test_family_is_refused_where_nothing_says_how_words_become_tokens(tmp_path, constant_graph, write, inspect):
    """A bare graph has no tokenizer beside it."""
    constant_graph(tmp_path / "bare" / "model.onnx", FOUND, inputs=WORDS)
    steps = [{"resize": {"height_px": 64, "width_px": 64, "resample": "bicubic"}}, {"rescale": {"factor": 1.0}}]
    write(tmp_path / "bare" / "saccade.yaml", {"family": "owl-vit", "labels": ["a"], "preprocess": {"steps": steps}})

    with pytest.raises(PackageInvalid, match="how words become tokens"):
        read_package(tmp_path / "bare", inspect=inspect)
