"""What is not converted, and that nothing is left of it."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # one process for all of them, with torch and an export

#: What is refused: the error's code, and what its message names.
REFUSED = {
    "code in a pickle": ("package_invalid", "posix.mkdir"),
    "a whole module": ("package_invalid", "torch.nn.modules.linear.Linear"),
    "a list": ("package_invalid", "list"),
    "unknown keys": ("package_invalid", "a.weight"),
    "one key more": ("package_invalid", "stranger"),
    "another shape": ("package_invalid", "fc.bias"),
    "a NaN in a file": ("package_invalid", "bn1.bias"),
    "no labels": ("package_invalid", "6 classes"),
    "too few labels": ("package_invalid", "names 2"),
    "a torn file": ("package_invalid", "torn.pth"),
    "no safetensors file": ("package_invalid", "junk.safetensors"),
    "no checkpoint": ("package_unrecognised", ".safetensors"),
    "nothing there": ("package_unrecognised", "nowhere"),
    "too large": ("package_invalid", "8 GiB"),
    "code of its own": ("package_invalid", "auto_map"),
    "another architecture": ("package_invalid", "BertModel"),
    "no architecture": ("package_invalid", "no architecture"),
    "another size": ("package_invalid", "another shape"),
    "a NaN": ("package_invalid", "classifier.weight"),
    "a weight missing": ("package_invalid", "'classifier.bias' is missing"),
    "a weight of another shape": ("package_invalid", "'classifier.bias' has another shape"),
    "only a pickle": ("package_invalid", "model.safetensors"),
    "no preprocessor": ("package_invalid", "preprocessor_config.json"),
    "no config": ("package_unrecognised", "config.json"),
    "no tokenizer": ("package_invalid", "tokenizer.json"),
    "a link out": ("package_invalid", "labels.txt"),
    "a name that is taken": ("package_exists", "tiny-vit@1"),
    "another graph": ("graph_failed", "differs from torch"),
    "a NaN in the answer": ("graph_failed", "nan"),
}


@pytest.fixture(scope="module")
def tried(checkpoints, run_with_torch, tmp_path_factory):
    """Return what was said of every case, and what was left behind."""
    return run_with_torch("refusals.py", checkpoints[0], tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("case", REFUSED)
def test_checkpoint_is_refused(tried, case):
    """The message names what is wrong with it, and there is something to do about it."""
    code, named = REFUSED[case]
    said = tried["said"][case]

    assert code == said["code"], said
    assert named in said["message"]
    assert said["hint"]


def test_every_case_is_looked_at(tried):
    """A case that is tried and not listed above would pass unseen."""
    assert REFUSED.keys() == tried["said"].keys()


def test_nothing_is_left_and_nothing_ran(tried):
    """No half package in the models folder, and the code in the pickle was not run."""
    assert tried["left"] == []
    assert tried["ran"] is False


def test_order_of_the_best_labels_counts_where_torch_holds_them_apart(tried):
    """Equal, changed below the five best, changed within rounding: the same. Changed above: not."""
    assert tried["orders"] == [True, True, True, False, False, False]
