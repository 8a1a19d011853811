"""Faces of other systems: switched off, owners of the root, and accounts that act for those who say nothing."""

import base64
from dataclasses import replace

import pytest

from saccade.access.acting import Acting
from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.errors import SettingInvalid
from saccade.models.prediction import Task
from unit.api.conftest import PICTURE, FakeRegistry, client_of, real_picture
from unit.api.jobs_at_work import work_off

PASSWORD = "a horse, a staple and a battery"
MODELS = {
    "faces_0_model": "animals", "faces_1_model": "animals", "faces_2_model": "animals", "faces_4_model": "circles"
}  # fmt: skip
IMAGE_ID = "0" * 64
FILE = {"files": {"file": ("a.png", PICTURE, "image/png")}}
SENT = {"json": {"name": "a", "data": base64.b64encode(PICTURE).decode()}}
#: By face, requests that each of its routes takes.
CALLS = {
    "0": [
        ("POST", "/api/v1/inference", {"files": {"image": ("a.png", real_picture())}}),
        ("POST", "/api/v1/jobs/status", {"json": {"job_id": "a"}}),
        ("POST", "/api/v1/jobs/results", {"json": {"job_id": "a"}}),
        ("GET", "/api/v1/version", {}),
        ("GET", "/__health", {}),
        ("GET", "/queue_stats", {}),
        ("POST", "/queue_stats", {}),
    ],
    "1": [
        ("POST", "/api/v1/classify", FILE),
        ("POST", "/api/v1/classify-batch", {"files": {"files": ("a.png", PICTURE, "image/png")}}),
        ("GET", "/api/v1/model/info", {}),
        ("GET", "/api/v1/health", {}),
        ("GET", "/nginx-health", {}),
    ],
    "2": [
        ("POST", "/inference/image", SENT),
        ("POST", "/inference/image/", SENT),
        ("GET", "/predictions/a", {}),
        ("GET", "/predictions/a/", {}),
    ],
    "4": [
        (method, f"{start}{path}{end}", more)
        for start in ("/images", "/api/v1/images")
        for end in ("", "/")
        for method, path, more in (
            ("POST", "", FILE),
            ("GET", f"/{IMAGE_ID}/objects", {}),
            ("GET", f"/{IMAGE_ID}/objects/b", {}),
        )
    ],
}
EACH = [(face, *call) for face, calls in CALLS.items() for call in calls]
#: What each face says of `/`, `/health` and `/config` when it owns them; what it has none of stays ours.
ROOTS = {
    "0": {"/health": ["status", "model_loaded", "device", "redis_connected", "queue"]},
    "1": {"/": ["message", "version", "endpoints"]},
    "2": {"/": ["Hello"]},
    "4": {
        "/health": ["status", "environment", "version"],
        "/config": [
            "app_name", "app_version", "environment", "debug", "api_prefix", "storage_type", "mode", "model_name",
            "log_level", "log_json", "max_upload_size",
        ],
    },
}  # fmt: skip
ACTING = [("1", *CALLS["1"][0]), ("2", *CALLS["2"][0]), ("4", "POST", "/images/", {})]
FOREIGN = [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]


class TestOff:
    """A face that is switched off."""

    @pytest.mark.parametrize(("face", "method", "path", "more"), EACH)
    def test_answers_404_in_our_own_words(self, make_client, face, method, path, more):
        """As any path at which there is nothing."""
        client = make_client(**MODELS, **{f"faces_{face}_enabled": "false"})
        answer = client.request(method, path, **more)

        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["code"] == "route_unknown"

    @pytest.mark.parametrize("face", CALLS)
    def test_leaves_the_others_on(self, make_client, face):
        """And what is described is what there is."""
        client = make_client(**MODELS, **{f"faces_{face}_enabled": "false"})
        described = set(client.get("/openapi.json").json()["paths"])

        for other, method, path, more in EACH:
            if other != face:
                kind = client.request(method, path, **more).headers["content-type"]
                assert kind.partition(";")[0] in {"application/json", "text/plain"}, path
            else:
                assert path not in described

    @pytest.mark.parametrize("face", [*CALLS, "3"])
    def test_cannot_own_the_root(self, make_client, face):
        """Refused at the start."""
        with pytest.raises(SettingInvalid, match=f"SACCADE_FACES_ROOT={face}"):
            make_client(faces_root=face, **{f"faces_{face}_enabled": "false"})


class TestRoot:
    """Whose paths `/`, `/health` and `/config` are."""

    @pytest.mark.parametrize("face", ROOTS)
    def test_belongs_to_one_face(self, make_client, face):
        """The others stay ours, and so do the probes."""
        native, client = make_client(**MODELS), make_client(**MODELS, faces_root=face)

        for path in ("/", "/health", "/config", "/livez", "/version"):
            told = client.get(path)
            assert told.status_code == 200
            assert list(told.json()) == ROOTS[face].get(path, list(native.get(path).json()))

    def test_health_of_system_0_is_503_when_it_is_degraded(self, make_platform):
        """With the body that clients know."""
        platform = make_platform(**MODELS, faces_root="0")
        platform.registry.ready = False
        answer = client_of(platform).get("/health")

        assert (answer.status_code, answer.json()["status"], answer.json()["model_loaded"]) == (503, "degraded", False)
        assert list(answer.json()) == ROOTS["0"]["/health"]


@pytest.mark.parametrize(("face", "method", "path", "more"), EACH)
def test_nothing_redirects(make_client, face, method, path, more):
    """With a slash at the end or without."""
    client = make_client(**MODELS)

    for spelling in (path, f"{path}/", path.rstrip("/")):
        assert not client.request(method, spelling, follow_redirects=False, **more).is_redirect


def test_system_0_takes_a_field_of_nothing_for_none(make_client):
    """Clients that are made from a description send each field, also those without a value."""
    client = make_client(**MODELS)
    sent = {"image_url": "http://example.org/a.png", "image": None}

    assert client.post("/api/v1/inference", json=sent).json()["status"] == "PENDING"
    for wrong in ({**sent, "image": "a"}, {**sent, "more": None}, {"image": None}):
        assert client.post("/api/v1/inference", json=wrong).status_code == 422


class Detectors(FakeRegistry):
    """Each model finds objects."""

    def status(self, reference):
        status = super().status(reference)
        return replace(status, card=replace(status.card, task=Task.OBJECT_DETECTION))


class TestStates:
    """Jobs and models in states that a real server passes through too fast to be seen."""

    def test_system_0_tells_pending_and_processing(self, make_platform):
        """Pending is never a failure."""
        platform = make_platform(**MODELS)
        client = client_of(platform)
        job_id = client.post("/api/v1/inference", files={"image": ("a.png", real_picture())}).json()["job_id"]

        def told():
            asked = {"json": {"job_id": job_id}}
            return client.post("/api/v1/jobs/status", **asked), client.post("/api/v1/jobs/results", **asked)

        status, results = told()
        assert (status.status_code, status.json()["status"], status.json()["started_at"]) == (200, "PENDING", None)
        waiting = {"job_id": job_id, "result": None, "error": "Job not completed yet", "completed_at": None}
        assert (results.status_code, results.json()) == (200, {**waiting, "status": "PENDING"})
        held = {"animals@1": platform.registry.status("animals").card.digest}
        assert platform.jobs.store.claims.claim("worker", held, most=1, lease_s=30)
        status, results = told()
        assert (status.json()["status"], status.json()["completed_at"]) == ("PROCESSING", None)
        assert status.json()["started_at"] >= status.json()["submitted_at"]
        assert (results.status_code, results.json()) == (200, {**waiting, "status": "PROCESSING"})

    def test_system_1_is_unhealthy_without_its_model(self, make_platform):
        """503, and nothing is said of the model."""
        platform = make_platform(**MODELS)
        platform.registry.unload("animals")
        for answer in (client_of(platform).get("/api/v1/health"), self._without_a_model(make_platform)):
            told = {"status": "unhealthy", "model_loaded": False, "model_info": None}
            assert (answer.status_code, answer.json()) == (503, told)

    def _without_a_model(self, make_platform):
        return client_of(make_platform(faces_1_model="absent")).get("/api/v1/health")

    @pytest.mark.parametrize(("model", "status"), [("bug", 500), ("broken", 500), ("full", 503), ("loading", 503)])
    def test_failure_of_the_model_is_told_without_its_inside(self, make_platform, model, status):
        """In the face's words, with no word of what only the log should say."""
        finding = make_platform(faces_4_model=model)
        finding.registry = Detectors()
        for path, platform in {"/api/v1/classify": make_platform(faces_1_model=model), "/images/": finding}.items():
            answer = client_of(platform).post(path, files={"file": ("a.png", real_picture(), "image/png")})
            assert (answer.status_code, list(answer.json())) == (status, ["detail"])
            assert "secret" not in answer.text

    @pytest.mark.parametrize(("face", "method", "path", "more"), [each for each in EACH if each[1] == "POST"])
    def test_too_many_requests_are_told_in_the_words_of_the_face(self, make_platform, face, method, path, more):
        """429 with a Retry-After."""
        platform = make_platform(**MODELS, access_mode="required", rate_routes=f"{method} {path}=1/hour")
        headers = {"Authorization": f"Bearer {issue(platform.settings.home, 'ann', frozenset({Role.ADMIN}), 600)}"}
        client = client_of(platform)
        client.request(method, path, headers=headers, **more)
        answer = client.request(method, path, headers=headers, **more)

        assert (answer.status_code, list(answer.json())) == (429, ["error" if face == "0" else "detail"])
        assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def acting(make_platform):
    """Return a function that makes a platform whose faces act as ann, and a client who says nothing."""

    def make(*roles, name="ann", **more):
        named = {f"faces_{face}_principal": name for face in ("1", "2", "4")}
        platform = make_platform(access_mode="required", **MODELS, **named, **more)
        platform.acting = Acting(lambda: platform.accounts)
        platform.accounts.create("ann", PASSWORD, roles=frozenset(roles))
        return platform, client_of(platform)

    return make


def bearer(platform, name, *roles):
    return {"Authorization": f"Bearer {issue(platform.settings.home, name, frozenset(roles), 600)}"}


def session(client, name="ann"):
    told = client.post("/v1/auth/login", json={"username": name, "password": PASSWORD})
    assert told.status_code == 200, told.text
    return {"Authorization": f"Bearer {told.json()['access_token']}"}


def call(client, method, path, more, headers=None):
    if path == "/images/":
        more = {"files": {"file": ("a.png", real_picture(), "image/png")}}
    return client.request(method, path, headers=headers, **more)


class TestActing:
    """An account that stands for those who cannot say who they are."""

    @pytest.mark.parametrize(("face", "method", "path", "more"), ACTING)
    def test_nobody_is_let_in_without_one(self, make_platform, face, method, path, more):
        """Where callers are asked who they are."""
        answer = call(client_of(make_platform(access_mode="required", **MODELS)), method, path, more)

        assert (answer.status_code, list(answer.json())) == (401, ["detail"])

    @pytest.mark.parametrize(("face", "method", "path", "more"), ACTING)
    def test_opens_its_face_alone(self, acting, face, method, path, more):
        """Not the native routes, nor faces that have none."""
        _, client = acting(Role.INVESTIGATOR)

        assert call(client, method, path, more).status_code == 200
        for closed in ("/v1/jobs", "/v1/images", "/v1/models", "/queue_stats", "/v1/auth/me", "/v1/usage"):
            assert client.get(closed).status_code in {401, 404}, closed
        assert client.post("/api/v1/inference", files={"image": ("a.png", real_picture())}).status_code == 401

    def test_what_it_does_belongs_to_the_account(self, acting):
        """The account sees it, and nobody else does."""
        platform, client = acting(Role.INVESTIGATOR)
        uuid = client.post("/inference/image", **SENT).json()["uuid"]
        image = call(client, "POST", "/images/", {}).json()
        work_off(platform)
        bob = bearer(platform, "bob", Role.INVESTIGATOR)
        objects = f"/images/{image['image_id']}/objects"
        one = f"{objects}/{image['detection']['detections'][0]['object_id']}"

        for path in (f"/predictions/{uuid}", objects, one):
            assert client.get(path).status_code == 200
            assert client.get(path, headers=bob).status_code == 404
        assert client.get(f"/v1/jobs/{uuid}", headers=session(client)).status_code == 200
        assert client.get(f"/v1/jobs/{uuid}", headers=bob).status_code == 404

    def test_whoever_shows_credentials_is_who_they_are(self, acting):
        """Good ones count, and bad ones are not passed over."""
        platform, client = acting(Role.INVESTIGATOR)
        bob = bearer(platform, "bob", Role.INVESTIGATOR)
        uuid = client.post("/inference/image", headers=bob, **SENT).json()["uuid"]

        assert client.get(f"/predictions/{uuid}", headers=bob).status_code == 200
        assert client.get(f"/predictions/{uuid}").status_code == 404
        assert client.post("/inference/image", headers={"Authorization": "Bearer x"}, **SENT).status_code == 401

    def test_admin_who_acts_sees_nothing_of_others(self, acting):
        """As with a key; an admin who comes in person does."""
        platform, client = acting(Role.ADMIN)
        bob = bearer(platform, "bob", Role.INVESTIGATOR)
        uuid = client.post("/inference/image", headers=bob, **SENT).json()["uuid"]

        assert client.get(f"/predictions/{uuid}").status_code == 404
        assert client.get(f"/predictions/{uuid}", headers=bearer(platform, "root", Role.ADMIN)).status_code == 200

    @pytest.mark.parametrize(("face", "method", "path", "more"), ACTING)
    def test_account_that_is_not_here_or_shut_out_acts_for_nobody(self, acting, face, method, path, more):
        """401, in the words of the face."""
        _, unknown = acting(Role.INVESTIGATOR, name="nobody")
        platform, disabled = acting(Role.INVESTIGATOR)
        platform.accounts.set_disabled("ann", disabled=True)

        for client in (unknown, disabled):
            answer = call(client, method, path, more)
            assert (answer.status_code, list(answer.json())) == (401, ["detail"])

    def test_account_without_a_role_may_nothing(self, acting):
        """403, as for itself."""
        _, client = acting()

        assert {call(client, *each[1:]).status_code for each in ACTING} == {403}

    @pytest.mark.parametrize("headers", FOREIGN)
    @pytest.mark.parametrize(("face", "method", "path", "more"), ACTING)
    def test_page_of_another_site_cannot_use_it(self, acting, headers, face, method, path, more):
        """403: whoever opens the page reaches the server, and the page must not act through them."""
        _, client = acting(Role.INVESTIGATOR)
        answer = call(client, method, path, more, headers)

        assert (answer.status_code, list(answer.json())) == (403, ["detail"])

    def test_page_of_an_allowed_origin_can(self, acting):
        """It was named by the operator."""
        _, client = acting(Role.INVESTIGATOR, server_cors_origins="https://lab.example")
        headers = {"Origin": "https://lab.example", "Sec-Fetch-Site": "cross-site"}

        assert client.post("/inference/image", headers=headers, **SENT).status_code == 200

    @pytest.mark.parametrize(("root", "path"), [("1", "/"), ("2", "/"), ("4", "/health"), ("4", "/config")])
    def test_root_of_its_face_is_open_too(self, acting, root, path):
        """Clients of the original showed no credentials there either."""
        _, client = acting(Role.INVESTIGATOR, faces_root=root)

        assert client.get(path).status_code == 200
