"""Hugging Face's dialect."""

import base64

import pytest

from saccade.predictions.answer import PredictOptions


def encoded(data):
    return base64.b64encode(data).decode()


def test_classifier_answers_labels_with_scores(client, picture):
    """Raw bytes without Content-Type, as its client sends them."""
    answer = client.post("/hf/animals", content=picture)

    assert answer.status_code == 200
    assert answer.json()[:1] == [{"label": "label 0", "score": 0.5}]
    assert len(answer.json()) == 5


def test_detector_answers_boxes_in_whole_pixels(client, picture):
    """Boxes are rounded, not cut."""
    answer = client.post("/hf/circles", content=picture)

    box = {"xmin": 101, "ymin": 40, "xmax": 181, "ymax": 121}
    assert answer.json() == [{"label": "circle", "score": 0.97, "box": box}]
    assert all(isinstance(side, int) for side in answer.json()[0]["box"].values())


@pytest.mark.parametrize("function", [None, "sigmoid", "none"])
def test_parameters_come_with_base64(client, platform, picture, function):
    """JSON carries the picture and what is asked of the model; nulls are left out."""
    parameters = {"top_k": 2, "threshold": 0.1, "function_to_apply": function}

    answer = client.post("/hf/animals", json={"inputs": encoded(picture), "parameters": parameters})

    assert answer.status_code == 200
    assert platform.predictor.calls == [(picture, "animals", PredictOptions(2, 0.1, function=function))]


@pytest.mark.parametrize("body", [{"parameters": None}, {}, {"parameters": {}}])
def test_parameters_may_be_missing(client, picture, body):
    """Only the picture is needed."""
    assert client.post("/hf/animals", json={"inputs": encoded(picture), **body}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/hf/nobody", {"inputs": encoded(b"\x89PNG")}, 404),
        ("/hf/animals", {"inputs": encoded(b"no picture")}, 415),
        ("/hf/animals", {"inputs": "%%%"}, 422),
        ("/hf/animals", {"inputs": 7}, 422),
        ("/hf/animals", {}, 422),
        ("/hf/animals", {"inputs": encoded(b"\x89PNG"), "parameters": []}, 422),
        ("/hf/animals", {"inputs": encoded(b"\x89PNG"), "parameters": {"function_to_apply": "tanh"}}, 422),
        ("/hf/loading", {"inputs": encoded(b"\x89PNG")}, 503),
        ("/hf/bug", {"inputs": encoded(b"\x89PNG")}, 500),
    ],
)
def test_errors_are_told_in_its_dialect(client, path, body, status):
    """One `error` text, with the right status."""
    answer = client.post(path, json=body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json()["error"], str)
    assert "secret" not in answer.text


def test_loading_model_says_how_long(client, picture):
    """Its clients show the estimate."""
    answer = client.post("/hf/loading", content=picture)

    assert answer.json()["estimated_time"] == 1.0
    assert answer.headers["retry-after"] == "1"


def test_errors_before_routing_are_told_in_its_dialect(client):
    """A wrong method and a refused host on its paths speak its dialect as well."""
    assert "error" in client.get("/hf/animals").json()
    assert "error" in client.post("/hf/animals", headers={"Host": "evil.example"}).json()
    assert "error" in client.post("/hf/a/b/c").json()


def test_form_and_empty_body_are_refused(client):
    """The face takes what its client sends, and says so."""
    assert client.post("/hf/animals").status_code == 422
    assert client.post("/hf/animals", files={"file": ("a", b"x")}).status_code == 415


def test_body_over_the_image_limit_is_refused(make_client, picture):
    """The face is no way around the limits."""
    client = make_client(image_max_bytes=100)

    assert client.post("/hf/animals", content=picture + b"x" * 100).status_code == 413
    assert client.post("/hf/animals", json={"inputs": "A" * 1000}).status_code == 413
