"""A platform with fakes that behave: models in every state, pictures by their first bytes, a web of two addresses."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from saccade import errors, settings
from saccade.api.app import create_app
from saccade.backends import open_hints, open_objects
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database, open_store
from saccade.images.guard import Guard
from saccade.images.limits import Limits
from saccade.jobs.health import Health
from saccade.jobs.room import Room, RoomLimits
from saccade.jobs.service import JobLimits, Jobs
from saccade.jobs.webhooks import Poster
from saccade.metrics import Metrics
from saccade.models.package import FileDigest, ModelCard
from saccade.models.prediction import Box, Classification, Detection, Task
from saccade.models.registry import ModelState, ModelStatus, Readiness
from saccade.predictions.answer import Answer, PredictOptions, Timing
from saccade.predictions.service import PairResult

#: What the fake decoder takes for a picture.
PICTURE = b"\x89PNG a picture"

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

    def predict_pairs(self, images, *, models, options=None, caller=None):
        results = []
        for index, image in enumerate(images):
            for model in models:
                try:
                    if isinstance(image, errors.SaccadeError):
                        raise image
                    results.append(PairResult(index, model, self.predict(image, model=model, options=options), None))
                except errors.SaccadeError as problem:
                    results.append(PairResult(index, model, None, problem))
        return results


@dataclass
class FakePlatform:
    """What the edge sees of a platform; its web has one picture. Counts its starts and closes."""

    settings: object
    metrics: Metrics
    limits: Limits
    registry: FakeRegistry
    predictor: FakePredictor
    make_jobs: Callable = None
    health: Health = field(default_factory=Health)
    started: int = 0
    closed: int = 0
    opened: Jobs | None = None

    @property
    def jobs(self):
        """Return real jobs on a database of their own, made when first asked for."""
        if self.opened is None:
            self.opened = self.make_jobs(self.settings.jobs, self.registry)
        return self.opened

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
def make_jobs(empty_database, tmp_path):
    """Return a function that opens jobs on a fresh database; all are closed at the end of the test."""
    opened = []

    def make(wanted, registry):
        path = tmp_path / f"jobs-{len(opened)}.db"
        shutil.copyfile(empty_database, path)
        database = open_database(f"sqlite:///{path}")
        opened.append(database)
        store = open_store(database)
        room = Room(store.records, RoomLimits(wanted.queue_items, wanted.queue_items_each))
        limits = JobLimits(wanted.max_images, wanted.max_models, wanted.max_attempts)
        return Jobs(
            store,
            open_objects("memory://"),
            open_hints("memory://"),
            registry,
            room=room,
            limits=limits,
            poster=Poster(Guard(), timeout_s=1.0),
        )

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def make_platform(make_jobs):
    """Return a function that makes a platform under given settings."""

    def make(**overrides):
        read = settings.load({f"SACCADE_{name.upper()}": str(value) for name, value in overrides.items()})
        registry = FakeRegistry()
        limits = Limits(max_bytes=read.image.max_bytes)
        return FakePlatform(read, Metrics(), limits, registry, FakePredictor(registry), make_jobs)

    return make


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
