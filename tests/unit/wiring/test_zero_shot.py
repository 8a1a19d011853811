"""Models that are told what to look for, through the whole platform in one process."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml

from saccade import settings
from saccade.backends.engines.onnxruntime import OnnxEngine
from saccade.errors import ParameterInvalid, TaskMismatch
from saccade.models.layouts import read_package
from saccade.models.runners import GraphRunner, RunOptions
from saccade.models.tokens import LabelTokenizer
from saccade.predictions.answer import PredictOptions
from saccade.wiring import open_platform
from zero_shot.golden import FOLDER, found, golden, picture, png

pytest.importorskip("tokenizers")

CASES = [(row, threshold) for row in golden("answers") for threshold in row["answers"]]
COINS = PredictOptions(candidate_labels=("coin",))


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    """A platform with the tiny package twice: bare, and with labels of its own."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(FOLDER, home / "models" / "words")
    shutil.copytree(FOLDER, home / "models" / "coins")
    (home / "models" / "coins" / "saccade.yaml").write_text(yaml.safe_dump({"labels": ["coin"]}))
    platform = open_platform(settings.load({"SACCADE_HOME": str(home)}))
    platform.start()
    yield platform.predictor
    platform.close()


@pytest.mark.parametrize(("row", "threshold"), CASES)
def test_answer_equals_transformers(predictor, row, threshold):
    """From the file to the boxes: the same things, with the same labels, at the same places."""
    height, width, _ = row["picture"]
    options = PredictOptions(threshold=float(threshold), candidate_labels=tuple(row["labels"]))

    ours = predictor.predict(png(*row["picture"]), model="words", options=options).predictions

    theirs = found(row, threshold)
    assert [thing.label for thing in theirs] == [entry.label for entry in ours]
    assert [thing.score for thing in theirs] == pytest.approx([entry.score for entry in ours], abs=1e-4)
    corners = np.clip([thing.box for thing in theirs], 0, [width, height, width, height])
    boxes = [(entry.box.x_min, entry.box.y_min, entry.box.x_max, entry.box.y_max) for entry in ours]
    assert corners == pytest.approx(np.array(boxes), abs=0.01)


def test_request_is_refused_when_it_says_nothing_to_look_for(predictor):
    """The parameter is named, with what it must be."""
    with pytest.raises(ParameterInvalid, match="candidate_labels") as caught:
        predictor.predict(png(20, 20, 1), model="words")

    assert caught.value.faults == {"candidate_labels": "must be at least one text"}


def test_labels_of_the_package_are_looked_for_when_the_caller_says_none(predictor):
    """A package may know its own question; the caller's stands over it."""
    data = png(48, 80, 1)

    own = predictor.predict(data, model="coins")
    asked = predictor.predict(data, model="words", options=COINS)
    other = predictor.predict(data, model="coins", options=PredictOptions(candidate_labels=("cat",)))

    assert own.predictions == asked.predictions
    assert {"coin"} == {entry.label for entry in own.predictions}
    assert {"cat"} == {entry.label for entry in other.predictions}


def test_other_words_are_another_question_to_the_cache(predictor):
    """The same picture and the same words are answered from memory; other words, or another order, are not."""
    data = png(30, 30, 4)
    questions = [("coin", "cat"), ("coin", "cat"), ("cat", "coin"), ("coin",)]

    answers = [
        predictor.predict(data, model="words", options=PredictOptions(candidate_labels=labels)) for labels in questions
    ]

    assert [False, True, False, False] == [answer.cached for answer in answers]


def test_pair_with_a_model_of_fixed_labels_is_its_own_problem(predictor):
    """One request to both kinds: the one answers, the other says that it takes no words."""
    words, dummy = predictor.predict_pairs([png(20, 20, 1)], models=["words", "dummy"], options=COINS)

    assert words.answer is not None
    assert isinstance(dummy.problem, TaskMismatch)


@pytest.fixture(scope="module")
def runner():
    """The bare package without a batcher."""
    from pydantic import TypeAdapter

    from saccade.backends.engines.inspection_child import inspect
    from saccade.models.graph import GraphFacts

    facts = TypeAdapter(GraphFacts)
    package = read_package(FOLDER, inspect=lambda graph: facts.validate_python(inspect(graph, trial=True)))
    session = OnnxEngine().open(package.graph)
    yield GraphRunner(package, session, LabelTokenizer(package.text))
    session.close()


def test_only_equal_words_share_a_run(runner):
    """The key of the batch holds the labels and their order; more labels cost more."""
    image = picture(48, 80, 1)

    one, same, turned, fewer = (
        runner.prepare(image, labels) for labels in [("coin", "cat"), ("coin", "cat"), ("cat", "coin"), ("coin",)]
    )

    assert one.key == same.key
    assert len({one.key, turned.key, fewer.key}) == 3
    assert one.cost_px > fewer.cost_px


def test_pictures_of_one_run_answer_as_if_alone(runner):
    """Each picture of a batch is held against all of the words, and against no other picture's."""
    labels = ("coin", "a photo of a cat", "well")
    works = [runner.prepare(picture(40 + seed, 60, seed), labels).payload for seed in range(4)]

    together = runner.run(works)

    for work, raw in zip(works, together, strict=True):
        [alone] = runner.run([work])
        assert runner.finish(work, raw, RunOptions()) == pytest.approx(runner.finish(work, alone, RunOptions()))
        assert raw["logits"] == pytest.approx(alone["logits"], abs=1e-4)


def test_mixed_words_under_load_get_their_own_answers(predictor):
    """Many callers at once, each with other words: nobody gets another's labels."""
    gate = threading.Barrier(8)
    questions = [("coin",), ("cat",), ("coin", "cat"), ("well", "coin")] * 2

    def ask(number):
        gate.wait(20)
        options = PredictOptions(candidate_labels=questions[number])
        return [
            predictor.predict(png(40, 40, 100 + 10 * number + turn), model="words", options=options)
            for turn in range(4)
        ]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))

    for labels, mine in zip(questions, answers, strict=True):
        assert {entry.label for answer in mine for entry in answer.predictions} <= set(labels)
        assert all(answer.predictions for answer in mine)
