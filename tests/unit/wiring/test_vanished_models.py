"""Metrics of models that registered themselves and are gone: whoever may register could else fill the memory."""

from saccade import settings as settings_module
from saccade.models.prediction import Task
from saccade.models.registrations import Registration, Service, found_of
from saccade.wiring import open_platform


def test_nothing_is_told_of_a_model_that_vanished(tmp_path):
    """However many names there were, only those that are here are counted."""
    platform = open_platform(settings_module.load({"SACCADE_HOME": str(tmp_path)}))
    platform.registry.start(preload=False)
    for number in range(3):
        said = {"protocol": "microservice", "model": "m", "task": Task.IMAGE_CLASSIFICATION}
        said = {**said, "url": "http://10.2.0.9:9000", "timeout_s": 1.0, "retries": 0}
        service = Service(name=f"cat-{number}", version="1", **said)
        platform.registry.set_registered([found_of(Registration(service, "ada", 0, 0))], load=False)
        platform.registry.unload(f"cat-{number}")

        assert f'model="cat-{number}@1"' in platform.metrics.exposition().decode()
        assert f'model="cat-{number - 1}@1"' not in platform.metrics.exposition().decode()
    platform.registry.set_registered([], load=False)
    platform.close()

    assert "cat-" not in platform.metrics.exposition().decode()
