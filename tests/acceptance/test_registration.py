"""Models that register themselves: found while they are there, missed while they are not, known to every server."""

import base64
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from saccade.backends.remotes.client import PULSE_S
from saccade.wiring.watch import LOOK_S
from services import fresh_postgres_url
from working.processes import ALONE, eventually, outside, place, serve, work

__all__ = ["fresh_postgres_url", "place", "serve", "work"]

ROOT = Path(__file__).parents[2]
SACCADE = (sys.executable, "-m", "saccade.cli.main")
SERVICE = ROOT / "examples" / "model_service.py"
TIPS = ROOT / "samples" / "sem-textures" / "Tips.jpg"
HERE = {"SACCADE_REMOTE_ALLOW": "127.0.0.1:*"}
#: Within what a service that ended is listed no more: two looks, each of which may come a fifth later than the clock.
GONE_S = 2 * PULSE_S * 1.2
GOOD = "correct horse battery"


class Service:
    """The example's model service, which registers itself if it is told where."""

    def __init__(self, port=0, **environment):
        self.process = subprocess.Popen(
            [sys.executable, str(SERVICE), str(port)],
            env={**outside(), **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.line().split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def line(self):
        return self.process.stdout.readline()

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def service():
    """Return a function that starts a service; all are killed at the end."""
    made = []

    def start(*words, **environment):
        made.append(Service(*words, **environment))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.kill()


def register(server_url, service, **said):
    known = {"name": "brightness", "url": service.url, "task": "image-classification", "protocol": "microservice"}
    return httpx2.post(f"{server_url}/v1/models", json={**known, **said}, timeout=60)


def listed(url, **query):
    """Return the states of the models that are listed."""
    answer = httpx2.get(f"{url}/v1/models", params=query, timeout=20).json()
    assert answer["models"] == list(dict.fromkeys(item["name"] for item in answer["items"]))
    return {item["model"]: item["state"] for item in answer["items"]}


def predict(url, model="brightness"):
    headers = {"Content-Type": "image/jpeg"}
    return httpx2.post(f"{url}/v1/models/{model}/predict", content=TIPS.read_bytes(), headers=headers, timeout=60)


def is_listed(url):
    return "brightness@1" in listed(url)


def test_template_registers_itself_and_is_found_again_after_every_end(serve, service):
    """It is started before the server, dies and comes back; the server is started anew: nobody does anything."""
    first = serve(**HERE)
    port = first.url.rpartition(":")[2]
    one = service(SERVER_URL=first.url)
    assert one.line() == f"registered at {first.url} as brightness@1\n"
    answer = predict(first.url).json()
    assert (answer["model"], answer["engine"]) == ("brightness@1", "remote/microservice")
    assert {entry["label"] for entry in answer["predictions"]} == {"dark", "bright"}
    shown = httpx2.get(f"{first.url}/v1/models/brightness").json()
    assert (shown["state"], shown["labels"], shown["layout"]) == ("ready", ["dark", "bright"], "registered")
    assert one.url not in httpx2.get(f"{first.url}/v1/models").text

    one.kill()
    began = time.monotonic()
    eventually(lambda: not is_listed(first.url), "it is gone from the list")
    assert time.monotonic() - began < GONE_S
    assert listed(first.url, all="true")["brightness@1"] == "away"
    assert httpx2.get(f"{first.url}/v1/models/brightness").json()["state"] == "away"
    refused = predict(first.url, "brightness@1")
    assert (refused.status_code, refused.json()["code"]) == (503, "model_unavailable")

    two = service(one.port)  # it says nothing to anybody, and is found all the same
    eventually(lambda: is_listed(first.url), "it is back")
    first.stop()
    again = serve("--port", port, **HERE)
    eventually(lambda: is_listed(again.url), "it is known after a restart")
    assert predict(again.url).status_code == 200

    two.kill()
    moved = service(SERVER_URL=again.url)
    assert moved.url != one.url
    assert moved.line() == f"registered at {again.url} as brightness@1\n"
    assert predict(again.url).status_code == 200


def test_all_that_share_a_database_know_it(serve, work, service, fresh_postgres_url):
    """Another server within seconds, and a worker apart, which works off what waited while nobody knew the place."""
    shared = {**HERE, "SACCADE_DATABASE_URL": fresh_postgres_url, **ALONE, "SACCADE_CACHE_BYTES": "0"}
    subprocess.run([*SACCADE, "migrate"], env={**outside(), **shared}, check=True, capture_output=True, timeout=120)
    one, other = serve(**shared), serve(**shared)
    runs = service()
    assert register(one.url, runs).status_code == 201
    began = time.monotonic()
    eventually(lambda: is_listed(other.url), "the other server knows it")
    assert time.monotonic() - began < 2 * LOOK_S + GONE_S
    assert predict(other.url).status_code == 200

    runs.kill()
    eventually(lambda: not is_listed(other.url), "the other server misses it")
    body = {"images": [{"base64": base64.b64encode(TIPS.read_bytes()).decode()}], "models": ["brightness"]}
    job = httpx2.post(f"{other.url}/v1/jobs", json=body, timeout=60)
    assert job.status_code == 202, job.text
    work(**shared).await_begun()
    moved = service()  # at another place, where the worker finds it
    assert register(one.url, moved).status_code == 201
    ended = httpx2.get(f"{one.url}/v1/jobs/{job.json()['id']}", params={"wait": "30"}, timeout=60).json()
    assert (ended["state"], ended["counts"]["succeeded"]) == ("succeeded", 1)

    assert httpx2.delete(f"{one.url}/v1/models/brightness").status_code == 204
    eventually(lambda: "brightness@1" not in listed(other.url, all="true"), "the other server forgets it")
    assert predict(other.url).status_code == 404


def test_what_is_refused_says_why(serve, service):
    """An address that is not allowed, nobody there, a name that is taken, and what is no registration at all."""
    server = serve(SACCADE_REMOTE_ALLOW="127.0.0.1:*")
    runs, other = service(), service()

    def told(**said):
        answer = register(server.url, runs, **said)
        return answer.status_code, answer.json().get("code")

    assert told(url="http://127.0.0.2:80") == (422, "service_refused")
    assert told(url=f"http://user:word@127.0.0.1:{runs.port}") == (422, "service_refused")
    assert told(url=f"http://[::ffff:127.0.0.1]:{runs.port}") == (422, "service_refused")
    assert told(url="http://127.0.0.1:1") == (422, "service_unreachable")
    assert told(url="file:///etc/passwd") == (422, "parameter_invalid")
    assert told(name="circles") == (409, "name_taken")
    assert told(version="prod") == (422, "parameter_invalid")
    assert told(name="No Name") == (422, "parameter_invalid")
    assert told(task="zero-shot-object-detection") == (422, "parameter_invalid")
    assert told() == (201, None)
    assert told() == (200, None)
    assert told(url=other.url) == (409, "name_taken")  # it is still at its old place
    assert httpx2.delete(f"{server.url}/v1/models/circles").json()["code"] == "model_unknown"
    assert httpx2.delete(f"{server.url}/v1/models/brightness@2").json()["code"] == "model_unknown"
    assert httpx2.get(f"{server.url}/v1/models?all=yes").json()["code"] == "parameter_invalid"

    closed = serve()
    answer = register(closed.url, runs)
    assert (answer.status_code, answer.json()["code"]) == (422, "service_refused")
    assert "SACCADE_REMOTE_ALLOW" in answer.json()["hint"]


def test_new_weights_under_a_new_version_are_a_new_model(serve, service):
    """Another version at the same place takes the place of the first, so that no name is answered by other weights."""
    server = serve(**HERE)
    runs = service()
    assert register(server.url, runs).status_code == 201
    assert register(server.url, runs, version="2", labels=["dark", "bright", "dim"]).status_code == 201

    found = listed(server.url, all="true")
    assert "brightness@1" not in found
    assert found["brightness@2"] == "ready"
    assert predict(server.url).json()["model"] == "brightness@2"
    assert predict(server.url, "brightness@1").status_code == 404


def test_a_service_key_registers_and_opens_nothing_else(serve, place, service):
    """And what one person registered is theirs: others can neither take nor remove it, an admin can remove it."""
    server = serve("--access", "required", **HERE)

    def command(*words, stdin=""):
        ran = subprocess.run(
            [*SACCADE, *words],
            env={**outside(), **place.settings},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    keys = {}
    for name in ("ada", "bea"):
        command("users", "create", name, "--role", "researcher", "--password-stdin", stdin=f"{GOOD}\n")
        keys[name] = command("keys", "create", name, "--service", "predict_microservice")
    command("users", "create", "root", "--admin", "--password-stdin", stdin=f"{GOOD}\n")
    login = httpx2.post(f"{server.url}/v1/auth/login", json={"username": "root", "password": GOOD}).json()
    bearer = {name: {"Authorization": f"Bearer {text}"} for name, text in keys.items()}
    bearer["root"] = {"Authorization": f"Bearer {login['access_token']}"}
    one = service(SERVER_URL=server.url, API_KEY=keys["ada"])
    assert one.line() == f"registered at {server.url} as brightness@1\n"

    def status(who, method, path, **sent):
        return httpx2.request(method, server.url + path, headers=bearer[who], timeout=60, **sent).status_code

    said = {"url": service().url, "task": "image-classification", "protocol": "microservice"}
    assert status("ada", "GET", "/v1/models") == 403
    assert status("bea", "POST", "/v1/models", json={"name": "brightness", "version": "7", **said}) == 409
    assert status("bea", "DELETE", "/v1/models/brightness") == 403
    assert status("root", "GET", "/v1/models/brightness") == 200
    assert status("root", "DELETE", "/v1/models/brightness") == 204
    assert status("bea", "POST", "/v1/models", json={"name": "brightness", **said}) == 201
    assert httpx2.post(f"{server.url}/v1/models", json={"name": "other", **said}).status_code == 401
