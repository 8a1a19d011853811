"""System 2's API, row for row of its table, against one real server."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from working.processes import eventually
from working.slow import slow_plug_in

SAMPLES = Path(__file__).parents[2] / "samples" / "sem-textures"
TIPS = (SAMPLES / "Tips.jpg").read_bytes()
INFERENCE = "/inference/image"
PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def client(tmp_path_factory, run_server):
    with run_server(tmp_path_factory.mktemp("system-2"), settings={"SACCADE_FACES_ROOT": "2"}) as server:
        eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 200, "the models do not load")
        with httpx2.Client(base_url=server.url, timeout=60) as client:
            yield client


def document(data=TIPS, name="a.jpg"):
    return {"name": name, "data": base64.b64encode(data).decode()}


def submit(client, data=TIPS, name="a.jpg", *, path=f"{INFERENCE}/"):
    """Send as the original's own scripts do: JSON that says of itself that it is plain text."""
    answer = client.post(path, content=json.dumps(document(data, name)), headers=PLAIN)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["uuid"]
    return answer.json()["uuid"]


def await_end(client, uuid):
    """Ask until there is something else than null, and return the answer."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = client.get(f"/predictions/{uuid}")
        if answer.status_code != 200 or answer.json()["prediction"] is not None:
            return answer
        assert answer.json() == {"prediction": None}
        time.sleep(0.1)
    pytest.fail("it stays pending")


def detail_of(answer, status):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    assert isinstance(answer.json()["detail"], str)
    return answer.json()["detail"]


class TestOwnSuite:
    """The four end-to-end tests that the original has of itself."""

    @pytest.mark.row("2 GET /")
    def test_greeting(self, client):
        """Word for word."""
        answer = client.get("/")

        assert (answer.status_code, answer.json()) == (200, {"Hello": "World"})

    @pytest.mark.row("2 POST /inference/image")
    @pytest.mark.row("2 GET /predictions/{uuid}")
    @pytest.mark.parametrize("label", ["Tips", "Powder", "Nanowires"])
    def test_picture_is_sent_and_its_label_asked_for(self, client, label):
        """Several pictures, each with a label of its own."""
        uuid = submit(client, (SAMPLES / f"{label}.jpg").read_bytes(), label)
        answer = await_end(client, uuid)

        assert (answer.status_code, answer.json()) == (200, {"prediction": label})
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.row("2 POST /inference/image")
@pytest.mark.row("2 GET /predictions/{uuid}")
def test_folder_of_pictures(client):
    """All are answered, each under an id of its own, however many send at once (K7)."""
    files = sorted(SAMPLES.glob("*.jpg"))
    with ThreadPoolExecutor(4) as pool:
        uuids = list(pool.map(lambda path: submit(client, path.read_bytes(), path.name), files))
    told = [await_end(client, uuid).json()["prediction"] for uuid in uuids]

    assert len(set(uuids)) == len(files)
    assert told == [path.stem for path in files]


@pytest.mark.row("2 POST /inference/image")
@pytest.mark.parametrize("path", [INFERENCE, f"{INFERENCE}/"])
@pytest.mark.parametrize(
    "headers",
    [PLAIN, {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}, {}],
    ids=["plain", "json", "curl", "none"],
)
def test_body_is_json_whatever_it_says_of_itself(client, path, headers):
    """With a slash at the end or without, and with no redirect in between."""
    answer = client.post(path, content=json.dumps(document()), headers=headers)

    assert (answer.status_code, answer.is_redirect) == (200, False)
    assert len(answer.json()["uuid"]) >= 32


BAD = {
    "no name": (422, {"data": document()["data"]}),
    "no data": (422, {"name": "a"}),
    "null": (422, {"name": "a", "data": None}),
    "a number": (422, {"name": 7, "data": document()["data"]}),
    "no base64": (422, {"name": "a", "data": "!!!"}),
    "nothing": (422, {"name": "a", "data": ""}),
    "no object": (400, ["name", "data"]),
}


@pytest.mark.row("2 POST /inference/image")
@pytest.mark.parametrize(("status", "body"), BAD.values(), ids=BAD)
def test_wrong_body_is_refused(client, status, body):
    """With what is wrong, and nothing queued."""
    before = client.get("/queue_stats").json()["total_jobs"]

    assert detail_of(client.post(INFERENCE, json=body), status)
    assert client.get("/queue_stats").json()["total_jobs"] == before


@pytest.mark.row("2 POST /inference/image")
def test_what_is_no_json_is_refused(client):
    """However it is broken."""
    for content in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"name":"a","name":"b","data":""}'):
        assert client.post(INFERENCE, content=content, headers=PLAIN).status_code in {400, 422}
    detail_of(client.get(INFERENCE), 405)


@pytest.mark.row("2 POST /inference/image")
@pytest.mark.parametrize("name", ["", "a" * 5000, "a\x00b", "\ud800", "../../etc/passwd"])
def test_odd_name_spoils_nothing(client, name):
    """It only says what the sender calls the picture."""
    assert await_end(client, submit(client, name=name)).json() == {"prediction": "Tips"}


@pytest.mark.row("2 GET /predictions/{uuid}")
@pytest.mark.parametrize("uuid", ["deadbeef", "01a22130-50f6-7a35-ab78-1600b6cc2969", "%00", "..%2f", "x" * 2000])
def test_unknown_id_is_404(client, uuid):
    """Where the original failed with a 500."""
    detail_of(client.get(f"/predictions/{uuid}"), 404)


@pytest.mark.row("2 GET /predictions/{uuid}")
def test_slash_at_the_end_is_the_same_prediction(client):
    """With no redirect."""
    uuid = submit(client)
    await_end(client, uuid)

    assert client.get(f"/predictions/{uuid}/").json() == {"prediction": "Tips"}


@pytest.mark.row("2 GET /predictions/{uuid}")
@pytest.mark.parametrize("data", [TIPS[:300], b"no picture"])
def test_picture_that_cannot_be_read_is_told(client, data):
    """422 with the reason, where it stayed null for ever."""
    uuid = submit(client, data)

    assert detail_of(await_end(client, uuid), 422)
    assert client.get(f"/predictions/{uuid}").json() != {"prediction": None}


@pytest.mark.row("2 GET /predictions/{uuid}")
def test_pending_is_null(tmp_path, start_server):
    """200, as long as nobody has looked at the picture."""
    (tmp_path / "slow.py").write_text(slow_plug_in(0.1))
    settings = {"SACCADE_WORKER_EMBEDDED": "false", "SACCADE_FACES_2_MODEL": "slow"}
    server = start_server("--models", str(tmp_path), settings=settings)
    with httpx2.Client(base_url=server.url, timeout=60) as alone:
        answer = alone.get(f"/predictions/{submit(alone)}")

    assert (answer.status_code, answer.json()) == (200, {"prediction": None})
