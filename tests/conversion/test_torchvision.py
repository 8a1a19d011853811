"""torchvision's classifiers, rebuilt: held against what torchvision itself said, which ``torchvision.json`` keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

GOLDEN = json.loads((Path(__file__).parent / "torchvision.json").read_text())["architectures"]
#: One of each family, the smallest.
QUICK = ("resnet18", "efficientnet_b0", "efficientnet_v2_s", "mobilenet_v3_small", "squeezenet1_1")
#: Of the largest logit. Kernels that sum in another order differ by 1e-4; a wrong eps of the norms by 13e-4.
TOLERANCE = 5e-4

#: What the programs beside this file print.
Facts = dict[str, dict]
Ask = Callable[..., Facts]


@pytest.fixture(scope="module")
def quick(run_with_torch: Ask) -> Facts:
    return run_with_torch("torchvision_facts.py", "ours", *QUICK)


@pytest.fixture(scope="module")
def rest(run_with_torch: Ask) -> Facts:
    return run_with_torch("torchvision_facts.py", "ours", *(name for name in GOLDEN if name not in QUICK))


@pytest.fixture(scope="module")
def answers(run_with_torch: Ask) -> Facts:
    return run_with_torch("torchvision_answers.py")


def hold_against_torchvision(ours: dict, golden: dict) -> None:
    """See that the facts of one architecture are torchvision's."""
    assert [golden[fact] for fact in ("name", "classes", "keys", "sha256")] == [
        ours[fact] for fact in ("name", "classes", "keys", "sha256")
    ]
    expected = np.array(golden["logits"])
    np.testing.assert_allclose(np.array(ours["logits"]), expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())
    for preset, published in zip(ours["presets"], golden["presets"], strict=True):
        assert [published[fact] for fact in ("weights", "digest", "settings")] == [
            preset[fact] for fact in ("weights", "digest", "settings")
        ]
        assert published["pixels"]["shape"] == preset["pixels"]["shape"]
        np.testing.assert_allclose(preset["pixels"]["values"], published["pixels"]["values"], rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", QUICK)
def test_architecture_when_it_is_the_smallest_of_its_family(quick, name):
    """Keys, shapes, logits, and what is made of a picture are torchvision's own."""
    hold_against_torchvision(quick[name], GOLDEN[name])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(set(GOLDEN) - set(QUICK)))
def test_architecture_when_it_is_any_other(rest, name):
    """Keys, shapes, logits, and what is made of a picture are torchvision's own."""
    hold_against_torchvision(rest[name], GOLDEN[name])


@pytest.mark.parametrize(
    "case",
    [
        "as it is",
        "in an envelope",
        "of DataParallel",
        "compiled, then parallel",
        "held by another module",
        "before torch 0.4.1",
        "half precision",
        "double precision",
    ],
)
def test_recognise_when_a_state_dict_comes_as_people_save_it(answers, case):
    """What trainings and wrappers put around a state dict is taken off, and its numbers become float32."""
    expected = {"name": "resnet18", "classes": 3, "outputs": 3, "kinds": ["torch.float32", "torch.int64"]}

    assert expected | {"learns": False} == answers["cases"][case]


def test_recognise_when_there_is_one_class(answers):
    """The number of classes is read from the last layer, down to one."""
    assert answers["cases"]["one class"]["classes"] == 1


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("empty", "The weights are empty."),
        ("foreign", "begin with `vit.embeddings.cls_token`, which fits none of torchvision's classifiers."),
        ("numbered", "begin with `0`, which fits none"),
        ("no tensor", "The weights hold `epoch`, which is no tensor."),
        ("incomplete", "come closest to resnet18, but `layer4.1.bn2.bias` is missing."),
        (
            "another shape",
            "closest to resnet18, but `layer2.0.conv1.weight` is 128 x 64 x 1 x 1 instead of 128 x 64 x 3 x 3.",
        ),
        ("something more", "come closest to resnet18, but `aux.weight` is not in it."),
        ("another head", "come closest to resnet18, but `fc.weight` is missing."),
        ("no class", "closest to resnet18, but `fc.weight` is 0 x 512 instead of 1 x 512."),
        ("head and bias differ", "closest to resnet18, but `fc.bias` is 4 instead of 3."),
        ("NaN", "`layer1.0.conv1.weight` holds a value that is no finite number."),
        ("too large for float32", "`fc.bias` holds a value that is no finite number."),
        ("variance below 0", "`bn1.running_var` holds a variance below 0 or a value that is no finite number."),
        ("whole numbers", "`fc.weight` is not stored as plain floating-point numbers."),
        ("sparse", "`fc.weight` is not stored as plain floating-point numbers."),
        ("not there", "`fc.weight` is not stored as plain floating-point numbers."),
        ("one number repeated", "`fc.weight` is not stored as plain floating-point numbers."),
    ],
)
def test_recognise_when_a_state_dict_does_not_fit(answers, case, message):
    """Whatever fits no architecture exactly is refused with the first key that does not, and a hint."""
    refused = answers["cases"][case]

    assert refused["code"] == "package_invalid"
    assert message in refused["message"]
    assert refused["hint"]


def test_preprocess_when_the_file_is_a_published_one(answers):
    """The digest of a published file tells how its pictures were prepared; any other gets the first weights' way."""
    expected = {"V1": "IMAGENET1K_V1", "V2": "IMAGENET1K_V2", "somebody's": "IMAGENET1K_V1"}

    assert expected == answers["digests"]
