"""The model behind a face: whether it answers, whether it fits, and where it runs."""

import hashlib

import pytest

from saccade.api.faces.behind import device_of
from saccade.models.status import ModelState
from unit.api.conftest import PICTURE, client_of, real_picture

MODELS = {"faces_0_model": "animals", "faces_1_model": "animals"}

NO_DETECTOR = "animals@1 is no detector. SACCADE_FACES_4_MODEL must name one."
NO_CLASSIFIER = "circles@1 is no classifier. SACCADE_FACES_1_MODEL must name one."


class TestHealth:
    """What proxies look at."""

    @pytest.mark.parametrize(("state", "status", "is_loaded"), [
        (ModelState.READY, 200, True), (ModelState.AVAILABLE, 200, False), (ModelState.UNLOADED, 503, False),
        (ModelState.LOADING, 503, False), (ModelState.FAILED, 503, False), (ModelState.AWAY, 503, False),
    ])  # fmt: skip
    @pytest.mark.parametrize(("face", "path"), [("0", "/health"), ("1", "/api/v1/health")])
    def test_health_is_that_of_the_model_behind_the_face(self, make_platform, face, path, state, status, is_loaded):
        """A model that is loaded when it is first asked for is well: a proxy that looks here must let somebody ask."""
        platform = make_platform(**MODELS, faces_root=face)
        platform.registry.states["animals"] = state
        told = client_of(platform).get(path)

        assert (told.status_code, told.json()["model_loaded"]) == (status, is_loaded)
        assert told.json()["status"] == {200: "healthy", 503: {"0": "degraded", "1": "unhealthy"}[face]}[status]

    def test_health_of_system_0_counts_what_waits_for_a_model_that_is_away(self, make_platform):
        """The queue is as long as it is, whoever is to blame."""
        platform = make_platform(**MODELS, faces_root="0")
        client = client_of(platform)
        client.post("/api/v1/inference", files={"image": ("a.png", real_picture())})
        platform.registry.states["animals"] = ModelState.AWAY
        told = client.get("/health")

        assert (told.status_code, told.json()["queue"]) == (503, {"pending": 1, "processing": 0})

    def test_health_of_system_0_without_a_model_is_degraded(self, make_client):
        """Others that are there do not make up for it."""
        told = make_client(faces_0_model="absent", faces_root="0").get("/health")

        assert (told.status_code, told.json()["model_loaded"], told.json()["device"]) == (503, False, "cpu")


@pytest.mark.parametrize(
    ("runtime", "device"),
    [
        ("onnxruntime/cpu/fp32", "cpu"), ("onnxruntime/cuda/fp16", "cuda"), ("python/cpu", "cpu"), ("python", "cpu"),
        (None, "cpu"), ("remote/microservice", "remote"), ("remote/v2", "remote"), ("remote", "remote"),
    ],
)  # fmt: skip
def test_device_is_told_of_every_engine(runtime, device):
    """A protocol is no device."""
    assert device_of(runtime) == device


class TestWrongModel:
    """A model behind a face that cannot say what the face says."""

    def test_system_1_is_unhealthy_with_a_detector(self, make_client):
        """It answers nobody."""
        client = make_client(faces_1_model="circles")

        assert client.get("/api/v1/health").status_code == 503
        answer = client.post("/api/v1/classify", files={"file": ("a.png", PICTURE, "image/png")})
        assert (answer.status_code, answer.json()) == (500, {"detail": NO_CLASSIFIER})

    def test_system_4_does_not_take_labels_for_a_picture_without_circles(self, make_client):
        """Refused, and nothing is kept: the same picture may be sent again."""
        client = make_client(faces_4_model="animals")
        picture = real_picture(4)
        for _ in range(2):
            answer = client.post("/images/", files={"file": ("a.png", picture, "image/png")})
            assert (answer.status_code, answer.json()) == (500, {"detail": NO_DETECTOR})

        assert client.get(f"/images/{hashlib.sha256(picture).hexdigest()}/objects").status_code == 404
