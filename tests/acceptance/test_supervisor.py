"""The supervisor: what it does when the one child crashes, hangs, refuses its settings, or is told to stop.

The mechanics are tested on a server of thirty lines that misbehaves on request; the story, on the real one.
"""

import contextlib
import http.client
import io
import re
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest
from PIL import Image

TIMEOUT_S = 20.0

MISBEHAVING = """
import os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from saccade.cli.listening import listen
from saccade.cli.probe import ReadyProbe
from saccade.cli.supervisor import Backoff, Reports, Supervisor

bound, address = listen("127.0.0.1", 0, is_guarded=False)
say = lambda *words: print(*words, flush=True)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.path == "/exit-78":
            os._exit(78)
        if self.path == "/deaf":
            signal.signal(signal.SIGTERM, lambda *_: say("deaf"))
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

def serve():
    if os.path.exists("broken"):
        return 3
    server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket = bound
    server.serve_forever()
    return 0

reports = Reports(ready=lambda: say("ready", address.url), log=lambda level, message: say(level, message))
sys.exit(Supervisor(serve, probe=ReadyProbe(address.url), reports=reports, grace_s=float(sys.argv[1])).run())
"""


class Supervised:
    """The misbehaving server under a supervisor."""

    def __init__(self, process):
        self.process = process
        self.port = 0

    def line(self):
        """Return the next line that the supervisor says."""
        readable, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_S)
        assert readable, "the supervisor says nothing"
        return self.process.stdout.readline().rstrip()

    def get(self, path="/"):
        """Ask the child; its answer is its process id."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return int(connection.getresponse().read())

    def crash(self, path="/segfault"):
        """Ask for a crash, which closes the connection."""
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            self.get(path)

    def stop(self, number):
        """Send a signal to the supervisor and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)


def is_gone(pid):
    """Tell whether a process has ended; where nobody collects orphans, it stays as a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(is_true, what):
    """Wait until something is true."""
    deadline = time.monotonic() + TIMEOUT_S
    with select.epoll() as nothing:
        while not is_true():
            assert time.monotonic() < deadline, what
            nothing.poll(0.02)


@pytest.fixture
def supervised(tmp_path, request):
    """Return the misbehaving server, ready; its grace is a second unless a test says otherwise."""
    command = [sys.executable, "-c", MISBEHAVING, str(getattr(request, "param", 1.0))]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        started = Supervised(process)
        said, url = started.line().split()
        assert said == "ready"
        started.port = int(url.rsplit(":", 1)[1])
        yield started
        process.kill()


def test_child_is_replaced_when_a_signal_kills_it(supervised):
    """A crash is logged with the signal's name, and another process answers soon after."""
    first = supervised.get()

    supervised.crash()
    line = supervised.line()

    assert line.startswith("error The server was killed by SIGSEGV after")
    assert line.endswith("it starts again in 0.1 s.")
    assert supervised.get() != first
    assert supervised.line() == "info The server is ready again."


def test_connections_wait_in_line_while_there_is_no_child(supervised):
    """Requests that come during a restart are answered late and not refused."""
    first = supervised.get()
    supervised.crash()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: supervised.get(), range(16)))

    assert first not in answers
    assert len(set(answers)) == 1


def test_pauses_grow_while_the_child_does_not_come_up(supervised, tmp_path):
    """A child that crashes at every start is tried again after longer and longer pauses, and heals by itself."""
    (tmp_path / "broken").touch()
    supervised.crash()

    pauses = [supervised.line().rsplit("in ", 1)[1] for _ in range(4)]
    (tmp_path / "broken").unlink()

    assert pauses == ["0.1 s.", "0.2 s.", "0.4 s.", "0.8 s."]
    assert supervised.get() > 0


def test_wrong_setting_ends_the_supervisor_too(supervised):
    """No restart mends a setting: the child's exit code 78 becomes the supervisor's."""
    supervised.crash("/exit-78")

    assert supervised.process.wait(TIMEOUT_S) == 78


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_ends_both_with_0(supervised, number):
    """A wish to stop is passed on, and the child is gone before the supervisor is."""
    child = supervised.get()

    assert supervised.stop(number) == 0
    assert not psutil.pid_exists(child)


@pytest.mark.parametrize("supervised", [600.0], indirect=True)
def test_second_signal_does_not_wait_for_the_grace(supervised):
    """A child that does not stop is killed when the wish is repeated; that is no clean end."""
    child = supervised.get("/deaf")

    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.line() == "deaf"

    assert supervised.stop(signal.SIGTERM) == 1
    assert not psutil.pid_exists(child)


def test_no_child_is_left_when_the_supervisor_is_killed(supervised):
    """Kill -9 on the supervisor takes the child along, so that the port is free for the next one."""
    child = supervised.get()

    supervised.stop(signal.SIGKILL)

    eventually(lambda: is_gone(child), "the child outlives its supervisor")


def test_stop_during_a_pause_ends_at_once(supervised, tmp_path):
    """With no child to wait for, the supervisor ends with 0."""
    (tmp_path / "broken").touch()
    supervised.crash()
    for _ in range(3):
        supervised.line()

    assert supervised.stop(signal.SIGTERM) == 0


CRASHER = '''
"""Says nothing of pictures, but a black one kills its process: what a broken graph or decoder does."""

import os
import signal


class Crasher:
    """Dies of black pictures."""

    task = "image-classification"
    labels = ("survived",)

    def load(self):
        """Need nothing."""

    def predict(self, images):
        """Survive all but black."""
        if any(int(image.max()) == 0 and image.shape[0] == 7 for image in images):
            os.kill(os.getpid(), signal.SIGSEGV)
        return [[{"label": "survived", "score": 1.0}] for _ in images]
'''


def png(width_px, height_px, colour):
    """Return a picture of one colour."""
    written = io.BytesIO()
    Image.new("RGB", (width_px, height_px), colour).save(written, "PNG")
    return written.getvalue()


def test_model_that_kills_its_process_takes_the_server_away_for_a_moment_only(tmp_path, start_server):
    """After a segfault inside a model the server answers again within seconds, and who asks meanwhile is answered."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "crasher.py").write_text(CRASHER)
    server = start_server("--models", str(tmp_path / "models"), home=tmp_path)
    route = "/v1/models/crasher/predict"

    with httpx2.Client(base_url=server.url, timeout=TIMEOUT_S) as client:
        before = client.post(route, content=png(8, 8, "red"))
        with pytest.raises(httpx2.TransportError):
            client.post(route, content=png(7, 7, "black"))
        crashed_at = time.monotonic()
        after = client.post(route, content=png(8, 8, "blue"))
        away_s = time.monotonic() - crashed_at
        others = [client.post("/v1/models/dummy/predict", content=png(8, 8, "green")) for _ in range(4)]

    assert [answer.status_code for answer in (before, after, *others)] == [200] * 6
    assert "SIGSEGV" in server.log_text()
    assert away_s < 10


def test_wrong_setting_ends_the_server_with_78_and_one_line(tmp_path):
    """Nothing is served, nothing is tried again, and the line names the setting."""
    command = [sys.executable, "-m", "saccade.cli.main", "serve", "--preload", "some"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert ended.returncode == 78
    assert ended.stderr.startswith("Error: SACCADE_PRELOAD='some' (command line)")
    assert ended.stderr.count("\n") == 1


def test_port_that_is_taken_is_told(tmp_path, start_server):
    """A second server on the same port ends at once and says why."""
    port = start_server().url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "saccade.cli.main", "serve", "--port", port]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert ended.returncode == 78
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in ended.stderr


def test_open_bind_is_refused_before_anything_listens(tmp_path):
    """Serving the network needs to be said in so many words."""
    command = [sys.executable, "-m", "saccade.cli.main", "serve", "--host", "0.0.0.0", "--port", "0"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S)

    assert ended.returncode == 78
    assert "[bind_refused]" in ended.stderr


def test_server_stops_with_0_and_leaves_nothing(start_server):
    """SIGTERM ends the supervisor and its child, and the port is free."""
    server = start_server()
    family = [server.pid, *(child.pid for child in psutil.Process(server.pid).children(recursive=True))]

    assert server.stop() == 0
    assert [pid for pid in family if not is_gone(pid)] == []


def test_server_without_a_supervisor_is_one_process(start_server, tmp_path):
    """Where something else restarts it, the server stands alone."""
    command = [sys.executable, "-m", "saccade.cli.main", "serve", "--port", "0", "--no-supervisor"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = re.search(r"listens at (http://\S+);", process.stdout.readline())[1]
        with httpx2.Client(base_url=url, timeout=TIMEOUT_S) as client:
            eventually(lambda: answers(client, "/livez"), "the server does not answer")
        children = psutil.Process(process.pid).children()
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)

    assert children == []


def answers(client, path):
    """Tell whether a server answers 200."""
    try:
        return client.get(path).status_code == 200
    except httpx2.TransportError:
        return False
