"""Every route, with every object of somebody's, asked by everybody else: nothing shows, nothing changes.

The routes are asked of the server, also those that no document names, so that a new one is in here by itself. A caller
who may use a route at all must get, for what is another's, the very bytes that they get for what never was; everybody
else gets 401 or 403.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from saccade.access.development import issue
from saccade.access.policy import PUBLIC
from saccade.access.principals import Role
from saccade.api.app import describe_app
from saccade.api.guard import GuardedRoute
from saccade.backends.database.schema import metadata
from saccade.clock import utc_now
from unit.api.conftest import client_of, real_picture
from unit.api.jobs_at_work import work_off

PASSWORD = "a horse, a staple and a battery"
#: Stands in everything of alice's that could show: names of files, webhooks, details of keys, her profile.
MARK = "alices-own"
TIME = re.compile(r"\b\d\d:\d\d\b|20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?")
HOUR = timedelta(hours=1)
ABSENT_JOB = "01890000-0000-7000-8000-000000000000"
ABSENT_KEY = "0" * 20
ABSENT_IMAGE = "0" * 64
ABSENT_MD5 = "0" * 32
MD5_PATHS = ("/predict/", "/model/results/")
#: These say with a 503 that a model is not loaded.
READINESS = ("/v2/models/{model}/ready", "/v2/models/{model}/versions/{version}/ready")
METHODS = ("get", "head", "post", "put", "patch", "delete")
CALLERS = (
    "nobody",
    "garbage",
    "forged",
    "expired",
    "revoked key",
    "another without a role",
    "another investigator",
    "another researcher",
    "another's key with every scope",
    "another's key with one scope",
    "another's service key",
    "her own service key",
)
#: What belongs to somebody, by the names of tables.
OWNED = (
    "job",
    "item",
    "job_image",
    "result",
    "account",
    "delivery",
    "webhook_secret",
    "image",
    "image_prediction",
    "image_object",
    "image_label",
    "image_word",
)
#: Who gets past no door at all.
UNKNOWN = frozenset({"nobody", "garbage", "forged", "expired", "revoked key"})
ALL_SCOPES = ["predict:*", "jobs:read", "jobs:write", "images:read", "images:write", "models:admin", "usage:read"]


def routes():
    """Yield each (method, path template) that asks who is there, in the order of their making."""
    for route in describe_app().routes:
        if isinstance(route, GuardedRoute) and route.action not in PUBLIC:
            for method in sorted(route.methods):
                yield method.lower(), route.path
                if method == "GET":
                    yield "head", route.path


ROUTES = tuple(routes())


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


class World:
    """A server where alice has everything that one can have, and others come by."""

    def __init__(self, platform, client):
        self.platform = platform
        self.client = client
        self.home = platform.settings.home
        root = self.token("root", Role.ADMIN)
        body = {"username": "alice", "password": PASSWORD, "roles": ["researcher"], "full_name": MARK}
        assert client.post("/v1/users", json=body, headers=root).status_code == 201
        login = client.post("/v1/auth/login", json={"username": "alice", "password": PASSWORD}).json()
        self.alice = bearer(login["access_token"])
        client.post("/v1/webhooks/secret", headers=self.alice)
        self.platform.jobs.poster.check = lambda _: None  # her webhook's address is not looked up here
        self.ended, self.running = self.submit(), None
        work_off(platform)
        self.running = self.submit()
        files = {"file": (f"{MARK}.png", real_picture(), "image/png")}
        remembered = client.post("/v1/images?models=circles", files=files, headers=self.alice)
        assert remembered.status_code == 201, remembered.text
        self.image, self.md5 = remembered.json()["id"], remembered.json()["md5"]
        [found] = client.get(f"/v1/images/{self.image}/objects", headers=self.alice).json()["objects"]
        self.object = found["object_id"]
        self.key = self.made(self.alice, scopes=["jobs:read"], detail=MARK)["id"]
        self.service_key = self.key_of(self.alice, service="predict_microservice")
        [delivery] = client.get(f"/v1/jobs/{self.ended}/deliveries", headers=self.alice).json()["deliveries"]
        self.delivery = delivery["id"]
        self.headers = {name: self.come_as(name) for name in CALLERS}

    def token(self, name, *roles, lasts_s=6000):
        return bearer(issue(self.home, name, frozenset(roles), lasts_s))

    def submit(self):
        picture = b"\x89PNG a picture"
        files = [("images", (f"{MARK}.png", picture)), ("models", (None, "animals"))]
        files.append(("webhook", (None, f"https://hooks.example/{MARK}")))
        answer = self.client.post("/v1/jobs", files=files, headers=self.alice)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def come_as(self, name):
        """Return the headers of one of the callers."""
        bob, rita = self.token("bob", Role.INVESTIGATOR), self.token("rita", Role.RESEARCHER)
        ways = {
            "nobody": dict,
            "garbage": lambda: {"X-API-Key": "sac_" + "0" * 85},
            "forged": lambda: bearer(issue(self.home.with_name("elsewhere"), "alice", Role.ADMIN, 600)),
            "expired": lambda: bearer(issue(self.home, "bob", Role.ADMIN, 60, now=lambda: utc_now() - HOUR)),
            "revoked key": lambda: self.revoked(bob),
            "another without a role": lambda: self.token("norm"),
            "another investigator": lambda: bob,
            "another researcher": lambda: rita,
            "another's key with every scope": lambda: self.key_of(rita, scopes=ALL_SCOPES),
            "another's key with one scope": lambda: self.key_of(bob, scopes=["predict:circles"]),
            "another's service key": lambda: self.key_of(rita, service="predict_microservice"),
            "her own service key": lambda: self.service_key,
        }
        return ways[name]()

    def key_of(self, headers, **body):
        return {"X-API-Key": self.made(headers, **body)["key"]}

    def made(self, headers, **body):
        return self.client.post("/v1/keys", json=body, headers=headers).json()

    def revoked(self, headers):
        made = self.made(headers, scopes=["jobs:read", "jobs:write", "predict:*"])
        self.client.delete(f"/v1/keys/{made['id']}", headers=headers)
        return {"X-API-Key": made["key"]}

    def targets(self, path):
        """Yield (what is hers, what never was) for a path: filled templates that must be answered alike."""
        names = re.findall(r"{(\w+)}", path)
        filled = {"model": "animals", "code": "forbidden", "role": "admin", "name": "alice", "key_id": self.key}
        filled |= {"alias": "candidate", "image_id": self.image, "object_id": self.object}
        filled |= {"md5": self.md5, "uuid": self.ended, "version": "1"}
        absent = {
            **filled,
            "job_id": ABSENT_JOB,
            "delivery_id": ABSENT_JOB,
            "key_id": ABSENT_KEY,
            "image_id": ABSENT_IMAGE,
            "object_id": ABSENT_JOB,
            "name": "nobody-here",
            "md5": ABSENT_MD5,
            "uuid": ABSENT_JOB,
        }
        if "job_id" in names:
            for job, delivery in ((self.ended, self.delivery), (self.running, str(uuid.uuid4()))):
                hers = {**filled, "job_id": job, "delivery_id": delivery}
                yield path.format(**hers), path.format(**absent)
            yield path.format(**{**filled, "job_id": "no-id", "delivery_id": "no-id"}), path.format(**absent)
        else:
            yield path.format(**filled), path.format(**absent)
        if "image_id" in names:
            yield path.format(**{**filled, "image_id": "no-id"}), path.format(**absent)
            for owner in ("alice", "nobody-here"):
                yield f"{path.format(**filled)}?owner={owner}", f"{path.format(**absent)}?owner={owner}"
        if {"key_id", "name"} & set(names):
            yield path.format(**{**filled, "key_id": "no-id", "name": "no:name"}), path.format(**absent)
        if path in {"/v1/jobs", "/v1/keys", "/v1/images", "/v1/images/ids", "/v1/usage", "/v1/usage/report"}:
            word = "principal" if "usage" in path else "owner"
            yield f"{path}?{word}=alice", f"{path}?{word}=nobody-here"
            yield f"{path}?{word}=*", f"{path}?{word}=nobody-here"

    def named(self):
        """Yield (method, path, what names hers, what names nothing): where a body or a query names it."""
        for path in ("/api/v1/jobs/status", "/api/v1/jobs/results"):
            yield "post", path, {"json": {"job_id": self.ended}}, {"json": {"job_id": ABSENT_JOB}}
        yield "post", "/model/results", {"json": [self.md5]}, {"json": [ABSENT_MD5]}
        for key in (self.key, self.service_key["X-API-Key"]):
            absent = key.replace(key[4:24] if "_" in key else key, ABSENT_KEY)
            yield "delete", "/auth/key", {"params": {"key": key}}, {"params": {"key": absent}}
        for path in ("/auth/add_role", "/auth/remove_role"):
            hers, absent = ({"username": name, "role": "admin"} for name in ("alice", "nobody-here"))
            yield "post", path, {"params": hers}, {"params": absent}
        hers, absent = ({"key_owner_username": name, "service": "predict_microservice"} for name in ("alice", "nobody"))
        yield "post", "/auth/key", {"params": hers}, {"params": absent}
        hers, absent = ({"scopes": ["jobs:read"], "owner": name} for name in ("alice", "nobody-here"))
        yield "post", "/v1/keys", {"json": hers}, {"json": absent}
        for path in ("/v1/images", "/v1/images/ids"):
            yield "get", path, {"params": {"md5": self.md5}}, {"params": {"md5": ABSENT_MD5}}
            yield "get", path, {"params": {"similar_to": self.image}}, {"params": {"similar_to": ABSENT_IMAGE}}
        for path in ("/model/search", "/model/search/download"):
            hers, absent = ({"search_string": text} for text in (MARK, "nobodys-own"))
            yield "post", path, {"params": hers}, {"params": absent}
        for path, cursor in (("/v1/jobs", self.ended), ("/v1/keys", self.key)):
            yield "get", path, {"params": {"cursor": cursor}}, {"params": {"cursor": cursor[:-1] + "0"}}

    def state(self):
        """Return all of alice's that could have changed, as the database has it."""
        skipped = {"request_event", "usage_event", "ledger_batch", "idempotency"}
        database = self.platform.jobs.store.records._database

        def work(tx):
            return {
                table.name: sorted(
                    str(tuple(value for column, value in row._mapping.items() if column != "last_used_at"))
                    for row in tx.execute(select(table))
                )
                for table in metadata.sorted_tables
                if table.name not in skipped
            }

        return database.read(work)


@pytest.fixture(scope="module")
def world(module_platform):
    with client_of(module_platform) as client:
        yield World(module_platform, client)


def told(answer, *, target):
    """Return what an answer says, without what is each request's own."""
    path, _, query = target.partition("?")
    asked = query.partition("=")[2]  # a report repeats whom it was asked for
    text = TIME.sub("TIME", answer.text.replace(path, "PATH"))
    if path.startswith(MD5_PATHS):  # these repeat the hash that they were asked for
        text = text.replace(path.rpartition("/")[2], "HASH")
    for echo in (f"the name {asked} is", f"User: {asked}<"):
        text = text.replace(echo, "ASKED")
    if text and answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = json.loads(text)
        text = json.dumps({name: value for name, value in problem.items() if name not in {"request_id", "instance"}})
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"x-request-id", "server-timing", "date", "content-length", "ratelimit"}
    }
    return answer.status_code, text, headers


def ask(world, method, target, headers):
    """Send a request that would be whole if the caller might make it."""
    body = {}
    if method in {"post", "put", "patch"} and not target.endswith(("/predict", "/cancel", "/retry", "/redeliver")):
        body = {"json": {"disabled": True, "scopes": ["jobs:read"]}}
    return world.client.request(method.upper(), target, headers=headers, **body)


def check_unchanged(world, caller, before):
    """Fail if anything of hers is not as it was."""
    if caller not in {"another investigator", "another researcher", "another's key with every scope"}:
        assert world.state() == before
        return
    after = world.state()  # they may make and unmake what is their own
    for table in OWNED:
        assert [row for row in before[table] if "alice" in row or MARK in row] == [
            row for row in after[table] if "alice" in row or MARK in row
        ], (caller, table)


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_of_hers_shows_and_nothing_of_hers_changes(world, caller):
    """What is another's is as absent as what never was, for whoever comes, on every route."""
    before = world.state()
    headers = world.headers[caller]
    for method, path in ROUTES:
        for hers, absent in world.targets(path):
            answer = ask(world, method, hers, headers)
            place = f"{caller}: {method} {hers}"
            assert MARK not in answer.text, place
            assert MARK not in str(answer.headers), place
            if caller in UNKNOWN:
                assert answer.status_code == 401, place
            assert answer.status_code < 500 or path in READINESS, place
            if hers != absent:
                nothing = ask(world, method, absent, headers)
                assert told(answer, target=hers) == told(nothing, target=absent), place
    check_unchanged(world, caller, before)


@pytest.mark.parametrize("caller", CALLERS)
def test_what_is_named_inside_a_request_is_as_absent(world, caller):
    """The same where not the path names it, but the body or the query: her job, her key, her picture, her account."""
    before = world.state()
    for method, path, hers, absent in world.named():
        answers = []
        for named in (hers, absent):
            answer = world.client.request(method.upper(), path, headers=world.headers[caller], **named)
            assert (answer.status_code == 401) is (caller in UNKNOWN), (caller, path)
            assert answer.status_code < 500, (caller, path)
            status, text, headers = told(answer, target=path)
            for value in strings(named):
                text = text.replace(value, "NAMED")
            answers.append((status, text, headers))
        assert answers[0] == answers[1], (caller, method, path)
    check_unchanged(world, caller, before)


def strings(value):
    """Yield every text in what is sent."""
    if isinstance(value, str):
        yield value
    else:
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)


def test_admin_sees_all(world):
    """The walls are for others: an admin who logged in passes them, an admin's key does not."""
    root = world.token("root", Role.ADMIN)
    own = (f"/v1/images/{world.image}", "/v1/images?owner=alice", "/v1/images?owner=*")
    for path in (
        *own,
        f"/v1/jobs/{world.ended}",
        f"/v1/jobs/{world.ended}/results",
        "/v1/jobs?owner=*",
        "/v1/users/alice",
    ):
        answer = world.client.get(path, headers=root)
        assert answer.status_code == 200, path
        assert "alice" in answer.text, path
    key = world.key_of(root, scopes=["jobs:read"])
    assert world.client.get(f"/v1/jobs/{world.ended}", headers=key).status_code == 404


def test_matrix_is_as_large_as_promised(world):
    """At least a thousand cases, so that the zero means something."""
    cases = len(CALLERS) * sum(len(list(world.targets(path))) for _, path in ROUTES)

    assert cases >= 1000
