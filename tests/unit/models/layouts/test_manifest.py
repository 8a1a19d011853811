"""saccade.yaml: it wins over every other file, and every mistake in it is named."""

import json

import pytest

from saccade.errors import PackageInvalid, PreprocessorUnsupported
from saccade.models.layouts import read_package
from saccade.models.preprocess.plan import Resample
from saccade.models.preprocess.torchvision import classification_plan

STEPS = [
    {"resize": {"height_px": 224, "width_px": 224, "resample": "bilinear"}},
    {"rescale": {"factor": 0.00392}},
]


def test_package_is_read_from_the_manifest_alone(classifier, tmp_path, write, inspect):
    """A folder with a graph and a full saccade.yaml needs nothing else."""
    said = {
        "name": "coins",
        "version": 3,
        "task": "image-classification",
        "family": "transformers",
        "graph": "nets/net.onnx",
        "labels": {0: "a", 1: "b", 2: "c", 3: 4},
        "license": "MIT",
        "description": "Tells coins apart.",
        "tags": ["coins", 1],
        "threshold": 0.25,
        "decoder": {"function": "sigmoid"},
        "preprocess": {"steps": STEPS},
        "parameters": 7,
    }
    classifier(tmp_path / "x" / "nets" / "net.onnx")
    write(tmp_path / "x" / "saccade.yaml", said)

    package = read_package(tmp_path / "x", inspect=inspect)
    card = package.card

    assert (card.reference, card.layout, card.labels) == ("coins@3", "saccade", ("a", "b", "c", "4"))
    assert (card.license, card.description, card.tags) == ("MIT", "Tells coins apart.", ("coins", "1"))
    assert (card.threshold, card.parameters, package.decoder) == (0.25, 7, {"function": "sigmoid"})
    assert [step.__class__.__name__ for step in package.plan.steps] == ["Resize", "Rescale"]


def test_manifest_wins_and_the_rest_is_taken_from_the_files_beside_it(vit_folder, write, inspect):
    """What saccade.yaml leaves out comes from the Hugging Face files."""
    write(vit_folder / "saccade.yaml", {"labels": ["w", "x", "y", "z"], "license": "MIT"})

    card = read_package(vit_folder, inspect=inspect).card

    assert (card.labels, card.license, card.layout) == (("w", "x", "y", "z"), "MIT", "huggingface")


def test_preset_is_taken_with_its_own_parameters(vit_folder, write, inspect):
    """Torchvision's preset differs between weights in size and filter."""
    preset = {"resize_px": 232, "crop_px": 224, "resample": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1]}
    write(vit_folder / "saccade.yaml", {"preprocess": {"torchvision": preset}})

    assert read_package(vit_folder, inspect=inspect).plan == classification_plan(
        resize_px=232, crop_px=224, resample=Resample.BICUBIC, mean=(0.5, 0.5, 0.5), std=(1.0, 1.0, 1.0)
    )


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"labls": ["a"]}, r"no key `labls` \(known: .*labels"),
        ({"preprocess": {"step": []}}, r"`preprocess.step` \(known: steps, torchvision"),
        ({"preprocess": {"torchvision": {"crop": 3}}}, r"`preprocess.torchvision.crop` \(known: crop_px"),
        ({"preprocess": {}}, "exactly one of `steps` and `torchvision`"),
        ({"preprocess": {"steps": STEPS, "torchvision": {}}}, "exactly one"),
        ({"version": 1.1}, "put it in quotes"),
        ({"labels": ["yes", True]}, "put it in quotes"),
        ({"name": "Upper Case"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"version": "../1"}, "version"),
        ({"task": "guessing"}, "task"),
        ({"family": "detr9"}, "no family 'detr9'"),
        ({"task": "object-detection"}, "models of transformers do image-classification"),
        ({"engine": "tensorrt"}, "engine"),
        ({"engine": "python"}, "go together"),
        ({"entry": "a:B"}, "go together"),
        ({"threshold": 1.5}, "threshold"),
        ({"decoder": {"functoin": "none"}}, "functoin"),
        ({"labels": ["a"], "labels_file": "x.txt"}, "not both"),
        ({"labels": []}, "0 labels"),
        ({"labels": ["a", "b"]}, "scores 4 labels, but the package names 2"),
        ({"labels_file": "absent.txt"}, "no file 'absent.txt'"),
        ({"labels_file": "../labels.txt"}, "no path inside"),
        ({"labels_file": "/etc/passwd"}, "no path inside"),
        ({"labels_file": "link.txt"}, "link that leaves"),
        ({"graph": "../other.onnx"}, "no path inside"),
        ({"references": [{"image": "../x.png", "predictions": []}]}, "no path inside"),
        ({"preprocess": {"steps": [{"resize": {"height_px": 1}}]}}, "width_px|resize"),
    ],
)
def test_mistake_is_refused_by_name(vit_folder, tmp_path, write, inspect, said, match):
    """An unknown key names those that are known; a wrong value says what is wrong; a path stays in the folder."""
    write(tmp_path / "outside.txt", "a\nb\nc\nd")
    (vit_folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    write(vit_folder / "saccade.yaml", said)

    with pytest.raises((PackageInvalid, PreprocessorUnsupported), match=match):
        read_package(vit_folder, inspect=inspect)


def test_references_are_read_with_their_pictures(vit_folder, write, inspect):
    """A picture with a known answer is part of the package and of its digest."""
    write(vit_folder / "pictures" / "a.txt", "not looked at here")
    said = {"references": [{"image": "pictures/a.txt", "predictions": [{"label": "cat", "score": 0.5}]}]}
    before = read_package(vit_folder, inspect=inspect).card.digest
    write(vit_folder / "saccade.yaml", said)

    package = read_package(vit_folder, inspect=inspect)

    assert package.references[0].image == vit_folder / "pictures" / "a.txt"
    assert package.references[0].predictions == ({"label": "cat", "score": 0.5},)
    assert package.card.digest != before


@pytest.mark.parametrize(
    ("folder", "arguments", "expected"),
    [
        ("Coin Finder", {}, "coin-finder@1"),
        ("coins@2.1", {}, "coins@2.1"),
        ("coins@2.1", {"name": "other", "version": "9"}, "other@9"),
    ],
)
def test_name_and_version_come_from_the_folder_unless_said(vit_folder, inspect, folder, arguments, expected):
    """The caller's word is first, then saccade.yaml's, then the folder's."""
    place = vit_folder.rename(vit_folder.with_name(folder))

    assert read_package(place, inspect=inspect, **arguments).card.reference == expected


def test_digest_is_of_the_content_and_not_of_the_place(vit_folder, inspect):
    """Equal files have an equal digest wherever they lie; one byte makes another."""
    before = read_package(vit_folder, inspect=inspect).card
    moved = vit_folder.rename(vit_folder.with_name("elsewhere"))
    after = read_package(moved, inspect=inspect).card
    with (moved / "config.json").open("a") as stream:
        stream.write(" ")
    changed = read_package(moved, inspect=inspect).card

    assert after.digest == before.digest
    assert changed.digest != before.digest
    assert before.size_bytes == sum(file.size_bytes for file in before.files)


@pytest.mark.parametrize(
    "step",
    [
        {"pad": {"multiple": 30_000}},
        {"pad": {"height_px": 60_000, "width_px": 224}},
        {"center_crop": {"height_px": 224, "width_px": 10**9}},
        {"letterbox": {"height_px": 10**400, "width_px": 224}},
        {"resize_shortest": {"shortest_px": 224, "longest_px": 9_000, "resample": "bilinear"}},
    ],
)
def test_step_that_makes_gigantic_pictures_is_refused(vit_folder, write, inspect, step):
    """A size with some zeros too many would fill the server's memory at the first picture."""
    write(vit_folder / "saccade.yaml", {"preprocess": {"steps": [step]}})

    with pytest.raises(PackageInvalid, match="asks for more than 8192 px"):
        read_package(vit_folder, inspect=inspect)


def test_far_too_many_steps_are_refused(vit_folder, write, inspect):
    """No plan has more than a handful."""
    write(vit_folder / "saccade.yaml", {"preprocess": {"steps": [{"flip_channels": {}} for _ in range(65)]}})

    with pytest.raises(PackageInvalid, match=r"preprocess\.steps"):
        read_package(vit_folder, inspect=inspect)


def test_yaml_that_takes_minutes_to_read_is_refused(vit_folder, write, inspect):
    """A megabyte is far more than anybody writes, and little enough to be read in time."""
    write(vit_folder / "saccade.yaml", "description: " + "x" * 1024 * 1024)

    with pytest.raises(PackageInvalid, match="larger than 1 MiB"):
        read_package(vit_folder, inspect=inspect)


def test_number_that_no_float_holds_is_the_packages_fault(vit_folder, inspect):
    """Whatever reading a package raises is told as a fault of the package."""
    config = vit_folder / "preprocessor_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "rescale_factor": 10**400}))

    with pytest.raises(PackageInvalid, match=r"cannot be read \(OverflowError"):
        read_package(vit_folder, inspect=inspect)
