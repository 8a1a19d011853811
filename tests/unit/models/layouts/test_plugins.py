"""Plug-ins are read as text: nothing of them is imported or run."""

import pytest

from saccade.errors import PackageInvalid
from saccade.models.layouts import read_package, read_plugin_file
from saccade.models.layouts.plugins import find_module, split_entry

PLUGIN = """
raise SystemExit("imported")

class Settings:
    def load(self): ...

class Finder:
    task = "object-detection"
    labels = ["coin", "washer"]
    version = "2"
    license: str = "MIT"
    secret = open("/nowhere")

    def load(self): ...
    def predict(self, images): ...
"""


def test_lone_file_is_a_package_and_is_not_imported(tmp_path, write, inspect):
    """The one class with both methods is found, and what stands in it as a literal is read."""
    path = write(tmp_path / "finder.py", PLUGIN)

    package = read_plugin_file(path)
    card = package.card

    assert (package.entry, package.folder) == ("finder.py:Finder", tmp_path)
    assert (card.reference, card.task, card.engine, card.family) == ("finder@2", "object-detection", "python", "plugin")
    assert (card.labels, card.license) == (("coin", "washer"), "MIT")
    assert read_package(path, inspect=inspect) == package


def test_task_may_be_written_as_the_enumeration(tmp_path, write):
    """`task = Task.OBJECT_DETECTION` is understood without importing anything."""
    text = PLUGIN.replace('"object-detection"', "Task.OBJECT_DETECTION")

    assert read_plugin_file(write(tmp_path / "finder.py", text)).card.task == "object-detection"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("class A:\n  pass\n", "it has: none"),
        (PLUGIN + PLUGIN.replace("Finder", "Other"), "it has: Finder, Other"),
        (PLUGIN.replace("task", "job"), "does not say its task"),
        (PLUGIN.replace("object-detection", "guessing"), "guessing"),
        ("class A(:\n", "not valid Python"),
        ("x = " + "(" * 5000, "not valid Python"),
    ],
)
def test_file_that_is_no_plugin_is_refused(tmp_path, write, text, match):
    """None, two, or one that does not say its task."""
    with pytest.raises(PackageInvalid, match=match):
        read_plugin_file(write(tmp_path / "finder.py", text))


@pytest.mark.parametrize("entry", ["plug.py:Finder", "python:plug.py:Finder"])
def test_folder_with_a_plugin_is_read_from_its_manifest(tmp_path, write, inspect, entry):
    """saccade.yaml names the class; the class says its task."""
    write(tmp_path / "coins" / "plug.py", PLUGIN)
    write(tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": entry, "version": "7"})

    package = read_package(tmp_path / "coins", inspect=inspect)

    assert (package.card.reference, package.entry) == ("coins@7", "plug.py:Finder")
    assert [file.path for file in package.card.files] == ["plug.py", "saccade.yaml"]


def test_installed_plugin_is_found_without_importing_its_package(tmp_path, write, inspect, monkeypatch):
    """Not even the packages above the module are imported to read its task."""
    write(tmp_path / "site" / "lab" / "__init__.py", "raise SystemExit('imported')")
    write(tmp_path / "site" / "lab" / "models.py", PLUGIN)
    write(tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": "lab.models:Finder"})
    monkeypatch.syspath_prepend(tmp_path / "site")

    package = read_package(tmp_path / "coins", inspect=inspect)

    assert (package.entry, package.card.labels) == ("lab.models:Finder", ("coin", "washer"))
    assert find_module("lab.absent") is None


def test_plugin_outside_the_folder_is_refused(tmp_path, write, inspect):
    """A file entry stays in the package."""
    write(tmp_path / "plug.py", PLUGIN)
    write(tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": "../plug.py:Finder"})

    with pytest.raises(PackageInvalid, match="no path inside"):
        read_package(tmp_path / "coins", inspect=inspect)


@pytest.mark.parametrize("entry", ["Finder", "a.b:", ":Finder", "a-b:Finder", "a b.c:D", "os;x:Y", "a.b:1x"])
def test_entry_that_names_no_class_is_refused(entry):
    """Only module:Class is an entry."""
    with pytest.raises(PackageInvalid, match="is no entry"):
        split_entry(entry)


def test_manifest_of_a_plugin_stands_over_its_class(tmp_path, write, inspect):
    """saccade.yaml wins over every other file, also for threshold, version, labels and tags."""
    text = PLUGIN.replace("secret", "threshold = 0.7\n    tags = ['round']\n    secret")
    write(tmp_path / "coins" / "plug.py", text)
    write(tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": "plug.py:Finder"})
    said = read_package(tmp_path / "coins", inspect=inspect).card
    given = {"version": "9", "threshold": 0.2, "labels": {0: "penny", 2: "dime"}, "tags": ["money"]}
    write(tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": "plug.py:Finder", **given})
    card = read_package(tmp_path / "coins", inspect=inspect).card

    assert (said.version, said.threshold, said.labels, said.tags) == ("2", 0.7, ("coin", "washer"), ("round",))
    assert (card.version, card.threshold, card.labels, card.tags) == ("9", 0.2, ("penny", "", "dime"), ("money",))


def test_plugin_folder_belongs_to_the_plugin_as_a_whole(tmp_path, write, inspect):
    """Weights beside the class and pictures with known answers are part of the package, and of its digest."""
    references = [{"image": "coin.jpg", "predictions": []}]
    write(tmp_path / "coins" / "plug.py", PLUGIN)
    write(
        tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": "plug.py:Finder", "references": references}
    )
    for name in ("coin.jpg", "data/weights.npy", "__pycache__/plug.pyc", ".hidden"):
        write(tmp_path / "coins" / name, "x")
    before = read_package(tmp_path / "coins", inspect=inspect)
    write(tmp_path / "coins" / "data" / "weights.npy", "changed")
    after = read_package(tmp_path / "coins", inspect=inspect)

    assert [file.path for file in before.card.files] == ["coin.jpg", "data/weights.npy", "plug.py", "saccade.yaml"]
    assert [item.image.name for item in before.references] == ["coin.jpg"]
    assert before.card.digest != after.card.digest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", "yolo"),
        ("graph", "model.onnx"),
        ("variant", "int8"),
        ("decoder", {"max_iou": 0.5}),
        ("preprocess", {"torchvision": {}}),
    ],
)
def test_key_that_a_plugin_would_ignore_is_refused(tmp_path, write, inspect, key, value):
    """No option does nothing: what is for graphs only is refused by name."""
    write(tmp_path / "coins" / "plug.py", PLUGIN)
    write(tmp_path / "coins" / "saccade.yaml", {"engine": "python", "entry": "plug.py:Finder", key: value})

    with pytest.raises(PackageInvalid, match=f"{key} and `engine: python`"):
        read_package(tmp_path / "coins", inspect=inspect)


@pytest.mark.parametrize("threshold", ["True", "2", "'high'"])
def test_threshold_of_a_class_that_is_no_score_is_refused(tmp_path, write, threshold):
    """A class is held to the same range as saccade.yaml."""
    text = PLUGIN.replace("secret", f"threshold = {threshold}\n    secret")

    with pytest.raises(PackageInvalid, match="threshold"):
        read_plugin_file(write(tmp_path / "finder.py", text))


def test_file_name_says_the_version_before_the_class_does(tmp_path, write):
    """Two copies of a plug-in are told apart by their names, as folders are."""
    assert read_plugin_file(write(tmp_path / "finder@5.py", PLUGIN)).card.reference == "finder@5"
