"""One picture, one model."""

import base64
import threading

import pytest

from saccade.predictions.answer import PredictOptions

URL = "/v1/models/animals/predict"


def test_raw_picture_is_answered_in_the_documented_shape(client, picture):
    """The answer has exactly the keys and the order that the design names."""
    answer = client.post("/v1/models/circles/predict", content=picture)

    assert answer.status_code == 200
    assert answer.json() == {
        "model": "circles@1",
        "task": "object-detection",
        "image": {"id": "ab" * 32, "width_px": 640, "height_px": 480},
        "predictions": [
            {
                "label": "circle",
                "score": 0.97,
                "box": {"xmin": 100.9, "ymin": 40.2, "xmax": 181.3, "ymax": 120.8},
                "centroid": {"x": pytest.approx(141.1), "y": 80.5},
                "radius_px": pytest.approx(40.25),
            }
        ],
        "timing_ms": {"queue": 0.2, "decode": 0.9, "preprocess": 0.4, "infer": 3.1, "postprocess": 0.1, "total": 4.9},
        "cached": False,
        "engine": "python/cpu",
    }


def test_classifier_answers_labels_best_first(client, picture):
    """A label has its score and its class."""
    answer = client.post(URL, params={"top_k": 2}, content=picture)

    assert answer.json()["predictions"] == [
        {"label": "label 0", "score": 0.5, "class_id": 0},
        {"label": "label 1", "score": pytest.approx(1 / 3), "class_id": 1},
    ]


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "image/png",
        "image/jpeg",
        "IMAGE/anything; x=y",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "nonsense",
        ";;;",
    ],
)
def test_raw_picture_is_taken_whatever_its_type_claims(client, platform, picture, media_type):
    """What the bytes are is told by the bytes; curl says x-www-form-urlencoded, many say nothing."""
    headers = {"Content-Type": media_type} if media_type else {}

    answer = client.post(URL, content=picture, headers=headers)

    assert answer.status_code == 200
    assert platform.predictor.calls == [(picture, "animals", PredictOptions())]


@pytest.mark.parametrize("media_type", ["text/plain", "text/html; charset=utf-8", "multipart/mixed; boundary=x"])
def test_text_is_refused_by_its_type(client, picture, media_type):
    """A body that says it is text is no picture."""
    answer = client.post(URL, content=picture, headers={"Content-Type": media_type})

    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


def test_compressed_body_is_refused(client, picture):
    """Content-Encoding is not undone, so it is not ignored either."""
    answer = client.post(URL, content=picture, headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


def test_form_file_is_taken_with_options_beside_it(client, platform, picture):
    """A form's fields are options."""
    fields = {"top_k": "3", "threshold": "0.25", "candidate_labels": ["a", "b"]}

    answer = client.post(URL, files={"file": ("a.png", picture, "image/png")}, data=fields)

    assert answer.status_code == 200
    assert platform.predictor.calls == [(picture, "animals", PredictOptions(3, 0.25, ("a", "b")))]


def test_large_form_file_never_touches_the_disk(client, platform, picture, monkeypatch):
    """A read-only disk does not matter: nothing is spooled, also beyond the parser's usual megabyte."""
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", lambda _: pytest.fail("spooled to disk"))
    large = picture + b"x" * 3_000_000

    assert client.post(URL, files={"file": ("a.png", large)}).status_code == 200
    assert platform.predictor.calls[0][0] == large


def test_base64_in_json_is_taken(client, platform, picture):
    """JSON carries the picture in base64, and options by their own types."""
    body = {"image_base64": base64.b64encode(picture).decode(), "top_k": 1, "threshold": 0, "candidate_labels": ["a"]}

    assert client.post(URL, json=body).status_code == 200
    assert platform.predictor.calls == [(picture, "animals", PredictOptions(1, 0.0, ("a",)))]


def test_null_in_json_is_as_good_as_left_out(client, platform, picture):
    """Generated clients send null for what they do not set."""
    body = {
        "image_base64": base64.b64encode(picture).decode(),
        "image_url": None,
        "top_k": None,
        "threshold": None,
        "candidate_labels": None,
    }

    assert client.post(URL, json=body).status_code == 200
    assert platform.predictor.calls[0][2] == PredictOptions()


def test_url_in_json_is_fetched(client, platform, picture):
    """The server fetches the picture through its guard."""
    answer = client.post(URL, json={"image_url": "https://pictures.example/a.png"})

    assert answer.status_code == 200
    assert platform.predictor.calls[0][0] == picture


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/", "url_refused"),
        ("https://pictures.example/b.png", "url_unreachable"),
        ("", "parameter_invalid"),
        ("http://x\0y", "parameter_invalid"),
        (["http://x"], "parameter_invalid"),
        (7, "parameter_invalid"),
        ("x" * 9000, "parameter_invalid"),
    ],
)
def test_bad_url_is_the_clients_fault(client, url, code):
    """A URL that cannot be fetched is a 422 with its own code."""
    answer = client.post(URL, json={"image_url": url})

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    "body", [{}, {"image_url": "https://pictures.example/a.png", "image_base64": "aaaa"}, {"top_k": 3}]
)
def test_json_without_exactly_one_source_is_refused(client, body):
    """None is as wrong as two."""
    answer = client.post(URL, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "source_ambiguous")


def test_form_without_exactly_one_file_is_refused(client, picture):
    """Two files, none, or one of another name: which was meant is not guessed."""
    for files in (
        [("file", ("a", picture)), ("file", ("b", picture))],
        [("image", ("a", picture))],
        [("file", (None, "no file name"))],
    ):
        answer = client.post(URL, files=files)

        assert (answer.status_code, answer.json()["code"]) == (422, "source_ambiguous")


def test_empty_body_is_an_empty_image(client):
    """A client that forgot to read its file learns so."""
    answer = client.post(URL)

    assert (answer.status_code, answer.json()["code"]) == (422, "image_empty")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("top_k=0", "top_k"),
        ("top_k=101", "top_k"),
        ("top_k=-1", "top_k"),
        ("top_k=1.5", "top_k"),
        ("top_k=", "top_k"),
        ("top_k=%D9%A3", "top_k"),
        ("top_k=1_0", "top_k"),
        ("top_k=" + "9" * 5000, "top_k"),
        ("top_k=1&top_k=2", "top_k"),
        ("threshold=1.01", "threshold"),
        ("threshold=-0.1", "threshold"),
        ("threshold=nan", "threshold"),
        ("threshold=inf", "threshold"),
        ("threshold=1e999", "threshold"),
        ("threshold=", "threshold"),
        ("threshold=.", "threshold"),
        ("threshold=0.1&threshold=0.2", "threshold"),
        ("candidate_labels=", "candidate_labels"),
        ("candidate_labels=a%00b", "candidate_labels"),
        ("candidate_labels=" + "a" * 201, "candidate_labels"),
        ("&".join(["candidate_labels=a"] * 101), "candidate_labels"),
        ("treshold=0.5", "treshold"),
    ],
)
def test_bad_option_in_the_query_is_named(client, picture, query, name):
    """The problem says which parameter is wrong; a misspelt one is not silently ignored."""
    answer = client.post(f"{URL}?{query}", content=picture)

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")
    assert [fault["loc"] for fault in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    "options",
    [
        {"top_k": "x"},
        {"top_k": True},
        {"top_k": 1.0},
        {"top_k": 10**400},
        {"top_k": {}},
        {"threshold": True},
        {"threshold": []},
        {"threshold": 2},
        {"candidate_labels": "cat"},
        {"candidate_labels": [1]},
        {"candidate_labels": {"a": 1}},
        {"other": 1},
    ],
)
def test_bad_option_in_json_is_named(client, picture, options):
    """JSON values are held to the same rules, by their own types."""
    answer = client.post(URL, json={"image_base64": base64.b64encode(picture).decode(), **options})

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")
    assert [fault["loc"] for fault in answer.json()["errors"]] == list(options)


def test_every_bad_option_is_named_at_once(client, picture):
    """A caller mends all of them in one go."""
    answer = client.post(f"{URL}?top_k=0&threshold=2&x=1", content=picture)

    assert {fault["loc"] for fault in answer.json()["errors"]} == {"top_k", "threshold", "x"}


def test_option_given_in_query_and_body_is_refused(client, picture):
    """Which of the two counts would be anybody's guess."""
    answer = client.post(f"{URL}?top_k=1", files={"file": ("a", picture)}, data={"top_k": "2"})

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("nobody", 404, "model_unknown"),
        ("loading", 503, "model_loading"),
        ("full", 503, "queue_full"),
        ("unloaded", 409, "model_not_loaded"),
        ("broken", 500, "graph_failed"),
        ("bug", 500, "internal"),
    ],
)
def test_model_that_cannot_answer_has_its_own_status(client, picture, model, status, code):
    """The status says who must act, the code says why."""
    answer = client.post(f"/v1/models/{model}/predict", content=picture)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_unforeseen_failure_tells_nothing_of_the_inside(client, picture, caplog):
    """The client gets an id to look for; the trace stays in the log."""
    answer = client.post("/v1/models/bug/predict", content=picture)

    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "a secret of the inside" in caplog.text


def test_raw_body_over_the_image_limit_is_refused(make_client, picture):
    """The route's own bound is the picture's, well below that of whole bodies."""
    client = make_client(image_max_bytes=100)

    answer = client.post(URL, content=picture + b"x" * 100)

    assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")


def test_base64_over_the_image_limit_is_refused(make_client):
    """Base64 is measured before it is decoded."""
    client = make_client(image_max_bytes=100)

    answer = client.post(URL, json={"image_base64": "A" * 1000})

    assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")


def test_damaged_base64_is_unreadable(client):
    """Base64 is decoded strictly."""
    answer = client.post(URL, json={"image_base64": "%%%"})

    assert (answer.status_code, answer.json()["code"]) == (422, "image_unreadable")


def test_slow_hosts_do_not_stand_in_the_way_of_predictions(make_client, picture):
    """Somebody's picture that takes long to fetch costs nobody else a thread."""
    begun, gate, answered = threading.Event(), threading.Event(), threading.Event()

    def fetch(_url):
        begun.set()
        gate.wait(20)
        return picture

    with make_client(server_threads=1) as client:
        client.app.state.platform.fetch = fetch

        def ask_quick():
            client.post(URL, content=picture)
            answered.set()

        slow = threading.Thread(target=client.post, args=(URL,), kwargs={"json": {"image_url": "https://slow.example"}})
        quick = threading.Thread(target=ask_quick)
        slow.start()
        assert begun.wait(20)
        quick.start()
        in_time = answered.wait(5)
        gate.set()
        slow.join()
        quick.join()

    assert in_time
