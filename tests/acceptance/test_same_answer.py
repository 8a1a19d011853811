"""One picture has one answer, however it is sent and whoever it shares a batch with."""

import base64
import functools
import http.server
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"
MODELS = {"circles": sorted((SAMPLES / "circles").glob("*.jpg")), "sem-textures": sorted(SAMPLES.glob("sem-*/*.jpg"))}


def as_png(jpeg):
    """Return the same pixels in another format."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(buffer, "PNG")
    return buffer.getvalue()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that keeps its log to itself."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def pictures_url():
    """The samples, served on loopback by another server."""
    handler = functools.partial(Quiet, directory=str(SAMPLES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        thread = threading.Thread(target=files.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{files.server_port}"
        files.shutdown()
        thread.join()


@pytest.fixture
def uncached(start_server, pictures_url):
    """A server that computes every answer and may fetch from the file server."""
    allowed = pictures_url.removeprefix("http://")
    return start_server(settings={"SACCADE_CACHE_BYTES": "0", "SACCADE_FETCH_ALLOW": allowed}).url


def without_time(answer):
    """Return what an answer says, without how long it took and which bytes it came in."""
    said = answer.json()
    assert answer.status_code == 200, said
    return {key: said[key] for key in ("model", "task", "predictions", "engine")} | {
        "size": (said["image"]["width_px"], said["image"]["height_px"])
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_way_in_gives_the_same_answer(uncached, pictures_url, model):
    """JPEG or PNG, raw, form, base64 or URL: the same picture gets the same prediction."""
    path = MODELS[model][0]
    jpeg = path.read_bytes()
    url = f"{uncached}/v1/models/{model}/predict"
    with httpx2.Client(timeout=30) as client:
        answers = {
            "raw": client.post(url, content=jpeg),
            "raw, typed": client.post(url, content=jpeg, headers={"Content-Type": "image/jpeg"}),
            "png": client.post(url, content=as_png(jpeg)),
            "form": client.post(url, files={"file": ("name.jpg", jpeg)}),
            "base64": client.post(url, json={"image_base64": base64.b64encode(jpeg).decode()}),
            "data url": client.post(
                url, json={"image_base64": f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"}
            ),
            "url": client.post(url, json={"image_url": f"{pictures_url}/{path.parent.name}/{path.name}"}),
        }
        several = client.post(
            f"{uncached}/v1/predict",
            files=[("images", ("a.jpg", jpeg)), ("images", ("b.png", as_png(jpeg)))],
            data={"models": model},
        ).json()["results"]
    said = {way: without_time(answer) for way, answer in answers.items()}
    said |= {
        f"pair {result['image']['index']}": {
            key: result["prediction"][key] for key in ("model", "task", "predictions", "engine")
        }
        | {"size": said["raw"]["size"]}
        for result in several
    }

    assert said["raw"]["predictions"]
    assert {way: answer for way, answer in said.items() if answer != said["raw"]} == {}


def numbers(prediction):
    """Return the box of a prediction, if it has one."""
    return [prediction["box"][key] for key in ("xmin", "ymin", "xmax", "ymax")] if "box" in prediction else []


@pytest.mark.parametrize("model", MODELS)
def test_a_picture_in_a_batch_of_eight_gets_the_answer_it_gets_alone(start_server, model):
    """Scores within 1e-5 and boxes within 0.01 px, whoever the neighbours are; and real batches did run."""
    settings = {"SACCADE_CACHE_BYTES": "0", "SACCADE_ENGINE_SLOTS": "1", "SACCADE_BATCH_MAX_ITEMS": "8"}
    server = start_server(settings=settings).url
    url = f"{server}/v1/models/{model}/predict"
    pictures = [path.read_bytes() for path in MODELS[model]]
    with httpx2.Client(timeout=60) as client:
        alone = [without_time(client.post(url, content=picture)) for picture in pictures]
        with ThreadPoolExecutor(16) as pool:
            rounds = list(
                pool.map(lambda number: client.post(url, content=pictures[number % len(pictures)]), range(160))
            )
        exposition = client.get(f"{server}/metrics").text
    for number, answer in enumerate(rounds):
        together, expected = without_time(answer), alone[number % len(pictures)]
        assert [entry["label"] for entry in expected["predictions"]] == [
            entry["label"] for entry in together["predictions"]
        ]
        for one, other in zip(expected["predictions"], together["predictions"], strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-5)
            assert numbers(one) == pytest.approx(numbers(other), abs=0.01)
    small, large = (
        float(line.rsplit(" ", 1)[1])
        for bound in ("1.0", "+Inf")
        for line in exposition.splitlines()
        if line.startswith(f'saccade_batch_size_bucket{{le="{bound}",model="{model}@1"}}')
    )

    assert small < large


def test_upright_means_upright(uncached):
    """A picture that a camera stored sideways gets its boxes in the upright frame."""
    path = MODELS["circles"][0]
    upright = Image.open(path)
    upright.load()
    sideways, exif = upright.rotate(90, expand=True), Image.Exif()
    exif[0x0112] = 6
    stored = io.BytesIO()
    sideways.save(stored, "PNG", exif=exif)
    plain = io.BytesIO()
    upright.save(plain, "PNG")
    url = f"{uncached}/v1/models/circles/predict"
    with httpx2.Client(timeout=30) as client:
        answers = [without_time(client.post(url, content=buffer.getvalue())) for buffer in (plain, stored)]

    assert answers[0] == answers[1]


def test_answer_is_the_documented_object(uncached):
    """Keys, nesting and types are those of the reference, so that clients can rely on them."""
    answer = httpx2.post(f"{uncached}/v1/models/circles/predict", content=MODELS["circles"][0].read_bytes()).json()

    assert ["model", "task", "image", "predictions", "timing_ms", "cached", "engine"] == list(answer)
    assert ["label", "score", "box", "centroid", "radius_px"] == list(answer["predictions"][0])
    assert {"queue", "decode", "preprocess", "infer", "postprocess", "total"} == set(answer["timing_ms"])
    assert 64 == len(answer["image"]["id"])
    assert json.dumps(answer)
