"""A platform with fakes that behave: models in every state, pictures by their first bytes, a web of two addresses."""

import io
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from saccade import errors, settings
from saccade.api.app import create_app
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.images.gate import DecodeGate
from saccade.images.limits import Limits
from saccade.jobs.health import Health
from saccade.metrics import Metrics
from saccade.models.package import FileDigest, ModelCard
from saccade.models.prediction import Box, Classification, Detection, Task
from saccade.models.status import ModelState, ModelStatus, Readiness
from saccade.predictions.album import Album
from saccade.predictions.answer import Answer, PredictOptions, Timing
from saccade.predictions.service import PairResult
from saccade.usage.meter import Meter, MeterPlan
from saccade.wiring.access import open_access
from saccade.wiring.kept import Kept, open_kept
from saccade.wiring.limits import open_quotas, open_rates

#: What the fake decoder takes for a picture.
PICTURE = b"\x89PNG a picture"


def real_picture(number=0, size=(40, 30)):
    """Return a PNG that every decoder takes; each number is another picture."""
    noise = np.random.default_rng(number).integers(0, 256, (size[1] // 5, size[0] // 5, 3), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(encoded, "png")
    return encoded.getvalue()


#: Raised by the fake model of that name.
FAILING = {
    "loading": errors.ModelLoading("loading@1 is still loading."),
    "full": errors.QueueFull("256 pictures wait for full@1."),
    "unloaded": errors.ModelNotLoaded("unloaded@1 was unloaded."),
    "broken": errors.GraphFailed("The engine failed."),
    "bug": RuntimeError("a secret of the inside"),
}


def card(name, task=Task.IMAGE_CLASSIFICATION):
    return ModelCard(
        name=name,
        version="1",
        task=task,
        family="plugin",
        engine="python",
        labels=("cat", "dog"),
        layout="built-in",
        files=(FileDigest("a.onnx", 3, "ab" * 32),),
    )


@dataclass
class FakeRegistry:
    """Knows a classifier, a detector, and one model for each way to fail."""

    states: dict[str, ModelState] = field(
        default_factory=lambda: dict.fromkeys(("animals", "circles", *FAILING), ModelState.READY)
    )
    loading: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    ready: bool = True

    def readiness(self):
        return Readiness(self.ready, self.loading, self.failed)

    def statuses(self):
        return tuple(self.status(name) for name in self.states)

    def status(self, reference):
        name = reference.removesuffix("@1")
        if name not in self.states:
            raise errors.ModelUnknown(f"There is no model {reference[:128]!r}.")
        state = self.states[name]
        task = Task.OBJECT_DETECTION if name == "circles" else Task.IMAGE_CLASSIFICATION
        ready = state is ModelState.READY
        return ModelStatus(
            card=None if state is ModelState.FAILED else card(name, task),
            reference=f"{name}@1",
            state=state,
            default=True,
            detail="labels.txt is missing" if state is ModelState.FAILED else None,
            loaded_at=datetime(2026, 1, 2, tzinfo=UTC) if ready else None,
            runtime="python/cpu" if ready else None,
        )

    def set_aliases(self, aliases):
        self.aliases = dict(aliases)

    def set_registered(self, registered, *, load):
        self.registered = list(registered)

    def has_package(self, name):
        return name in self.states

    def load(self, reference):
        name = self.status(reference).reference.removesuffix("@1")
        if self.states[name] is ModelState.FAILED:
            raise errors.ModelFailed(f"{name}@1 cannot be loaded: labels.txt is missing")
        self.states[name] = ModelState.READY
        return self.status(name)

    def unload(self, reference):
        name = self.status(reference).reference.removesuffix("@1")
        self.states[name] = ModelState.UNLOADED
        return self.status(name)


@dataclass
class FakePredictor:
    """Answers at once; ``animals`` with as many labels as were asked for, ``circles`` with one object."""

    registry: FakeRegistry
    calls: list = field(default_factory=list)
    forgotten: list = field(default_factory=list)

    def predict(self, data, *, model, options=None, caller=None):
        self.calls.append((data, model, options))
        reference = self.registry.status(model).reference
        name = reference.removesuffix("@1")
        if name in FAILING:
            raise FAILING[name]
        if not data:
            raise errors.ImageEmpty("The picture has no bytes.")
        if not data.startswith(b"\x89PNG"):
            raise errors.ImageFormatUnsupported("These bytes are no picture.")
        entries = _circle() if name == "circles" else _labels(options or PredictOptions())
        timing = Timing(0.2, 0.9, 0.4, 3.1, 0.1, 4.9)
        task = self.registry.status(model).card.task
        return Answer(reference, task, "ab" * 32, 640, 480, entries, "python/cpu", timing)

    def forget(self, owner, image_id):
        self.forgotten.append((owner, image_id))

    def predict_pairs(self, images, *, models, options=None, caller=None, on_pair=lambda _: None):
        results = []
        for index, image in enumerate(images):
            for model in models:
                try:
                    if isinstance(image, errors.SaccadeError):
                        raise image
                    results.append(PairResult(index, model, self.predict(image, model=model, options=options), None))
                except errors.SaccadeError as problem:
                    results.append(PairResult(index, model, None, problem))
                on_pair(results[-1])
        return results


@dataclass
class FakePlatform:
    """What the edge sees of a platform; its web has one picture. Counts its starts and closes."""

    settings: object
    metrics: Metrics
    limits: Limits
    registry: FakeRegistry
    predictor: FakePredictor
    open_kept: Callable = None
    health: Health = field(default_factory=Health)
    started: int = 0
    closed: int = 0
    opened: Kept | None = None
    opening: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        plan = MeterPlan("saccade", 0.05, 1000)
        self.meter = Meter(lambda: self.kept.ledger, plan)
        self.access = open_access(self.settings, keys=lambda: self.keys)
        self.rates = open_rates(self.settings)
        self.quotas = open_quotas(self.settings, lambda: self.kept.spent)

    @property
    def kept(self):
        """Return what is kept, for real, in a database of its own, made when first asked for."""
        with self.opening:  # the meter asks on a thread of its own
            if self.opened is None:
                self.opened = self.open_kept(self.settings, self.registry)
            return self.opened

    @property
    def jobs(self):
        return self.kept.jobs

    @property
    def album(self):
        kept = self.kept
        return Album(
            self.predictor,
            self.registry,
            kept.images,
            kept.image_search,
            kept.jobs.objects,
            limits=self.limits,
            gate=DecodeGate(1 << 28),
            max_wait_s=5.0,
        )

    @property
    def promoter(self):
        return self.kept.promoter

    @property
    def registrar(self):
        return self.kept.registrar

    @property
    def accounts(self):
        return self.kept.accounts

    @property
    def keys(self):
        return self.kept.keys

    @property
    def usage(self):
        return self.kept.usage

    def open_jobs(self):
        pass

    def fetch(self, url):
        if url == "https://pictures.example/a.png":
            return PICTURE
        if url.startswith("https://"):
            raise errors.UrlUnreachable("The address does not answer.")
        raise errors.UrlRefused("The address is not one that this server fetches.")

    def start(self):
        self.started += 1

    def close(self):
        self.closed += 1


def _labels(options):
    return tuple(Classification(f"label {place}", 1 / (place + 2), place) for place in range(options.top_k))


def _circle():
    box = Box(100.9, 40.2, 181.3, 120.8)
    return (Detection.of_box(label="circle", score=0.97, class_id=0, box=box),)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Return a database file with all tables and no row, to be copied."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    database = open_database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def keep(empty_database, tmp_path):
    """Return a function that opens what is kept on a fresh database; all is closed at the end of the test."""
    opened = []

    def make(read, registry):
        path = tmp_path / f"kept-{len(opened)}.db"
        shutil.copyfile(empty_database, path)
        places = {"SACCADE_DATABASE_URL": f"sqlite:///{path}", "SACCADE_OBJECTS_URL": "memory://"}
        wanted = replace(settings.load(places), jobs=read.jobs, access=read.access, usage=read.usage)
        opened.append(open_kept(wanted, registry, lambda _: None))
        return opened[-1]

    yield make
    for kept in opened:
        kept.close()


@pytest.fixture
def make_platform(keep, tmp_path):
    """Return a function that makes a platform under given settings."""

    def make(**overrides):
        said = {"home": tmp_path / "home", **overrides}
        read = settings.load({f"SACCADE_{name.upper()}": str(value) for name, value in said.items()})
        registry = FakeRegistry()
        limits = Limits(max_bytes=read.image.max_bytes)
        return FakePlatform(read, Metrics(), limits, registry, FakePredictor(registry), keep)

    return make


@pytest.fixture(scope="module")
def module_platform(empty_database, tmp_path_factory):
    """Return a platform of a whole module that asks everybody who they are."""
    folder = tmp_path_factory.mktemp("module")
    read = settings.load({"SACCADE_HOME": str(folder / "home"), "SACCADE_ACCESS_MODE": "required"})
    opened = []

    def keep(wanted, registry):
        shutil.copyfile(empty_database, folder / "kept.db")
        places = {"SACCADE_DATABASE_URL": f"sqlite:///{folder}/kept.db", "SACCADE_OBJECTS_URL": "memory://"}
        opened.append(open_kept(replace(settings.load(places), access=wanted.access), registry, lambda _: None))
        return opened[-1]

    registry = FakeRegistry()
    yield FakePlatform(read, Metrics(), Limits(), registry, FakePredictor(registry), keep)
    for kept in opened:
        kept.close()


@pytest.fixture
def platform(make_platform):
    return make_platform()


@pytest.fixture
def client(platform):
    with client_of(platform) as client:
        yield client


@pytest.fixture
def make_client(make_platform):
    """Return a function that makes a client of a platform under given settings; its lifespan is not run."""
    return lambda **overrides: client_of(make_platform(**overrides))


def client_of(platform):
    return TestClient(create_app(platform), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def picture():
    return PICTURE


@pytest.fixture
def counted(platform):
    """Return a function that reads one sample of the platform's metrics."""
    return lambda name, **labels: platform.metrics.registry.get_sample_value(name, labels) or 0.0
