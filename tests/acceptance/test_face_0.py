"""System 0's API, row for row of its table, against one real server that asks everybody who they are."""

from __future__ import annotations

import contextlib
import http.server
import re
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from saccade.clock import utc_now
from working.processes import eventually, outside

SAMPLES = Path(__file__).parents[2] / "samples" / "sem-textures"
TIPS = (SAMPLES / "Tips.jpg").read_bytes()
LABELS = {path.stem for path in SAMPLES.glob("*.jpg")}
INFERENCE, STATUS, RESULTS = "/api/v1/inference", "/api/v1/jobs/status", "/api/v1/jobs/results"
#: UTC that does not say so.
NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?")
POLLS = 120


class Web(http.server.BaseHTTPRequestHandler):
    """A host with one picture, and one page that is none."""

    def do_GET(self):
        found = {"/Tips.jpg": ("image/jpeg", TIPS), "/page": ("text/html", b"<p>no picture</p>")}.get(self.path)
        kind, body = found or ("text/plain", b"nothing here")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Stack:
    """A server, the host that it may fetch from, and people with tokens."""

    def __init__(self, url, web, tokens):
        self.url, self.web = url, web
        self.clients = {None: httpx2.Client(base_url=url, timeout=60)}
        for name, token in tokens.items():
            headers = {"Authorization": f"Bearer {token}"}
            self.clients[name] = httpx2.Client(base_url=url, timeout=60, headers=headers)

    def ask(self, who, method, path, **more):
        answer = self.clients[who].request(method, path, **more)
        assert not answer.is_redirect, path
        return answer

    def submit(self, who="alice", data=TIPS):
        answer = self.ask(who, "POST", INFERENCE, files={"image": ("a.jpg", data, "image/jpeg")})
        assert answer.status_code == 200, answer.text
        return answer.json()["job_id"]

    def told(self, path, job_id, who="alice"):
        return self.ask(who, "POST", path, json={"job_id": job_id})

    def settled(self, job_id, who="alice"):
        """Poll as the original's own suite does, and return the last status."""
        for _ in range(POLLS):
            told = self.told(STATUS, job_id, who).json()
            if told["status"] not in {"PENDING", "PROCESSING"}:
                return told
            time.sleep(0.5)
        pytest.fail("it stays pending")


@pytest.fixture(scope="module")
def stack(tmp_path_factory, run_server):
    home = tmp_path_factory.mktemp("system-0")
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    place = f"127.0.0.1:{web.server_port}"
    settings = {
        "SACCADE_HOME": str(home / "saccade"),
        "SACCADE_ACCESS_MODE": "required",
        "SACCADE_FACES_ROOT": "0",
        "SACCADE_FETCH_ALLOW": place,
    }

    def token(name, *options):
        command = [sys.executable, "-m", "saccade.cli.main", "token", name, *options]
        environment = {**outside(), "HOME": str(home), **settings}
        made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return made.stdout.strip()

    threading.Thread(target=web.serve_forever, daemon=True).start()
    with contextlib.ExitStack() as ends, run_server(home, settings=settings) as server:
        ends.callback(web.server_close)
        ends.callback(web.shutdown)
        eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 200, "the models do not load")
        tokens = {"alice": token("alice"), "bob": token("bob"), "root": token("root", "--role", "admin")}
        made = Stack(server.url, f"http://{place}", tokens)
        yield made
        for client in made.clients.values():
            client.close()


def is_now(text):
    at = datetime.fromisoformat(text)
    return NAIVE.fullmatch(text) and abs(utc_now().replace(tzinfo=None) - at) < timedelta(minutes=5)


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert isinstance(answer.json()["error"], str)
    return answer.json()["error"]


class TestOwnSuite:
    """The six end-to-end tests that the original has of itself, as a flow."""

    @pytest.mark.row("0 GET /__health")
    def test_gateway_health(self, stack):
        """Whoever asks, it is alive."""
        answer = stack.ask(None, "GET", "/__health")

        assert (answer.status_code, answer.json()["status"], answer.json()["agents"]) == (200, "ok", {})
        assert datetime.fromisoformat(answer.json()["now"]).tzinfo is not None

    @pytest.mark.row("0 GET /health")
    def test_backend_health(self, stack):
        """Field for field and type for type."""
        answer = stack.ask(None, "GET", "/health")
        told = answer.json()

        assert answer.status_code == 200
        assert list(told) == ["status", "model_loaded", "device", "redis_connected", "queue"]
        assert (told["status"], told["model_loaded"], told["redis_connected"]) == ("healthy", True, True)
        assert told["device"] in {"cpu", "cuda"}
        assert {name: type(value) for name, value in told["queue"].items()} == {"pending": int, "processing": int}

    @pytest.mark.row("0 GET /api/v1/version")
    def test_version(self, stack):
        """With the routes, all of which there are."""
        answer = stack.ask(None, "GET", "/api/v1/version")
        told = answer.json()

        assert answer.status_code == 200
        assert list(told) == ["api_version", "gateway", "service", "endpoints"]
        assert (told["api_version"], told["service"]) == ("v1.0.0", "SEM Classifier API")
        for route in told["endpoints"].values():
            assert stack.ask("alice", *route.split()).status_code not in {404, 405}

    @pytest.mark.row("0 POST /api/v1/inference")
    @pytest.mark.row("0 POST /api/v1/jobs/status")
    @pytest.mark.row("0 POST /api/v1/jobs/results")
    @pytest.mark.parametrize("path", [INFERENCE, STATUS, RESULTS])
    def test_unauthenticated(self, stack, path):
        """Nothing is said to whoever says nothing."""
        answer = stack.ask(None, "POST", path, json={"job_id": "x"})

        error_of(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.row("0 POST /api/v1/inference")
    @pytest.mark.parametrize("path", [INFERENCE, STATUS, RESULTS, "/queue_stats"])
    def test_garbage_token(self, stack, path):
        """Nor to whoever makes something up."""
        for token in ("garbage", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."):
            error_of(stack.ask(None, "POST", path, json={}, headers={"Authorization": f"Bearer {token}"}), 401)

    @pytest.mark.row("0 POST /api/v1/inference")
    @pytest.mark.row("0 POST /api/v1/jobs/status")
    @pytest.mark.row("0 POST /api/v1/jobs/results")
    def test_full_url_inference_flow(self, stack):
        """A picture at an address is queued, followed and answered."""
        queued = stack.ask("alice", "POST", INFERENCE, json={"image_url": f"{stack.web}/Tips.jpg"})
        job_id = queued.json()["job_id"]
        status = stack.settled(job_id)
        answer = stack.told(RESULTS, job_id)

        assert (queued.status_code, queued.json()["status"]) == (200, "PENDING")
        assert status["status"] == "COMPLETED"
        assert (answer.status_code, answer.json()["result"]["label"]) == (200, "Tips")


@pytest.mark.row("0 POST /api/v1/inference")
def test_uploaded_picture_is_queued(stack):
    """Field for field; the id is a UUID, and the message says where to go on."""
    answer = stack.ask("alice", "POST", INFERENCE, files={"image": ("a.jpg", TIPS, "image/jpeg")})
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["job_id", "status", "message"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", told["job_id"])
    assert told["status"] == "PENDING"
    assert all(part in told["message"] for part in (told["job_id"], STATUS, RESULTS))
    assert answer.headers["cache-control"] == "no-store"


BAD = {
    "neither": (422, {"json": {}}),
    "more than a URL": (422, {"json": {"image_url": "http://a.example/b.png", "image": "x"}}),
    "both": (422, {"files": {"image": ("a.jpg", TIPS)}, "data": {"image_url": "http://a.example/b.png"}}),
    "two files": (422, {"files": [("image", ("a.jpg", TIPS)), ("image", ("b.jpg", TIPS))]}),
    "another field": (422, {"files": {"file": ("a.jpg", TIPS)}}),
    "no bytes": (422, {"files": {"image": ("a.jpg", b"")}}),
    "another scheme": (400, {"json": {"image_url": "ftp://a.example/b.png"}}),
    "a file's URL": (400, {"json": {"image_url": "file:///etc/passwd"}}),
    "no text": (422, {"json": {"image_url": 1}}),
    "null": (422, {"json": {"image_url": None}}),
    "no JSON": (400, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    "no object": (400, {"json": ["image_url"]}),
    "a bare picture": (415, {"content": TIPS, "headers": {"Content-Type": "image/jpeg"}}),
}


@pytest.mark.row("0 POST /api/v1/inference")
@pytest.mark.parametrize(("status", "sent"), BAD.values(), ids=BAD)
def test_wrong_request_is_told_what_is_wrong(stack, status, sent):
    """With 4xx and a reason, where the original gave a bare 500."""
    assert error_of(stack.ask("alice", "POST", INFERENCE, **sent), status)


@pytest.mark.row("0 POST /api/v1/jobs/results")
@pytest.mark.parametrize("path", ["/page", "/absent"])
def test_url_without_a_picture_is_a_failed_job_that_says_why(stack, path):
    """What is there is no image, or there is nothing."""
    job_id = stack.ask("alice", "POST", INFERENCE, json={"image_url": stack.web + path}).json()["job_id"]

    assert stack.settled(job_id)["status"] == "FAILED"
    answer = stack.told(RESULTS, job_id)
    assert (answer.status_code, answer.json()["result"]) == (422, None)
    assert answer.json()["error"]


@pytest.mark.row("0 POST /api/v1/jobs/results")
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a.png", "http://169.254.169.254/latest", "http://[::1]/a.png", "http://10.0.0.1/a"]
)
def test_address_inside_is_not_fetched(stack, url):
    """The job fails, and says so."""
    answer = stack.ask("alice", "POST", INFERENCE, json={"image_url": url})

    assert answer.status_code == 200
    assert stack.settled(answer.json()["job_id"])["status"] == "FAILED"


@pytest.mark.row("0 POST /api/v1/jobs/status")
def test_status_of_a_job_that_is_done(stack):
    """Times are UTC without a zone, in order."""
    job_id = stack.submit()
    status = stack.settled(job_id)

    assert list(status) == ["job_id", "status", "submitted_at", "started_at", "completed_at", "metadata"]
    assert (status["job_id"], status["status"], status["metadata"]) == (job_id, "COMPLETED", {})
    assert all(is_now(status[name]) for name in ("submitted_at", "started_at", "completed_at"))
    assert status["submitted_at"] <= status["started_at"] <= status["completed_at"]


@pytest.mark.row("0 POST /api/v1/jobs/results")
def test_result_of_a_job_that_is_done(stack):
    """The label is the best of all scores, which sum up to one."""
    job_id = stack.submit()
    stack.settled(job_id)
    answer = stack.told(RESULTS, job_id)
    told = answer.json()

    assert answer.status_code == 200
    assert list(told) == ["job_id", "status", "result", "error", "completed_at"]
    assert (told["job_id"], told["status"], told["error"]) == (job_id, "COMPLETED", None)
    assert is_now(told["completed_at"])
    result = told["result"]
    assert list(result) == ["label", "confidence", "all_scores", "device_used"]
    assert result["confidence"] == result["all_scores"][result["label"]] == max(result["all_scores"].values())
    assert sum(result["all_scores"].values()) == pytest.approx(1, abs=1e-4)
    assert (set(result["all_scores"]), result["device_used"]) == (LABELS, "cpu")


@pytest.mark.row("0 POST /api/v1/jobs/status")
@pytest.mark.row("0 POST /api/v1/jobs/results")
def test_corrupt_picture_is_a_failed_job_that_says_why(stack):
    """200 for how it stands, 422 for its result."""
    job_id = stack.submit(data=TIPS[:200])
    status = stack.settled(job_id)
    answer = stack.told(RESULTS, job_id)

    assert (status["status"], is_now(status["completed_at"])) == ("FAILED", True)
    assert (answer.status_code, answer.json()["status"], answer.json()["result"]) == (422, "FAILED", None)
    assert answer.json()["error"]


@pytest.mark.row("0 POST /api/v1/jobs/status")
@pytest.mark.row("0 POST /api/v1/jobs/results")
@pytest.mark.parametrize("job_id", ["", "nope", "01a22130-50f6-7a35-ab78-1600b6cc2969", "' OR 1=1 --", "a\x00b"])
def test_unknown_job_is_not_found(stack, job_id):
    """404, with the body that clients know."""
    status, results = stack.told(STATUS, job_id), stack.told(RESULTS, job_id)

    assert (status.status_code, results.status_code) == (404, 404)
    assert status.json() == {
        "job_id": job_id, "status": "NOT_FOUND", "submitted_at": "", "started_at": None, "completed_at": None,
        "metadata": {"error": "Job not found or TTL expired"},
    }  # fmt: skip
    assert results.json() == {
        "job_id": job_id, "status": "NOT_FOUND", "result": None, "error": "Job not found or TTL expired",
        "completed_at": None,
    }  # fmt: skip


@pytest.mark.row("0 POST /api/v1/jobs/status")
@pytest.mark.row("0 POST /api/v1/jobs/results")
@pytest.mark.parametrize("path", [STATUS, RESULTS])
def test_request_without_an_id_is_refused(stack, path):
    """Not with a job that nobody named."""
    for body, status in (({}, 422), ({"job_id": None}, 422), ({"job_id": 7}, 422), (["job_id"], 400)):
        error_of(stack.ask("alice", "POST", path, json=body), status)


@pytest.mark.row("0 POST /api/v1/jobs/status")
@pytest.mark.row("0 POST /api/v1/jobs/results")
def test_job_of_somebody_else_is_as_absent_as_one_that_never_was(stack):
    """Whatever valid token asks; an admin sees it."""
    job_id = stack.submit("alice")
    stack.settled(job_id)
    absent = job_id[:-1] + ("0" if job_id[-1] != "0" else "1")

    for path in (STATUS, RESULTS):
        foreign, never = stack.told(path, job_id, "bob"), stack.told(path, absent, "bob")
        assert foreign.status_code == never.status_code == 404
        assert foreign.json() | {"job_id": absent} == never.json()
        assert stack.told(path, job_id, "root").status_code == 200


@pytest.mark.row("0 GET /queue_stats")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_queue_is_counted(stack, method):
    """The caller's own items; the sum is right, and moves by what was done."""
    before = stack.ask("bob", method, "/queue_stats").json()
    stack.settled(stack.submit("bob"), "bob")
    stack.settled(stack.submit("bob", TIPS[:100]), "bob")
    after = stack.ask("bob", method, "/queue_stats").json()

    assert list(after) == ["total_jobs", "pending", "processing", "completed", "failed", "queue_size"]
    grown = {name: after[name] - before[name] for name in after}
    assert grown == {"total_jobs": 2, "pending": 0, "processing": 0, "completed": 1, "failed": 1, "queue_size": 0}
    error_of(stack.ask(None, method, "/queue_stats"), 401)


@pytest.mark.row("0 GET /livez")
@pytest.mark.row("0 GET /readyz")
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes(stack, path):
    """For everybody, although the face owns the root."""
    assert stack.ask(None, "GET", path).status_code == 200


@pytest.mark.row("0 POST /api/v1/inference")
@pytest.mark.parametrize("path", [INFERENCE, STATUS, RESULTS])
def test_nothing_redirects_and_other_methods_are_refused(stack, path):
    """A client's POST would come out of a redirect as something else."""
    assert stack.ask("alice", "POST", f"{path}/", json={}).status_code == 404
    error_of(stack.ask("alice", "GET", path), 405)
