"""What the server says of itself."""

import pytest

from saccade import __version__, settings
from saccade.api.problems import catalogue
from saccade.api.routes.service import WITHHELD


def test_lifespan_starts_and_closes_the_platform(make_platform):
    """The application owns the platform's life."""
    from starlette.testclient import TestClient

    from saccade.api.app import create_app

    platform = make_platform()
    with TestClient(create_app(platform)):
        assert (platform.started, platform.closed) == (1, 0)

    assert (platform.started, platform.closed) == (1, 1)


def test_process_is_alive_whatever_its_models_do(client, platform):
    """Liveness asks for nothing but an answer."""
    platform.registry.ready = False

    answer = client.get("/livez")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_readiness_names_what_is_loading(client, platform):
    """Until all wanted models are there the answer is 503 and says which are missing."""
    platform.registry.ready, platform.registry.loading = False, ("circles@1",)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "loading": ["circles@1"], "failed": [], "parts": {}}
    assert answer.headers["retry-after"] == "1"
    platform.registry.ready, platform.registry.loading = True, ()
    assert client.get("/readyz").json() == {"status": "ready", "loading": [], "failed": [], "parts": {}}


def test_failed_model_is_named_while_the_others_are_served(client, platform):
    """One broken package does not take the server down, and does not go unseen."""
    platform.registry.failed = ("circles@1",)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["failed"]) == (200, ["circles@1"])


def test_startup_stays_true_once_it_was(client, platform):
    """Loading another model later is no new start."""
    platform.registry.ready, platform.registry.loading = False, ("a@1",)
    assert client.get("/startupz").status_code == 503
    platform.registry.ready, platform.registry.loading = True, ()
    assert client.get("/startupz").status_code == 200
    platform.registry.ready, platform.registry.loading = False, ("a@1",)

    assert client.get("/startupz").json() == {"status": "started"}


def test_readiness_says_which_part_is_not_well(client, platform):
    """While jobs cannot be accepted the server is not ready, and says why; predictions are answered all the same."""
    platform.registry.ready, platform.registry.loading = True, ()
    platform.health.watch("jobs", lambda: "The database does not answer.")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["parts"] == {"jobs": "The database does not answer."}
    health = client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")


@pytest.mark.parametrize(
    ("ready", "loading", "failed", "word", "status"),
    [
        (True, (), (), "ok", 200),
        (True, (), ("a@1",), "degraded", 200),
        (False, ("a@1",), (), "loading", 503),
        (False, (), ("a@1",), "failing", 503),
    ],
)
def test_health_is_one_word(client, platform, ready, loading, failed, word, status):
    """The word tells an operator what to look at."""
    registry = platform.registry
    registry.ready, registry.loading, registry.failed = ready, loading, failed

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (status, word, __version__)


def test_version_and_index_name_the_program(client):
    """Somebody who opens the address finds the way."""
    assert client.get("/version").json() == {"name": "saccade", "version": __version__}
    index = client.get("/").json()
    assert client.get(index["docs"]).status_code == 200
    assert client.get(index["models"]).status_code == 200
    assert client.get(index["openapi"]).status_code == 200
    assert client.get(index["health"]).status_code == 200


def test_config_shows_values_with_their_origin(make_client):
    """An operator sees what is in force and why."""
    shown = make_client(server_threads=7).get("/config").json()["settings"]

    assert shown["SACCADE_SERVER_THREADS"] == {"value": 7, "origin": "command line"}
    assert shown["SACCADE_CACHE_TTL_S"] == {"value": 3600.0, "origin": "default"}


def test_config_withholds_paths_and_network(client):
    """Every setting is either shown or withheld on purpose; new ones that hold secrets must join the list."""
    shown = set(client.get("/config").json()["settings"])

    assert set(settings.variables()) - WITHHELD == shown
    # These say how long, and nothing else.
    shown -= {"SACCADE_ACCESS_PASSWORD_MIN_CHARS", "SACCADE_ACCESS_OUTSIDE_KEY_S"}
    assert not any(
        word in name for name in shown for word in ("KEY", "SECRET", "PASSWORD", "TOKEN", "URL", "HOME", "FOLDER")
    )


def test_metrics_are_prometheus_text(client):
    """A scraper reads them."""
    answer = client.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE http_server_request_duration_seconds histogram" in answer.content


@pytest.mark.parametrize("code", [*(kind.code for kind in catalogue()), "internal"])
def test_problem_types_lead_to_an_explanation(client, code):
    """The `type` of every problem can be followed, offline."""
    answer = client.get(f"/problems/{code}")

    assert (answer.status_code, answer.json()["code"]) == (200, code)


def test_unknown_problem_type_is_404(client):
    """There is no explanation of what does not exist."""
    assert client.get("/problems/nonsense").json()["code"] == "route_unknown"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_documentation_loads_nothing_from_elsewhere(client, path):
    """The pages work without a network, and their policy forbids other sources and inline scripts."""
    import re

    page = client.get(path)

    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", page.text) == []
    assert re.findall(r"<script>|onload=|onclick=", page.text) == []
    for asset in re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text):
        answer = client.get(f"/{asset}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css", "image/png"}
        assert len(answer.content) > 50


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "%2e%2e", "core.py"])
def test_documentation_serves_only_its_own_files(client, name):
    """Names are looked up in a list, never in the file system."""
    assert client.get(f"/docs/assets/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/livez", "/v1/models", "/docs", "/metrics", "/docs/assets/swagger-ui.css"])
def test_head_answers_as_get_without_body(client, path):
    """HEAD works wherever GET does."""
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("path", ["/nope", "/v1", "/v1/models/", "/v1/models/a/b/c", "/%2e%2e/x", "/.env"])
def test_unknown_path_is_a_problem(client, path):
    """There are no redirects and no pages of a framework."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "route_unknown"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/predict", "POST"),
        ("HEAD", "/v1/predict", "POST"),
        ("DELETE", "/v1/models", "GET, HEAD, POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("PUT", "/v1/models/a/predict", "POST"),
        ("OPTIONS", "/v1/models", "GET, HEAD, POST"),
        ("FOO", "/v1/models", "GET, HEAD, POST"),
        ("PATCH", "/docs", "GET, HEAD"),
        ("TRACE", "/hf/a", "POST"),
    ],
)
def test_unknown_method_names_those_that_are_known(client, method, path, allow):
    """405 carries Allow."""
    answer = client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
