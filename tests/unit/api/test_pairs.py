"""A few pictures and models at once."""

import base64

import pytest

URL = "/v1/predict"


def encoded(data):
    return base64.b64encode(data).decode()


def test_pairs_are_answered_by_image_then_model(client, picture):
    """A form's files and models make all pairs, in order, each with the file's name."""
    files = [("images", ("a.png", picture)), ("images", ("b.png", picture))]

    answer = client.post(URL, files=files, data={"models": ["animals", "circles@1"], "top_k": "1"})

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(result["image"], result["model"], result["prediction"]["model"]) for result in results] == [
        ({"index": 0, "name": "a.png"}, "animals", "animals@1"),
        ({"index": 0, "name": "a.png"}, "circles@1", "circles@1"),
        ({"index": 1, "name": "b.png"}, "animals", "animals@1"),
        ({"index": 1, "name": "b.png"}, "circles@1", "circles@1"),
    ]
    assert len(results[0]["prediction"]["predictions"]) == 1


def test_bad_picture_does_not_spoil_the_others(client, picture):
    """Each picture that cannot be fetched or read has a problem of its own, in its own place."""
    images = [
        {"base64": encoded(picture)},
        {"base64": encoded(b"no picture")},
        {"base64": "%%%"},
        {"base64": 7},
        {"url": "https://pictures.example/a.png"},
        {"url": "https://pictures.example/lost.png"},
        {"url": "http://127.0.0.1/"},
        {"url": 7},
        {"base64": ""},
    ]

    answer = client.post(URL, json={"images": images, "models": ["animals"]})

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["image"]["index"] for result in results] == list(range(9))
    assert [result.get("problem", {}).get("code") for result in results] == [
        None,
        "image_format_unsupported",
        "image_unreadable",
        "parameter_invalid",
        None,
        "url_unreachable",
        "url_refused",
        "parameter_invalid",
        "image_empty",
    ]
    problem = results[5]["problem"]
    assert problem["status"] == 422
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert results[4]["image"]["name"] == "https://pictures.example/a.png"


def test_failing_model_does_not_spoil_the_others(client, picture):
    """A model that fails has problems, its neighbours have predictions."""
    answer = client.post(URL, json={"images": [{"base64": encoded(picture)}], "models": ["animals", "broken", "full"]})

    assert [result.get("problem", {}).get("code") for result in answer.json()["results"]] == [
        None,
        "graph_failed",
        "queue_full",
    ]


def test_unknown_model_refuses_all_before_any_work(client, platform, picture):
    """Nothing is fetched or computed for a request that names a model that is not there."""
    body = {"images": [{"base64": encoded(picture)}], "models": ["animals", "nobody"]}

    answer = client.post(URL, json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "model_unknown")
    assert platform.predictor.calls == []


def test_thirty_two_pairs_are_answered_and_one_more_is_not(client, picture):
    """The bound is on pairs; beyond it the problem says what to do."""
    images = [("images", (f"{place}.png", picture)) for place in range(16)]

    assert len(client.post(URL, files=images, data={"models": ["animals", "circles"]}).json()["results"]) == 32
    answer = client.post(URL, files=[*images, images[0]], data={"models": ["animals", "circles"]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_pairs")
    assert "POST /v1/jobs" in answer.json()["hint"]


def test_more_files_than_are_read_is_too_large(client, picture):
    """The form is not read to its end when it has far too many files."""
    files = [("images", ("a", picture))] * 65

    answer = client.post(URL, files=files, data={"models": "animals"})

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "parameter_invalid"),
        ({"images": "a", "models": ["animals"]}, "parameter_invalid"),
        ({"images": [], "models": ["animals"]}, "source_ambiguous"),
        ({"images": [{"url": "http://a"}], "models": []}, "parameter_invalid"),
        ({"images": [{"url": "http://a"}], "models": "animals"}, "parameter_invalid"),
        ({"images": [{"url": "http://a"}], "models": [7]}, "parameter_invalid"),
        ({"images": [{"url": "http://a"}], "models": ["a\0b"]}, "parameter_invalid"),
        ({"images": [{"url": "http://a"}], "models": ["animals"], "extra": 1}, "parameter_invalid"),
        ({"images": [{"url": "http://a"}], "models": ["animals"], "top_k": 0}, "parameter_invalid"),
        ({"images": [{}], "models": ["animals"]}, "source_ambiguous"),
        ({"images": ["http://a"], "models": ["animals"]}, "source_ambiguous"),
        ({"images": [{"url": "http://a", "base64": "b"}], "models": ["animals"]}, "source_ambiguous"),
        ({"images": [{"path": "/etc/passwd"}], "models": ["animals"]}, "source_ambiguous"),
    ],
)
def test_malformed_request_is_refused_as_a_whole(client, platform, body, code):
    """What cannot be understood is not half answered."""
    answer = client.post(URL, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert platform.predictor.calls == []


def test_misnamed_file_is_refused(client, picture):
    """A file that is not among the images is not dropped in silence."""
    answer = client.post(URL, files={"file": ("a", picture)}, data={"models": "animals"})

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")


def test_raw_body_is_refused_with_the_way_to_go(client, picture):
    """One raw picture belongs to the other route."""
    answer = client.post(URL, content=picture)

    assert answer.status_code == 415
    assert "/v1/models/{model}/predict" in answer.json()["hint"]


def test_each_item_problem_is_counted(client, counted, picture):
    """The refusals' counter moves by one for each pair that has a problem."""
    client.post(
        URL, json={"images": [{"base64": "%%%"}, {"base64": encoded(picture)}], "models": ["animals", "circles"]}
    )

    assert counted("saccade_refusals_total", code="image_unreadable") == 2.0
