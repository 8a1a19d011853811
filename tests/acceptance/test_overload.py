"""More requests than a server can answer, and clients that leave: a real server, a plug-in that notes what it saw."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from PIL import Image

#: Notes the grey of every picture it is asked about, and waits with black ones until it is let go.
HELD = '''
import time
from pathlib import Path

PLACE = Path(__file__).parent


class Held:
    """Stops at black pictures until a file named "go" is there."""

    task = "image-classification"
    labels = ("grey",)
    version = "1"

    def load(self):
        pass

    def predict(self, images):
        greys = [int(image[0, 0, 0]) for image in images]
        if (PLACE / "trace").exists():
            with (PLACE / "seen").open("a") as seen:
                seen.write("".join(f"{grey}\\n" for grey in greys))
        deadline = time.monotonic() + 60
        while 0 in greys and not (PLACE / "go").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.02 * len(images))
        return [[{"label": "grey", "score": 1.0}] for _ in images]
'''

BLACK = 0
HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n%s\r\n"
URL = "/v1/models/held/predict"


def png(grey):
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (grey,) * 3).save(stream, "PNG")
    return stream.getvalue()


class Scene:
    """A server with one slot, and the strings of its plug-in."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url

    def seen(self):
        """Return the greys that the plug-in was asked about."""
        place = self.folder / "seen"
        return [int(grey) for grey in place.read_text().split()] if place.exists() else []

    def let_go(self):
        (self.folder / "go").touch()

    def ask(self, grey, path=URL):
        """Send one picture and return the answer."""
        return httpx2.post(f"{self.url}{path}", content=png(grey), timeout=60)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", httpx2.get(f"{self.url}/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def wait(self, name, value):
        """Return when a metric has a value."""
        self.wait_for(lambda: self.metric(name), value)

    def wait_for(self, look, value):
        """Return when something has a value."""
        deadline = time.monotonic() + 30
        while (seen := look()) != value:
            if time.monotonic() > deadline:
                pytest.fail(f"waited for {value}, saw {seen}")
            threading.Event().wait(0.01)

    def connect(self, data):
        """Return a connection over which these bytes were sent."""
        where = urlsplit(self.url)
        connection = socket.create_connection((where.hostname, where.port), timeout=10)
        connection.sendall(data)
        return connection

    def request(self, grey):
        """Return a whole request with a picture."""
        picture = png(grey)
        return HEAD % (URL.encode(), len(picture), b"") + picture


@pytest.fixture
def scene(tmp_path, start_server):
    """Return a function that starts the server with settings of one's own."""

    def make(**settings):
        (tmp_path / "held.py").write_text(HELD)
        (tmp_path / "trace").touch()
        given = {f"SACCADE_{name.upper()}": str(value) for name, value in settings.items()}
        started = start_server("--models", str(tmp_path), settings={"SACCADE_ENGINE_SLOTS": "1", **given})
        (tmp_path / "seen").unlink(missing_ok=True)
        return Scene(Path(tmp_path), started.url)

    return make


def first_line(connection):
    return connection.recv(4096).split(b"\r\n", 1)[0]


def test_flood_gets_answers_or_refusals_that_say_when_to_come_back(scene):
    """Of three hundred at once nobody is reset or left waiting: 200, or 503 with Retry-After and a problem."""
    held = scene(server_burst=8, cache_bytes=0)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(held.ask, [grey % 200 + 20 for grey in range(300)]))
    refusals = [answer for answer in answers if answer.status_code != 200]

    assert {answer.status_code for answer in answers} == {200, 503}
    assert {answer.headers["content-type"] for answer in refusals} == {"application/problem+json"}
    assert {answer.json()["code"] for answer in refusals} == {"queue_full"}
    assert all(1 <= int(answer.headers["retry-after"]) <= 40 for answer in refusals)
    assert len(answers) - len(refusals) == len(held.seen())
    assert held.metric("saccade_admission_requests") == 0.0


@pytest.mark.parametrize("path", [URL, "/hf/held"])
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_refusal_comes_before_the_body(scene, path, expect):
    """A client that has sent its headers only learns at once that it need not send the rest; other routes answer."""
    held = scene(server_burst=1, cache_bytes=0)
    with ThreadPoolExecutor(2) as pool:
        inside = [pool.submit(held.ask, BLACK) for _ in range(2)]
        held.wait("saccade_admission_requests", 2.0)
        with held.connect(HEAD % (path.encode(), 5_000_000, expect)) as connection:
            assert first_line(connection) == b"HTTP/1.1 503 Service Unavailable"
        assert httpx2.get(f"{held.url}/livez").status_code == 200
        assert httpx2.post(f"{held.url}/v1/models/dummy/predict", content=png(9)).status_code == 200
        held.let_go()

        assert [answer.result(60).status_code for answer in inside] == [200, 200]
    assert held.metric('saccade_admission_refused_total{where="head"}') == 1.0


def test_picture_whose_client_left_is_not_run(scene):
    """Thirty clients wait and leave: the model never sees their pictures, and those who stay are answered."""
    held = scene(batch_max_items=1)
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as stack:
        inside = pool.submit(held.ask, BLACK)
        held.wait_for(held.seen, [BLACK])
        leavers = [stack.enter_context(held.connect(held.request(100 + number))) for number in range(30)]
        stayer = pool.submit(held.ask, 50)
        held.wait('saccade_queue_size{model="held@1"}', 31.0)
        for leaver in leavers:
            leaver.close()
        held.wait("saccade_admission_abandoned_total", 30.0)
        held.let_go()

        assert (inside.result(60).status_code, stayer.result(60).status_code) == (200, 200)
    assert sorted(held.seen()) == [BLACK, 50]
    assert held.metric("saccade_admission_requests") == 0.0


def test_work_goes_on_when_another_client_waits_for_the_same_answer(scene):
    """Two ask about one picture, and the one who asked first leaves: the other gets the answer, of one run."""
    held = scene(batch_max_items=1)
    with ThreadPoolExecutor(2) as pool:
        inside = pool.submit(held.ask, BLACK)
        held.wait_for(held.seen, [BLACK])
        first = held.connect(held.request(70))
        held.wait('saccade_queue_size{model="held@1"}', 1.0)
        second = pool.submit(held.ask, 70)
        held.wait("saccade_admission_requests", 3.0)
        third = held.connect(held.request(90))
        held.wait("saccade_admission_requests", 4.0)
        first.close()
        third.close()  # seen to be gone after the first, and counted
        held.wait("saccade_admission_abandoned_total", 1.0)
        held.let_go()

        assert (inside.result(60).status_code, second.result(60).status_code) == (200, 200)
    assert sorted(held.seen()) == [BLACK, 70]


def test_bodies_that_drip_hold_no_place(scene):
    """Twenty clients that send half a picture and no more keep nobody else out."""
    held = scene(server_burst=1)
    half = held.request(100)[:-20]
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(held.connect(half))
        held.wait("http_server_active_requests", 21.0)

        assert [held.ask(grey).status_code for grey in (200, 201, 202)] == [200, 200, 200]
