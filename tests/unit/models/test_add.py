"""Adding and removing packages: what is copied, pinned and refused, and that half of it is never seen."""

import json

import pytest
import yaml
from huggingface_hub import constants

from saccade.errors import (
    GraphRefused,
    ModelUnknown,
    PackageExists,
    PackageInvalid,
    PackageUnrecognised,
    ParameterInvalid,
    SaccadeError,
)
from saccade.models.add import Wishes, add_package, check_package
from saccade.models.digests import file_sha256
from saccade.models.layouts import read_package
from saccade.models.shelf import find_packages, identify, list_packages, remove_package

COMMIT = "c" * 40


@pytest.fixture
def models(tmp_path):
    """Return the models folder; it does not exist yet."""
    return tmp_path / "models"


@pytest.fixture
def snapshot(tmp_path, vit_folder, monkeypatch):
    """Return a hub cache with one snapshot, all of it links into blobs as the hub's client leaves it."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    home = tmp_path / "hub" / "models--org--Tiny.ViT"
    (home / "blobs").mkdir(parents=True)
    for path in sorted(vit_folder.rglob("*")):
        if path.is_file():
            blob = home / "blobs" / file_sha256(path)
            link = home / "snapshots" / COMMIT / path.relative_to(vit_folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            path.rename(blob)
            link.symlink_to(blob)
    return home / "snapshots" / COMMIT


def contents(folder):
    """Return the paths of all files, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_folder_is_copied_with_only_what_is_used(vit_folder, models, write, inspect):
    """Other variants, code, weights of other frameworks and pictures stay behind; the source is left alone."""
    for name in ("model.safetensors", "pytorch_model.bin", "modeling.py", "notes.txt", "cat.jpg", ".git/config"):
        write(vit_folder / name, "x")
    write(vit_folder / "onnx" / "model_fp16.onnx", "x")
    before = contents(vit_folder)

    package = add_package(str(vit_folder), models_folder=models, inspect=inspect)

    assert package.folder == models / "tiny-vit@1"
    assert contents(models) == [
        "tiny-vit@1/config.json",
        "tiny-vit@1/onnx/model.onnx",
        "tiny-vit@1/preprocessor_config.json",
        "tiny-vit@1/saccade.yaml",
    ]
    assert contents(vit_folder) == before
    assert inspect.count == 1


def test_digests_are_written_down_and_compared_at_every_read(vit_folder, models, inspect):
    """A file that changes after it was added makes the package invalid, by name; saccade.yaml itself may be edited."""
    folder = add_package(str(vit_folder), models_folder=models, inspect=inspect).folder
    said = yaml.safe_load((folder / "saccade.yaml").read_text())
    (folder / "saccade.yaml").write_text(yaml.safe_dump(said | {"threshold": 0.5}))

    assert {file["path"]: file["sha256"] for file in said["files"]} == {
        name: file_sha256(folder / name) for name in ("config.json", "onnx/model.onnx", "preprocessor_config.json")
    }
    assert read_package(folder, inspect=inspect).card.threshold == 0.5
    (folder / "config.json").write_text((folder / "config.json").read_text().replace("owl", "elk"))
    with pytest.raises(PackageInvalid, match=r"config\.json' differs"):
        read_package(folder, inspect=inspect)
    (folder / "config.json").unlink()
    with pytest.raises(PackageInvalid, match=r"config\.json"):
        read_package(folder, inspect=inspect)


def test_code_in_a_snapshot_of_the_hub_is_refused(snapshot, models, inspect, write):
    """A repository can bring a plug-in into the hub's cache; nothing of it is added, so nothing of it is ever run."""
    write(snapshot / "evil.py", "class X:\n    def load(self): ...\n    def predict(self, images): ...\n")
    write(snapshot / "saccade.yaml", {"engine": "python", "entry": "evil.py:X", "task": "image-classification"})

    with pytest.raises(PackageInvalid, match="never runs code"):
        add_package("hf:org/Tiny.ViT", models_folder=models, inspect=inspect, hub_cache_dir=snapshot.parents[2])

    assert contents(models) == []


def test_snapshot_of_the_hub_is_copied_as_plain_files_and_pinned(snapshot, models, inspect):
    """The package names its commit and does not depend on the cache any more."""
    package = add_package("hf:org/Tiny.ViT", models_folder=models, inspect=inspect, hub_cache_dir=snapshot.parents[2])
    said = yaml.safe_load((package.folder / "saccade.yaml").read_text())

    assert package.card.source == f"hf:org/Tiny.ViT@{COMMIT}"
    assert (said["revision"], said["name"], said["version"]) == (COMMIT, "tiny.vit", "1")
    assert [path for path in package.folder.rglob("*") if path.is_symlink()] == []


def test_link_that_leaves_the_cache_is_refused(snapshot, models, tmp_path, inspect):
    """Links into the blobs are normal in a snapshot; every other one is an attempt to read something else."""
    (tmp_path / "secret.json").write_text("{}")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "secret.json")

    with pytest.raises(PackageInvalid, match=r"'config\.json' is a link that leaves"):
        add_package("hf:org/Tiny.ViT", models_folder=models, inspect=inspect, hub_cache_dir=snapshot.parents[2])
    assert contents(models) == []


def test_lone_graph_is_added_with_the_labels_that_are_named(classifier, models, tmp_path, write, inspect):
    """A graph and a labels file from anywhere make a package."""
    graph = classifier(tmp_path / "net.onnx")
    labels = write(tmp_path / "elsewhere" / "my labels.txt", "a\nb\nc\nd\n")

    package = add_package(
        str(graph),
        models_folder=models,
        inspect=inspect,
        wishes=Wishes(name="mine", version="2.0", labels_file=labels),
    )

    assert (package.card.reference, package.card.labels) == ("mine@2.0", ("a", "b", "c", "d"))
    assert contents(models) == ["mine@2.0/labels.txt", "mine@2.0/net.onnx", "mine@2.0/saccade.yaml"]


def test_installed_plugin_is_added_by_its_entry(models, inspect):
    """A plug-in needs no files of its own."""
    package = add_package("python:saccade.models.dummy:Dummy", models_folder=models, inspect=inspect)

    assert (package.card.reference, package.entry) == ("dummy@1", "saccade.models.dummy:Dummy")
    assert package.card.source == "python:saccade.models.dummy:Dummy"


def test_plugin_file_is_added_without_being_imported(models, tmp_path, write, inspect):
    """The file is copied and named in saccade.yaml."""
    text = (
        "raise SystemExit\nclass P:\n task = 'image-classification'\n def load(self): ...\n def predict(self, i): ...\n"
    )

    package = add_package(str(write(tmp_path / "plug.py", text)), models_folder=models, inspect=inspect)

    assert (package.entry, contents(models)) == ("plug.py:P", ["plug@1/plug.py", "plug@1/saccade.yaml"])


def test_plugin_folder_is_added_with_all_that_lies_beside_it(models, tmp_path, write, inspect):
    """Only the plug-in knows which files it reads, so all of them come along."""
    text = "class P:\n task = 'image-classification'\n def load(self): ...\n def predict(self, i): ...\n"
    write(tmp_path / "plug" / "code.py", text)
    write(tmp_path / "plug" / "saccade.yaml", {"engine": "python", "entry": "code.py:P"})
    for name in ("weights.npy", "cat.jpg", "__pycache__/code.pyc"):
        write(tmp_path / "plug" / name, "x")

    package = add_package(str(tmp_path / "plug"), models_folder=models, inspect=inspect)

    assert contents(package.folder) == ["cat.jpg", "code.py", "saccade.yaml", "weights.npy"]


def test_same_name_and_version_is_refused_and_nothing_changes(vit_folder, models, inspect):
    """A package is never overwritten; another version stands beside it."""
    add_package(str(vit_folder), models_folder=models, inspect=inspect)
    before = contents(models)

    with pytest.raises(PackageExists, match="tiny-vit@1"):
        add_package(str(vit_folder), models_folder=models, inspect=inspect)
    assert contents(models) == before
    add_package(str(vit_folder), models_folder=models, inspect=inspect, wishes=Wishes(version="2"))
    assert sorted(find_packages(models, "tiny-vit")) == ["1", "2"]


def test_hand_made_folder_of_that_name_and_version_counts_too(vit_folder, models, inspect):
    """A folder called only by the name is version 1."""
    (models / "tiny-vit").mkdir(parents=True)

    with pytest.raises(PackageExists):
        add_package(str(vit_folder), models_folder=models, inspect=inspect)


def test_refused_package_leaves_nothing_behind(vit_folder, models, inspect):
    """What fails its checks was never there."""
    (vit_folder / "config.json").write_text(json.dumps({"model_type": "vit", "auto_map": {"a": "b.c"}}))

    with pytest.raises(PackageInvalid, match="auto_map"):
        add_package(str(vit_folder), models_folder=models, inspect=inspect)
    assert list(models.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "wishes", "error"),
    [
        ("./absent", Wishes(), PackageUnrecognised),
        ("hf:nowhere", Wishes(), ParameterInvalid),
        ("python:nowhere", Wishes(), PackageInvalid),
        ("python:absent.module:Class", Wishes(), PackageInvalid),
        ("x.onnx", Wishes(name="Bad Name"), ParameterInvalid),
        ("x.onnx", Wishes(name="a" * 101), ParameterInvalid),
        ("x.onnx", Wishes(version="a/b"), ParameterInvalid),
    ],
)
def test_source_or_wish_that_cannot_be_is_refused(models, inspect, source, wishes, error):
    """The mistake is named before anything is copied."""
    with pytest.raises(error):
        add_package(source, models_folder=models, inspect=inspect, wishes=wishes)


@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "model.bin"])
def test_pickle_is_refused_as_a_source(models, tmp_path, write, inspect, name):
    """No pickle enters the models folder."""
    with pytest.raises(GraphRefused, match=name):
        add_package(str(write(tmp_path / name, "x")), models_folder=models, inspect=inspect)


def test_folder_with_far_too_many_files_is_refused(tmp_path, models, inspect, monkeypatch):
    """Adding a home directory by mistake stops early."""
    monkeypatch.setattr("saccade.models.staging._MAX_FILES", 3)
    home = tmp_path / "home"
    home.mkdir()
    for number in range(5):
        (home / f"{number}.txt").touch()

    with pytest.raises(PackageInvalid, match="more than 3 files"):
        add_package(str(home), models_folder=models, inspect=inspect)


def test_package_that_is_removed_is_gone(vit_folder, models, inspect):
    """Folder and name are free again."""
    place = add_package(str(vit_folder), models_folder=models, inspect=inspect).folder

    assert remove_package("tiny-vit", models_folder=models) == place
    assert list(models.iterdir()) == []
    with pytest.raises(ModelUnknown):
        remove_package("tiny-vit@1", models_folder=models)


def test_name_of_several_versions_is_not_removed_by_guessing(models):
    """Which of two versions goes must be said."""
    (models / "a@1").mkdir(parents=True)
    (models / "a@2").mkdir()

    with pytest.raises(ParameterInvalid, match="1, 2"):
        remove_package("a", models_folder=models)
    assert remove_package("a@2", models_folder=models) == models / "a@2"
    assert list_packages(models) == [models / "a@1"]


def test_linked_package_is_unlinked_and_its_files_stay(models, tmp_path):
    """Removing a link removes the link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file.txt").touch()
    models.mkdir()
    (models / "a@1").symlink_to(tmp_path / "real")
    remove_package("a@1", models_folder=models)

    assert contents(tmp_path / "real") == ["file.txt"]


@pytest.mark.parametrize("reference", ["", "..", "../x", "a/b", "@1", "/"])
def test_reference_that_is_a_path_removes_nothing(models, tmp_path, reference):
    """A reference is compared with names, never joined to a path."""
    (tmp_path / "x").mkdir()
    models.mkdir()

    with pytest.raises(ModelUnknown):
        remove_package(reference, models_folder=models)
    assert (tmp_path / "x").is_dir()


def test_folder_lists_packages_and_nothing_else(models, write):
    """Half-added packages, caches and notes are no packages."""
    for name in ("b@2", ".adding-1", "__pycache__"):
        (models / name).mkdir(parents=True)
    for name in ("a.py", "net.onnx", "notes.txt"):
        write(models / name, "")

    assert [path.name for path in list_packages(models)] == ["a.py", "b@2", "net.onnx"]
    assert identify(models / "b@2") == ("b", "2")
    assert list_packages(models / "absent") == []


def test_check_reads_a_package_where_it_lies(vit_folder, tmp_path, inspect):
    """A check changes nothing and names what is not there."""
    before = contents(vit_folder)

    assert check_package(vit_folder, inspect=inspect).card.name == "tiny-vit"
    assert contents(vit_folder) == before
    with pytest.raises(SaccadeError, match="absent"):
        check_package(tmp_path / "absent", inspect=inspect)
