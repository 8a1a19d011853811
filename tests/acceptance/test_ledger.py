"""The ledger of a real server: what was asked is written, whoever asks, and whatever ends the server."""

import http.client
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest

PICTURE = Path(__file__).parents[2] / "samples" / "circles" / "coins.jpg"
REQUIRED = {"SACCADE_ACCESS_MODE": "required"}
SERVICE = {"service": "predict_microservice"}
THIRD = "hidden-in-an-address"
#: What an answer has in which something secret is shown this one time.
MADE = {"key", "access_token", "secret"}
FORGED = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsInByZWZlcnJlZF91c2VybmFtZSI6ImFsaWNlIn0.AAAA"


def token(home, name, *more):
    """Return a development token from the command line, as a person would get it."""
    command = [sys.executable, "-m", "saccade.cli.main", "token", name, "--home", str(home / "saccade"), *more]
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, timeout=60)
    assert done.returncode == 0, done.stderr
    return {"Authorization": f"Bearer {done.stdout.strip()}"}


def rows(home, columns, table, where="1"):
    with sqlite3.connect(f"file:{home / 'saccade' / 'saccade.db'}?mode=ro", uri=True) as connection:
        return connection.execute(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id").fetchall()


@pytest.fixture
def home(tmp_path):
    return tmp_path


def test_one_row_a_request_and_one_a_prediction(start_server, home):
    """By whom, on which route, with which status; failures too, cached answers apart; SIGTERM loses nothing."""
    server = start_server(home=home, settings={**REQUIRED, "SACCADE_USAGE_FLUSH_S": "60"})
    alice, bob = token(home, "alice"), token(home, "bob", "--role", "none")
    predict, picture = f"{server.url}/v1/models/dummy/predict", PICTURE.read_bytes()
    statuses = [httpx2.post(predict, content=picture, headers=alice).status_code for _ in range(3)]
    statuses.append(httpx2.post(predict, content=b"no picture", headers=alice).status_code)
    statuses.append(httpx2.post(predict, content=picture, headers=bob).status_code)
    assert statuses == [200, 200, 200, 415, 403]
    assert server.stop() == 0

    seen = Counter(rows(home, "principal, user_name, via, method, route, model, status, bytes_in > 0", "request_event"))
    route = "/v1/models/{model}/predict"
    assert seen == {
        ("dev:alice", "alice", "dev", "POST", route, "dummy", 200, 1): 3,
        ("dev:alice", "alice", "dev", "POST", route, "dummy", 415, 1): 1,
        ("dev:bob", "bob", "dev", "POST", route, "", 403, 0): 1,
    }
    assert Counter(rows(home, "principal, model, outcome, cached, pixels > 0", "usage_event")) == {
        ("dev:alice", "dummy@1", "succeeded", 0, 1): 1,
        ("dev:alice", "dummy@1", "succeeded", 1, 1): 2,
        ("dev:alice", "dummy@1", "failed", 0, 0): 1,
    }


def test_forged_expired_and_missing_tokens_leave_no_row(start_server, home):
    """Nobody writes rows under the name that a token only claims."""
    server = start_server(home=home, settings=REQUIRED)
    expired = token(home, "alice", "--lasts", "1s")
    for headers in ({"Authorization": f"Bearer {FORGED}"}, {"X-API-Key": "sac_x"}, {}):
        assert httpx2.get(f"{server.url}/v1/models", headers=headers).status_code == 401
    while httpx2.get(f"{server.url}/v1/me", headers=expired).status_code == 200:
        pass
    assert httpx2.get(f"{server.url}/v1/models", headers=expired).status_code == 401
    assert httpx2.get(f"{server.url}/livez").status_code == 200
    server.stop()

    assert rows(home, "route", "request_event", "route != '/v1/me'") == []


@pytest.mark.slow
def test_sigterm_under_load_loses_no_row(start_server, home):
    """Every answer that a client saw is in the ledger once the server has stopped."""
    server = start_server(home=home, settings={**REQUIRED, "SACCADE_USAGE_FLUSH_S": "30"})
    headers = token(home, "alice")
    where = urlsplit(server.url)

    def ask(_):
        answered = 0
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        try:
            for _ in range(400):
                connection.request("GET", "/v1/me", headers=headers)
                answer = connection.getresponse()
                answer.read()
                answered += answer.status == 200
        except (OSError, http.client.HTTPException):
            pass
        return answered

    with ThreadPoolExecutor(8) as crew:
        asked = [crew.submit(ask, number) for number in range(8)]
        while not any(future.done() for future in asked) and not rows_or_none(home):
            if sum(future.running() for future in asked) == 8:
                break
        httpx2.get(f"{server.url}/v1/models", headers=headers)
        server.process.send_signal(signal.SIGTERM)
        answered = sum(future.result() for future in asked)
    assert server.process.wait(60) == 0  # a second signal would not let it finish

    assert answered > 0
    assert len(rows(home, "id", "request_event", "route = '/v1/me' AND status = 200")) >= answered


def rows_or_none(home):
    try:
        return rows(home, "id", "request_event")
    except sqlite3.OperationalError:
        return []


@pytest.mark.slow
def test_kill_loses_no_item_and_at_most_one_interval_of_requests(start_server, home):
    """Rows of items are written with their items; what was flushed before SIGKILL is there."""
    server = start_server(home=home, settings={**REQUIRED, "SACCADE_USAGE_FLUSH_S": "0.2"})
    headers = token(home, "alice")
    with PICTURE.open("rb") as file:
        form = {"images": ("a.jpg", file.read())}
    job = httpx2.post(f"{server.url}/v1/jobs", files=form, data={"models": "dummy"}, headers=headers).json()
    while httpx2.get(f"{server.url}/v1/jobs/{job['id']}?wait=10", headers=headers).json()["state"] == "running":
        pass
    while not rows(home, "id", "request_event", "route = '/v1/jobs'"):
        pass
    [child] = psutil.Process(server.pid).children()
    child.kill()
    child.wait()

    assert rows(home, "principal, outcome, item_id IS NOT NULL, service", "usage_event") == [
        ("dev:alice", "succeeded", 1, "saccade")
    ]
    assert len(rows(home, "id", "request_event", "route = '/v1/jobs' AND status = 202")) == 1


class Visit:
    """Somebody who uses a server with every kind of secret, and remembers them and all that was answered."""

    def __init__(self, url, root):
        self.url = url
        self.root = root
        self.told = []

    def ask(self, method, path, headers=None, **more):
        answer = httpx2.request(method, f"{self.url}{path}", headers=self.root if headers is None else headers, **more)
        self.told.append((path, answer))
        return answer

    def use_everything(self):
        """Return all secrets that were used, and the one that is kept to be used: what webhooks are signed with."""
        password, second = "correct horse battery staple", "another horse altogether"
        alice = {"username": "alice", "password": password}
        self.ask("POST", "/v1/users", json={**alice, "roles": ["investigator"]})
        session = self.ask("POST", "/v1/auth/login", json=alice).json()["access_token"]
        logged_in = {"Authorization": f"Bearer {session}"}
        key = self.ask("POST", "/v1/keys", logged_in, json={"scopes": ["predict:*"]}).json()
        rotated = self.ask("POST", f"/v1/keys/{key['id']}/rotate", logged_in).json()
        self.ask("GET", "/v1/me", {"X-API-Key": key["key"]})
        self.ask("GET", f"/v1/me?api_key={key['key']}&password={password}", logged_in)
        for wrong in ({**alice, "password": password + "x"}, {**alice, "password": [password]}, {"x": password}):
            self.ask("POST", "/v1/auth/login", {}, json=wrong)
        self.ask("POST", "/v1/auth/login", {}, content=password.encode())
        self.ask("POST", "/v1/me/password", logged_in, json={"old_password": password, "new_password": second})
        self.ask("GET", "/v1/me", {"Authorization": f"Bearer {FORGED}"})
        service = self.ask("POST", "/auth/key", params={"key_owner_username": "alice", **SERVICE}).json()["key"]
        self.ask("DELETE", "/auth/key", params={"key": service})
        self.ask("POST", "/auth/login", {}, data={**alice, "password": THIRD})
        hook = self.ask("POST", "/v1/webhooks/secret").json()["secret"]
        for source in (f"http://ada:{THIRD}@127.0.0.1/{THIRD}.jpg", f"https://pictures.invalid/a.jpg?key={THIRD}"):
            self.ask("POST", "/v1/models/dummy/predict", json={"image_url": source})
        for path in ("/metrics", "/config", "/v1/keys", "/v1/users", "/health", "/v1/usage"):
            self.ask("GET", path)
        shown = [text.rpartition("_")[2] for text in (session, key["key"], rotated["key"], service)]
        return [password, second, THIRD, self.root["Authorization"].split()[1], FORGED, *shown], hook


@pytest.mark.slow
def test_no_secret_is_in_database_log_errors_or_metrics(start_server, home):
    """Passwords, keys, sessions and tokens are nowhere in what a server leaves behind, but where they were made."""
    server = start_server("--log-level", "debug", home=home, settings=REQUIRED)
    visit = Visit(server.url, token(home, "root", "--role", "admin"))
    secrets, hook = visit.use_everything()
    server.stop()

    log = server.log_text()
    left = [("log", log)]
    left += [(path.name, path.read_bytes().decode("latin-1")) for path in (home / "saccade").glob("saccade.db*")]
    made = [answer for _, answer in visit.told if answer.is_success and shown_by(answer)]
    left += [(path, answer.text) for path, answer in visit.told if answer not in made]
    assert [(where, secret[:9]) for where, text in left for secret in secrets if secret in text] == []
    assert [where for where, text in left if hook in text and not where.startswith("saccade.db")] == []
    assert (len(made), len(secrets)) == (5, 9)
    for secret in (*(text for answer in made for text in shown_by(answer)), visit.root["Authorization"]):
        server.log.write_text(log + secret)  # what the servers of all tests are searched for finds each kind
        assert server.secrets_left() == ([] if secret == hook else [server.log.name])
    server.log.write_text(log)


def shown_by(answer):
    """Return the secrets that a JSON object shows; none for anything else."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return []
    return [value for name, value in answer.json().items() if name in MADE and isinstance(value, str)]
