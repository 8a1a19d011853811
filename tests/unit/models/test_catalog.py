"""The catalog: everything in the models folder that is a package is listed, also what cannot be read."""

import pytest
from onnx import TensorProto

from saccade.errors import PackageInvalid
from saccade.models.catalog import Catalog
from saccade.models.layouts import read_package
from saccade.models.shelf import identify, list_packages

PLUGIN = """
class Finder:
    task = "image-classification"
    version = "3"

    def load(self): ...
    def predict(self, images): ...
"""


@pytest.fixture
def catalog(tmp_path, inspect):
    """Return a catalog of one folder, whose graphs are read in this process."""
    return Catalog(
        shipped=tmp_path / "none", folder=tmp_path / "models", read=lambda path: read_package(path, inspect=inspect)
    )


@pytest.fixture
def models(tmp_path, classifier, write, vit_folder):
    """Return a models folder with a package of every kind, and things that are none."""
    folder = tmp_path / "models"
    classifier(folder / "net.onnx")
    write(folder / "net.labels.txt", "a\nb\nc\nd\n")
    write(folder / "finder.py", PLUGIN)
    vit_folder.rename(folder / "Tiny ViT")
    classifier(folder / "triton" / "7" / "model.onnx")
    write(folder / "triton" / "config.pbtxt", 'platform: "onnxruntime_onnx"')
    write(folder / "triton" / "saccade.yaml", {"labels": list("abcd"), "preprocess": {"torchvision": {}}})
    for name in (".adding-1", "__pycache__"):
        (folder / name).mkdir()
    write(folder / "notes.txt", "")
    return folder


def test_scan_lists_folders_and_lone_files_alike(models, catalog):
    """A lone graph and a lone plug-in are packages like any folder; hidden and other files are none."""
    found = catalog.scan()

    assert ["dummy@1", "finder@3", "net@1", "tiny-vit@1", "triton@7"] == sorted(found)
    assert [None] * 5 == [item.problem for item in found.values()]
    assert found["net@1"].package.card.labels == ("a", "b", "c", "d")


def test_names_are_the_same_for_whoever_asks(models, catalog):
    """What removes and adds packages knows each by the name under which it is served."""
    names = sorted("@".join(identify(path)) for path in list_packages(models))

    assert names == sorted(reference for reference in catalog.scan() if reference != "dummy@1")


def test_lone_graph_is_read_again_when_only_its_labels_change(models, catalog, write):
    """The files that bear a lone graph's name belong to it."""
    catalog.scan()
    write(models / "net.labels.txt", "owl\nb\nc\nd\n")

    assert catalog.scan()["net@1"].package.card.labels[0] == "owl"


def test_package_that_did_not_change_is_not_read_again(models, catalog, inspect):
    """Looking at the folder often costs no inspection of graphs."""
    first, asked = catalog.scan(), inspect.count
    second = catalog.scan()

    assert inspect.count == asked
    assert all(second[reference].package is item.package for reference, item in first.items() if reference != "dummy@1")


def test_unreadable_package_keeps_the_name_that_it_would_have(models, catalog, constant_graph, write):
    """A broken package is listed with its reason, under one name before and after it is mended."""
    constant_graph(models / "Odd One@2" / "model.onnx", {"y": (TensorProto.FLOAT, [1, 4])})
    write(models / "bad" / "saccade.yaml", "name: [")
    found = catalog.scan()

    assert isinstance(found["odd-one@2"].problem, PackageInvalid)
    assert isinstance(found["bad@1"].problem, PackageInvalid)


def test_own_packages_come_first_and_stand_over_shipped_ones(tmp_path, inspect, classifier, write, models):
    """The operator's models are loaded before those that come with Saccade, and replace those of the same name."""
    shipped = tmp_path / "shipped"
    for name, label in (("net", "shipped"), ("aaa", "shipped")):
        classifier(shipped / f"{name}.onnx")
        write(shipped / f"{name}.labels.txt", f"{label}\nb\nc\nd\n")
    catalog = Catalog(shipped=shipped, folder=models, read=lambda path: read_package(path, inspect=inspect))
    found = catalog.scan()

    assert ["aaa@1", "dummy@1"] == list(found)[-2:]
    assert found["net@1"].package.card.labels[0] == "a"


def test_package_that_fails_in_an_unforeseen_way_takes_no_other_away(models, catalog, monkeypatch, inspect):
    """Whatever reading one package raises, it is that package which is not served."""

    def read(path):
        if path.stem == "net":
            raise OverflowError("int too large to convert to float")
        return read_package(path, inspect=inspect)

    monkeypatch.setattr(catalog, "_read", read)

    found = catalog.scan()

    assert isinstance(found["net@1"].problem, PackageInvalid)
    assert found["finder@3"].package is not None


def test_plugin_whose_task_is_no_word_is_listed_as_broken(models, catalog, write):
    """Also its name is asked of the same damaged class."""
    write(models / "odd.py", PLUGIN.replace('"image-classification"', '["image-classification"]'))

    found = catalog.scan()

    assert "says the task" in str(found["odd.py@1"].problem)
    assert found["finder@3"].package is not None
