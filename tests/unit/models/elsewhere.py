"""Services that run elsewhere, made up: places where somebody answers or not, what keeps them, and who serves them."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from saccade.errors import ModelUnavailable, NameTaken, PackageInvalid, RemoteFailed, ServiceRefused
from saccade.models.batching import BatchLimits
from saccade.models.catalog import Catalog
from saccade.models.loading import Loader
from saccade.models.package import ModelCard, Package
from saccade.models.prediction import Task
from saccade.models.registrar import Registrar
from saccade.models.registrations import Registration, Service
from saccade.models.registry import Registry
from saccade.models.runners import RunOptions

IMAGE = np.zeros((4, 4, 3), np.uint8)
HERE, THERE = "http://10.2.0.9:9000", "http://10.2.0.10:9000"


def service(name="cat", version="1", url=HERE, **fields):
    """Return what a classifier says of itself that does not know its labels."""
    said = {"protocol": "microservice", "model": name, "task": Task.IMAGE_CLASSIFICATION}
    return Service(name=name, version=version, url=url, **{**said, "timeout_s": 30.0, "retries": 2, **fields})


class Answers:
    """What is at one place: the labels that it answers with, or anything else; and who asked."""

    def __init__(self, answer):
        self.answer = answer
        self.pictures = 0


class Elsewhere:
    """All places. A place where nobody is refuses connections."""

    def __init__(self):
        self.places = {}
        self.dialled = []
        self.open = []
        self.holds = {}

    def run(self, url, *labels):
        """Let a service be at a place; without labels it refuses pictures."""
        self.places[url] = Answers([{"label": label, "score": 0.5, "class_id": at} for at, label in enumerate(labels)])
        return self.places[url]

    def stop(self, url):
        del self.places[url]

    def hold(self, url):
        """Let dialling a place wait; return what tells that somebody dials, and what lets them go."""
        self.holds[url] = threading.Event(), threading.Event()
        return self.holds[url]

    def dial(self, spec):
        self.dialled.append(spec)
        if spec.url in self.holds:
            entered, go = self.holds[spec.url]
            entered.set()
            assert go.wait(20)
        remote = MadeUpRemote(self, spec)
        self.open.append(remote)
        return remote


class MadeUpRemote:
    """What asks one place; a model is as ready as its place is at the moment of asking."""

    def __init__(self, elsewhere, spec):
        self._elsewhere = elsewhere
        self.spec = spec

    @property
    def problem(self):
        return None if self.spec.url in self._elsewhere.places else "its server could not be reached (ConnectError)"

    def predict(self, images):
        assert self in self._elsewhere.open
        if self.problem is not None:
            raise ModelUnavailable(f"The model {self.spec.model} runs elsewhere and is away.")
        place = self._elsewhere.places[self.spec.url]
        place.pictures += len(images)
        if isinstance(place.answer, Exception):
            raise place.answer
        if place.answer == []:
            raise RemoteFailed("The remote model answered 422.")
        return [place.answer for _ in images]

    def close(self):
        if self in self._elsewhere.open:
            self._elsewhere.open.remove(self)


class Store:
    """Registrations in memory, as a database keeps them."""

    def __init__(self):
        self.kept = {}
        self.time_us = 1_700_000_000_000_000
        self.failure = None

    def all(self):
        self._check()
        return [self.kept[key] for key in sorted(self.kept)]

    def put(self, service, *, principal):
        self._check()
        near = {
            key: each
            for key, each in self.kept.items()
            if each.service.place == service.place or key[0] == service.name
        }
        if any(each.principal != principal for each in near.values()):
            raise NameTaken(f"{service.name}, or the place where it runs, was registered by somebody else.")
        self.time_us += 1_000_000
        key = (service.name, service.version)
        first_us = self.kept[key].first_us if key in self.kept else self.time_us
        for other, each in near.items():
            if each.service.place == service.place:
                del self.kept[other]
        self.kept[key] = Registration(service, principal, first_us, self.time_us)
        return self.kept[key]

    def remove(self, name, *, version=None):
        self._check()
        gone = [key for key in self.kept if key[0] == name and version in (None, key[1])]
        for key in gone:
            del self.kept[key]
        return bool(gone)

    def _check(self):
        if self.failure is not None:
            raise self.failure


def read(path):
    """Read a folder's package: it answers what its only file says."""
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
        digest=text,
    )
    return Package(card=card, folder=path, entry=text)


class Saying:
    """A plug-in that answers one label."""

    def __init__(self, label):
        self._label = label

    def predict(self, images):
        return [[{"label": self._label, "score": 1.0}] for _ in images]


class Server:
    """One process: its registry over a folder, and what takes in services; several may share a store."""

    def __init__(self, folder, elsewhere, store, **registry):
        self.folder, self.elsewhere, self.store = Path(folder), elsewhere, store
        self.refused = set()
        self.states, self.vanished, self.failures = [], [], []
        loader = Loader(
            open_engine=None,
            open_plugin=lambda entry, _: Saying(entry),
            open_remote=elsewhere.dial,
            read_image=None,
            limits=BatchLimits(),
            on_batch=lambda *_: None,
            on_queue=lambda *_: None,
        )
        told = {
            "on_state": lambda reference, state, _: self.states.append((reference, state)),
            "on_failure": lambda reference, error: self.failures.append((reference, str(error))),
            "on_vanished": self.vanished.append,
        }
        catalog = Catalog(shipped=self.folder / "none", folder=self.folder, read=read)
        self.registry = Registry(catalog, loader.build, **{"rescan_s": 0.0, "load_wait_s": 20.0, **told, **registry})
        self.registrar = Registrar(store, self.registry, admit=self.admit, dial=elsewhere.dial)
        self.registry.start(preload=False)

    def admit(self, url):
        """Return a URL without its slash at the end."""
        if url in self.refused:
            raise ServiceRefused("This server takes no model that runs at this address.")
        return url.rstrip("/")

    def put(self, name, text):
        """Copy a package into the folder."""
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "says").write_text(text)

    def register(self, said=None, *, principal="ada", is_admin=False, **fields):
        """Register what a service says."""
        return self.registrar.register(said or service(**fields), principal=principal, is_admin=is_admin)

    def say(self, reference):
        """Ask a model about a picture; return the best label."""
        with self.registry.lease(reference) as served:
            return served.predict(IMAGE, RunOptions()).predictions[0].label

    def state(self, reference):
        """Return where a model stands."""
        return self.registry.status(reference).state.value

    def living(self):
        """Return what is listed."""
        return [each.reference for each in self.registry.statuses() if each.registered and not each.is_gone]
