"""The whole corpus at a real server, through every way in: no 5xx, no death, no hoarding."""

import base64
import functools
import http.server
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest

from hostile.corpus import hostile_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CLIENTS = 4
#: No promise of speed, for machines differ and are shared: what takes longer was not going to end.
MAX_S = 20.0
MAX_GROWTH_BYTES = 256 * 2**20
KNOWN = {
    "image_empty",
    "image_format_unsupported",
    "image_too_many_frames",
    "image_too_many_pixels",
    "image_too_many_scans",
    "image_too_large",
    "image_unreadable",
    "url_unreachable",
    "url_refused",
}


class Corpus(http.server.BaseHTTPRequestHandler):
    """Serves a hostile file by its number."""

    files: tuple[bytes, ...] = ()

    def do_GET(self):
        data = self.files[int(self.path.removeprefix("/"))]
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def corpus():
    """Every hostile file."""
    return tuple(hostile_files())


@pytest.fixture(scope="module")
def corpus_url(corpus):
    """The corpus behind URLs."""
    handler = type("Loaded", (Corpus,), {"files": tuple(file.data for file in corpus)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        thread = threading.Thread(target=files.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{files.server_port}"
        files.shutdown()
        thread.join()


def raw(client, url, _number, data, _base):
    return client.post(url, content=data)


def form(client, url, _number, data, _base):
    return client.post(url, files={"file": ("x.jpg", data, "image/jpeg")})


def text(client, url, _number, data, _base):
    return client.post(url, json={"image_base64": base64.b64encode(data).decode()})


def link(client, url, number, _data, base):
    return client.post(url, json={"image_url": f"{base}/{number}"})


def memory(pid):
    """Return what the supervisor and its child hold."""
    process = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


def children(pid):
    """Return the ids of the processes below the supervisor."""
    return [child.pid for child in psutil.Process(pid).children()]


def test_the_corpus_is_large_enough(corpus):
    """A thousand files or the zeros below mean little."""
    assert len(corpus) >= 1000
    assert len({file.name for file in corpus}) == len(corpus)


@pytest.mark.parametrize("send", [raw, form, text, link])
def test_no_file_hurts_the_server(start_server, corpus, corpus_url, send):
    """Every file is answered before long with a prediction or a known refusal, all by the same child."""
    settings = {"SACCADE_FETCH_ALLOW": corpus_url.removeprefix("http://"), "SACCADE_LOG_LEVEL": "error"}
    server = start_server(settings=settings)
    url = f"{server.url}/v1/models/dummy/predict"
    with httpx2.Client(timeout=30) as client:
        for file in corpus[:100]:  # what is allocated once is no growth
            send(client, url, corpus.index(file), file.data, corpus_url)
        before, born = memory(server.pid), children(server.pid)
        ask = functools.partial(send, client, url)
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(lambda item: ask(item[0], item[1].data, corpus_url), enumerate(corpus)))
        after = memory(server.pid)
    wrong = [
        (file.name, answer.status_code, answer.text[:200])
        for file, answer in zip(corpus, answers, strict=True)
        if answer.status_code != 200 and (answer.status_code >= 500 or answer.json().get("code") not in KNOWN)
    ]
    slow = [
        (file.name, answer.elapsed)
        for file, answer in zip(corpus, answers, strict=True)
        if answer.elapsed.total_seconds() > MAX_S
    ]

    assert wrong == []
    assert slow == []
    assert children(server.pid) == born
    assert after - before <= MAX_GROWTH_BYTES
    assert sum(answer.status_code != 200 for answer in answers) > len(corpus) // 2
