"""The process for suspects: it answers, says what is wrong, and when it dies only it does."""

import pytest

from saccade import settings
from saccade.jobs.submission import options_to_json
from saccade.models.layouts.plugins import read_plugin_file
from saccade.predictions.answer import PredictOptions
from saccade.worker.lone import LoneChild, LoneDied, LoneProblem
from saccade.worker.verdicts import Kind
from working.fickle import FINE, HANGING, POISON, Place, picture


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a home with the fickle model, as the environment of this process has it."""
    made = Place(tmp_path)
    for name, value in made.settings.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def child(place):
    """Return a process for suspects that is ended when the test is."""
    made = LoneChild(settings.load(), answer_timeout_s=15.0)
    yield made
    made.close()


@pytest.fixture
def ask(place, child):
    """Return a function that shows a picture to the fickle model in the child."""
    card = read_plugin_file(place.folder / "models" / "fickle.py").card
    options = options_to_json(PredictOptions())

    def show(kind, *, data=None, digest=card.digest):
        shown = picture(kind, 7) if data is None else data
        return child.predict(shown, model="fickle@1", digest=digest, options=options)

    return show


def test_child_answers_and_stays_for_the_next(ask, child):
    """One process serves one suspect after the other."""
    first = ask(FINE)
    pid = child.pid

    assert '"label":"seen"' in first.prediction
    assert first.pixels == 256
    assert ask(FINE).pixels == 256
    assert child.pid == pid


def test_child_that_dies_is_replaced(ask, child):
    """Its death is told with its cause, and the next suspect finds another process."""
    with pytest.raises(LoneDied, match="killed by SIGSEGV"):
        ask(POISON)

    assert ask(FINE).pixels == 256


def test_child_that_hangs_is_ended(ask, child):
    """A suspect that never comes back counts as one that kills."""
    ask(FINE)
    child._answer_timeout_s = 0.5

    with pytest.raises(LoneDied, match=r"gave no answer within 0\.5 s"):
        ask(HANGING)


def test_child_says_what_is_wrong_with_an_image(ask):
    """What is refused in the worker is refused in the child, with the same code."""
    with pytest.raises(LoneProblem) as problem:
        ask(FINE, data=b"no picture")

    assert (problem.value.verdict.kind, problem.value.verdict.code) == (Kind.FAIL, "image_format_unsupported")


def test_child_with_other_files_hands_the_item_back(ask):
    """An item is answered by the model it was accepted for, or not here."""
    with pytest.raises(LoneProblem) as problem:
        ask(FINE, digest="0" * 64)

    assert problem.value.verdict.kind is Kind.BACK
