"""Checkpoints that were converted where torch is, served where it is not: the answers are those of torch."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # torch, transformers and six exports
PICTURES = ("wide.png", "high.png", "square.png")
LONE = ("resnet18", "squeezenet1_1", "mobilenet_v3_small", "efficientnet_b0")
#: fp32 in another order of sums; scores lie in 0..1.
SCORE_TOLERANCE = 2e-5
BOX_TOLERANCE_PX = 2e-2


@pytest.fixture(scope="module")
def converted(checkpoints, run_with_torch, tmp_path_factory):
    """Return the models folder with all that was converted, and what the commands printed."""
    folder, _ = checkpoints
    models = tmp_path_factory.mktemp("models")
    hub = {"HF_HUB_CACHE": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    return models, run_with_torch("convert_all.py", folder, models, **hub)


@pytest.fixture
def predicted(saccade, checkpoints, converted):
    """Return a function that asks a converted model about the pictures, on the command line of this environment."""
    folder, _ = checkpoints
    models, _ = converted

    def ask(model, *options, models=models):
        pictures = [str(folder / name) for name in PICTURES]
        ended = saccade("predict", model, *pictures, "--models", str(models), "--top-k", "6", "--json", *options)

        assert ended.returncode == 0, ended.stderr
        return [json.loads(line)["prediction"]["predictions"] for line in ended.stdout.splitlines()]

    return ask


def test_vit_gives_the_labels_and_scores_of_transformers_pipeline(predicted, checkpoints):
    """Every label in the same order with the same score; the model came from the hub's cache."""
    _, answers = checkpoints
    found = predicted("from-hub@2")

    assert [[row["label"] for row in rows] for rows in answers["tiny-vit"]] == [
        [row["label"] for row in rows] for rows in found
    ]
    for theirs, ours in zip(answers["tiny-vit"], found, strict=True):
        assert [row["score"] for row in theirs] == pytest.approx([row["score"] for row in ours], abs=SCORE_TOLERANCE)


def test_owlvit_finds_what_transformers_post_processing_finds(predicted, checkpoints):
    """The same boxes with the same words and scores; the tokenizer was put together from its parts."""
    folder, answers = checkpoints
    words = "coin,a photo of a cat,Dark square!"
    found = predicted("tiny-owlvit", "--candidate-labels", words, "--threshold", "0.3")

    assert (folder / "tiny-owlvit" / "vocab.json").exists()
    assert not (folder / "tiny-owlvit" / "tokenizer.json").exists()
    for picture, theirs, ours in zip(PICTURES, answers["tiny-owlvit"], found, strict=True):
        best = sorted(theirs, key=lambda row: -row["score"])
        with Image.open(folder / picture) as image:
            width, height = image.size
        boxes = [[row["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")] for row in ours]

        assert len(theirs) > 2
        assert [row["label"] for row in best] == [row["label"] for row in ours]
        assert [row["score"] for row in best] == pytest.approx([row["score"] for row in ours], abs=SCORE_TOLERANCE)
        # Ours end where the picture does.
        assert np.clip([row["box"] for row in best], 0, [width, height] * 2) == pytest.approx(
            np.array(boxes), abs=BOX_TOLERANCE_PX
        )


@pytest.mark.parametrize("name", LONE)
def test_state_dict_gives_the_scores_of_torch(predicted, checkpoints, name):
    """One of each family, in each kind of file: picture for picture the scores of the network in torch."""
    folder, answers = checkpoints
    classes = (folder / "classes.txt").read_text().split("\n")
    found = predicted(name.replace("_", "-"))

    for theirs, ours in zip(answers[name], found, strict=True):
        scores = {row["label"]: row["score"] for row in ours}
        assert theirs == pytest.approx([scores[label] for label in classes if label], abs=SCORE_TOLERANCE)


def test_package_says_where_it_came_from_and_holds_no_weights_twice(converted):
    """The hub's commit is pinned, every file has its digest, and what is not served was not copied."""
    models, made = converted
    folder = models / "from-hub@2"
    written = (folder / "saccade.yaml").read_text()

    assert re.search(r"^source: hf:org/tiny-vit@(c0ffee){6}beef$", written, re.MULTILINE)
    assert made["hub"]["model"] == "from-hub@2"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "config.json",
        "onnx/model.onnx",
        "preprocessor_config.json",
        "saccade.yaml",
    }


def test_graph_names_no_machine(converted):
    """The exporter's notes, among them paths of whoever exported it, are taken out."""
    models, _ = converted
    graphs = sorted(models.rglob("*.onnx"))

    assert len(graphs) == len(LONE) + 2
    assert [path for path in graphs if b"site-packages" in path.read_bytes() or b".py" in path.read_bytes()] == []


def test_output_is_a_package_in_a_folder_of_its_own(saccade, converted):
    """It takes its version from the folder's name, lies in no models folder, and can be added to one."""
    models, made = converted
    folder = Path(made["tiny-vit"]["folder"])
    ended = saccade("models", "check", str(folder))

    assert made["tiny-vit"]["model"] == "tiny-vit@7"
    assert ended.returncode == 0, ended.stderr
    assert "Checked tiny-vit@7" in ended.stdout
    assert not (models / "tiny-vit@7").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny-vit@7"]


def test_command_says_how_near_the_graph_is_to_torch(converted):
    """One, two and five pictures, in every output; and fp32's rounding is all that there is."""
    _, made = converted
    rows = made["tiny-owlvit"]["compared"]

    assert [(row["pictures"], row["output"]) for row in rows] == [
        (pictures, output) for pictures in (1, 2, 5) for output in ("logits", "pred_boxes")
    ]
    for said in made.values():
        assert all(row["largest_difference"] < 1e-4 * row["scale"] for row in said["compared"])


def test_weights_that_no_layer_uses_are_named(converted):
    """They are left out, as transformers leaves them out, and the operator is told."""
    _, made = converted

    assert made["tiny-vit"]["left_out"] == ["teacher.weight"]
    assert made["tiny-owlvit"]["left_out"] == []


def test_preparation_of_a_state_dict_is_written_down(converted):
    """A reader sees what was assumed, and can change it."""
    models, made = converted
    written = (models / "efficientnet-b0@1" / "saccade.yaml").read_text()

    assert "resample: bicubic" in written
    assert "(short side 256 px, middle 224 px, bilinear), which is assumed" in made["resnet18"]["description"]
