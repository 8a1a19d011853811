"""The registry: packages come and go while the server runs, and what works stays in service."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from saccade.errors import ModelFailed, ModelNotLoaded, ModelUnknown, PackageInvalid, ShuttingDown
from saccade.models.batching import BatchLimits
from saccade.models.catalog import Catalog
from saccade.models.package import ModelCard, Package
from saccade.models.prediction import Classification, Task
from saccade.models.registry import Registry
from saccade.models.runners import PluginRunner, RunOptions
from saccade.models.served import ServedModel
from saccade.models.status import ModelState

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Saying:
    """A plug-in that answers one label, and knows whether it was closed."""

    def __init__(self, label):
        self.label = label
        self.closed = threading.Event()
        self.hold = None

    def load(self):
        pass

    def predict(self, images):
        if self.hold is not None:
            assert self.hold.wait(20)
        return [[Classification(self.label, 1.0, 0)] for _ in images]

    def close(self):
        self.closed.set()


class Shelf:
    """A folder of packages: each is a folder whose file ``says`` holds the label, or ``broken``, or ``unbuildable``."""

    def __init__(self, folder):
        self.folder = folder
        self.plugins = {}
        self.builds = []
        self.failures = []

    def put(self, name, text):
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "says").write_text(text)

    def read(self, path):
        text = (path / "says").read_text()
        if text == "broken":
            raise PackageInvalid("This package is broken.")
        name, _, version = path.name.partition("@")
        card = ModelCard(
            name=name,
            version=version or "1",
            task=Task.IMAGE_CLASSIFICATION,
            family="plugin",
            engine="python",
            labels=(text,),
            layout="test",
        )
        return Package(card=card, folder=path, entry=text)

    def build(self, package):
        self.builds.append((package.card.reference, threading.current_thread().name))
        if package.entry == "unbuildable":
            raise PackageInvalid("This package cannot be built.")
        plugin = Saying(package.entry)
        self.plugins[package.entry] = plugin
        return ServedModel(package, PluginRunner(package, plugin), BatchLimits())

    def hold_builds(self):
        """Let every build wait; return what tells that one has begun, and what lets them go."""
        entered, go = threading.Event(), threading.Event()
        build = self.build

        def held(package):
            entered.set()
            assert go.wait(20)
            return build(package)

        self.build = held
        return entered, go

    def registry(self, *, preload=True):
        catalog = Catalog(shipped=self.folder / "none", folder=self.folder, read=self.read)
        patient = {"rescan_s": 0.0, "load_wait_s": 20.0}
        failed = {"on_failure": lambda reference, error: self.failures.append((reference, str(error)))}
        registry = Registry(catalog, self.build, **patient, **failed)
        registry.start(preload=preload)
        return registry


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def say(registry, reference):
    """Ask a model about a picture."""
    with registry.lease(reference) as served:
        return served.predict(IMAGE, RunOptions()).predictions[0].label


def state(registry, reference):
    return registry.status(reference).state


def test_lease_hands_out_what_was_loaded_at_start(shelf):
    """A preloaded model answers, and the server calls itself ready only then."""
    shelf.put("cat", "cat")
    registry = shelf.registry()

    assert say(registry, "cat") == "cat"
    assert say(registry, "cat@1") == "cat"
    registry.load("dummy")
    assert (True, (), ()) == (
        registry.readiness().ready,
        registry.readiness().loading,
        registry.readiness().failed,
    )


def test_lease_loads_on_first_use_when_nothing_was_preloaded(shelf):
    """Without preloading a model costs nothing until somebody asks."""
    shelf.put("cat", "cat")
    registry = shelf.registry(preload=False)

    assert state(registry, "cat") is ModelState.AVAILABLE
    assert shelf.builds == []
    assert say(registry, "cat") == "cat"


def test_a_package_copied_in_later_is_served_without_any_other_change(shelf):
    """Copying one folder adds a model to a running server."""
    registry = shelf.registry()
    with pytest.raises(ModelUnknown):
        say(registry, "cat")
    shelf.put("cat", "cat")

    assert say(registry, "cat") == "cat"


def test_the_bare_name_means_the_newest_version_that_works(shelf):
    """Ten is newer than nine; a version that fails does not take the name away."""
    for version, text in (("9", "nine"), ("10", "ten"), ("11", "unbuildable")):
        shelf.put(f"cat@{version}", text)
    registry = shelf.registry()
    assert state(registry, "cat@11") in {ModelState.FAILED, ModelState.LOADING}
    with pytest.raises(ModelFailed):
        say(registry, "cat@11")

    assert say(registry, "cat") == "ten"
    assert say(registry, "cat@9") == "nine"
    assert [status.default for status in registry.statuses() if status.reference == "cat@10"] == [True]


def test_a_failed_reload_keeps_the_old_one_in_service(shelf):
    """A package broken on disk hurts nobody until somebody restarts; the failure is told."""
    shelf.put("cat", "cat")
    registry = shelf.registry()
    assert say(registry, "cat") == "cat"
    for text in ("unbuildable", "broken"):
        shelf.put("cat", text)
        with pytest.raises(ModelFailed, match="stays in service"):
            registry.load("cat")

        assert say(registry, "cat") == "cat"
        assert state(registry, "cat") is ModelState.READY
    assert registry.status("cat").detail is not None


def test_a_reload_swaps_and_closes_the_old_one_after_its_last_user(shelf):
    """Who is being answered by the old one is still answered; then it is closed."""
    shelf.put("cat", "old")
    registry = shelf.registry()
    say(registry, "cat")
    old = shelf.plugins["old"]
    old.hold = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(say, registry, "cat")
        shelf.put("cat", "new!")
        registry.load("cat")

        assert say(registry, "cat") == "new!"
        old.hold.set()
        assert late.result(20) in {"old", "new!"}
    assert old.closed.wait(20)


def test_unload_takes_a_model_away_until_it_is_loaded_again(shelf):
    """Unloaded on purpose stays unloaded: no request brings it back."""
    shelf.put("cat", "cat")
    registry = shelf.registry()
    say(registry, "cat")
    registry.unload("cat")
    registry.unload("cat")

    assert shelf.plugins["cat"].closed.is_set()
    with pytest.raises(ModelNotLoaded):
        say(registry, "cat")
    registry.load("cat")
    assert say(registry, "cat") == "cat"


def test_a_broken_package_is_listed_with_its_reason_and_recovers_when_mended(shelf):
    """One bad folder is shown, not hidden, and harms no other model."""
    shelf.put("cat", "cat")
    shelf.put("dog", "broken")
    registry = shelf.registry()

    assert registry.status("dog").detail == "This package is broken."
    assert say(registry, "cat") == "cat"
    shelf.put("dog", "dog, mended")
    assert say(registry, "dog@1") == "dog, mended"


def test_a_vanished_package_is_retired(shelf):
    """Removing the folder removes the model."""
    shelf.put("cat", "cat")
    registry = shelf.registry()
    say(registry, "cat")
    (shelf.folder / "cat" / "says").unlink()
    (shelf.folder / "cat").rmdir()
    registry.statuses()

    with pytest.raises(ModelUnknown):
        say(registry, "cat")
    assert shelf.plugins["cat"].closed.wait(20)


def test_loading_never_happens_on_a_thread_that_answers(shelf):
    """However a load is asked for, it runs on the loader's own thread, once."""
    shelf.put("cat", "cat")
    registry = shelf.registry(preload=False)
    with ThreadPoolExecutor(8) as pool:
        assert ["cat"] * 8 == list(pool.map(lambda _: say(registry, "cat"), range(8)))

    assert [("cat@1", "model-loader_0")] == shelf.builds


def test_who_comes_just_after_a_load_does_not_begin_another(shelf):
    """Between seeing that a model is not there and asking for it, it may have come."""
    shelf.put("cat", "cat")
    registry = shelf.registry()
    say(registry, "cat")
    registry._await_load(registry._find("cat")).release()
    registry.load("cat")

    assert ["cat@1"] * 2 == [reference for reference, _ in shelf.builds if reference == "cat@1"]


def test_readiness_is_false_while_nothing_was_read():
    """A server that has not looked yet does not call itself ready."""

    class Never:
        def scan(self):
            return {}

    registry = Registry(Never(), lambda package: package)

    assert registry.readiness().ready is False


def test_close_retires_everything(shelf):
    """A stopping server closes its models."""
    shelf.put("cat", "cat")
    registry = shelf.registry()
    say(registry, "cat")
    registry.close()

    assert shelf.plugins["cat"].closed.is_set()


def test_who_is_waited_for_is_loaded_first(shelf):
    """A request at start does not wait for models that nobody asked for yet."""
    for name in ("a", "b", "c", "z"):
        shelf.put(name, name)
    entered, go = shelf.hold_builds()
    registry = shelf.registry()
    assert entered.wait(20)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(say, registry, "z")
        while registry._here._waiting[:1] and registry._here._waiting[0].found.name != "z":
            threading.Event().wait(0.001)
        go.set()

        assert asked.result(20) == "z"
    assert [reference for reference, _ in shelf.builds[:2]] == ["a@1", "z@1"]


def test_close_lets_go_of_those_who_wait_for_a_load(shelf):
    """A stopping server leaves nobody hanging."""
    for name in ("a", "b"):
        shelf.put(name, name)
    entered, go = shelf.hold_builds()
    registry = shelf.registry()
    assert entered.wait(20)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(say, registry, "b")
        while registry._here._waiting[:1] != [registry._slots["b@1"]] or not asked.running():
            threading.Event().wait(0.001)
        registry.close()

        assert isinstance(asked.exception(20), ModelFailed)
        go.set()


def test_every_failure_is_told_once_with_its_reason(shelf):
    """Whoever mends a package reads in the log why it is not served, and reads it once."""
    shelf.put("cat", "unbuildable")
    shelf.put("dog", "broken")
    registry = shelf.registry()
    for name in ("cat", "dog"):
        with pytest.raises(ModelFailed):
            say(registry, name)
    registry.statuses()

    assert [("cat@1", "This package cannot be built."), ("dog@1", "This package is broken.")] == sorted(shelf.failures)


def test_a_load_undoes_an_unload_that_came_in_between(shelf):
    """Load, unload, load: the last word counts, also while the first load is still under way."""
    shelf.put("cat", "cat")
    entered, go = shelf.hold_builds()
    registry = shelf.registry(preload=False)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(registry.load, "cat")
        assert entered.wait(20)
        registry.unload("cat")
        again = pool.submit(registry.load, "cat")
        while registry.status("cat").state is ModelState.UNLOADED and not again.done():
            threading.Event().wait(0.001)
        go.set()

        assert [ModelState.READY] * 2 == [first.result(20).state, again.result(20).state]
    assert say(registry, "cat") == "cat"


def test_a_closed_registry_says_that_the_server_is_stopping(shelf):
    """Who comes too late may try again elsewhere, and is not told of a fault."""
    shelf.put("cat", "cat")
    registry = shelf.registry()
    say(registry, "cat")
    registry.close()

    with pytest.raises(ShuttingDown):
        say(registry, "cat")
