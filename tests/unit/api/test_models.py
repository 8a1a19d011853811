"""What models there are, and loading them."""

import pytest

from saccade.models.status import ModelState


def test_list_has_cards_and_kserves_names(client):
    """Every version has its card; `models` has the bare names that KServe's clients read."""
    body = client.get("/v1/models").json()

    assert body["models"] == ["animals", "circles", "loading", "full", "unloaded", "broken", "bug"]
    assert body["items"][1]["model"] == "circles@1"


def test_card_has_everything_known(client):
    """The card names task, labels, digests and state; KServe's keys are among them."""
    body = client.get("/v1/models/animals").json()

    assert body == {
        "name": "animals",
        "version": "1",
        "model": "animals@1",
        "default": True,
        "aliases": [],
        "state": "ready",
        "ready": True,
        "detail": None,
        "loaded_at": "2026-01-02T00:00:00+00:00",
        "runtime": "python/cpu",
        "task": "image-classification",
        "family": "plugin",
        "engine": "python",
        "layout": "built-in",
        "labels": ["cat", "dog"],
        "threshold": None,
        "description": "",
        "license": None,
        "tags": [],
        "source": None,
        "parameters": None,
        "size_bytes": 0,
        "digest": "",
        "files": [{"path": "a.onnx", "size_bytes": 3, "sha256": "ab" * 32}],
    }


def test_unreadable_package_is_shown_with_its_problem(client, platform):
    """A package that cannot be read has no card, but a state and a reason."""
    platform.registry.states["animals"] = ModelState.FAILED

    body = client.get("/v1/models/animals").json()

    assert (body["state"], body["ready"], body["detail"]) == ("failed", False, "labels.txt is missing")
    assert "task" not in body


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/animals"])
def test_unchanged_answer_is_not_sent_again(client, platform, path):
    """A client that shows the ETag gets 304 until something changes."""
    etag = client.get(path).headers["etag"]

    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    platform.registry.states["animals"] = ModelState.UNLOADED
    changed = client.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


def test_unload_and_load_change_the_state(client):
    """Each answers the state that it brought about, and both may be repeated."""
    assert [client.post("/v1/models/animals/unload").json()["state"] for _ in range(2)] == ["unloaded", "unloaded"]
    assert [client.post("/v1/models/animals/load").json()["state"] for _ in range(2)] == ["ready", "ready"]


def test_load_of_a_broken_package_is_the_models_fault(client, platform):
    """What is wrong stands in the problem."""
    platform.registry.states["animals"] = ModelState.FAILED

    answer = client.post("/v1/models/animals/load")

    assert (answer.status_code, answer.json()["code"]) == (500, "model_failed")
    assert "labels.txt is missing" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/nobody"),
        ("POST", "/v1/models/nobody/load"),
        ("POST", "/v1/models/nobody/unload"),
        ("GET", "/v1/models/animals@2"),
        ("GET", "/v1/models/%00"),
        ("GET", "/v1/models/..%5c..%5cetc"),
        ("GET", "/v1/models/" + "a" * 5000),
    ],
)
def test_unknown_model_is_404_everywhere(client, method, path):
    """A name that means nothing is the same answer on every route."""
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (404, "model_unknown")
