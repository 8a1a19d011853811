"""Labels of services that register themselves: what is learnt by showing a classifier a blank picture."""

import pytest

from saccade.models import registrar as module
from saccade.models.prediction import Task
from saccade.models.registrations import MOST_LABEL_CHARS, MOST_LABELS, is_label
from unit.models.elsewhere import HERE, THERE, Elsewhere, Server, Store


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def server(tmp_path, elsewhere, store):
    made = Server(tmp_path, elsewhere, store)
    yield made
    made.registry.close()


def test_labels_are_learnt_from_a_classifier_that_says_none(server, elsewhere, store):
    """In the order of their classes, each once."""
    place = elsewhere.run(HERE)
    place.answer = [
        {"label": label, "score": 0.1, "class_id": at} for label, at in (("c", 2), ("a", 0), ("b", 1), ("a", 0))
    ]
    server.register()

    assert store.all()[0].service.labels == ("a", "b", "c")
    assert server.registry.status("cat").card.labels == ("a", "b", "c")


@pytest.mark.parametrize("fields", [{"labels": ("mine",)}, {"task": Task.OBJECT_DETECTION}])
def test_who_says_labels_or_detects_is_shown_nothing(server, elsewhere, fields):
    """What a detector finds in a blank picture says nothing of what it knows."""
    place = elsewhere.run(HERE, "tabby")
    server.register(**fields)

    assert place.pictures == 0
    assert server.registry.status("cat").card.labels == fields.get("labels", ())


@pytest.mark.parametrize(
    "answer",
    [
        [],
        None,
        7,
        "labels",
        {"label": "a"},
        [None, 7, "label", ["label"], {}, {"label": 7}, {"label": ["a"]}, {"label": ""}],
        [{"label": text} for text in ("\0", "a\n", "\x1b[2J", "\x85", "\ud800", "a\u2028b", "x" * 201)],
    ],
)
def test_labels_that_are_none_are_not_learnt(server, elsewhere, store, answer):
    """A service may refuse blank pictures, or answer anything; nobody's terminal, log or page is acted on by it."""
    elsewhere.run(HERE).answer = answer
    server.register()

    assert store.all()[0].service.labels == ()


def test_labels_of_before_stay_where_nothing_can_be_learnt(server, elsewhere, store):
    """A service that moved and refuses blank pictures is still the same model."""
    elsewhere.run(HERE, "tabby")
    server.register()
    elsewhere.stop(HERE)
    elsewhere.run(THERE)
    server.register(url=THERE)

    assert store.all()[0].service.labels == ("tabby",)


def test_labels_that_changed_are_another_digest(server, elsewhere):
    """Jobs that wait for the model with the old ones are not answered by it."""
    elsewhere.run(HERE, "tabby")
    before = server.register().status.card.digest
    elsewhere.stop(HERE)
    elsewhere.run(THERE, "tabby", "lion")
    server.register(url=THERE)

    assert server.registry.status("cat").card.digest != before


def test_labels_are_as_many_as_can_be_kept(server, elsewhere, store, monkeypatch):
    """A service that answers a million labels does not fill the database, and every process with it."""
    many = [{"label": f"{at:x}", "score": 0.1, "class_id": at} for at in range(MOST_LABELS + 5)]
    elsewhere.run(HERE).answer = many
    server.register()
    assert len(store.all()[0].service.labels) == MOST_LABELS
    monkeypatch.setattr(module, "MOST_LABELS_CHARS", 10)
    elsewhere.run(THERE).answer = [{"label": label * 4, "score": 0.1} for label in "abcd"]
    server.register(name="dog", url=THERE)

    assert store.all()[1].service.labels == ("aaaa", "bbbb")


def test_what_is_a_label():
    """Any script, blanks and joined letters; nothing that acts."""
    for text in ("Münze", "a b", "\u0915\u094d\u200d\u0937", "\U0001f469\u200d\U0001f52c", "x" * MOST_LABEL_CHARS):
        assert is_label(text)
    for nothing in ("", "x" * (MOST_LABEL_CHARS + 1), "\t", "\x7f", "\u2029", "\udfff", None, b"a", 1):
        assert not is_label(nothing)
