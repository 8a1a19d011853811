"""Where torch is not: the command says what to install, and the rest of the program never asks for it."""

import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import huggingface_hub
import pytest

from saccade.conversion.sources import checkpoint_files, find_source
from saccade.errors import PackageInvalid, PackageUnrecognised

FILES = ["README.md", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is here")
def test_command_says_what_to_install(saccade):
    """The extra by its name, and that torch is installed by itself."""
    ended = saccade("models", "convert", "anything.pth")

    assert ended.returncode == 78
    assert "pip install 'saccade[export]'" in ended.stderr
    assert "torch by itself" in ended.stderr


def test_command_line_imports_no_torch_until_it_converts():
    """`saccade --help` and the server start without it, also where it is installed."""
    code = "import sys, saccade.cli.main; sys.exit(any(name.partition('.')[0] == 'torch' for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_of_a_repository_weights_and_small_files_are_fetched():
    """Safetensors in one file or in parts, with their index; no pickle, no graph, no page."""
    more = ["model.safetensors.index.json", "pytorch_model.bin", "onnx/model.onnx", "vocab.json", "merges.txt"]

    assert checkpoint_files([*FILES, *more]) == sorted(
        [*FILES[1:], "model.safetensors.index.json", "vocab.json", "merges.txt"]
    )


def test_repository_without_safetensors_is_refused_before_anything_is_fetched():
    """A pickle is not even downloaded."""
    with pytest.raises(PackageInvalid) as caught:
        checkpoint_files(["config.json", "pytorch_model.bin"])
    assert "safetensors" in str(caught.value)


def test_name_and_version_are_those_of_the_folder_or_file(tmp_path):
    """`Coin Finder@2` is version 2 of coin-finder, as it is for `models add`."""
    (tmp_path / "Coin Finder@2").mkdir()
    (tmp_path / "SqueezeNet.pth").touch()
    folder, file = find_source(str(tmp_path / "Coin Finder@2")), find_source(str(tmp_path / "SqueezeNet.pth"))

    assert ("coin-finder", "2") == (folder.name, folder.version)
    assert ("squeezenet", None) == (file.name, file.version)


@pytest.mark.parametrize("name", ["model.onnx", "model.bin", "model"])
def test_file_of_another_kind_is_refused_by_its_name(tmp_path, name):
    """It is not opened to find out."""
    (tmp_path / name).touch()

    with pytest.raises(PackageUnrecognised):
        find_source(str(tmp_path / name))


class Hub:
    """A hub with one repository; remembers what was downloaded of it."""

    def __init__(self):
        self.downloads = []

    def model_info(self, repository, *, revision, timeout):
        return SimpleNamespace(sha="b" * 40, siblings=[SimpleNamespace(rfilename=name) for name in FILES])

    def snapshot_download(self, repository, *, revision, allow_patterns, cache_dir, etag_timeout):
        self.downloads.append((repository, revision, allow_patterns))
        folder = cache_dir / "models--org--tiny" / "snapshots" / revision
        folder.mkdir(parents=True)
        return str(folder)


def test_checkpoint_of_the_hub_is_pinned_to_its_commit(tmp_path, monkeypatch):
    """The weights are fetched of the commit that the branch means, and the package will say which."""
    hub = Hub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)

    found = find_source("hf:org/tiny@main", hub_cache_dir=tmp_path)

    assert [("org/tiny", "b" * 40, FILES[1:])] == hub.downloads
    assert (f"hf:org/tiny@{'b' * 40}", "b" * 40, "tiny") == (found.origin, found.commit, found.name)
