"""The MLflow layout."""

import pytest

from saccade.errors import GraphRefused, PackageInvalid
from saccade.models.layouts import read_package

MLMODEL = (
    "flavors:\n  onnx:\n    data: model.onnx\n    onnx_version: 1.21.0\n  python_function:\n    data: model.onnx\n"
)
ALIASES = "a: &a [x]\nflavors:\n  onnx: {data: *a}\n"


@pytest.fixture
def folder(tmp_path, classifier, write):
    """Return a folder as mlflow.onnx logs it."""
    place = tmp_path / "tiny"
    write(place / "MLmodel", MLMODEL)
    classifier(place / "model.onnx")
    return place


def test_folder_is_read_when_saccade_yaml_says_the_rest(folder, write, inspect):
    """MLflow says where the graph is; labels and preprocessing are the owner's."""
    said = {"preprocess": {"torchvision": {}}, "labels": ["a", "b", "c", "d"]}
    write(folder / "saccade.yaml", said)

    package = read_package(folder, inspect=inspect)

    assert (package.graph, package.card.labels) == (folder / "model.onnx", ("a", "b", "c", "d"))
    assert "MLmodel" in {file.path for file in package.card.files}


def test_folder_without_preprocessing_is_refused(folder, write, inspect):
    """MLmodel does not say how a picture becomes a tensor."""
    write(folder / "labels.txt", "a\nb\nc\nd\n")

    with pytest.raises(PackageInvalid, match="how a picture") as caught:
        read_package(folder, inspect=inspect)
    assert "MLmodel" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("flavors:\n  sklearn:\n    pickled_model: model.pkl\n", GraphRefused, r"model\.pkl"),
        ("flavors:\n  tensorflow:\n    saved_model_dir: x\n", PackageInvalid, "tensorflow"),
        ("flavors:\n  onnx:\n    data: ../other/model.onnx\n", PackageInvalid, "no path inside"),
        ("flavors:\n  onnx:\n    data: model.pkl\n", GraphRefused, r"model\.pkl"),
        ("flavors: 3\n", PackageInvalid, "none"),
        ("- 3\n", PackageInvalid, "no mapping"),
        ("flavors: {}\nflavors: {}\n", PackageInvalid, "stands twice"),
        (ALIASES, PackageInvalid, "aliases"),
        ("a: !!python/object/apply:os.system [x]\n", PackageInvalid, "not valid YAML"),
    ],
)
def test_folder_that_may_not_be_served_is_refused(folder, write, inspect, text, error, match):
    """Pickles, other frameworks, paths that leave, and YAML that does more than hold data."""
    write(folder / "MLmodel", text)

    with pytest.raises(error, match=match):
        read_package(folder, inspect=inspect)
