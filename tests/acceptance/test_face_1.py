"""System 1's API, row for row of its table, against one real server."""

from __future__ import annotations

import io
import re
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from working.processes import eventually

SAMPLES = Path(__file__).parents[2] / "samples" / "sem-textures"
TIPS = (SAMPLES / "Tips.jpg").read_bytes()
LABELS = sorted(path.stem for path in SAMPLES.glob("*.jpg"))
CLASSIFY, BATCH = "/api/v1/classify", "/api/v1/classify-batch"
INFO = [
    "model_name", "device", "num_classes", "framework", "quantized", "torchscript", "parameters", "model_size_mb"
]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory, run_server):
    with run_server(tmp_path_factory.mktemp("system-1"), settings={"SACCADE_FACES_ROOT": "1"}) as server:
        eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 200, "the models do not load")
        with httpx2.Client(base_url=server.url, timeout=60) as client:
            yield client


def part(data, name="a.jpg", kind="image/jpeg"):
    return name, data, kind


def classify(client, data, kind="image/jpeg", **fields):
    return client.post(CLASSIFY, files={"file": part(data, kind=kind)}, data=fields)


def noise(number):
    """Return a picture that nobody has sent."""
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "png")
    return encoded.getvalue()


def detail_of(answer, status):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    assert isinstance(answer.json()["detail"], str)
    return answer.json()["detail"]


def check_info(told):
    assert list(told) == INFO
    assert all(isinstance(value, str) for value in told.values())
    assert (told["model_name"], told["device"], told["num_classes"]) == ("sem-textures", "cpu", "10")
    assert {told["quantized"], told["torchscript"]} <= {"True", "False"}
    assert int(told["parameters"]) > 0
    assert float(told["model_size_mb"]) > 0


def check_predictions(told, count):
    assert len(told) == count
    for entry in told:
        assert list(entry) == ["class_name", "probability", "class_id"]
        assert type(entry["probability"]) is float
        assert 0 <= entry["probability"] <= 1
        assert entry["class_name"] == LABELS[entry["class_id"]]
    probabilities = [entry["probability"] for entry in told]
    assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.row("1 GET /")
def test_index(client):
    """Names the places to go, all of which there are."""
    answer = client.get("/")
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["message", "version", "endpoints"]
    assert told["message"] == "Scalable Image Classifier API"
    assert list(told["endpoints"]) == ["health", "classify", "model_info", "docs", "metrics"]
    assert {client.get(path).status_code for path in told["endpoints"].values()} == {200, 405}


@pytest.mark.row("1 GET /api/v1/health")
def test_health(client):
    """The model is loaded, and is this one."""
    answer = client.get("/api/v1/health")
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["status", "model_loaded", "model_info"]
    assert (told["status"], told["model_loaded"]) == ("healthy", True)
    check_info(told["model_info"])


@pytest.mark.row("1 GET /api/v1/model/info")
def test_model_info(client):
    """All in texts."""
    answer = client.get("/api/v1/model/info")

    assert answer.status_code == 200
    check_info(answer.json())


@pytest.mark.row("1 POST /api/v1/classify")
def test_classify(client):
    """Five labels unless asked otherwise, the best first."""
    answer = classify(client, TIPS)
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["predictions", "model_info", "processing_time_ms"]
    check_predictions(told["predictions"], 5)
    check_info(told["model_info"])
    assert told["predictions"][0]["class_name"] == "Tips"
    assert type(told["processing_time_ms"]) is float


@pytest.mark.row("1 POST /api/v1/classify")
@pytest.mark.parametrize("count", [1, 3, 10])
def test_top_k(client, count):
    """As many labels as asked for."""
    check_predictions(classify(client, TIPS, top_k=str(count)).json()["predictions"], count)


@pytest.mark.row("1 POST /api/v1/classify")
@pytest.mark.parametrize("count", ["0", "11", "-1", "five", "", "1.5", "1e1", "²", "99999999999"])
def test_wrong_top_k_is_refused(client, count):
    """Before the picture is looked at."""
    assert "top_k" in detail_of(classify(client, TIPS, top_k=count), 422)
    assert "top_k" in detail_of(client.post(BATCH, files={"files": part(TIPS)}, data={"top_k": count}), 422)


@pytest.mark.row("1 POST /api/v1/classify")
def test_same_picture_again_is_known(client):
    """`processing_time_ms` is 0.0 then; another `top_k` is another question."""
    picture = noise(1)
    first, again, other = (classify(client, picture, top_k=count).json() for count in ("2", "2", "4"))

    assert (first["processing_time_ms"] > 0, again["processing_time_ms"]) == (True, 0.0)
    assert again["predictions"] == first["predictions"]
    assert len(other["predictions"]) == 4


@pytest.mark.row("1 POST /api/v1/classify")
def test_wrong_file_is_refused(client):
    """Missing 422; no image 400; too large 400; damaged, where the original gave a 500, 422; and no form 415."""
    detail_of(client.post(CLASSIFY, data={"top_k": "3"}, files={"other": part(TIPS)}), 422)
    detail_of(client.post(CLASSIFY, files={"file": (None, "text")}), 422)
    assert "image" in detail_of(classify(client, TIPS, "text/plain"), 400)
    detail_of(classify(client, TIPS, "application/octet-stream"), 400)
    detail_of(classify(client, TIPS + bytes(10_000_001 - len(TIPS))), 400)
    detail_of(classify(client, b""), 422)
    detail_of(classify(client, TIPS[:300]), 422)
    detail_of(classify(client, b"no picture"), 415)
    detail_of(client.post(CLASSIFY, json={}), 415)
    assert classify(client, TIPS + bytes(10_000_000 - len(TIPS))).status_code == 200


@pytest.mark.row("1 POST /api/v1/classify")
def test_body_far_beyond_the_limit_is_refused(client):
    """413, as the proxy before the original did."""
    detail_of(classify(client, bytes(12_000_000)), 413)


@pytest.mark.row("1 POST /api/v1/classify")
@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1", "LA"])
def test_every_kind_of_picture_is_classified(client, mode):
    """Grey, palette, transparent: all of them are RGB in the end."""
    encoded = io.BytesIO()
    kind = "tiff" if mode == "CMYK" else "png"
    with Image.open(io.BytesIO(TIPS)) as image:
        image.convert("L").convert(mode).save(encoded, kind)

    check_predictions(classify(client, encoded.getvalue(), f"image/{kind}").json()["predictions"], 5)


@pytest.mark.row("1 POST /api/v1/classify-batch")
def test_batch(client):
    """Each file has its own result, in order; what fails says why, and spoils nothing."""
    sent = [part(TIPS, "tips.jpg"), part(b"no picture", "bad.jpg"), part(TIPS, "x.txt", "text/plain"), part(noise(2))]
    answer = client.post(BATCH, files=[("files", each) for each in sent], data={"top_k": "2"})
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["results", "total_files", "successful_files", "processing_time_ms"]
    assert (told["total_files"], told["successful_files"]) == (4, 2)
    assert type(told["processing_time_ms"]) is float
    assert [each["file_index"] for each in told["results"]] == [0, 1, 2, 3]
    assert [each["filename"] for each in told["results"]] == [name for name, _, _ in sent]
    for index, each in enumerate(told["results"]):
        if index in {1, 2}:
            assert list(each) == ["file_index", "filename", "error"]
            assert isinstance(each["error"], str)
        else:
            assert list(each) == ["file_index", "filename", "predictions", "model_info"]
            check_predictions(each["predictions"], 2)
            check_info(each["model_info"])
    assert told["results"][0]["predictions"][0]["class_name"] == "Tips"


@pytest.mark.row("1 POST /api/v1/classify-batch")
def test_batch_that_fails_as_a_whole_is_an_answer(client):
    """200 with errors alone."""
    told = client.post(BATCH, files={"files": part(b"x")}).json()

    assert (told["successful_files"], told["total_files"], told["processing_time_ms"]) == (0, 1, 0.0)
    assert type(told["processing_time_ms"]) is float


@pytest.mark.row("1 POST /api/v1/classify-batch")
def test_ten_files_are_taken_and_eleven_are_not(client):
    """400 for too many, 422 for none."""
    samples = [("files", part((SAMPLES / f"{label}.jpg").read_bytes(), label)) for label in LABELS]
    told = client.post(BATCH, files=samples).json()

    best = [each["predictions"][0]["class_name"] for each in told["results"]]
    assert (best, told["successful_files"]) == (LABELS, 10)
    assert "10" in detail_of(client.post(BATCH, files=[*samples, samples[0]]), 400)
    detail_of(client.post(BATCH, files={"file": part(TIPS)}), 422)
    detail_of(client.post(BATCH, files={"files": (None, "text")}), 422)
    detail_of(client.post(BATCH, json={}), 415)


@pytest.mark.row("1 GET /metrics")
def test_metrics(client):
    """In Prometheus' text."""
    answer = client.get("/metrics")

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert "# TYPE " in answer.text


@pytest.mark.row("1 GET /docs")
@pytest.mark.row("1 GET /redoc")
@pytest.mark.row("1 GET /openapi.json")
def test_documents(client):
    """The API describes itself, with these routes in it."""
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {200}
    paths = client.get("/openapi.json").json()["paths"]
    assert {CLASSIFY, BATCH, "/api/v1/health", "/api/v1/model/info"} <= set(paths)


@pytest.mark.row("1 GET /nginx-health")
def test_proxy_health(client):
    """Word for word, as the proxy before the original answered."""
    answer = client.get("/nginx-health")

    assert (answer.status_code, answer.text) == (200, "healthy\n")
    assert answer.headers["content-type"].partition(";")[0] == "text/plain"


@pytest.mark.row("1 POST /api/v1/classify")
def test_every_answer_has_a_request_id(client):
    """A client's own comes back; without one it is a UUID, and another each time."""
    fresh = [client.get("/api/v1/health").headers["x-request-id"] for _ in range(2)]

    assert len(set(fresh)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in fresh)
    headers = {"X-Request-ID": "mine-1"}
    assert client.post(CLASSIFY, json={}, headers=headers).headers["x-request-id"] == "mine-1"


@pytest.mark.row("1 POST /api/v1/classify")
@pytest.mark.row("1 POST /api/v1/classify-batch")
@pytest.mark.parametrize("path", [CLASSIFY, BATCH])
def test_nothing_redirects_and_other_methods_are_refused(client, path):
    """A client's POST would come out of a redirect as something else."""
    assert client.post(f"{path}/", files={"file": part(TIPS)}).status_code == 404
    detail_of(client.get(path), 405)
