"""``saccade models``: list, show, add, check, remove."""

import json
import struct

import httpx2
import pytest

PLUGIN = '''
"""A model of ten lines."""


class Sized:
    """Tells wide pictures from high ones."""

    task = "image-classification"
    labels = ("wide", "high")
    description = "Tells wide pictures from high ones."

    def load(self):
        """Need nothing."""

    def predict(self, images):
        """Look at the shape."""
        return [[{"label": "wide" if image.shape[1] >= image.shape[0] else "high", "score": 1.0}] for image in images]
'''


#: Two white pixels beside each other.
BMP = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 62, 0, 0, 54, 40, 2, 1, 1, 24, 0, 8, 0, 0, 0, 0) + b"\xff" * 6 + b"\0\0"


@pytest.fixture
def plugin(tmp_path):
    """Write a plug-in outside the models folder."""
    path = tmp_path / "sized.py"
    path.write_text(PLUGIN)
    return path


def names(ended):
    """Return the models of a JSON list."""
    return [model["model"] for model in json.loads(ended.stdout)]


def test_list_is_what_a_server_lists(saccade, server):
    """The command line and the API see the same models and describe them alike, but for what is loaded."""
    here = json.loads(saccade("models", "list", "--json").stdout)
    there = httpx2.get(f"{server}/v1/models").json()["items"]
    momentary = {"state", "ready", "loaded_at", "runtime", "detail"}

    assert [model["model"] for model in here] == [model["model"] for model in there]
    for ours, theirs in zip(here, there, strict=True):
        common = (ours.keys() & theirs.keys()) - momentary
        assert {"name", "version", "task", "labels", "digest"} <= common
        assert {name: ours[name] for name in common} == {name: theirs[name] for name in common}


def test_table_lists_the_built_in_model(saccade):
    """People get a row per model."""
    ended = saccade("models", "list")

    row = next(line for line in ended.stdout.splitlines() if "dummy@1" in line)
    assert ended.returncode == 0
    assert "image-classification" in row
    assert "available" in row


def test_show_tells_labels_and_license(saccade):
    """One model, in full."""
    ended = saccade("models", "show", "dummy")

    assert ended.returncode == 0
    assert "dark, bright" in ended.stdout
    assert "Apache-2.0" in ended.stdout


def test_model_lives_through_add_predict_and_remove(saccade, plugin, tmp_path):
    """What is added is listed, answers, and is gone when it is removed; the source stays."""
    added = saccade("models", "add", str(plugin), "--name", "shape-teller", "--json")
    twice = saccade("models", "add", str(plugin), "--name", "shape-teller")
    listed = names(saccade("models", "list", "--json"))
    removed = saccade("models", "remove", "shape-teller", "--yes")
    left = names(saccade("models", "list", "--json"))

    assert json.loads(added.stdout)["model"] == "shape-teller@1"
    assert (twice.returncode, "[package_exists]" in twice.stderr) == (1, True)
    assert "shape-teller@1" in listed
    assert removed.returncode == 0
    assert "shape-teller@1" not in left
    assert plugin.exists()


def test_remove_asks_first(saccade, plugin):
    """Without --yes and without anybody to answer, nothing is deleted."""
    saccade("models", "add", str(plugin))

    asked = saccade("models", "remove", "sized")

    assert asked.returncode == 1
    assert "sized@1" in names(saccade("models", "list", "--json"))


def test_check_takes_a_path_or_a_name(saccade, plugin):
    """A package is tried where it lies, and a served one by its name."""
    by_path = saccade("models", "check", str(plugin))
    by_name = saccade("models", "check", "dummy")

    assert (by_path.returncode, by_name.returncode) == (0, 0)
    assert "Checked sized@1" in by_path.stdout
    assert "Checked dummy@1" in by_name.stdout


def test_check_finds_what_only_running_shows(saccade, tmp_path):
    """A plug-in that reads well but raises is found out before it is served, and its owner sees where."""
    path = tmp_path / "faulty.py"
    path.write_text(PLUGIN.replace("return [[", "raise KeyError(images)\n        return [["))

    ended = saccade("models", "check", str(path))

    assert ended.returncode == 1
    assert "[plugin_failed]" in ended.stderr
    assert "raise KeyError(images)" in ended.stderr


def test_check_compares_the_references_of_a_folder_outside_the_models_folder(saccade, plugin, tmp_path):
    """Nothing is copied, and an answer that is not the one that the package promises is told."""
    folder = tmp_path / "sized"
    folder.mkdir()
    plugin.rename(folder / "sized.py")
    (folder / "picture.bmp").write_bytes(BMP)
    manifest = "engine: python\nentry: sized.py:Sized\nreferences:\n- {{image: picture.bmp, predictions: [{0}]}}\n"
    ended = []
    for label in ("wide", "high"):
        (folder / "saccade.yaml").write_text(manifest.format(f"{{label: {label}, score: 1.0}}"))
        ended.append(saccade("models", "check", str(folder)))

    assert [0, 1] == [each.returncode for each in ended]
    assert "label 'wide' instead of 'high'" in ended[1].stderr
    assert "sized@1" not in names(saccade("models", "list", "--json"))


def test_pickle_is_refused(saccade, tmp_path):
    """What could run code when it is opened is not opened."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00")

    ended = saccade("models", "add", str(path))

    assert ended.returncode == 1
    assert "Error: " in ended.stderr
    assert "Traceback" not in ended.stderr
