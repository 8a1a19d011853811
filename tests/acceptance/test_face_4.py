"""System 4's API, row for row of its tables, against one real server."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from PIL import Image, ImageDraw

from saccade import __version__
from working.processes import eventually

SAMPLES = Path(__file__).parents[2] / "samples" / "circles"
COINS = (SAMPLES / "coins.jpg").read_bytes()
STARTS = pytest.mark.parametrize("start", ["/images", "/api/v1/images"])
ENDS = pytest.mark.parametrize("end", ["", "/"])
RADIUS_PX = 60
CENTRE_PX = (200, 150)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def client(tmp_path_factory, run_server):
    with run_server(tmp_path_factory.mktemp("system-4"), settings={"SACCADE_FACES_ROOT": "4"}) as server:
        eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 200, "the models do not load")
        with httpx2.Client(base_url=server.url, timeout=60) as client:
            yield client


@pytest.fixture(scope="module")
def coins(client):
    """Return what was answered for a picture of coins, and its id."""
    answer = upload(client, COINS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def upload(client, data, path="/images/"):
    return client.post(path, files={"file": ("a.jpg", data, "image/jpeg")})


def coin():
    """Return a picture of one disc, another one each time."""
    image = Image.new("RGB", (400, 300), (30, 32, next(_numbers)))
    (x, y), r = CENTRE_PX, RADIUS_PX
    ImageDraw.Draw(image).ellipse((x - r, y - r, x + r, y + r), fill=(190, 170, 120), outline=(90, 80, 60), width=4)
    encoded = io.BytesIO()
    image.save(encoded, "png")
    return encoded.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def detail_of(answer, status):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    return answer.json()["detail"]


@pytest.mark.row("4 POST /images/")
def test_upload(coins):
    """Field for field; the id is the SHA-256 of the bytes."""
    assert list(coins) == ["image_id", "detection"]
    assert coins["image_id"] == sha256(COINS)
    assert list(coins["detection"]) == ["detections", "count"]
    detections = coins["detection"]["detections"]
    assert coins["detection"]["count"] == len(detections) > 5
    assert len({each["object_id"] for each in detections}) == len(detections)
    for each in detections:
        assert list(each) == ["object_id", "bbox", "centroid", "radius"]
        assert [type(side) for side in each["bbox"]] == [float] * 4
        x_min, y_min, x_max, y_max = each["bbox"]
        assert list(each["centroid"]) == ["x", "y"]
        assert 0 <= x_min < x_max
        assert 0 <= y_min < y_max
        assert type(each["radius"]) is float
        # A coin that the edge of the picture cuts has its box inside and may have its centre outside.
        middle = (x_min + x_max) / 2, (y_min + y_max) / 2
        assert math.dist(middle, (each["centroid"]["x"], each["centroid"]["y"])) < each["radius"]


@pytest.mark.row("4 POST /images/")
@STARTS
@ENDS
def test_circle_of_a_known_place_is_found_there(client, start, end):
    """At every spelling of the route, and with no redirect."""
    answer = upload(client, coin(), f"{start}{end}")

    assert (answer.status_code, answer.is_redirect) == (200, False)
    [found] = answer.json()["detection"]["detections"]
    place = found["centroid"]["x"], found["centroid"]["y"]
    assert math.dist(place, CENTRE_PX) < 6
    assert found["radius"] == pytest.approx(RADIUS_PX, rel=0.15)


@pytest.mark.row("4 POST /images/")
def test_picture_without_circles_has_none(client):
    """An empty list, here and later."""
    data = (SAMPLES / "nothing-round.jpg").read_bytes()
    answer = upload(client, data)

    assert answer.json() == {"image_id": sha256(data), "detection": {"detections": [], "count": 0}}
    told = client.get(f"/images/{sha256(data)}/objects")
    assert (told.status_code, told.json()) == (200, {"image_id": sha256(data), "count": 0, "objects": []})
    detail_of(upload(client, data), 409)


@pytest.mark.row("4 POST /images/")
@STARTS
def test_same_picture_again_is_a_conflict(client, coins, start):
    """409 word for word, and what is kept stays."""
    detail = detail_of(upload(client, COINS, f"{start}/"), 409)

    assert detail == f"Image already exists with ID: {coins['image_id']}"
    assert client.get(f"/images/{coins['image_id']}/objects").json()["count"] == coins["detection"]["count"]


@pytest.mark.row("4 POST /images/")
def test_same_picture_at_once_is_kept_once(client):
    """Whoever is not told of a conflict is told of the same circles."""
    data = coin()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: upload(client, data), range(8)))

    kept = [answer.json()["detection"]["detections"] for answer in answers if answer.status_code == 200]
    assert kept
    assert all(each == kept[0] for each in kept)
    assert {answer.status_code for answer in answers} <= {200, 409}
    listed = client.get(f"/images/{sha256(data)}/objects").json()["objects"]
    assert [each["object_id"] for each in listed] == [each["object_id"] for each in kept[0]]


@pytest.mark.row("4 POST /images/")
def test_wrong_file_is_refused(client):
    """Empty 400, word for word; missing 422; no picture 415; damaged 422; no form 415."""
    assert detail_of(upload(client, b""), 400) == "File cannot be empty"
    detail_of(client.post("/images/", files={"other": ("a.jpg", COINS)}), 422)
    detail_of(client.post("/images/", files=[("file", ("a.jpg", COINS)), ("file", ("b.jpg", COINS))]), 422)
    detail_of(client.post("/images/", files={"file": (None, "text")}), 422)
    detail_of(upload(client, b"no picture"), 415)
    detail_of(client.post("/images/", content=COINS, headers={"Content-Type": "image/jpeg"}), 415)
    detail_of(client.put("/images/"), 405)


@pytest.mark.row("4 POST /images/")
def test_failed_upload_leaves_nothing_and_may_come_again(client):
    """The damaged one is unknown after it, however often; the whole one is taken."""
    damaged = COINS[: len(COINS) // 2]

    for _ in range(2):
        detail_of(upload(client, damaged), 422)
    assert detail_of(client.get(f"/images/{sha256(damaged)}/objects"), 404) == "Image not found"


@pytest.mark.row("4 GET /images/{image_id}/objects")
@STARTS
@ENDS
def test_objects_of_an_image(client, coins, start, end):
    """The same circles, in whole pixels."""
    answer = client.get(f"{start}/{coins['image_id']}/objects{end}")
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["image_id", "count", "objects"]
    assert (told["image_id"], told["count"]) == (coins["image_id"], len(told["objects"]))
    assert all(list(each) == ["object_id", "bbox"] for each in told["objects"])
    assert all(type(side) is int for each in told["objects"] for side in each["bbox"])
    found = {each["object_id"]: [round(side) for side in each["bbox"]] for each in coins["detection"]["detections"]}
    assert {each["object_id"]: each["bbox"] for each in told["objects"]} == found


@pytest.mark.row("4 GET /images/{image_id}/objects")
@pytest.mark.parametrize("image_id", ["0" * 64, "xx", "%00", "A" * 64])
def test_objects_of_an_unknown_image(client, image_id):
    """404, word for word."""
    assert detail_of(client.get(f"/images/{image_id}/objects"), 404) == "Image not found"


@pytest.mark.row("4 GET /images/{image_id}/objects/{object_id}")
@STARTS
@ENDS
def test_object_of_an_image(client, coins, start, end):
    """Every id that is listed resolves; the centroid is a pair here."""
    for each in coins["detection"]["detections"]:
        answer = client.get(f"{start}/{coins['image_id']}/objects/{each['object_id']}{end}")
        told = answer.json()

        assert answer.status_code == 200
        assert list(told) == ["object_id", "bbox", "centroid", "radius"]
        assert told["object_id"] == each["object_id"]
        assert told["bbox"] == [round(side) for side in each["bbox"]]
        assert all(type(side) is int for side in told["bbox"])
        assert told["centroid"] == [each["centroid"]["x"], each["centroid"]["y"]]
        assert told["radius"] == each["radius"]


@pytest.mark.row("4 GET /images/{image_id}/objects/{object_id}")
def test_object_that_is_not_of_the_image(client, coins):
    """No UUID, an unknown one, or one of another image: all are 404, word for word."""
    [other] = upload(client, coin()).json()["detection"]["detections"]

    for object_id in ("nope", "00000000-0000-4000-8000-000000000000", "%00", other["object_id"]):
        answer = client.get(f"/images/{coins['image_id']}/objects/{object_id}")
        assert detail_of(answer, 404) == "Object not found"
    unknown = client.get(f"/images/{'0' * 64}/objects/{other['object_id']}")
    assert detail_of(unknown, 404) in {"Image not found", "Object not found"}


@pytest.mark.row("4 GET /health")
def test_health(client):
    """Alive, where, and which."""
    answer = client.get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "environment": "dev", "version": __version__})


@pytest.mark.row("4 GET /config")
def test_config(client):
    """Field for field and type for type, and nothing that is secret."""
    answer = client.get("/config")

    assert answer.status_code == 200
    assert {name: type(value) for name, value in answer.json().items()} == {
        "app_name": str, "app_version": str, "environment": str, "debug": bool, "api_prefix": str,
        "storage_type": str, "mode": str, "model_name": str, "log_level": str, "log_json": bool,
        "max_upload_size": int,
    }  # fmt: skip
    told = answer.json()
    assert (told["app_version"], told["model_name"], told["debug"]) == (__version__, "circles", False)


@pytest.mark.row("4 GET /docs")
@pytest.mark.row("4 GET /redoc")
@pytest.mark.row("4 GET /openapi.json")
def test_documents(client):
    """The API describes itself, each of these routes once."""
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {200}
    paths = [path for path in client.get("/openapi.json").json()["paths"] if "images" in path and "/v1" not in path]
    assert sorted(paths) == ["/images/", "/images/{image_id}/objects/", "/images/{image_id}/objects/{object_id}/"]


@pytest.mark.row("4 GET /v1/models/{model}")
def test_model_server_is_ready(client):
    """The model, by its name."""
    answer = client.get("/v1/models/circles")

    assert (answer.status_code, answer.json()["name"], answer.json()["ready"]) == (200, "circles", True)
    assert client.get("/v1/models/absent").status_code == 404


@pytest.mark.row("4 POST /v1/models/{model}:predict")
@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_model_server_predicts(client, form):
    """Both bodies that its clients send; whole pixels, and the time it took in a header."""
    encoded = base64.b64encode(COINS).decode()
    body = {
        "instances": {"instances": [{"image": {"b64": encoded}}], "parameters": {"label": "coin"}},
        "inputs": {"inputs": [{"data": encoded}]},
    }[form]
    answer = client.post("/v1/models/circles:predict", json=body)

    assert answer.status_code == 200
    assert float(answer.headers["prediction-time-latency"]) > 0
    assert list(answer.json()) == ["predictions"]
    assert len(answer.json()["predictions"]) > 5
    for each in answer.json()["predictions"]:
        assert list(each) == ["bounding_box", "centroid", "radius", "label", "score"]
        assert {name: type(value) for name, value in each["bounding_box"].items()} == dict.fromkeys(
            ("xmin", "ymin", "xmax", "ymax"), int
        )
        assert (list(each["centroid"]), list(each["radius"])) == (["x", "y"], ["radius"])
        assert 0 < each["score"] <= 1
    assert set(client.post("/v1/models/circles:predict", json={}).json()) == {"error"}
