"""From labels to tokens: what transformers' tokenizer says of the same package."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.errors import PackageInvalid
from saccade.models.tokens import LabelTokenizer, TextPlan
from zero_shot.golden import FOLDER, golden, png

pytest.importorskip("tokenizers")

PLAN = TextPlan(tokenizer=FOLDER / "tokenizer.json", length=16, pad_token="!")
NEEDS_NOTHING = """
import sys
sys.modules["tokenizers"] = None  # as if it were not installed
from saccade.cli.main import main
main()
"""


@pytest.mark.parametrize("row", golden("tokens"), ids=lambda row: row["text"][:12])
def test_tokens_equal_transformers(row):
    """Capitals, spaces, other scripts, nothing at all and far too much come out as the library has them."""
    words = LabelTokenizer(PLAN)((row["text"],))

    assert [row["input_ids"]] == words.ids.tolist()
    assert [row["attention_mask"]] == words.mask.tolist()


def test_rows_stand_in_the_order_of_the_labels():
    """Class id 1 is the second label, whatever was asked before."""
    tokenize = LabelTokenizer(PLAN)

    one, two = tokenize(("coin", "cat")), tokenize(("cat", "coin"))

    assert one.ids.tolist() == two.ids[::-1].tolist()
    assert (one.labels, two.labels) == (("coin", "cat"), ("cat", "coin"))


def test_tokens_are_kept_for_who_asks_again_and_for_no_more_lists_than_that():
    """The same words cost nothing the second time; a stranger's thousand lists do not fill the memory."""
    tokenize = LabelTokenizer(PLAN)
    first = tokenize(("coin",))

    assert tokenize(("coin",)) is first
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tokenize, [(f"coin {number}",) for number in range(500)]))
    assert tokenize(("coin",)) is not first
    assert len(tokenize._kept) <= 64


def test_token_id_fills_up_when_no_token_is_named():
    """Old packages say only the number."""
    plan = TextPlan(tokenizer=PLAN.tokenizer, length=5, pad_id=7)

    assert LabelTokenizer(plan)(("coin",)).ids[0, 3:].tolist() == [7, 7]


@settings(deadline=None)
@given(labels=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), min_size=1, max_size=5))
def test_any_text_becomes_a_row_of_tokens(labels):
    """Whatever people look for, the graph gets its numbers: as many as it takes, each of them one that it knows."""
    words = LabelTokenizer(PLAN)(tuple(labels))

    assert words.ids.shape == words.mask.shape == (len(labels), 16)
    assert 0 <= words.ids.min() <= words.ids.max() < 545
    assert (words.ids[:, 0] == 543).all()
    assert (words.mask == (np.arange(16) < words.mask.sum(axis=1)[:, None])).all()
    assert (words.ids[words.mask == 0] == 0).all()


@pytest.mark.parametrize("text", ["", "{}", '{"version": "1.0", "model": {"type": "Nobody"}}', "\0"])
def test_file_that_is_no_tokenizer_is_refused(tmp_path, text):
    """The package is named invalid, whatever the library says of it."""
    path = tmp_path / "tokenizer.json"
    path.write_text(text)

    with pytest.raises(PackageInvalid, match=r"'tokenizer\.json' is no tokenizer"):
        LabelTokenizer(TextPlan(tokenizer=path, length=16))


def run_without(home, *words):
    """Run a command where the library cannot be imported."""
    command = [sys.executable, "-c", NEEDS_NOTHING, *words]
    environment = {"HOME": str(home), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=100)


def test_only_zero_shot_models_need_the_library(tmp_path):
    """Without it every other model answers, and one of these says how to get it."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "tiny-owlvit").symlink_to(FOLDER)
    (tmp_path / "a.png").write_bytes(png(16, 16, 1))

    fine = run_without(tmp_path, "predict", "dummy", "a.png", "--models", "models", "--json")
    failed = run_without(
        tmp_path, "predict", "tiny-owlvit", "a.png", "--models", "models", "--candidate-labels", "coin"
    )

    assert (fine.returncode, '"label"' in fine.stdout) == (0, True), fine.stderr
    assert failed.returncode != 0
    assert "pip install 'saccade[zero-shot]'" in failed.stdout + failed.stderr
