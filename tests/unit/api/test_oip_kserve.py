"""KServe's first protocol: what it takes, and how it refuses."""

import base64
import json
from dataclasses import replace

import pytest

from saccade.models.prediction import Task
from unit.api.conftest import PICTURE, card

URL = "/v1/models/animals:predict"
TEXT = base64.b64encode(PICTURE).decode()


@pytest.mark.parametrize(
    "instance",
    [
        TEXT,
        {"b64": TEXT},
        {"data": TEXT},
        {"image_base64": TEXT},
        {"image": TEXT},
        {"image": {"b64": TEXT}},
        {"image_url": "https://pictures.example/a.png"},
    ],
)
def test_instances_are_written_in_many_ways(client, platform, instance):
    """Each is the same picture."""
    answer = client.post(URL, json={"instances": [instance], "parameters": {"top_k": 1}})

    assert answer.json() == {"predictions": [[{"label": "label 0", "score": 0.5, "class_id": 0}]]}
    assert platform.predictor.calls[0][0] == PICTURE


def test_zero_shot_model_looks_for_the_label(client, platform, monkeypatch):
    """System 4's prompt is what the model is told to find."""
    zero_shot = replace(card("circles", Task.ZERO_SHOT_OBJECT_DETECTION), labels=())
    told = replace(platform.registry.status("circles"), card=zero_shot)
    monkeypatch.setattr(platform.registry, "status", lambda _: told)

    answer = client.post("/v1/models/circles:predict", json={"instances": [TEXT], "parameters": {"label": "coin"}})

    assert len(answer.json()["predictions"]) == 1
    assert platform.predictor.calls[0][2].candidate_labels == ("coin",)


def test_objects_of_a_known_label_alone(client):
    """A label that the model knows is a filter; another one is a word for another kind of model."""
    url = "/v1/models/circles:predict"

    def found(label):
        answer = client.post(url, json={"instances": [TEXT], "parameters": {"label": label}})
        return len(answer.json()["predictions"])

    assert found("coin") == 1
    assert found("cat") == 0  # a label of the model, which finds only circles


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "file:///etc/passwd", 7, None])
def test_urls_go_through_the_guard(client, platform, url):
    """What /v1/predict does not fetch is not fetched here either."""
    answer = client.post(URL, json={"instances": [{"image_url": url}]})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Picture 0: ")
    assert platform.predictor.calls == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"instances": []},
        {"instances": {}},
        {"instances": [TEXT], "inputs": [TEXT]},
        {"instances": [TEXT] * 33},
        {"instances": [7]},
        {"instances": [None]},
        {"instances": [[TEXT]]},
        {"instances": [{}]},
        {"instances": [{"picture": TEXT}]},
        {"instances": [{"b64": TEXT, "data": TEXT}]},
        {"instances": [{"b64": 7}]},
        {"instances": [{"image": {"b64": {"b64": TEXT}}}]},
        {"instances": ["%%%"]},
        {"instances": [base64.b64encode(b"GIF").decode()]},
        {"instances": [TEXT], "parameters": []},
        {"instances": [TEXT], "parameters": {"label": 7}},
        {"instances": [TEXT], "parameters": {"label": "\ud800"}},
        {"instances": [TEXT], "parameters": {"top_k": 0}},
        {"instances": [TEXT], "parameters": {"nonsense": 0}},
    ],
)
def test_nonsense_is_400(client, document):
    """One text, as KServe has it."""
    answer = client.post(URL, content=json.dumps(document), headers={"Content-Type": "application/json"})

    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize(("model", "status"), [("nobody", 404), ("unloaded", 503), ("loading", 503), ("broken", 500)])
def test_models_that_do_not_answer(client, model, status):
    """404 for none, 503 for one that is not ready."""
    answer = client.post(f"/v1/models/{model}:predict", json={"instances": [TEXT]})

    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_bad_picture_among_several_is_named(client):
    """The whole request is refused, and the text says which picture."""
    answer = client.post(URL, json={"instances": [TEXT, {"b64": "%%%"}]})

    assert answer.json()["error"].startswith("Picture 1: ")


def test_refusals_before_the_route_speak_the_dialect(make_client):
    """A body that is too large, and a method that is not known, are told as one text too."""
    with make_client(server_max_body_bytes=1000) as client:
        large = client.post(URL, json={"instances": ["A" * 2000]})
        method = client.get(URL)

    assert (large.status_code, list(large.json())) == (413, ["error"])
    assert method.status_code in {404, 405}
    assert list(method.json()) == ["error"]
