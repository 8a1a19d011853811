"""A real server that clients of system 3 use, the people who use it, and models that see what a first pixel says."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import sqlite3
import subprocess
import sys

import httpx2
import pytest
from PIL import Image

from working.processes import eventually, outside

#: Each person's is another one, so that a leak tells whose it is.
PASSWORDS = {name: f"{name} has a long pass phrase" for name in ("root", "alice", "bob", "rita")}
ROLES = {"alice": "investigator", "bob": "investigator", "rita": "researcher"}
RED, GREEN, BOTH = range(3)
#: Of accounts that tests make.
PHRASE = "a pass phrase of some length"

TINT = '''
"""A plug-in that sees the colours that the first pixel of a picture says, and nothing in what it is shown at first."""

class Tint:
    task = "image-classification"
    labels = ("red", "green", "a.b$c")

    def load(self):
        pass

    def predict(self, images):
        return [self._one(int(image[0, 0][0])) for image in images]

    def _one(self, kind):
        seen = {0: {"red": 0.75}, 1: {"green": 0.5}, 2: {"red": 0.25, "green": 0.125, "a.b$c": 0.5}}.get(kind, {})
        return [{"label": label, "score": score} for label, score in seen.items()]
'''
SHADE = '''
"""A plug-in that sees the same in every picture."""

class Shade:
    task = "image-classification"
    labels = ("dark", "light")

    def load(self):
        pass

    def predict(self, images):
        return [[{"label": "dark", "score": 0.875}] for _ in images]
'''
BROKEN = '''
"""A plug-in that fails at every picture but the one that it is shown when it is loaded."""

class Broken:
    task = "image-classification"
    labels = ("never",)

    def load(self):
        pass

    def predict(self, images):
        if any(int(image[0, 0][0]) < 4 for image in images):
            raise ValueError("no")
        return [[] for _ in images]
'''
PATIENT = '''
"""A plug-in that looks at a picture only while there is a certain file."""
import os, time

class Patient:
    task = "image-classification"
    labels = ("seen",)

    def load(self):
        pass

    def predict(self, images):
        while any(int(image[0, 0][0]) < 4 for image in images) and not os.path.exists(os.environ["PATIENT_UNTIL"]):
            time.sleep(0.02)
        return [[{"label": "seen", "score": 1.0}] for _ in images]
'''
_MODELS = {"tint": TINT, "shade": SHADE, "broken": BROKEN, "patient": PATIENT}
_numbers = itertools.count()


def picture(kind: int = RED) -> bytes:
    """Return a PNG that nobody has yet, whose first pixel says what ``tint`` sees."""
    number = next(_numbers)
    image = Image.new("RGB", (16, 16), (9, number // 256, number % 256))
    image.putpixel((0, 0), (kind, number // 256, number % 256))
    encoded = io.BytesIO()
    image.save(encoded, "png")
    return encoded.getvalue()


def md5(data: bytes) -> str:
    """Return the name that clients of system 3 know a photo by."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class PhotoServer:
    """A server, those who use it, and what it keeps and says."""

    def __init__(self, server, home):
        self.server = server
        self.url = server.url
        self.home = home
        self.until = home / "until"
        self.clients = {None: httpx2.Client(base_url=self.url, timeout=60)}
        #: What was answered, with the path; where a secret may be is left to tests.
        self.answers = []

    def ask(self, who, method, path, **more):
        """Send a request as somebody (None: as nobody), and keep what was answered."""
        answer = self.clients[who].request(method, path, **more)
        self.answers.append((who, method, path, answer))
        return answer

    def settle(self, *names):
        """Let people make themselves an account as they do there, get their role from the admin, and come in."""
        self.enter("root")
        for name in names:
            made = self.ask(None, "POST", "/auth/new", params={"username": name, "password": PASSWORDS[name]})
            assert made.status_code == 200, made.text
            role = {"username": name, "role": ROLES[name]}
            assert self.ask("root", "POST", "/auth/add_role", params=role).status_code == 200
            self.enter(name)

    def enter(self, name, password=None):
        """Log somebody in, and return their session."""
        answer = self.login(name, password or PASSWORDS[name])
        assert answer.status_code == 200, answer.text
        session = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {session}"}
        self.clients[name] = httpx2.Client(base_url=self.url, timeout=60, headers=headers)
        return session

    def login(self, name, password):
        """Ask for a session as OAuth2's password grant does."""
        form = {"grant_type": "password", "username": name, "password": password, "scope": ""}
        return self.ask(None, "POST", "/auth/login", data=form)

    def predict(self, who, pictures, *models, path="/model/predict"):
        """Send photos, named by their place, for models."""
        files = [("images", (f"{place}.png", data, "image/png")) for place, data in enumerate(pictures)]
        return self.ask(who, "POST", path, files=files, data={"models": list(models)})

    def results(self, who, *hashes):
        """Return what is told of photos."""
        answer = self.ask(who, "POST", "/model/results", json=list(hashes))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def awaited(self, who, *hashes):
        """Return what is told of photos once nothing is pending."""
        eventually(lambda: not any("detail" in told for told in self.results(who, *hashes)), "it stays pending")
        return self.results(who, *hashes)

    def search(self, who, *, labels=None, path="/model/search", **query):
        """Search with a filter, if there is one."""
        body = {} if labels is None else {"search_filter": labels}
        return self.ask(who, "POST", path, params=query, json=body)

    def change(self, statement, *values):
        """Change the database behind the server's back."""
        with contextlib.closing(sqlite3.connect(self.home / "saccade" / "saccade.db", timeout=30)) as database:
            changed = database.execute(statement, values).rowcount
            database.commit()
        return changed

    def left(self):
        """Return all that the server left behind: its log, its lines, its database with what is not yet in it."""
        kept = {path.name: path.read_bytes().decode("latin-1") for path in (self.home / "saccade").glob("saccade.db*")}
        return {**kept, "log": self.server.log_text(), "lines": "".join(self.server.lines)}

    def close(self):
        """Let go of all connections."""
        for client in self.clients.values():
            client.close()


@contextlib.contextmanager
def photo_server(run_server, home, *options, **settings):
    """Yield a server with an admin and four models, where strangers may make themselves an account."""
    models = home / "models"
    models.mkdir()
    for name, source in _MODELS.items():
        (models / f"{name}.py").write_text(source)
    required = {
        "SACCADE_HOME": str(home / "saccade"),
        "SACCADE_MODELS": str(models),
        "SACCADE_ACCESS_MODE": "required",
        "SACCADE_ACCESS_REGISTRATION": "open",
        "SACCADE_FACES_ROOT": "3",
        "SACCADE_CACHE_BYTES": "0",
        "PATIENT_UNTIL": str(home / "until"),
        **settings,
    }
    made = subprocess.run(
        [sys.executable, "-m", "saccade.cli.main", "users", "create", "root", "--admin", "--password-stdin"],
        env={**outside(), "HOME": str(home), **required},
        input=f"{PASSWORDS['root']}\n".encode(),
        capture_output=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    with run_server(home, *options, settings=required) as server:
        world = PhotoServer(server, home)
        eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 200, "the models do not load")
        with contextlib.closing(world):
            yield world


@pytest.fixture(scope="module")
def photos(tmp_path_factory, run_server):
    """Yield one server for a file, with four people in it."""
    with photo_server(
        run_server, tmp_path_factory.mktemp("photos"), "--log-level", "debug", SACCADE_RATE_LOGIN="60/minute"
    ) as world:
        world.settle(*ROLES)
        yield world


@pytest.fixture
def register(photos):
    """Return a function that makes an account as a stranger does."""

    def register(name, password=PHRASE, **profile):
        return photos.ask(None, "POST", "/auth/new", params={"username": name, "password": password, **profile})

    return register


def key_of(photos, who, **query):
    """Ask for a key."""
    asked = {"key_owner_username": who, "service": "predict_microservice", "detail": "the camera", **query}
    return photos.ask(who, "POST", "/auth/key", params=asked)


def failure(answer, status):
    """Return why something was refused, in the words of this system."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert (list(told), told["status"]) == (["status", "detail"], "failure")
    return told["detail"]
