"""Models that run elsewhere: asked by three protocols, missed when they are away, waited for by jobs."""

import base64
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from working.processes import eventually

ROOT = Path(__file__).parents[2]
COINS = ROOT / "samples" / "circles" / "coins.jpg"
TIPS = ROOT / "samples" / "sem-textures" / "Tips.jpg"
SERVICE = ROOT / "examples" / "model_service.py"


def ask(url, data=None, headers=None):
    """Return status, headers and JSON of an answer."""
    request = urllib.request.Request(url, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def predict(server, model, picture=COINS):
    return ask(f"{server.url}/v1/models/{model}/predict", picture.read_bytes(), {"Content-Type": "image/jpeg"})


def state_of(server, model):
    return ask(f"{server.url}/v1/models/{model}")[2]["state"]


def remote(home, name, task, url, **said):
    """Write a folder that says where a model runs."""
    folder = home / "models" / name
    folder.mkdir(parents=True)
    lines = [f"task: {task}", "engine: remote", "remote:", f"  url: {url}"]
    (folder / "saccade.yaml").write_text("\n".join([*lines, *(f"  {key}: {value}" for key, value in said.items())]))


class Service:
    """The example's model service, which can be killed and started again at its address."""

    def __init__(self, port=0):
        self.process = subprocess.Popen([sys.executable, str(SERVICE), str(port)], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def service():
    """Yield a list of services; all are killed at the end."""
    made = []
    yield made
    for each in made:
        each.kill()


def started(start_server, home):
    settings = {"SACCADE_HOME": str(home), "SACCADE_CACHE_BYTES": "0"}  # else the cache answers in a model's place
    return start_server("--models", str(home / "models"), home=home, settings=settings)


@pytest.mark.parametrize("protocol", ["v2", "v1"])
def test_another_saccade_answers_as_if_it_were_here(start_server, tmp_path, protocol):
    """A detector and a classifier over both of KServe's protocols: the same finds, scores and circles."""
    far, px = start_server(), 1.0 if protocol == "v1" else 1e-2  # boxes of KServe's first protocol are whole px here
    remote(tmp_path, "far-circles", "object-detection", far.url, protocol=protocol, model="circles")
    remote(tmp_path, "far-textures", "image-classification", far.url, protocol=protocol, model="sem-textures")
    near = started(start_server, tmp_path)

    for there, here, picture in (("circles", "far-circles", COINS), ("sem-textures", "far-textures", TIPS)):
        wanted, (status, _, found) = predict(near, there, picture)[2], predict(near, here, picture)
        assert status == 200
        assert found["engine"] == f"remote/{protocol}"
        assert len(found["predictions"]) == len(wanted["predictions"]) > 0
        for mine, its in zip(found["predictions"], wanted["predictions"], strict=True):
            assert mine["label"] == its["label"]
            assert mine["score"] == pytest.approx(its["score"], abs=1e-5)
            for part in ("box", "centroid", "radius_px"):
                assert mine.get(part) == pytest.approx(its.get(part), abs=px)


def test_a_model_service_is_missed_while_it_is_gone_and_comes_back_by_itself(start_server, tmp_path, service):
    """503 with Retry-After and ``model_unavailable``, ``away`` in the list of models, and no restart of anything."""
    service.append(Service())
    remote(tmp_path, "brightness", "image-classification", service[0].url, protocol="microservice")
    server = started(start_server, tmp_path)
    status, _, found = predict(server, "brightness")
    assert status == 200
    assert {entry["label"] for entry in found["predictions"]} == {"dark", "bright"}
    assert sum(entry["score"] for entry in found["predictions"]) == pytest.approx(1.0)

    service[0].kill()
    status, headers, problem = predict(server, "brightness", TIPS)
    assert (status, problem["code"]) == (503, "model_unavailable")
    assert int(headers["Retry-After"]) >= 1
    assert service[0].url not in json.dumps(problem)
    assert state_of(server, "brightness") == "away"
    assert ask(f"{server.url}/readyz")[0] == 200

    service.append(Service(service[0].port))
    eventually(lambda: state_of(server, "brightness") == "ready", "the model is back")
    assert predict(server, "brightness", TIPS)[0] == 200


def test_a_model_may_be_away_when_the_server_starts(start_server, tmp_path, service):
    """Any order of starts will do."""
    service.append(Service())
    service[0].kill()
    remote(tmp_path, "brightness", "image-classification", service[0].url, protocol="microservice")
    server = started(start_server, tmp_path)
    eventually(lambda: state_of(server, "brightness") == "away", "it is known to be away")
    assert predict(server, "brightness")[2]["code"] == "model_unavailable"

    service.append(Service(service[0].port))
    eventually(lambda: state_of(server, "brightness") == "ready", "it is there")
    assert predict(server, "brightness")[0] == 200


def test_check_does_not_call_good_what_it_could_not_run(saccade, tmp_path, service):
    """``models check`` says that nobody answered, and is content once somebody does."""
    service.append(Service())
    service[0].kill()
    remote(tmp_path, "brightness", "image-classification", service[0].url, protocol="microservice")
    settings = {"SACCADE_MODELS": str(tmp_path / "models")}

    away = saccade("models", "check", "brightness", settings=settings)
    service.append(Service(service[0].port))
    there = saccade("models", "check", "brightness", settings=settings)

    assert (away.returncode != 0, "could not be run" in away.stderr) == (True, True)
    assert there.returncode == 0, there.stderr


def test_jobs_wait_for_a_model_that_is_away(start_server, tmp_path, service):
    """Items fail neither at once nor after some tries: the queue says why they wait, and then they are done."""
    service.append(Service())
    remote(tmp_path, "brightness", "image-classification", service[0].url, protocol="microservice")
    server = started(start_server, tmp_path)
    assert predict(server, "brightness")[0] == 200
    service[0].kill()
    body = json.dumps({"images": [{"base64": encoded(COINS)}, {"base64": encoded(TIPS)}], "models": ["brightness"]})
    eventually(lambda: ask(f"{server.url}/readyz")[0] == 200, "jobs are taken")
    status, _, job = ask(f"{server.url}/v1/jobs", body.encode(), {"Content-Type": "application/json"})
    assert status == 202

    def line():
        return [each["state"] for each in ask(f"{server.url}/v1/queue")[2]["models"] if "brightness" in each["model"]]

    eventually(lambda: line() == ["model_unavailable"], "the queue says that nobody holds the model")
    time.sleep(3)
    counts = ask(f"{server.url}/v1/jobs/{job['id']}")[2]["counts"]
    assert counts["succeeded"] + counts["failed"] == 0

    service.append(Service(service[0].port))
    ended = ask(f"{server.url}/v1/jobs/{job['id']}?wait=30")[2]
    assert (ended["state"], ended["counts"]["succeeded"]) == ("succeeded", 2)


@pytest.mark.slow
def test_killed_under_load_nothing_is_lost_and_nothing_is_wrong(start_server, tmp_path, service):
    """Four clients and a job while the model dies and comes back: a right answer or ``model_unavailable``, always."""
    service.append(Service())
    remote(tmp_path, "brightness", "image-classification", service[0].url, protocol="microservice")
    server = started(start_server, tmp_path)
    wanted = {picture: predict(server, "brightness", picture)[2]["predictions"] for picture in (COINS, TIPS)}
    body = json.dumps({"images": [{"base64": encoded(COINS)}] * 40, "models": ["brightness"]})
    eventually(lambda: ask(f"{server.url}/readyz")[0] == 200, "jobs are taken")
    job = ask(f"{server.url}/v1/jobs", body.encode(), {"Content-Type": "application/json"})[2]
    seen, over = [], threading.Event()

    def client():
        while not over.is_set():
            seen.extend((picture, *predict(server, "brightness", picture)) for picture in (COINS, TIPS))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    for _ in range(3):
        time.sleep(1)
        service[-1].kill()
        time.sleep(2)
        service.append(Service(service[0].port))
        eventually(lambda: state_of(server, "brightness") == "ready", "it is back")
    over.set()
    for each in clients:
        each.join(60)

    answered = [(picture, found) for picture, status, _, found in seen if status == 200]
    assert {(status, found.get("code")) for _, status, _, found in seen} <= {(200, None), (503, "model_unavailable")}
    assert all(found["predictions"] == wanted[picture] for picture, found in answered)
    assert {picture for picture, _ in answered} == {COINS, TIPS}
    ended = ask(f"{server.url}/v1/jobs/{job['id']}?wait=60")[2]
    assert ended["counts"]["succeeded"] == 40


def encoded(picture):
    return base64.b64encode(picture.read_bytes()).decode()
