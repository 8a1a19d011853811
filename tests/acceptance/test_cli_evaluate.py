"""``saccade evaluate``: figures that others reproduce, sets whose figures are known, and runs that are stopped."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image, ImageDraw

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.backends.database.evaluations import SqlEvaluations
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database

pytestmark = pytest.mark.slow  # each command is a process; docs/how-to/evaluate.md is followed in any case

INDEPENDENT = Path(__file__).with_name("evaluate_independently.py")

#: Says of each picture what stands beside it, by the grey of its first pixel; notes what it was asked; may take time.
TOLD = '''
import json
import pathlib
import time

HERE = pathlib.Path(__file__).parent


class Told:
    """Answers from a list."""

    task = {task!r}
    labels = {labels!r}
    threshold = {threshold!r}

    def load(self):
        self.answers = json.loads((HERE / "answers.json").read_text())

    def predict(self, images):
        told = []
        for image in images:
            key = str(int(image[0, 0, 0]))
            if key not in self.answers:  # the grey picture that a model is tried with when it is loaded
                told.append([])
                continue
            with (HERE.parent.parent / "asked.txt").open("a") as asked:
                asked.write(key + "\\n")
            time.sleep({pause_s!r})
            told.append(self.answers[key])
        return told
'''


def told_model(folder, answers, *, name="told", task="object-detection", labels=("ring",), threshold=0.5, pause_s=0.0):
    """Write a plug-in that gives exactly these answers."""
    place = folder / name
    place.mkdir(parents=True)
    source = TOLD.format(task=task, labels=tuple(labels), threshold=threshold, pause_s=pause_s)
    (place / "told.py").write_text(source)
    (place / "saccade.yaml").write_text("engine: python\nentry: told.py:Told\n")
    (place / "answers.json").write_text(json.dumps(answers))
    return place


def find(score, x, y, size, label="ring"):
    """Return a square find."""
    return {"label": label, "score": score, "box": {"xmin": x, "ymin": y, "xmax": x + size, "ymax": y + size}}


def coco_set(folder, truths, labels=("ring",)):
    """Draw a circle for each truth (x, y, size, label) on a picture per list, and write its annotations."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for key, rings in enumerate(truths):
        picture = Image.new("RGB", (200, 100), (key, key, key))
        draw = ImageDraw.Draw(picture)
        for x, y, size, label in rings:
            draw.ellipse((x, y, x + size - 1, y + size - 1), outline=(250, 250, 250))
            box = {
                "bbox": [x, y, size, size],
                "area": size * size,
                "iscrowd": 0,
                "category_id": labels.index(label) + 1,
            }
            annotations.append({"id": len(annotations) + 1, "image_id": key + 1, **box})
        picture.putpixel((0, 0), (key, key, key))
        picture.save(folder / "images" / f"{key:03d}.png")
        images.append({"id": key + 1, "file_name": f"{key:03d}.png", "width": 200, "height": 100})
    categories = [{"id": number, "name": label} for number, label in enumerate(labels, 1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "ann.json").write_text(json.dumps(document))
    return ["--coco", str(folder / "ann.json"), "--images", str(folder / "images")]


def document_of(folder):
    """Return the evaluation that was written."""
    return json.loads((folder / "evaluation.json").read_text())


def counts_of(model, way):
    """Return TP, FP and FN by overlap."""
    return {
        each["iou"]: (each["true_positives"], each["false_positives"], each["false_negatives"])
        for each in model["detection"][way]
    }


def notes_of(folder, model):
    """Return the notes of one model, by picture."""
    lines = [json.loads(line) for line in (folder / "notes" / f"{model}.jsonl").read_text().splitlines()]
    return {line["name"]: line for line in lines[1:]}


def test_coins_are_counted_as_an_independent_script_counts_them(saccade, shared, tmp_path):
    """Counts at four overlaps matched both ways, Jaccard and COCO's twelve numbers are the script's; AP to 1e-6."""
    coins = shared / "data" / "coins-dev"
    truth = coins / "_annotations.coco.json"

    words = ["--coco", str(truth), "--images", str(coins), "--output", "out", "--resamples", "20", "--no-record"]
    ended = saccade("evaluate", "circles", *words)

    assert ended.returncode == 0, ended.stderr
    assert "What circles@1 calls 'circle' is held against 'coin'" in ended.stderr
    command = [sys.executable, str(INDEPENDENT), str(truth), str(tmp_path / "out" / "notes" / "circles@1.jsonl")]
    counted = subprocess.run(command, capture_output=True, text=True, timeout=80)
    assert counted.returncode == 0, counted.stderr
    script = {line[0]: line[1:] for line in map(json.loads, re.findall(r"^\[\".*", counted.stdout, re.MULTILINE))}
    document = document_of(tmp_path / "out")
    detection = document["models"][0]["detection"]
    assert (document["images"], document["truths"]) == (72, 152)
    for way in ("greedy", "hungarian"):
        for each in detection[way]:
            expected = script.pop(f"{way}@{each['iou']}")
            assert expected[:3] == [each[f"{kind}_positives"] for kind in ("true", "false")] + [each["false_negatives"]]
            assert expected[3:] == pytest.approx(
                [each[name]["value"] for name in ("precision", "recall", "f1")], abs=1e-12
            )
    jaccard = detection["jaccard"]
    told = [jaccard["mean"]["value"], jaccard["weighted"]["value"], jaccard["least"], jaccard["most"]]
    assert script.pop("jaccard") == pytest.approx(told, abs=1e-12)
    stats = [each["value"] if isinstance(each, dict) else each for each in detection["coco"].values()]
    assert script.pop("coco") == pytest.approx([-1 if each is None else each for each in stats], abs=1e-6)
    assert script == {}
    assert detection["greedy"][1]["true_positives"] > 100


def test_what_is_served_is_what_predict_says(saccade, shared, tmp_path):
    """The figures are of the answers that clients get, bit for bit."""
    coins = shared / "data" / "coins-dev"
    words = ["--coco", str(coins / "_annotations.coco.json"), "--images", str(coins), "--output", "out", "--no-record"]
    assert saccade("evaluate", "circles", *words, "--limit", "5", "--resamples", "0").returncode == 0
    noted = notes_of(tmp_path / "out", "circles@1")

    told = saccade("predict", "circles", *(str(coins / name) for name in noted), "--json").stdout.splitlines()

    assert len(noted) == 5
    for line in map(json.loads, told):
        served = noted[Path(line["file"]).name]["served"]
        assert [{**entry, "class_id": 0} for entry in line["prediction"]["predictions"]] == served


@pytest.fixture
def known(tmp_path):
    """Return a set of five pictures, models of which every answer is known, and the words that name both.

    Picture 0: two rings, found exactly. 1: one ring, a find moved by a quarter (overlap 0.6), and one that is false.
    2: one ring, not found; a find on it lies below the threshold. 3: nothing, nothing found. 4: nothing, a false find.
    """
    truth = coco_set(
        tmp_path / "set",
        [[(10, 10, 40, "ring"), (100, 20, 60, "ring")], [(20, 20, 40, "ring")], [(50, 30, 50, "ring")], [], []],
    )
    answers = {
        "0": [find(0.9, 10, 10, 40), find(0.8, 100, 20, 60)],
        "1": [find(0.95, 30, 20, 40), find(0.6, 120, 50, 20)],
        "2": [find(0.4, 50, 30, 50)],
        "3": [],
        "4": [find(0.7, 30, 30, 30)],
    }
    told_model(tmp_path / "models", answers)
    return [*truth, "--models", str(tmp_path / "models"), "--output", "out"]


def test_known_answers_give_the_known_figures(saccade, known, tmp_path):
    """Counted by hand: the report's figures are these."""
    ended = saccade("evaluate", "told", *known, "--resamples", "50", "--rows", "--no-record")

    assert ended.returncode == 0, ended.stderr
    document = document_of(tmp_path / "out")
    [model] = document["models"]
    expected = {0.3: (3, 2, 1), 0.5: (3, 2, 1), 0.7: (2, 3, 2), 0.9: (2, 3, 2)}
    assert counts_of(model, "greedy") == expected
    assert counts_of(model, "hungarian") == expected
    assert model["detection"]["greedy"][1]["f1"]["value"] == 6 / 9
    assert (model["detection"]["threshold"], model["detection"]["truths"], model["detection"]["finds"]) == (0.5, 4, 5)
    # Overlap of unions: 1; 30*40 of 50*40 + 20*20; 0; not counted; 0.
    jaccard = model["detection"]["jaccard"]
    assert jaccard["images"] == 4
    assert jaccard["mean"]["value"] == pytest.approx((1 + 1200 / 2400 + 0 + 0) / 4)
    assert jaccard["weighted"]["value"] == pytest.approx((2 * 1 + 1200 / 2400) / 4)
    assert (jaccard["least"], jaccard["most"]) == (0, 1)
    assert (model["figures"]["f1@0.5"], model["figures"]["recall@0.5"]) == (6 / 9, 3 / 4)
    assert [row["badness"] > 0 for row in model["rows"]] == [False, True, True, False, True]
    rows = list(csv.DictReader((tmp_path / "out" / "images.csv").read_text().splitlines()))
    assert [(row["model"], row["name"], row["true_positives"]) for row in rows][:2] == [
        ("told@1", "000.png", "2"),
        ("told@1", "001.png", "1"),
    ]


def test_threshold_moves_what_counts_and_not_what_is_ranked(saccade, known, tmp_path):
    """At 0.35 the weak find counts; AP is the same, for it is over all thresholds."""
    assert saccade("evaluate", "told", *known, "--resamples", "0", "--no-record").returncode == 0
    before = document_of(tmp_path / "out")["models"][0]["detection"]

    ended = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record", "--threshold", "0.35")

    after = document_of(tmp_path / "out")["models"][0]
    assert "were taken at another threshold; this begins anew" in ended.stderr
    assert counts_of(after, "greedy")[0.5] == (4, 2, 0)
    assert after["detection"]["coco"] == before["coco"]


def test_models_stand_side_by_side(saccade, known, tmp_path):
    """One document, one table, one report for several models, each with its own figures."""
    told_model(tmp_path / "models", {str(key): [] for key in range(5)}, name="blind")

    ended = saccade("evaluate", "told", "blind", *known, "--resamples", "0", "--no-record")

    assert ended.returncode == 0, ended.stderr
    told, blind = document_of(tmp_path / "out")["models"]
    assert counts_of(told, "greedy")[0.5] == (3, 2, 1)
    assert counts_of(blind, "greedy")[0.5] == (0, 0, 4)
    page = (tmp_path / "out" / "report.html").read_text()
    for text in (page, ended.stdout):
        assert "told@1" in text
        assert "blind@1" in text
    assert (told["rows"], (tmp_path / "out" / "images.csv").exists()) == ([], False)


def test_json_is_the_document(saccade, known, tmp_path):
    """What a script reads from stdout is what lies in the folder."""
    ended = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record", "--json")

    assert json.loads(ended.stdout) == document_of(tmp_path / "out")


def test_classifier_of_known_answers_gives_the_known_figures(saccade, tmp_path):
    """Four pictures of two labels: one of each right, one wrong, one of which nothing is said."""
    for label, keys in {"cat": (0, 1), "dog": (2, 3)}.items():
        (tmp_path / "tree" / label).mkdir(parents=True)
        for key in keys:
            Image.new("RGB", (8, 8), (key, 0, 0)).save(tmp_path / "tree" / label / f"{key}.png")
    said = {"0": ["cat", "dog"], "1": ["dog", "cat"], "2": ["dog", "cat"], "3": []}
    answers = {
        key: [{"label": label, "score": score} for label, score in zip(labels, (0.8, 0.2), strict=False)]
        for key, labels in said.items()
    }
    task = {"task": "image-classification", "labels": ("cat", "dog"), "threshold": None}
    told_model(tmp_path / "models", answers, **task)

    words = ["--labels", "tree", "--models", "models", "--output", "out", "--resamples", "20", "--no-record", "--rows"]
    ended = saccade("evaluate", "told", *words)

    assert ended.returncode == 0, ended.stderr
    [model] = document_of(tmp_path / "out")["models"]
    figures = model["classification"]
    assert (figures["top1"]["value"], figures["top5"]["value"]) == (2 / 4, 3 / 4)
    assert (figures["confusion"], figures["unsaid"]) == ([[1, 1], [0, 1]], [0, 1])
    assert [(row["label"], row["precision"], row["recall"]) for row in figures["labels"]] == [
        ("cat", 1.0, 0.5),
        ("dog", 0.5, 0.5),
    ]
    assert [(row["name"], row["said"], row["rank"]) for row in model["rows"]] == [
        ("cat/0.png", "cat", 1),
        ("cat/1.png", "dog", 2),
        ("dog/2.png", "dog", 1),
        ("dog/3.png", None, None),
    ]


def test_table_of_labels_evaluates_the_built_in_model(saccade, tmp_path):
    """Greys whose mean is known, in a CSV: the model that needs no weights is right on all but one mislabelled."""
    (tmp_path / "greys").mkdir()
    lines = ["file,label"]
    for grey in (0, 60, 120, 140, 200, 250):
        Image.new("L", (8, 8), grey).save(tmp_path / "greys" / f"{grey:03d}.png")
        lines.append(f"{grey:03d}.png,{'dark' if grey in (0, 60, 120, 140) else 'bright'}")
    (tmp_path / "truth.csv").write_text("\n".join(lines))

    words = ["--labels", "truth.csv", "--images", "greys", "--output", "out", "--resamples", "0", "--no-record"]
    ended = saccade("evaluate", "dummy", *words)

    assert ended.returncode == 0, ended.stderr
    figures = document_of(tmp_path / "out")["models"][0]["classification"]
    assert figures["confusion"] == [[3, 1], [0, 2]]
    assert figures["top1"]["value"] == 5 / 6


def begun(words, tmp_path, notes, lines):
    """Start an evaluation and wait until so many pictures are noted."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SACCADE_")}  # noqa: TID251
    process = subprocess.Popen(
        [sys.executable, "-m", "saccade.cli.main", "evaluate", *words],
        cwd=tmp_path,
        env={**environment, "HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not notes.exists() or notes.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)], ids=["kill", "ctrl-c"])
def test_stopped_run_goes_on_where_it_was(saccade, tmp_path, number, code):
    """No picture that was noted is shown again, and the figures are those of a run that nobody stopped."""
    count = 40
    truth = coco_set(tmp_path / "set", [[(10 + key, 10, 40, "ring")] for key in range(count)])
    answers = {str(key): [find(0.9, 10 + key, 10, 40)] if key % 4 else [] for key in range(count)}
    told_model(tmp_path / "models", answers, pause_s=0.05)
    words = ["told", *truth, "--models", "models", "--output", "out", "--resamples", "0", "--no-record"]
    notes = tmp_path / "out" / "notes" / "told@1.jsonl"

    process = begun(words, tmp_path, notes, 8)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == code, told
    if number == signal.SIGINT:
        assert "pictures are noted; the same command goes on from there" in told
    assert not (tmp_path / "out" / "evaluation.json").exists()
    with notes.open("ab") as torn:
        torn.write(b'{"name":"039.png","width')
    kept = set(notes_of_torn(notes))
    asked_before = (tmp_path / "asked.txt").read_text().split()

    ended = saccade("evaluate", *words)

    assert ended.returncode == 0, ended.stderr
    assert 8 - 1 <= len(kept) < count
    assert f"told@1: {len(kept)} of {count} pictures were noted already." in ended.stderr
    asked_after = (tmp_path / "asked.txt").read_text().split()[len(asked_before) :]
    shown = {f"{int(key):03d}.png" for key in asked_after}
    assert shown & kept == set()
    assert {f"{key:03d}.png" for key in range(count)} <= shown | kept
    assert counts_of(document_of(tmp_path / "out")["models"][0], "greedy")[0.5] == (30, 0, 10)
    again = saccade("evaluate", *words)
    assert f"{count} of {count} pictures were noted already" in again.stderr


def notes_of_torn(path):
    """Return the names of whole notes."""
    return [json.loads(line)["name"] for line in path.read_bytes().split(b"\n")[1:-1]]


def test_changed_model_or_dataset_begins_anew(saccade, known, tmp_path):
    """Answers of other files or to other pictures are not mixed in, and that is said."""
    assert saccade("evaluate", "told", *known, "--resamples", "0", "--no-record").returncode == 0
    answers = tmp_path / "models" / "told" / "answers.json"
    answers.write_text(json.dumps({str(key): [] for key in range(5)}))

    changed = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record")
    fewer = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record", "--limit", "2")
    fresh = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record", "--limit", "2", "--fresh")

    assert "told@1: the notes that lay there are of another package of the model; this begins anew." in changed.stderr
    assert "are of another dataset; this begins anew" in fewer.stderr
    assert "noted already" not in fresh.stderr
    assert document_of(tmp_path / "out")["images"] == 2


def test_picture_that_fails_is_told_and_the_others_count(saccade, known, tmp_path):
    """Exit code 1; the picture counts as one in which nothing was seen, and it is asked again next time."""
    broken = tmp_path / "set" / "images" / "000.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture")

    ended = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record", "--rows")

    assert ended.returncode == 1
    assert "told@1: 000.png: " in ended.stderr
    [model] = document_of(tmp_path / "out")["models"]
    assert model["failed"] == 1
    assert counts_of(model, "greedy")[0.5] == (1, 2, 3)
    assert model["rows"][0]["problem"]
    broken.write_bytes(whole)
    assert saccade("evaluate", "told", *known, "--resamples", "0", "--no-record").returncode == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--labels", "set"], "parameter_invalid"),
        (["--coco", "set/ann.json"], "parameter_invalid"),
        (["--coco", "set/none.json", "--images", "set/images"], "truth_invalid"),
        (["--coco", "set/ann.json", "--images", "set/images", "--label-map", "ring"], "parameter_invalid"),
        (["--coco", "set/ann.json", "--images", "set/images", "--label-map", "rong=ring"], "parameter_invalid"),
        (["--coco", "set/ann.json", "--images", "set"], "truth_invalid"),
    ],
)
def test_wrong_command_or_truth_ends_with_2_before_anything_is_written(saccade, known, tmp_path, words, code):
    """Nothing was run, so nothing is there."""
    both = ["--coco", "set/ann.json"] if words[0] == "--labels" else []

    ended = saccade("evaluate", "told", *words, *both, "--models", "models", "--output", "out")

    assert ended.returncode == 2
    assert f"[{code}]" in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("model", "code"), [("tald", "model_unknown"), ("dummy", "task_mismatch")])
def test_model_that_is_none_or_does_something_else_ends_with_2(saccade, known, tmp_path, model, code):
    """Told before any picture is shown to the others."""
    ended = saccade("evaluate", "told", model, *known)

    assert ended.returncode == 2
    assert f"[{code}]" in ended.stderr
    assert not (tmp_path / "asked.txt").exists()


def test_server_gives_the_same_figures(saccade, known, start_server, tmp_path):
    """Over HTTP and here, the counts are the same; and who is not let in is told so."""
    server = start_server("--models", str(tmp_path / "models"))
    at = known[: known.index("--models")]

    there = saccade(
        "evaluate", "told", *at, "--output", "there", "--base-url", server.url, "--resamples", "0", "--no-record"
    )
    here = saccade("evaluate", "told", *known, "--resamples", "0", "--no-record")

    assert (there.returncode, here.returncode) == (0, 0), there.stderr
    one, other = document_of(tmp_path / "there"), document_of(tmp_path / "out")
    assert one["server"] == server.url
    assert (one["models"][0]["digest"], one["dataset_sha256"]) == (
        other["models"][0]["digest"],
        other["dataset_sha256"],
    )
    assert one["models"][0]["detection"] == other["models"][0]["detection"]


def test_server_that_is_away_ends_with_75_at_once(saccade, known):
    """A wrong address is no reason to wait."""
    words = known[: known.index("--models")]

    ended = saccade("evaluate", "told", *words, "--output", "out", "--base-url", "http://127.0.0.1:9")

    assert ended.returncode == 75
    assert "[server_unreachable]" in ended.stderr


def test_figures_are_written_down_for_promotion_unless_told_otherwise(saccade, known, tmp_path):
    """The record is of this very package and dataset, with every flat figure."""
    database = open_database(f"sqlite:///{tmp_path / 'kept.db'}")
    migrate(database)
    settings = {"SACCADE_DATABASE_URL": f"sqlite:///{tmp_path / 'kept.db'}"}
    told_model(tmp_path / "models", {str(key): [] for key in range(5)}, name="blind")
    words = [*known, "--resamples", "0"]

    for option, reason in (
        (["--no-record"], "--no-record was given"),
        (["--limit", "5"], "--limit 5 leaves pictures out"),
    ):
        unkept = saccade("evaluate", "told", *words, *option, settings=settings)
        assert unkept.returncode == 0, unkept.stderr
        assert f"Nothing is written down for promotion: {reason}." in unkept.stderr
    assert SqlEvaluations(database).list("told") == []
    ended = saccade("evaluate", "told", "blind", *words, "--dataset", "rings", settings=settings)

    assert ended.returncode == 0, ended.stderr
    document = document_of(tmp_path / "out")
    for model in document["models"]:
        record = SqlEvaluations(database).newest(model["model"].partition("@")[0], model["digest"])
        assert (record.model, record.task, record.images) == (model["model"], "object-detection", 5)
        assert record.figures == model["figures"]
        assert record.dataset == f"rings sha256:{document['dataset_sha256']}"
    assert SqlEvaluations(database).list("told")[0].id == document["id"]
    database.close()


def test_model_that_could_not_answer_a_picture_is_not_written_down(saccade, known, tmp_path):
    """Its precision lacks the false finds of what was not answered; that it opens no gate is said."""
    settings = {"SACCADE_DATABASE_URL": f"sqlite:///{tmp_path / 'kept.db'}"}
    (tmp_path / "set" / "images" / "004.png").write_bytes(b"no picture")

    ended = saccade("evaluate", "told", *known, "--resamples", "0", settings=settings)

    assert ended.returncode == 1
    assert "told@1 is not written down for promotion: 1 of 5 pictures could not be answered." in ended.stderr
    assert not (tmp_path / "kept.db").exists()


def test_server_writes_the_figures_down_itself(saccade, known, start_server, tmp_path):
    """With --base-url they are where that server's promotions look them up, and nowhere here."""
    settings = {"SACCADE_DATABASE_URL": f"sqlite:///{tmp_path / 'kept.db'}"}
    server = start_server("--models", str(tmp_path / "models"), settings=settings)
    words = [*known[: known.index("--models")], "--output", "out", "--base-url", server.url]

    ended = saccade("evaluate", "told", *words, "--resamples", "0")

    assert ended.returncode == 0, ended.stderr
    [model] = document_of(tmp_path / "out")["models"]
    with contextlib.closing(open_database(settings["SACCADE_DATABASE_URL"])) as database:
        record = SqlEvaluations(database).newest("told", model["digest"])
    assert (record.model, record.figures, record.images) == ("told@1", model["figures"], 5)
    assert not (tmp_path / "home" / ".saccade").exists()


class Busy(BaseHTTPRequestHandler):
    """A server of one classifier that is full every second time, and says for how long."""

    posts: ClassVar[list[float]] = []

    def do_GET(self):
        """Show the model."""
        self.answer(200, {"model": "m@1", "task": "image-classification", "labels": ["dark", "bright"], "digest": "d"})

    def do_POST(self):
        """Refuse, then answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append(time.monotonic())
        if len(self.posts) % 2:
            self.answer(503, {"code": "queue_full", "detail": "Too much waits."})
            return
        predictions = [{"label": "dark", "score": 0.9, "class_id": 0}]
        self.answer(200, {"image": {"width_px": 8, "height_px": 8}, "timing_ms": {}, "predictions": predictions})

    def answer(self, status, document):
        """Write one JSON answer."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Be silent."""


def test_full_server_is_asked_again_when_it_says(saccade, tmp_path):
    """A refusal with Retry-After is no failed picture: it is waited for as long as the server says."""
    (tmp_path / "tree" / "dark").mkdir(parents=True)
    Image.new("L", (8, 8), 3).save(tmp_path / "tree" / "dark" / "a.png")
    Busy.posts.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        words = ["--labels", "tree", "--output", "out", "--resamples", "0", "--no-record", "--base-url", url]
        ended = saccade("evaluate", "m", *words)
        server.shutdown()

    assert ended.returncode == 0, ended.stderr
    assert len(Busy.posts) == 2
    assert Busy.posts[1] - Busy.posts[0] >= 1
    assert document_of(tmp_path / "out")["models"][0]["classification"]["top1"]["value"] == 1


def test_who_is_not_let_in_is_told_and_who_is_gets_figures(saccade, known, start_server, tmp_path):
    """SACCADE_CLIENT_TOKEN says who asks."""
    server = start_server("--models", str(tmp_path / "models"), settings={"SACCADE_ACCESS_MODE": "required"})
    token = issue(server.home / "saccade", "alice", frozenset({Role.INVESTIGATOR}), lasts_s=600)
    words = ["told", *known[: known.index("--models")], "--output", "out", "--base-url", server.url]
    words += ["--resamples", "0", "--no-record"]

    stranger = saccade("evaluate", *words)
    alice = saccade("evaluate", *words, settings={"SACCADE_CLIENT_TOKEN": token})

    assert stranger.returncode == 77
    assert "SACCADE_CLIENT_TOKEN" in stranger.stderr
    assert alice.returncode == 0, alice.stderr
    assert counts_of(document_of(tmp_path / "out")["models"][0], "greedy")[0.5] == (3, 2, 1)
