"""A real server and people who keep images on it, on each kind of database, and a look into all that is kept."""

from __future__ import annotations

import contextlib
import hashlib
import itertools

import httpx2
import pytest
from sqlalchemy import select

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.backends import open_objects
from saccade.backends.database.migrate import migrate
from saccade.backends.database.opening import open_database
from saccade.backends.database.schema import metadata
from services import postgres_url
from working.processes import eventually

__all__ = ["postgres_url"]

_numbers = itertools.count()


class World:
    """A server, people who ask it, and a look into everything that it keeps."""

    def __init__(self, url, home, database_url):
        self.url = url
        self.home = home
        self.names = {}
        self.clients = {}
        self.database = open_database(database_url)
        self.objects = open_objects(f"file://{home}/saccade/objects")

    def populate(self):
        """Let other people come, who have nothing yet; they are called alice, bob and root all the same."""
        for client in self.clients.values():
            client.close()
        number = next(_numbers)
        for name, role in (("alice", Role.INVESTIGATOR), ("bob", Role.INVESTIGATOR), ("root", Role.ADMIN)):
            self.names[name] = f"dev:{name}{number}"
            token = issue(self.home / "saccade", f"{name}{number}", frozenset({role}), 6000)
            headers = {"Authorization": f"Bearer {token}"}
            self.clients[name] = httpx2.Client(base_url=self.url, timeout=60, headers=headers)

    def send(self, name, data, *, file_name="a.png", **fields):
        """Send an image as a form."""
        return self.clients[name].post("/v1/images", files={"file": (file_name, data)}, data=fields)

    def pages(self, name, query):
        """Follow the links of a search to its end; return the pages' ids."""
        found, path = [], f"/v1/images?{query}"
        while path is not None:
            answer = self.clients[name].get(path)
            assert answer.status_code == 200, answer.text
            found.append([image["id"] for image in answer.json()["images"]])
            path = answer.links["next"]["url"] if "next" in answer.links else None
            assert path == answer.json()["next"]
        return found

    def rows(self, *texts):
        """Return the tables with a row that holds one of these texts anywhere; the ledger, which stays, apart."""
        tables = [table for table in metadata.sorted_tables if table.name not in {"request_event", "usage_event"}]
        return self.database.read(
            lambda tx: {
                table.name
                for table in tables
                for row in tx.execute(select(table))
                if any(text in str(value) for text in texts for value in row)
            }
        )

    def blobs(self, data):
        """Return the keys under which these bytes lie."""
        keys = [each.key for each in self.objects.list("")]
        found = []
        for key in keys:
            with contextlib.suppress(Exception):  # swept in this moment
                found += [key] if self.objects.get(key) == data else []
        return found

    def close(self):
        """Give everything back."""
        for client in self.clients.values():
            client.close()
        self.database.close()
        self.objects.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request, tmp_path_factory, run_server):
    """Yield a server on each kind of database, and its models loaded."""
    home = tmp_path_factory.mktemp("images")
    url = f"sqlite:///{home}/kept.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = open_database(url)
    migrate(database)
    database.close()
    settings = {
        "SACCADE_DATABASE_URL": url,
        "SACCADE_ACCESS_MODE": "required",
        "SACCADE_WORKER_SWEEP_S": "0.2",
    }
    with run_server(home, settings=settings) as server:
        made = World(server.url, home, url)
        eventually(lambda: httpx2.get(f"{server.url}/readyz").status_code == 200, "the models do not load")
        yield made
        made.close()


@pytest.fixture
def world(place):
    """Return a world with people of the test's own."""
    place.populate()
    return place


def id_of(data):
    """Return the id of an image."""
    return hashlib.sha256(data).hexdigest()
