"""Protocols of models that run elsewhere: what strange servers answer, and when a try is repeated."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from saccade.backends.remotes import open_remote
from saccade.backends.remotes.client import RemoteModel
from saccade.backends.remotes.microservice import Microservice
from saccade.backends.remotes.places import FixedPlace
from saccade.backends.remotes.v1 import KServeV1
from saccade.backends.remotes.v2 import OpenInference
from saccade.errors import ModelUnavailable, RemoteFailed, SchemeUnknown
from saccade.images.addresses import AllowList
from saccade.models.package import RemoteSpec

IMAGE = np.zeros((4, 6, 3), np.uint8)
GOOD = json.dumps({"status": "success", "result": {"classes": ["a", "b"], "result": {"b": 0.75, "a": 0.25}}}).encode()


class Strange(ThreadingHTTPServer):
    """A server whose answers to POST are scripted; counts what it was sent."""

    daemon_threads = True

    def __init__(self, *answers, is_ready=True, drips="", sign=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.is_ready = is_ready
        self.sign = sign
        self.drips = drips
        self.posts = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.server.drips == "sign":
            self._drip()
        else:
            self._answer(*(self.server.sign or (200 if self.server.is_ready else 503, b"{}")))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts += 1
        if self.server.drips == "answer":
            self._drip()
            return
        status, body = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if status == 0:  # hangs up without a word
            self.close_connection = True
            return
        self._answer(status, body)

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self):
        """Send a byte now and then, until the client has had enough."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(0.05)

    def log_message(self, *_):
        pass


@pytest.fixture
def asking():
    """Return a function that returns a client of a scripted server, and the server; all end with the test."""
    made = []

    def ask(*answers, retries=2, timeout_s=5.0, **way):
        server = Strange(*answers, **way)
        client = RemoteModel(
            RemoteSpec(server.url, "microservice", "m", timeout_s, retries),
            Microservice("m"),
            FixedPlace(server.url),
            pulse_s=60.0,
        )
        made.append((server, client))
        return client, server

    yield ask
    for server, client in made:
        client.close()
        server.shutdown()
        server.server_close()


def test_labels_come_back_with_their_scores(asking):
    """The contract of a model service."""
    client, _ = asking((200, GOOD))

    [answer] = client.predict([IMAGE])

    assert {(entry["label"], entry["score"], entry["class_id"]) for entry in answer} == {("a", 0.25, 0), ("b", 0.75, 1)}


@pytest.mark.parametrize("first", [(0, b""), (503, b""), (502, b"")])
def test_what_was_surely_not_answered_is_tried_again(asking, first):
    """A connection that was shut, a proxy that finds nobody: the next try may find somebody."""
    client, server = asking(first, (200, GOOD))

    assert len(client.predict([IMAGE])) == 1
    assert server.posts == 2


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_a_refusal_is_not_repeated(asking, status):
    """It would be refused again; and a model that fails may fail for each caller who repeats it."""
    client, server = asking((status, b"secret words of the other server"))

    with pytest.raises(RemoteFailed) as caught:
        client.predict([IMAGE])
    assert server.posts == 1
    assert str(status) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert client.problem is None


def test_after_the_last_try_it_counts_as_away_and_is_not_asked_any_more(asking):
    """The breaker: while nobody answers, no caller waits for a connection."""
    client, server = asking((503, b""), retries=1)

    with pytest.raises(ModelUnavailable) as caught:
        client.predict([IMAGE])
    assert caught.value.retry_after_s > 0
    with pytest.raises(ModelUnavailable):
        client.predict([IMAGE])
    assert server.posts == 2
    assert "503" in client.problem


def test_a_model_that_says_it_is_not_ready_is_not_asked(asking):
    """Its own word counts."""
    client, server = asking((200, GOOD), is_ready=False)

    with pytest.raises(ModelUnavailable):
        client.predict([IMAGE])
    assert server.posts == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"null",
        b'{"status": "failure", "detail": "x"}',
        b'{"status": "success"}',
        b'{"status": "success", "result": {"classes": ["a"], "result": {"a": "many"}}}',
        b'{"status": "success", "result": {"classes": 7, "result": {"a": 1}}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_is_the_remotes_failure(asking, body):
    """Whatever comes back instead of an answer, the caller gets one clear problem."""
    client, _ = asking((200, body))

    with pytest.raises(RemoteFailed):
        client.predict([IMAGE])


def test_an_answer_without_end_is_cut_off(asking, monkeypatch):
    """A server that is not ours must not fill the memory."""
    monkeypatch.setattr("saccade.backends.remotes.client.MAX_ANSWER_BYTES", 1000)
    client, _ = asking((200, b"x" * 2000))

    with pytest.raises(RemoteFailed, match="more than"):
        client.predict([IMAGE])


@pytest.mark.parametrize("slow", ["answer", "sign"])
def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(asking, slow):
    """The time limit is for a try as a whole, not from byte to byte."""
    client, server = asking((200, GOOD), timeout_s=0.3, drips=slow)

    with pytest.raises(ModelUnavailable):
        client.predict([IMAGE])
    assert server.posts == (1 if slow == "answer" else 0)


def test_another_models_answer_is_refused():
    """A server may have changed behind its address."""
    body = json.dumps({"model_name": "other", "outputs": []}).encode()

    with pytest.raises(ValueError, match="another model"):
        OpenInference("mine@2").read(body, 1)


@pytest.mark.parametrize("nested", [False, True])
def test_outputs_of_other_servers_are_read_by_name(nested):
    """One row for each picture, flat or nested as the protocol allows both."""
    labels = [["a", "b"], ["c", "d"]] if nested else ["a", "b", "c", "d"]
    scores = [[0.9, 0.1], [0.8, 0.2]] if nested else [0.9, 0.1, 0.8, 0.2]
    box = [[1, 2, 3, 4], [5, 6, 7, 8]]
    boxes = [box, box] if nested else [corner for _ in range(2) for each in box for corner in each]
    outputs = [{"name": "label", "data": labels}, {"name": "score", "data": scores}, {"name": "box", "data": boxes}]

    found = OpenInference("m").read(json.dumps({"model_name": "m", "outputs": outputs}).encode(), 2)

    assert [[entry["label"] for entry in each] for each in found] == [["a", "b"], ["c", "d"]]
    assert found[1][1] == {"label": "d", "score": 0.2, "box": {"xmin": 5, "ymin": 6, "xmax": 7, "ymax": 8}}


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [
        ([{"label": "coin", "score": 0.5, "bounding_box": {}, "radius": {"radius": 4}}], ["coin"]),
        ([[{"label": "a", "score": 0.5}, {"label": "b", "score": 0.25}]], ["a", "b"]),
        ([{"a": 0.75, "b": 0.25}], ["a", "b"]),
        ([], []),
        ([[]], []),
    ],
)
def test_shapes_of_kserves_first_protocol(predictions, labels):
    """A list of objects, a list for the instance, scores by label, nothing."""
    [found] = KServeV1("m").read(json.dumps({"predictions": predictions}).encode(), 1)

    assert [entry["label"] for entry in found] == labels


def test_a_protocol_that_there_is_not_is_told():
    """With those that there are."""
    with pytest.raises(SchemeUnknown, match="v3"):
        open_remote(RemoteSpec("http://127.0.0.1:1", "v3", "m", 1.0, 0), allow=AllowList())


@pytest.mark.parametrize(
    ("sign", "said"),
    [
        ((404, b""), "does not know it: nothing is at /status (404)"),
        ((302, b""), "points elsewhere (302)"),
        ((500, b""), "not ready (500)"),
        ((503, b""), "not ready (503)"),
    ],
)
def test_why_a_model_is_away_is_told_so_that_somebody_can_act(asking, sign, said):
    """Another path or place is for whoever wrote the URL; the rest passes, or is for whoever runs the server."""
    client, server = asking((200, GOOD), sign=sign)

    assert said in client.problem
    with pytest.raises(ModelUnavailable, match="The model m runs elsewhere and is away"):
        client.predict([IMAGE])
    assert server.posts == 0


def test_a_page_in_the_place_of_a_sign_is_told():
    """A web server's page is 200 too."""
    server = Strange(sign=(200, b"<html>"))
    spec = RemoteSpec(server.url, "v2", "circles", 5.0, 0, name="far-circles")
    client = open_remote(spec, allow=AllowList())

    assert "does not know at /v2/models/circles/ready" in client.problem
    with pytest.raises(ModelUnavailable, match="The model far-circles runs elsewhere"):
        client.predict([IMAGE])
    client.close()
    server.shutdown()
    server.server_close()
