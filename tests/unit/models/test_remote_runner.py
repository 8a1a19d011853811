"""What comes back from a model that runs elsewhere: labels have the package's numbers, strange ones are told."""

from pathlib import Path

import numpy as np
import pytest

from saccade.errors import ModelUnavailable, RemoteFailed
from saccade.models.batching import BatchLimits
from saccade.models.loading import Loader
from saccade.models.package import ModelCard, Package, RemoteSpec
from saccade.models.prediction import Task
from saccade.models.remote import RemoteRunner
from saccade.models.runners import RunOptions

IMAGE = np.zeros((8, 8, 3), np.uint8)


class Far:
    """A model elsewhere that says what it is told to say, or raises it."""

    problem = None

    def __init__(self, said):
        self.said = said
        self.closed = False

    def predict(self, images):
        if isinstance(self.said, Exception):
            raise self.said
        return [self.said for _ in images]

    def close(self):
        self.closed = True


def package(*labels, is_limited=False):
    card = ModelCard(
        name="far", version="1", task=Task.IMAGE_CLASSIFICATION, family="remote", engine="remote", labels=labels,
        layout="remote",
    )  # fmt: skip
    spec = RemoteSpec("http://far.example", "microservice", "far", 1.0, 0, is_limited=is_limited)
    return Package(card=card, folder=Path(), remote=spec)


def finished(said, *labels, **way):
    made = package(*labels, **way)
    runner = RemoteRunner(made, made.remote, Far([]))
    return [(each.label, each.class_id) for each in runner.finish(IMAGE, said, RunOptions(top_k=9))]


def test_a_label_has_the_number_that_the_package_gives_it():
    """Whatever order the service has its classes in."""
    said = [{"label": "bright", "score": 0.75, "class_id": 0}, {"label": "dark", "score": 0.25, "class_id": 1}]

    assert finished(said, "dark", "bright") == [("bright", 1), ("dark", 0)]
    assert finished(said) == [("bright", 0), ("dark", 1)]


def test_a_label_that_the_package_does_not_have_is_another_models():
    """Unless the model registered itself, and its labels were learnt from what it said once."""
    said = [{"label": "cat", "score": 0.75, "class_id": 3}]

    with pytest.raises(RemoteFailed, match="answered 'cat', which is none of its labels"):
        finished(said, "dark", "bright")
    assert finished(said, "dark", "bright", is_limited=True) == [("cat", 3)]


def loaded(far, *, is_trial=False, **way):
    loader = Loader(
        open_engine=None,
        open_plugin=None,
        open_remote=lambda _: far,
        read_image=None,
        limits=BatchLimits(slots=1, max_items=4, max_cost=10_000_000, queue_items=8),
        on_batch=lambda *_: None,
        on_queue=lambda *_: None,
    )
    return loader.build(package("dark", "bright", **way), is_trial=is_trial)


@pytest.mark.parametrize("trouble", [RemoteFailed("It answered 500."), ModelUnavailable("It is away.")])
def test_trouble_elsewhere_does_not_keep_a_model_from_being_served(trouble):
    """It comes back by itself, and until then each request is told what is wrong."""
    far = Far(trouble)
    served = loaded(far)
    far.said = [{"label": "dark", "score": 1.0}]

    assert [entry.label for entry in served.predict(IMAGE, RunOptions()).predictions] == ["dark"]
    served.retire()
    assert far.closed


def test_whoever_tries_a_package_is_told_of_the_trouble():
    """``saccade models check`` does not call good what failed."""
    far = Far(RemoteFailed("It answered 500."))
    with pytest.raises(RemoteFailed):
        loaded(far, is_trial=True)
    assert far.closed


def test_a_model_that_registered_itself_is_not_shown_anything_when_it_is_loaded():
    """It was looked at then, and a server that hangs holds up nobody."""
    served = loaded(Far(AssertionError("It was asked.")), is_limited=True)
    served.retire()
