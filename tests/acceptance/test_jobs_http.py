"""Jobs at a real server with its worker: submitted, followed, waited for, and told apart from each other."""

from __future__ import annotations

import io
import json
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

from working.slow import slow_plug_in

EVENT = re.compile(r"event: (\w+)\nid: (\S+)\ndata: (.*)\n\n")


def png(grey=200):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (grey,) * 3).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "slow.py").write_text(slow_plug_in(0.1))
    return folder


@pytest.fixture(scope="module")
def base(models, tmp_path_factory, run_server):
    """Yield the address of a server with a slow model, whose worker takes a few items at a time."""
    settings = {"SACCADE_CACHE_BYTES": "0", "SACCADE_WORKER_CONCURRENCY": "2", "SACCADE_ENGINE_SLOTS": "1"}
    with run_server(tmp_path_factory.mktemp("server"), "--models", str(models), settings=settings) as started:
        yield started.url


@pytest.fixture
def client(base):
    with httpx2.Client(base_url=base, timeout=60) as client:
        yield client


def submit(client, count, *, model="slow", **headers):
    files = [("images", (f"{place}.png", png(place))) for place in range(count)]
    answer = client.post("/v1/jobs", files=files, data={"models": [model]}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_job_comes_to_its_end_and_its_results_are_those_of_the_sync_route(client):
    """What a job finds in a picture is what the synchronous route finds."""
    picture = (Path(__file__).parents[2] / "samples" / "circles" / "coins.jpg").read_bytes()
    files = [("images", ("coins.jpg", picture)), ("images", ("bad.jpg", b"no picture"))]
    job = client.post("/v1/jobs", files=files, data={"models": ["circles", "dummy"]}).json()

    ended = client.get(f"/v1/jobs/{job['id']}?wait=30").json()
    results = client.get(f"/v1/jobs/{job['id']}/results").json()["results"]
    direct = client.post("/v1/models/circles/predict", content=picture).json()

    assert (ended["state"], ended["counts"]["succeeded"], ended["counts"]["failed"]) == ("failed", 2, 2)
    assert results[0]["prediction"]["predictions"] == direct["predictions"]
    assert [result["problem"]["code"] for result in results[2:]] == ["image_format_unsupported"] * 2


def test_stream_that_breaks_again_and_again_misses_nothing(client):
    """Each item once, in order, over many connections, while the job runs."""
    job_id = submit(client, 20)
    seen: list[str] = []
    while not (seen and seen[-1].endswith("-end")):
        headers = {"Last-Event-ID": seen[-1]} if seen else {}
        with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as stream:
            text = ""
            for piece in stream.iter_text():
                text += piece
                if len(EVENT.findall(text)) >= 3:
                    break
        seen += [number for _, number, _ in EVENT.findall(text)]

    assert seen == [*(str(number) for number in range(1, 21)), "20-end"]


def test_many_streams_and_waits_hold_nobody_up(base, client):
    """A hundred who look on cost no thread: the synchronous route answers, and a job still ends."""
    job_id = submit(client, 40)
    with ThreadPoolExecutor(100) as pool, httpx2.Client(base_url=base, timeout=60) as many:
        paths = [f"/v1/jobs/{job_id}/events", f"/v1/jobs/{job_id}?wait=60"] * 50
        looking = [pool.submit(many.get, path) for path in paths]
        time.sleep(1)
        begun = time.monotonic()
        assert client.post("/v1/models/dummy/predict", content=png()).status_code == 200
        answered_s = time.monotonic() - begun
        answers = [future.result() for future in looking]

    assert answered_s < 2
    assert {answer.status_code for answer in answers} == {200}
    assert all(len(EVENT.findall(answer.text)) == 41 for answer in answers[::2])
    assert {answer.json()["state"] for answer in answers[1::2]} == {"succeeded"}


def test_clients_that_go_away_leave_nothing_behind(client):
    """A wait or a stream whose client has gone ends soon, long before the job."""
    job_id = submit(client, 1, model="slow")
    client.get(f"/v1/jobs/{job_id}?wait=20")
    job_id = submit(client, 100)

    def leave(path):
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{client.base_url}{path}", timeout=0.5)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(leave, [f"/v1/jobs/{job_id}?wait=60"] * 10))
        for stream in [client.stream("GET", f"/v1/jobs/{job_id}/events") for _ in range(10)]:
            with stream:
                pass  # the answer has begun; now the client leaves
    deadline = time.monotonic() + 5
    while active_requests(client) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)

    assert active_requests(client) == 1  # this one
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204


def active_requests(client):
    found = re.search(r"^http_server_active_requests (\S+)", client.get("/metrics").text, re.MULTILINE)
    return float(found[1])


def test_same_submission_at_once_makes_one_job(client):
    """Clients that race with one key get one job, or are told to come again."""
    with ThreadPoolExecutor(8) as pool:
        headers = {"Idempotency-Key": "race"}
        files = [("images", ("a.png", png()))]
        answers = list(
            pool.map(
                lambda _: client.post("/v1/jobs", files=files, data={"models": ["dummy"]}, headers=headers), range(8)
            )
        )

    accepted = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(accepted) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 202} <= {"idempotency_in_flight"}


def test_cancelled_and_erased_jobs_do_nothing_more(client):
    """Cancel ends what is open; erase leaves nothing."""
    job_id = submit(client, 60)

    cancelled = client.post(f"/v1/jobs/{job_id}/cancel").json()
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        last = [*EVENT.findall("".join(stream.iter_text()))][-1]
    erased = client.delete(f"/v1/jobs/{job_id}").status_code

    assert (cancelled["state"], cancelled["counts"]["queued"]) == ("cancelled", 0)
    assert json.loads(last[2])["counts"] == cancelled["counts"]
    assert (erased, client.get(f"/v1/jobs/{job_id}/results").status_code) == (204, 404)


def test_thousand_pictures_are_one_job(client):
    """A form of a thousand files is taken in, and other requests are answered meanwhile."""
    slowest_s = 0.0
    over = threading.Event()

    def knock():
        nonlocal slowest_s
        while not over.is_set():
            begun = time.monotonic()
            client.get("/livez")
            slowest_s = max(slowest_s, time.monotonic() - begun)
            time.sleep(0.02)

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        padding = b"\0" * 20_000
        files = [("images", (f"{place}.png", png() + padding)) for place in range(1000)]
        answer = client.post("/v1/jobs", files=files, data={"models": ["dummy"]})
        ended = client.get(f"/v1/jobs/{answer.json()['id']}?wait=60").json()
    finally:
        over.set()
        knocking.join()
    lines = client.get(f"/v1/jobs/{ended['id']}/results?format=jsonl").text.splitlines()

    assert (answer.status_code, ended["counts"]["succeeded"], len(lines)) == (202, 1000, 1000)
    assert slowest_s < 1


def test_server_stops_at_once_although_clients_look_on(models, start_server):
    """Streams and long polls end with the server's wish to stop, and do not use up its grace."""
    settings = {"SACCADE_WORKER_EMBEDDED": "false", "SACCADE_SERVER_GRACE_S": "20"}
    server = start_server("--models", str(models), settings=settings)
    with httpx2.Client(base_url=server.url, timeout=60) as client, ThreadPoolExecutor(2) as pool:
        job_id = submit(client, 1)
        stream = pool.submit(client.get, f"/v1/jobs/{job_id}/events")
        waited = pool.submit(client.get, f"/v1/jobs/{job_id}?wait=60")
        time.sleep(1)
        begun = time.monotonic()
        assert server.stop() == 0

        assert time.monotonic() - begun < 8
        assert EVENT.findall(stream.result().text) == []
        assert waited.result().json()["state"] == "running"


def test_queue_without_a_worker_says_model_unavailable(models, start_server):
    """An item that nobody can work on is visible as such."""
    server = start_server("--models", str(models), settings={"SACCADE_WORKER_EMBEDDED": "false"})
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        submit(client, 2)

        [line] = client.get("/v1/queue").json()["models"]

    assert (line["model"], line["state"], line["queued"]) == ("slow@1", "model_unavailable", 2)


def test_full_queue_refuses_a_submission_before_its_body(models, start_server):
    """A client that waits for leave to send its body is refused without sending a byte of it."""
    settings = {"SACCADE_WORKER_EMBEDDED": "false", "SACCADE_JOBS_QUEUE_ITEMS_EACH": "1"}
    server = start_server("--models", str(models), settings=settings)
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        submit(client, 1)
    address = urlsplit(server.url)
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        "Content-Length: 200000000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: " in answer
