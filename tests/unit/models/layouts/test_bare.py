"""Lone graphs: what Ultralytics says in the metadata, and the little that a bare file says."""

import pytest
from onnx import TensorProto

from saccade.errors import GraphRefused, PackageInvalid, PackageUnrecognised
from saccade.models.layouts import read_package
from saccade.models.preprocess.torchvision import classification_plan
from saccade.models.preprocess.ultralytics import letterbox_plan

METADATA = {
    "author": "Ultralytics",
    "task": "detect",
    "stride": "32",
    "names": "{0: 'cat', 1: \"dog's\"}",
    "imgsz": "[64, 64]",
    "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    "description": "Ultralytics YOLO11n model",
}


@pytest.fixture
def yolo(constant_graph, tmp_path):
    """Return a function that writes an Ultralytics export."""

    def make(shape=(1, 6, 84), **metadata):
        outputs = {"output0": (TensorProto.FLOAT, list(shape))}
        constant_graph(tmp_path / "yolo" / "yolo11n.onnx", outputs, metadata=METADATA | metadata)
        return tmp_path / "yolo"

    return make


def test_export_of_ultralytics_is_read_from_its_metadata(yolo, inspect):
    """Names, letterbox, licence and family are in the file; the names are a Python literal."""
    package = read_package(yolo(), inspect=inspect)

    assert (package.card.layout, package.card.family) == ("ultralytics", "yolo")
    assert package.card.labels == ("cat", "dog's")
    assert package.card.license == METADATA["license"]
    assert package.plan == letterbox_plan((64, 64))


@pytest.mark.parametrize(
    ("shape", "metadata"),
    [
        ((1, 300, 6), {}),
        ((1, 300, 6), {"args": "{'batch': 1, 'nms': True}"}),
        ((1, 300, 6), {"end2end": "True"}),
    ],
)
def test_export_that_suppresses_itself_is_told_apart(yolo, inspect, shape, metadata):
    """Rows of six are finished detections."""
    assert read_package(yolo(shape, **metadata), inspect=inspect).card.family == "yolo-end2end"


@pytest.mark.parametrize("task", ["segment", "pose", "obb"])
def test_export_for_another_task_is_refused_by_name(yolo, inspect, task):
    """Masks and poses are not served as boxes."""
    with pytest.raises(PackageInvalid, match=task):
        read_package(yolo(task=task), inspect=inspect)


@pytest.mark.parametrize(
    "names",
    ["__import__('os').system('false')", "{0: open('x')}", "[" * 5000, "{'x': 'y'}", "{0: 'a', 999999999: 'b'}"],
)
def test_names_that_are_no_literal_are_never_run(yolo, inspect, names):
    """The names are a string of somebody else's; only literals are read."""
    folder = yolo(names=names)
    try:
        labels = read_package(folder, inspect=inspect).card.labels
    except PackageInvalid:
        labels = ()

    assert len(labels) <= 1


def test_classifier_of_ultralytics_is_not_put_through_softmax_twice(classifier, tmp_path, inspect):
    """Its export ends in softmax already."""
    metadata = METADATA | {"task": "classify", "names": "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}", "imgsz": "[224, 224]"}
    classifier(tmp_path / "cls" / "yolo11n-cls.onnx", softmax=True, metadata=metadata)

    package = read_package(tmp_path / "cls", inspect=inspect)

    assert (package.card.family, package.decoder) == ("transformers", {"function": "none"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "cat\ndog\nowl\ncow\n"),
        ("classes.txt", "cat\r\ndog\r\nowl\r\ncow"),
        ("labels.json", ["cat", "dog", "owl", "cow"]),
        ("labels.json", {"0": "cat", "1": "dog", "2": "owl", "3": "cow"}),
    ],
)
def test_bare_classifier_gets_torchvisions_preset_and_says_so(classifier, tmp_path, write, inspect, name, content):
    """A file that does not say how pictures are prepared gets a documented default, in the open."""
    classifier(tmp_path / "bare" / "resnet.onnx", side=112)
    write(tmp_path / "bare" / name, content)

    package = read_package(tmp_path / "bare", inspect=inspect)

    assert package.card.labels == ("cat", "dog", "owl", "cow")
    assert package.plan == classification_plan(resize_px=128, crop_px=112)
    assert "torchvision's preset is assumed" in package.card.description
    assert package.decoder == {"function": "softmax"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": "cat,dog, owl,cow"},
        {"classes": "cat\ndog\nowl\ncow"},
        {"id2label": '{"0": "cat", "1": "dog", "2": "owl", "3": "cow"}'},
        {"labels": '["cat", "dog", "owl", "cow"]'},
    ],
)
def test_labels_in_the_metadata_are_read_when_there_is_no_file(classifier, tmp_path, inspect, metadata):
    """Exporters leave labels in the graph, each in its own way."""
    path = classifier(tmp_path / "bare" / "resnet.onnx", metadata=metadata)

    assert read_package(path.parent, inspect=inspect).card.labels == ("cat", "dog", "owl", "cow")
    assert read_package(path, inspect=inspect).card.reference == "resnet@1"


def test_bare_graph_without_labels_is_refused(classifier, tmp_path, inspect):
    """Numbers without names are no answer."""
    with pytest.raises(PackageInvalid, match="no labels"):
        read_package(classifier(tmp_path / "bare" / "resnet.onnx").parent, inspect=inspect)


def test_lone_file_takes_only_the_labels_that_bear_its_name(classifier, tmp_path, write, inspect):
    """In a folder of packages, a labels.txt belongs to nobody."""
    path = classifier(tmp_path / "resnet.onnx")
    write(tmp_path / "labels.txt", "w\nx\ny\nz")
    write(tmp_path / "resnet.labels.txt", "a\nb\nc\nd")

    assert read_package(path, inspect=inspect).card.labels == ("a", "b", "c", "d")


def test_several_graphs_are_refused_until_one_is_named(classifier, tmp_path, write, inspect):
    """Which graph is meant is not guessed."""
    folder = classifier(tmp_path / "bare" / "a.onnx").parent
    classifier(folder / "b.onnx")
    write(folder / "labels.txt", "w\nx\ny\nz")
    with pytest.raises(PackageInvalid, match=r"a\.onnx, b\.onnx"):
        read_package(folder, inspect=inspect)
    write(folder / "saccade.yaml", {"graph": "b.onnx"})

    assert read_package(folder, inspect=inspect).graph.name == "b.onnx"


FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


@pytest.mark.parametrize(
    ("outputs", "inputs", "family"),
    [
        ({"dets": (FLOAT, [1, 5, 4]), "labels": (FLOAT, [1, 5, 91])}, None, "rf-detr"),
        (
            {"labels": (INT, [1, 5]), "boxes": (FLOAT, [1, 5, 4]), "scores": (FLOAT, [1, 5])},
            [("images", FLOAT, [1, 3, 64, 64]), ("orig_target_sizes", INT, [1, 2])],
            "rt-detr-original",
        ),
        (
            {"boxes": (FLOAT, [5, 4]), "labels": (INT, [5]), "scores": (FLOAT, [5])},
            None,
            "torchvision-detection",
        ),
    ],
)
def test_family_of_a_bare_detector_is_read_from_its_outputs(
    constant_graph, tmp_path, write, inspect, outputs, inputs, family
):
    """Outputs that only one family has need no word of the owner."""
    folder = constant_graph(tmp_path / "bare" / "m.onnx", outputs, inputs=inputs).parent
    step = {"resize": {"height_px": 64, "width_px": 64, "resample": "bilinear"}}
    write(folder / "saccade.yaml", {"labels": ["a"], "preprocess": {"steps": [step, {"rescale": {"factor": 0.5}}]}})

    assert read_package(folder, inspect=inspect).card.family == family


def test_outputs_that_two_families_share_are_refused_with_the_choices(constant_graph, tmp_path, write, inspect):
    """Softmax and sigmoid heads look alike; the message lists the outputs, the hint the families."""
    outputs = {"logits": (FLOAT, [1, 5, 5]), "pred_boxes": (FLOAT, [1, 5, 4])}
    folder = constant_graph(tmp_path / "bare" / "m.onnx", outputs).parent
    write(folder / "labels.txt", "a\nb\n")

    with pytest.raises(PackageInvalid, match=r"logits float32\[1, 5, 5\], pred_boxes") as caught:
        read_package(folder, inspect=inspect)
    assert "rt-detr" in caught.value.hint


def test_graph_that_takes_no_picture_is_refused(constant_graph, tmp_path, write, inspect):
    """A text model is not served."""
    outputs = {"logits": (FLOAT, [1, 2])}
    folder = constant_graph(tmp_path / "bare" / "m.onnx", outputs, inputs=[("input_ids", INT, [1, 16])]).parent
    write(folder / "saccade.yaml", {"labels": ["a", "b"], "preprocess": {"torchvision": {}}})

    with pytest.raises(PackageInvalid, match="input_ids"):
        read_package(folder, inspect=inspect)


def test_folder_of_nothing_lists_what_was_looked_for(tmp_path, write, inspect):
    """Whoever reads the refusal knows what is missing."""
    write(tmp_path / "empty" / "notes.txt", "hello")

    with pytest.raises(PackageUnrecognised, match=r"saccade\.yaml.*Hugging Face.*timm.*Triton.*MLflow.*Ultralytics"):
        read_package(tmp_path / "empty", inspect=inspect)


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.pkl", "model.joblib", "model.bin", "model.npy"])
def test_folder_with_a_pickle_is_refused_by_name(tmp_path, write, inspect, name):
    """No format that runs code is ever opened, in a folder or alone."""
    path = write(tmp_path / "model" / name, "x")
    for place in (path, path.parent):
        with pytest.raises(GraphRefused, match=name):
            read_package(place, inspect=inspect)


def test_first_layout_that_fits_is_taken(vit_folder, write, inspect):
    """A Hugging Face folder that also holds an MLmodel and labels is read as Hugging Face's, and its graph once."""
    write(vit_folder / "MLmodel", "flavors: {onnx: {data: nowhere.onnx}}")
    write(vit_folder / "labels.txt", "x\n")

    assert read_package(vit_folder, inspect=inspect).card.layout == "huggingface"
    assert inspect.count == 1
