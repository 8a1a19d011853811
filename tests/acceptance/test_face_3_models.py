"""System 3's model services: they say where they are, again and again, and clients find their models by name."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from working.photo_server import RED, failure, key_of, md5, photo_server, picture
from working.processes import eventually

SERVICE = Path(__file__).parents[2] / "examples" / "model_service.py"


@pytest.fixture(scope="module")
def photos(tmp_path_factory, run_server):
    """Yield a server that takes services of this machine, with four people in it."""
    home = tmp_path_factory.mktemp("photos")
    with photo_server(run_server, home, SACCADE_REMOTE_ALLOW="127.0.0.1:*") as world:
        world.settle("alice", "bob", "rita")
        yield world


@pytest.fixture
def start():
    """Return a function that starts a service and returns its address and its process."""
    made = []

    def start(port=0):
        process = subprocess.Popen([sys.executable, str(SERVICE), str(port)], stdout=subprocess.PIPE, text=True)
        made.append(process)
        return process.stdout.readline().split()[-1], process

    yield start
    for process in made:
        process.kill()
        process.wait(10)
        process.stdout.close()


def register(photos, key, path="/model/register", **body):
    return httpx2.post(f"{photos.url}{path}", headers={"api_key": key}, json=body, timeout=60)


@pytest.mark.row("3 POST /model/register")
@pytest.mark.row("3 GET /model/list")
@pytest.mark.row("3 GET /model/all")
def test_service_is_listed_while_it_is_there_and_remembered_when_it_is_gone(photos, start):
    """Both spellings of both fields, with the slash and without; what it answers is found by the name it gave."""
    key = key_of(photos, "rita").json()["key"]
    url, process = start()
    name, host = "Scene Finder", url.removeprefix("http://")
    first = register(photos, key, modelName=name, modelSocket=url)
    assert (first.status_code, first.json()) == (
        200,
        {"status": "success", "detail": "Model has been successfully registered to server."},
    )
    for path, socket in (("/model/register/", host), ("/model/register", url)):
        again = register(photos, key, path=path, name=name, socket=socket)
        assert again.json() == {"status": "success", "detail": "Model has already been registered."}
    assert "scene-finder" in photos.ask("alice", "GET", "/model/list").json()["models"]
    assert photos.ask("alice", "GET", "/model/all").json()["models"]["scene-finder"] == ["dark", "bright"]
    photo = picture(RED)
    assert photos.predict("alice", [photo], name).status_code == 200
    [told] = photos.awaited("alice", md5(photo))
    assert set(told["models"]["scene-finder"]) == {"dark", "bright"}

    process.kill()
    eventually(lambda: "scene-finder" not in photos.ask("alice", "GET", "/model/list").json()["models"], "it is gone")
    assert photos.ask("alice", "GET", "/model/all").json()["models"]["scene-finder"] == ["dark", "bright"]
    start(int(url.rpartition(":")[2]))
    eventually(lambda: "scene-finder" in photos.ask("alice", "GET", "/model/list").json()["models"], "it is back")


@pytest.mark.row("3 POST /model/register")
def test_what_cannot_be_registered_is_told_in_the_words_of_old(photos, start):
    """Nobody there, no key, one that is none, an investigator, a name that is taken, an address that is not allowed."""
    key = key_of(photos, "rita").json()["key"]
    url, _ = start()
    away = register(photos, key, name="away", socket="http://127.0.0.1:1")
    assert (away.status_code, away.json()) == (
        422,
        {"status": "failure", "detail": "Unable to establish successful connection to model."},
    )
    for refused in (
        httpx2.post(f"{photos.url}/model/register", json={"name": "x", "socket": url}),
        register(photos, "sac_" + "0" * 20 + "_" + "0" * 64, name="x", socket=url),
    ):
        assert refused.json() == {"status": "failure", "detail": "Unable to validate credentials."}
        assert refused.status_code == 401
    failure(photos.ask("alice", "POST", "/model/register", json={"name": "x", "socket": url}), 403)
    failure(register(photos, key, name="tint", socket=url), 409)
    failure(register(photos, key, name="x", socket="http://127.0.0.2:5000"), 422)
    failure(register(photos, key, name="x", socket="ftp://127.0.0.1"), 422)
    failure(register(photos, key, name="?!", socket=url), 422)
    failure(register(photos, key, name="x"), 422)
    failure(register(photos, key, name=["x"], socket=url), 422)
    failure(httpx2.post(f"{photos.url}/model/register", headers={"api_key": key}, content=b"{"), 400)


def test_the_old_header_is_looked_at_nowhere_else(photos):
    """A key of a service opens one door, whichever header it comes in."""
    key = key_of(photos, "rita").json()["key"]

    assert httpx2.get(f"{photos.url}/model/list", headers={"api_key": key}).status_code == 401
    assert httpx2.get(f"{photos.url}/v1/me", headers={"api_key": key}).status_code == 401
    assert httpx2.get(f"{photos.url}/model/list", headers={"X-API-Key": key}).status_code == 403
