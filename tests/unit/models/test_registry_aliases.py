"""Aliases in the registry: what a bare name means, and which files are meant by it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from saccade.errors import AliasUnknown, ModelFailed, ModelNotLoaded, ModelUnknown
from saccade.models.batching import BatchLimits
from saccade.models.catalog import Catalog
from saccade.models.package import ModelCard, Package
from saccade.models.prediction import Classification, Task
from saccade.models.registry import Registry
from saccade.models.runners import PluginRunner, RunOptions
from saccade.models.served import ServedModel

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Saying:
    """A plug-in that answers one label."""

    def __init__(self, label):
        self.label = label

    def load(self):
        pass

    def predict(self, images):
        return [[Classification(self.label, 1.0, 0)] for _ in images]

    def close(self):
        pass


class Shelf:
    """A folder of packages: the file ``says`` holds the label, which also is the digest of the package."""

    def __init__(self, folder):
        self.folder = folder
        self.registry = Registry(
            Catalog(shipped=folder / "none", folder=folder, read=self.read),
            lambda package: ServedModel(package, PluginRunner(package, Saying(package.entry)), BatchLimits()),
            rescan_s=0.0,
            load_wait_s=20.0,
        )

    def put(self, reference, text):
        (self.folder / reference).mkdir(exist_ok=True)
        (self.folder / reference / "says").write_text(text)

    def read(self, path):
        text = (path / "says").read_text()
        name, _, version = path.name.partition("@")
        card = ModelCard(
            name=name,
            version=version,
            task=Task.IMAGE_CLASSIFICATION,
            family="plugin",
            engine="python",
            labels=(text,),
            layout="test",
            digest=text,
        )
        return Package(card=card, folder=path, entry=text)

    def mean(self, **aliases):
        """Let aliases of the cat mean versions, with the digests of the files that are there now."""
        self.registry.set_aliases(
            {
                ("cat", alias): (reference, (self.folder / reference / "says").read_text())
                for alias, reference in aliases.items()
            }
        )

    def say(self, reference):
        with self.registry.lease(reference) as served:
            return served.predict(IMAGE, RunOptions()).predictions[0].label


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    for version, text in (("1", "one"), ("2", "two"), ("3", "three")):
        shelf.put(f"cat@{version}", text)
    shelf.registry.start(preload=True)
    yield shelf
    shelf.registry.close()


def test_bare_name_means_prod_and_without_it_the_newest(shelf):
    """A promotion moves the bare name at once, back to the newest when the alias is gone; versions stay as they are."""
    said = [shelf.say("cat")]
    for aliases in ({"prod": "cat@1"}, {"prod": "cat@2", "candidate": "cat@3"}, {"candidate": "cat@1"}):
        shelf.mean(**aliases)
        said.append(shelf.say("cat"))

    assert said == ["three", "one", "two", "three"]
    assert [shelf.say(f"cat@{version}") for version in "123"] == ["one", "two", "three"]


def test_alias_is_asked_for_by_name(shelf):
    """``cat@prod`` and ``cat@candidate`` answer with what they mean, and are unknown while they mean nothing."""
    shelf.mean(prod="cat@1", candidate="cat@2")
    assert (shelf.say("cat@prod"), shelf.say("cat@candidate")) == ("one", "two")
    shelf.mean(prod="cat@1")

    for reference in ("cat@candidate", "dog@prod"):
        with pytest.raises(AliasUnknown):
            shelf.say(reference)


def test_status_tells_aliases_and_default(shelf):
    """Each version knows which aliases mean it; the default is what prod means, not the newest."""
    shelf.mean(prod="cat@1", candidate="cat@1")
    told = {
        each.reference: (each.default, each.aliases)
        for each in shelf.registry.statuses()
        if each.reference[:3] == "cat"
    }

    assert told == {"cat@1": (True, ("candidate", "prod")), "cat@2": (False, ()), "cat@3": (False, ())}
    assert shelf.registry.status("cat").reference == "cat@1"


def test_files_that_were_not_promoted_are_not_answered_from(shelf):
    """Replaced files are refused under the alias and the bare name, though not under the version, until promoted."""
    shelf.mean(prod="cat@1")
    assert shelf.say("cat") == "one"
    shelf.put("cat@1", "one, but other")
    shelf.registry.load("cat@1")
    for reference in ("cat", "cat@prod"):
        with pytest.raises(ModelFailed, match="files are others now"):
            shelf.say(reference)
    assert shelf.say("cat@1") == "one, but other"
    shelf.mean(prod="cat@1")

    assert shelf.say("cat") == "one, but other"


def test_version_in_service_that_vanished_is_not_replaced_by_another(shelf):
    """Whoever promoted a version wants that one: nothing else answers in its name."""
    shelf.mean(prod="cat@1")
    (shelf.folder / "cat@1" / "says").unlink()
    (shelf.folder / "cat@1").rmdir()
    shelf.registry.statuses()

    with pytest.raises(ModelUnknown, match="prod of cat means cat@1, which is not here"):
        shelf.say("cat")


def test_version_in_service_that_was_unloaded_is_not_replaced_by_another(shelf):
    """Unloading what is in service takes the bare name out of service too."""
    shelf.mean(prod="cat@1")
    shelf.registry.unload("cat")

    with pytest.raises(ModelNotLoaded):
        shelf.say("cat")
    assert shelf.say("cat@3") == "three"


def test_version_that_is_promoted_while_it_is_unloaded_answers(shelf):
    """A promotion puts it in service where it was taken out before; being seen again, the same promotion does not."""
    shelf.mean(prod="cat@2")
    shelf.registry.unload("cat@1")
    shelf.mean(prod="cat@1")
    assert (shelf.say("cat"), shelf.say("cat@1")) == ("one", "one")
    shelf.registry.unload("cat@1")
    shelf.mean(prod="cat@1")

    with pytest.raises(ModelNotLoaded):
        shelf.say("cat")


def test_alias_of_a_model_that_comes_later_is_kept(shelf):
    """Aliases are told of all models, those of packages that this machine does not have yet too."""
    shelf.registry.set_aliases({("dog", "prod"): ("dog@1", "wau")})
    with pytest.raises(ModelUnknown):
        shelf.say("dog")
    shelf.put("dog@1", "wau")
    shelf.put("dog@2", "wuff")

    assert shelf.say("dog") == "wau"


def test_who_asks_while_an_alias_moves_is_answered_by_one_or_the_other(shelf):
    """There is no moment at which the name means nothing or a version that nobody promoted."""
    shelf.mean(prod="cat@1")
    stopping = threading.Event()

    def ask():
        said = set()
        while not stopping.is_set():
            said.add(shelf.say("cat"))
        return said

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for number in range(300):
            shelf.mean(prod=f"cat@{1 + number % 2}")
        stopping.set()
        said = set().union(*(each.result(20) for each in asking))

    assert said <= {"one", "two"}
    assert said
