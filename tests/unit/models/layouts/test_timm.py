"""The timm layout."""

import json

import pytest

from saccade.errors import PackageInvalid
from saccade.models.layouts import read_package
from saccade.models.preprocess.timm import plan_from_pretrained_cfg

PRETRAINED = {
    "input_size": [3, 224, 224],
    "interpolation": "bicubic",
    "crop_pct": 0.875,
    "crop_mode": "center",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "license": "apache-2.0",
}


@pytest.fixture
def folder(tmp_path, classifier, write):
    """Return a timm folder with an exported graph."""
    place = tmp_path / "tiny_net.a1_in1k"
    config = {"architecture": "tiny_net", "num_classes": 4, "pretrained_cfg": PRETRAINED}
    write(place / "config.json", config)
    classifier(place / "model.onnx")
    return place


def change(folder, **keys):
    """Set keys of config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_folder_is_read_whole_when_it_is_as_exported(folder, inspect):
    """Plan, licence and name come from timm's own config; labels that it does not name are numbered."""
    package = read_package(folder, inspect=inspect)

    assert package.card.reference == "tiny_net.a1_in1k@1"
    assert (package.card.layout, package.card.family, package.card.license) == ("timm", "transformers", "apache-2.0")
    assert package.card.labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")
    assert package.plan == plan_from_pretrained_cfg(PRETRAINED, graph_size_px=(224, 224))
    assert package.decoder == {"function": "softmax"}


@pytest.mark.parametrize(
    "names",
    [
        {"label_names": ["a", "b", "c", "d"]},
        {"id2label": {"0": "a", "1": "b", "2": "c", "3": "d"}},
        {"pretrained_cfg": PRETRAINED | {"label_names": ["a", "b", "c", "d"]}},
    ],
)
def test_labels_are_found_wherever_timm_keeps_them(folder, inspect, names):
    """Timm has kept names in several places over time."""
    change(folder, **names)

    assert read_package(folder, inspect=inspect).card.labels == ("a", "b", "c", "d")


def test_absurd_number_of_classes_is_refused(folder, inspect):
    """A number in a file does not make the server build a list of that length."""
    change(folder, num_classes=10**12)

    with pytest.raises(PackageInvalid, match="num_classes"):
        read_package(folder, inspect=inspect)


def test_folder_without_a_graph_is_refused(folder, inspect):
    """Timm's own weights have to be exported first."""
    (folder / "model.onnx").rename(folder / "model.safetensors")

    with pytest.raises(PackageInvalid, match="safetensors"):
        read_package(folder, inspect=inspect)
