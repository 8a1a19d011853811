"""A real server over real sockets: what clients send, and what it does to those who misbehave."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx2
import pytest
from PIL import Image

from saccade.api.protocol import HEAD_TIMEOUT_S, MAX_HEAD_BYTES, MAX_PIPELINED
from saccade.cli.listening import STALL_TIMEOUT_S

#: One file in the models folder: finds the bounding box of everything darker than the paper.
FINDER = '''
class Finder:
    """Finds one dark square."""

    task = "object-detection"
    labels = ("square",)
    version = "1"

    def load(self):
        pass

    def predict(self, images):
        answers = []
        for image in images:
            ys, xs = (image.mean(axis=2) < 128).nonzero()
            if not len(xs):
                answers.append([])
                continue
            box = {"xmin": xs.min(), "ymin": ys.min(), "xmax": xs.max() + 1, "ymax": ys.max() + 1}
            box = {side: float(place) + 0.4 for side, place in box.items()}
            answers.append([{"label": "square", "score": 0.9, "box": box}])
        return answers
'''


def png(side_px=64, *, grey=200):
    stream = io.BytesIO()
    image = Image.new("RGB", (side_px, side_px), (grey,) * 3)
    image.paste((0, 0, 0), (8, 16, 24, 32))
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "finder.py").write_text(FINDER)
    return folder


@pytest.fixture(scope="module")
def base(models, tmp_path_factory, run_server):
    """Yield the address of a server with the built-in model and the finder, with a short patience."""
    settings = {
        "SACCADE_SERVER_BODY_TIMEOUT_S": "2",
        "SACCADE_SERVER_MAX_BODY_BYTES": "4000000",
        "SACCADE_CACHE_BYTES": "0",
    }
    home = tmp_path_factory.mktemp("server")
    with run_server(home, "--models", str(models), settings=settings) as started:
        yield started.url


@pytest.fixture
def client(base):
    with httpx2.Client(base_url=base, timeout=20) as client:
        yield client


@contextlib.contextmanager
def connected(base):
    """Yield a plain connection."""
    where = urlsplit(base)
    with socket.create_connection((where.hostname, where.port), timeout=HEAD_TIMEOUT_S + 10) as connection:
        yield connection


def exchange(base, data):
    """Send bytes and return everything that comes until the server closes."""
    with connected(base) as connection:
        connection.sendall(data)
        return drain(connection)


def drain(connection):
    chunks = []
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def test_every_way_to_send_a_picture_gives_the_same_answer(client, tmp_path):
    """Raw, form and base64 are three envelopes of one letter."""
    data = png()
    url = "/v1/models/dummy/predict"

    raw = client.post(url, content=data).json()
    form = client.post(url, files={"file": ("a.png", data, "image/png")}).json()
    text = client.post(url, json={"image_base64": base64.b64encode(data).decode()}).json()

    assert raw["predictions"] == form["predictions"] == text["predictions"]
    assert raw["image"] == {"id": raw["image"]["id"], "width_px": 64, "height_px": 64}
    assert len(raw["predictions"]) == 2


def test_pairs_run_through_real_models(client):
    """Two pictures, one of them damaged, through two models."""
    files = [("images", ("a.png", png())), ("images", ("b.png", png()[:100]))]

    results = client.post("/v1/predict", files=files, data={"models": ["dummy", "finder"]}).json()["results"]

    codes = [result.get("problem", {}).get("code") for result in results]
    assert codes == [None, None, "image_unreadable", "image_unreadable"]
    assert results[1]["prediction"]["predictions"][0]["box"]["xmin"] == pytest.approx(8.4)


def test_private_address_is_not_fetched(client, base):
    """The server cannot be made to ask itself."""
    answer = client.post("/v1/models/dummy/predict", json={"image_url": f"{base}/livez"})

    assert (answer.status_code, answer.json()["code"]) == (422, "url_refused")


def test_models_can_be_unloaded_and_loaded(client):
    """Both take effect at once, over HTTP."""
    assert client.post("/v1/models/finder/unload").json()["state"] == "unloaded"
    assert client.post("/v1/models/finder/predict", content=png()).json()["code"] == "model_not_loaded"
    assert client.post("/v1/models/finder/load").json()["state"] == "ready"
    assert client.post("/v1/models/finder/predict", content=png()).status_code == 200


def test_metrics_move_by_what_was_asked(client):
    """Requests and predictions are counted once each."""

    def value(name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    computed = 'saccade_predictions_total{model="dummy@1",outcome="computed"}'
    refused = 'saccade_refusals_total{code="image_format_unsupported"}'
    before = value(computed), value(refused)

    for _ in range(3):
        client.post("/v1/models/dummy/predict", content=png())
    client.post("/v1/models/dummy/predict", content=b"no picture")

    assert (value(computed) - before[0], value(refused) - before[1]) == (3.0, 1.0)


def test_many_clients_at_once_are_all_answered(base):
    """Parallel requests do not get in each other's way."""
    outcomes = []

    def ask():
        with httpx2.Client(base_url=base, timeout=30) as client:
            outcomes.extend(client.post("/v1/models/dummy/predict", content=png()).status_code for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert outcomes == [200] * 40


def test_huggingface_client_works_unmodified(base, tmp_path):
    """Its InferenceClient classifies and detects, with and without parameters, from bytes and from a file."""
    from huggingface_hub import InferenceClient

    picture = tmp_path / "a.png"
    picture.write_bytes(png())
    client = InferenceClient()

    labels = client.image_classification(png(), model=f"{base}/hf/dummy")
    top = client.image_classification(str(picture), model=f"{base}/hf/dummy", top_k=1)
    found = client.object_detection(png(), model=f"{base}/hf/finder")
    none = client.object_detection(png(), model=f"{base}/hf/finder", threshold=0.95)

    assert [label.label for label in labels] == ["bright", "dark"]
    assert [label.label for label in top] == ["bright"]
    assert labels[0].score > labels[1].score
    box = found[0].box
    assert (found[0].label, box.xmin, box.ymin, box.xmax, box.ymax) == ("square", 8, 16, 24, 32)
    assert none == []


def test_huggingface_client_understands_refusals(base):
    """An unknown model is its own kind of error."""
    from huggingface_hub import InferenceClient
    from huggingface_hub.errors import HfHubHTTPError

    with pytest.raises(HfHubHTTPError) as caught:
        InferenceClient().image_classification(png(), model=f"{base}/hf/nobody")

    assert caught.value.response.status_code == 404
    assert "nobody" in caught.value.response.json()["error"]


def test_oversized_upload_gets_its_answer(client):
    """A client that sends everything before it reads still learns why it was refused."""
    answer = client.post("/v1/models/dummy/predict", content=b"x" * 6_000_000)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert client.get("/livez").status_code == 200


def test_oversized_chunked_upload_is_refused(client):
    """Without a length the bytes are counted."""
    answer = client.post("/v1/models/dummy/predict", content=(b"x" * 100_000 for _ in range(60)))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_slow_body_is_cut_off(base):
    """A body that trickles ends in 408, within the time that the setting says, and the connection is closed."""
    head = b"POST /v1/models/dummy/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    begun = time.monotonic()
    with connected(base) as connection:
        connection.sendall(head)
        stop = threading.Event()

        def trickle():
            with contextlib.suppress(OSError):
                while not stop.wait(0.2):
                    connection.sendall(b"x")

        dripper = threading.Thread(target=trickle)
        dripper.start()
        answer = drain(connection)
        stop.set()
        dripper.join()

    assert status_of(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "body_too_slow"
    assert time.monotonic() - begun < 8


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: local"])
def test_slow_head_is_cut_off(base, sent):
    """A connection on which no request comes is closed; one with half a request is told so."""
    begun = time.monotonic()

    answer = exchange(base, sent)

    assert status_of(answer) == (408 if sent else None)
    assert HEAD_TIMEOUT_S - 2 < time.monotonic() - begun < HEAD_TIMEOUT_S + 5


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system cannot be told so")
def test_client_that_takes_nothing_is_cut_off(base):
    """An answer that nobody takes does not hold its connection for ever."""
    where = urlsplit(base)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((where.hostname, where.port))
        connection.sendall(b"GET /docs/assets/redoc.standalone.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        threading.Event().wait(STALL_TIMEOUT_S + 5)
        connection.settimeout(5)
        answer = drain(connection)

    assert status_of(answer) == 200
    assert len(answer) < int(re.search(rb"content-length: (\d+)", answer)[1])


def test_idle_connection_after_an_answer_is_closed(base):
    """A kept connection is not kept for ever."""
    begun = time.monotonic()

    answer = exchange(base, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert status_of(answer) == 200
    assert time.monotonic() - begun < HEAD_TIMEOUT_S + 5


@pytest.mark.parametrize("line", [b"X: ", b""])
def test_endless_head_is_cut_off(base, line):
    """One endless header, or endless headers, end with 431 before they fill the memory."""
    with connected(base) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + line)
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b"y" * MAX_HEAD_BYTES if line else b"a: b\r\n" * (MAX_HEAD_BYTES // 6))
        answer = drain(connection)

    assert status_of(answer) in {431, 400, None}


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"1\r\nx\r\n0\r\nX: ", b"y" * 65_536),
        (b"1\r\nx\r\n0\r\n", b"a: b\r\n" * 11_000),
        (b"1\r\nx\r\n1;", b"y" * 65_536),
        (b"0\r\n\r\nGET / HTTP/1.1\r\nX: ", b"y" * 65_536),
    ],
)
def test_what_stands_beside_a_body_is_bounded(base, start, piece):
    """Endless trailers or chunk extensions, or the next head while a request runs, do not fill the memory."""
    head = b"POST /v1/models/dummy/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(base) as connection:
        connection.sendall(head + start)
        sent = 0
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(200):
                connection.sendall(piece)
                sent += 1

    assert sent < 200


def test_trailers_change_nothing(base):
    """What comes behind the body is no header of the request: not its id, not its host."""
    head = b"POST /v1/models/dummy/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    head += b"X-Request-ID: mine\r\nConnection: close\r\n\r\n"

    answer = exchange(base, head + b"1\r\nx\r\n0\r\nX-Request-ID: other\r\nHost: evil.example\r\n\r\n")

    assert (status_of(answer), re.findall(rb"x-request-id: (\w+)", answer)) == (415, [b"mine"])


def test_flood_of_pipelined_requests_is_refused(base):
    """A connection does not hold thousands of requests that wait for one another."""
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    few, many = exchange(base, one * MAX_PIPELINED + last), exchange(base, one * 1_000 + last)

    assert few.count(b"HTTP/1.1 200") == MAX_PIPELINED + 1
    assert many.count(b"HTTP/1.1 200") <= MAX_PIPELINED + 1


@pytest.mark.parametrize("wish", [b"h2c", b"websocket"])
@pytest.mark.parametrize("chunked", [False, True])
def test_wish_for_another_protocol_does_not_lose_the_body(base, wish, chunked):
    """Clients that would rather speak HTTP/2 ask with their first request, and are answered in HTTP/1.1."""
    data = png()
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if chunked else data
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(data)
    head = b"POST /v1/models/dummy/predict HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % length
    head += b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMAAABk\r\n\r\n" % wish
    last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    answer = exchange(base, head + body + last)

    assert answer.count(b"HTTP/1.1 200") == 2
    assert b'"width_px":64' in answer


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://localhost/livez", 200),
        (b"http://evil.example/livez", 403),
        (b"http://localhost@evil.example/livez", 403),
        (b"http://evil.example:80?localhost", 400),
    ],
)
def test_host_of_an_absolute_target_stands_over_the_header(base, target, status):
    """The target says whom the request is for; a Host header beside it counts for nothing."""
    answer = exchange(base, b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % target)

    assert status_of(answer) == status


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /\xff\xfe HTTP/1.1",
        b"GET /%ff%fe%00 HTTP/1.1",
        b"GET * HTTP/1.1",
        b"CONNECT localhost:80 HTTP/1.1",
        b"GET http://localhost/livez HTTP/1.1",
        b"GET http://evil.example/livez HTTP/1.1",
        b"GET //livez HTTP/1.1",
        b"GET /livez?\xff=\xfe HTTP/1.1",
        b"get /livez HTTP/1.1",
        b"GET /livez HTTP/9.9",
        b"GET /livez",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        b"Host: localhost\r\n",
        b"Host: localhost\r\nX: \xff\x80\r\n",
        b"Host: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Host: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"Host: localhost\r\nContent-Length: -1\r\n",
        b"Host: localhost\r\nTransfer-Encoding: gzip\r\n",
        b"Host: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n",
        b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"Host: localhost\r\nX-Request-ID: a\x00b\r\n",
        b" folded: x\r\n",
        b"",
    ],
)
def test_malformed_requests_are_no_failure(base, request_line, headers):
    """Whatever bytes come, the answer is no 5xx, or the connection is closed, and the server lives."""
    with connected(base) as connection:
        connection.sendall(request_line + b"\r\n" + headers + b"Connection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        try:
            answer = drain(connection)
        except TimeoutError:
            answer = b""

    assert status_of(answer) is None or status_of(answer) < 500


def test_server_lives_and_logs_no_trace_after_all_that(base, client):
    """None of the attacks was a fault of the server's."""
    assert client.get("/livez").status_code == 200
    assert "internal" not in client.get("/metrics").text


def test_pipelined_requests_are_answered_in_order(base):
    """Two requests in one packet get two answers."""
    first = b"GET /version HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: one\r\n\r\n"
    second = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: two\r\nConnection: close\r\n\r\n"

    answer = exchange(base, first + second)

    assert re.findall(rb"x-request-id: (\w+)", answer) == [b"one", b"two"]


def test_head_has_no_body_on_the_wire(base):
    """A HEAD's answer ends with its headers."""
    answer = exchange(base, b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-length: 18" in answer


def test_server_does_not_name_its_software(client):
    """The Server header would only help to look up weaknesses."""
    assert "server" not in client.get("/livez").headers


def test_expect_continue_is_answered_before_the_body(base):
    """A client that asks first is told to go on, or gets its refusal without having sent anything."""
    head = (
        b"POST /v1/models/dummy/predict HTTP/1.1\r\nHost: localhost\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    )
    with connected(base) as connection:
        connection.sendall(head % 10)
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
    with connected(base) as connection:
        connection.sendall(head % 10_000_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_requests_under_way_end_before_the_server_does(start_server, tmp_path):
    """SIGTERM lets a request finish; its client gets the answer."""
    (tmp_path / "slow.py").write_text(
        "import time\n\n\nclass Slow:\n    task = 'image-classification'\n    labels = ('a',)\n    version = '1'\n\n"
        "    def load(self):\n        pass\n\n    def predict(self, images):\n        time.sleep(1.5)\n"
        "        return [[{'label': 'a', 'score': 1.0}] for _ in images]\n"
    )
    started = start_server("--models", str(tmp_path))
    answers = []

    def ask():
        answers.append(httpx2.post(f"{started.url}/v1/models/slow/predict", content=png(), timeout=20).status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    deadline = time.monotonic() + 10
    with httpx2.Client(base_url=started.url) as client:
        while "http_server_active_requests 2.0" not in client.get("/metrics").text and time.monotonic() < deadline:
            threading.Event().wait(0.02)
    code = started.stop()
    thread.join(20)

    assert (answers, code) == ([200], 0)


def test_uploads_leave_no_file_behind(start_server, tmp_path_factory):
    """Pictures stay in memory: neither the folder for temporary files nor the home changes."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    started = start_server(settings={"TMPDIR": str(scratch)}, home=home)

    def files():
        return {path for folder in (home, scratch) for path in folder.rglob("*") if path.is_file()}

    before = files()
    with httpx2.Client(base_url=started.url, timeout=20) as client:
        padded = png() + bytes(5_000_000)
        answer = client.post("/v1/models/dummy/predict", files={"file": ("a.png", padded)})

    assert answer.status_code == 200
    assert files() == before
