"""The process for suspects and models that registered themselves: only the database knows where they are now."""

from contextlib import closing

import pytest

from saccade import settings as settings_module
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.backends.database.registrations import SqlRegistrations
from saccade.errors import ModelUnknown
from saccade.models.prediction import Task
from saccade.models.registrations import Service
from saccade.wiring import open_platform
from saccade.worker.lone_child import _status


@pytest.fixture
def platform(tmp_path):
    """Return the platform of such a process: it loads nothing, and no job part of it is open."""
    opened = open_platform(settings_module.load({"SACCADE_HOME": str(tmp_path)}))
    opened.registry.start(preload=False)
    yield opened
    opened.close()


@pytest.fixture
def registrations(platform):
    with closing(open_database(platform.settings.database_url)) as database:
        migrate(database)
        yield SqlRegistrations(database)


def service(url="http://10.2.0.9:9000"):
    said = {"protocol": "microservice", "model": "cat", "task": Task.IMAGE_CLASSIFICATION, "labels": ("tabby",)}
    return Service(name="cat", version="1", url=url, **said, timeout_s=1.0, retries=0)


def place_of(platform):
    with platform.registry._lock:
        return platform.registry._slots["cat@1"].found.package.remote.url


def test_package_needs_no_database(platform, tmp_path):
    """Where none was made yet, none is made to find out."""
    before = sorted(tmp_path.rglob("*"))
    assert _status(platform, "dummy").registered is None
    with pytest.raises(ModelUnknown):
        _status(platform, "cat@1")

    assert sorted(tmp_path.rglob("*")) == before


def test_model_that_registered_itself_is_known_by_the_database(platform, registrations):
    """With the digest that its jobs were accepted for; nothing is dialled to find out."""
    put = registrations.put(service(), principal="ada")
    status = _status(platform, "cat@1")

    assert (status.reference, status.state.value, status.registered is not None) == ("cat@1", "available", True)
    assert status.card.labels == put.service.labels


def test_model_that_moved_is_known_where_it_is_now(platform, registrations):
    """It is looked up before every item, for this process may be older than the move; its digest is the same."""
    registrations.put(service(), principal="ada")
    before = _status(platform, "cat@1").card.digest
    registrations.put(service("http://10.2.0.10:9000"), principal="ada")

    assert _status(platform, "cat@1").card.digest == before
    assert place_of(platform) == "http://10.2.0.10:9000"


def test_model_that_was_removed_is_unknown(platform, registrations):
    """It is not asked where it was."""
    registrations.put(service(), principal="ada")
    _status(platform, "cat@1")
    registrations.remove("cat")

    with pytest.raises(ModelUnknown):
        _status(platform, "cat@1")
