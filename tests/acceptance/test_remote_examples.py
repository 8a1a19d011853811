"""The templates for services of others, each started for real where it belongs, and asked through a real server."""

import base64
import contextlib
import json
import urllib.error
import urllib.request

import pytest
from PIL import Image, ImageStat

from working.apart import ROOT, Apart, free_port, program
from working.processes import eventually

COINS = ROOT / "samples" / "circles" / "coins.jpg"
TIPS = ROOT / "samples" / "sem-textures" / "Tips.jpg"


def bento(port):
    """Return how the BentoML service is started, and its protocols."""
    options = ["--host", "127.0.0.1", "--port", str(port)]
    command = [program(".venv-bento", "bentoml"), "serve", "examples/bento_service.py:Brightness", *options]
    return command, ["microservice"]


def kserve(port):
    """Return how the predictor is started, and its protocols; a second port for gRPC is not opened."""
    options = ["--model_name=brightness", f"--http_port={port}", "--enable_grpc=false"]
    return [program(".venv-kserve", "python"), "examples/kserve_predictor.py", *options], ["v2", "v1"]


def ask(url, data=None, kind="application/json"):
    """Return status, headers and JSON of an answer."""
    request = urllib.request.Request(url, data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def brightness(picture):
    """Return what the example's model says of a picture, worked out here."""
    with Image.open(picture) as image:
        return ImageStat.Stat(image.convert("L")).mean[0] / 255


@pytest.fixture
def start_service(tmp_path):
    """Return a function that starts a service; all are killed at the end."""
    with contextlib.ExitStack() as stack:

        def start(command):
            quiet = {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
            service = Apart(command, tmp_path / "service.log", tmp_path, **quiet)
            stack.callback(service.kill)
            return service

        yield start


@pytest.mark.parametrize("example", [bento, kserve], ids=lambda example: example.__name__)
def test_a_template_answers_through_a_server_and_may_die_and_come_back(start_server, start_service, tmp_path, example):
    """Right scores in every protocol that the service speaks; ``away`` while it is dead; well again with no restart."""
    port = free_port()
    command, protocols = example(port)
    for protocol in protocols:
        folder = tmp_path / "models" / f"bright-{protocol}"
        folder.mkdir(parents=True)
        said = {"url": f"http://127.0.0.1:{port}", "protocol": protocol, "model": "brightness"}
        package = {"task": "image-classification", "labels": ["dark", "bright"], "engine": "remote", "remote": said}
        (folder / "saccade.yaml").write_text(json.dumps(package))  # JSON is YAML
    service = start_service(command)
    settings = {"SACCADE_CACHE_BYTES": "0"}  # else the cache answers in the model's place
    server = start_server("--models", str(tmp_path / "models"), settings=settings)
    models = [f"{server.url}/v1/models/bright-{protocol}" for protocol in protocols]

    def all_are(state):
        return all(ask(model)[2]["state"] == state for model in models)

    def predict(model, picture):
        return ask(f"{model}/predict", picture.read_bytes(), "image/jpeg")

    eventually(lambda: all_are("ready"), f"the service is there; else see {service.log}")
    for model, protocol in zip(models, protocols, strict=True):
        for picture in (COINS, TIPS):
            status, _, found = predict(model, picture)
            assert (status, found.get("engine")) == (200, f"remote/{protocol}"), found
            scores = {entry["label"]: entry["score"] for entry in found["predictions"]}
            wanted = brightness(picture)
            assert scores == pytest.approx({"dark": 1 - wanted, "bright": wanted}, abs=0.01)

    service.kill()
    status, headers, problem = predict(models[0], COINS)
    assert (status, problem["code"]) == (503, "model_unavailable")
    assert int(headers["Retry-After"]) >= 1
    eventually(lambda: all_are("away"), "it is known to be away")

    again = start_service(command)
    eventually(lambda: all_are("ready"), "the service is back")
    assert [predict(model, COINS)[0] for model in models] == [200] * len(models)
    again.stop()
    eventually(lambda: all_are("away"), "it has stopped gently")


def test_the_predictor_gives_each_picture_of_one_request_its_row(start_service):
    """Saccade shows up to sixteen pictures at once in the Open Inference Protocol; rows are theirs, in order."""
    port = free_port()
    start_service(kserve(port)[0])
    base = f"http://127.0.0.1:{port}"

    def is_ready():
        with contextlib.suppress(OSError):
            return ask(f"{base}/v2/models/brightness/ready")[0] == 200
        return False

    eventually(is_ready, "the predictor is ready")
    data = [base64.b64encode(picture.read_bytes()).decode() for picture in (COINS, TIPS)]
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2], "data": data}
    status, _, found = ask(f"{base}/v2/models/brightness/infer", json.dumps({"inputs": [tensor]}).encode())
    outputs = {output["name"]: output for output in found["outputs"]}
    broken = json.dumps({"inputs": [{**tensor, "shape": [1], "data": ["bm8="]}]}).encode()

    assert status == 200
    assert (outputs["label"]["shape"], outputs["label"]["data"]) == ([2, 2], ["dark", "bright"] * 2)
    assert outputs["score"]["data"][1::2] == pytest.approx([brightness(COINS), brightness(TIPS)], abs=0.01)
    assert ask(f"{base}/v2/models/brightness/infer", broken)[0] == 400
