"""What is taken back ends on a running server within five seconds, whoever took it back, and while it is being used."""

import contextlib
import sqlite3
import time

import httpx2
import pytest

PASS_PHRASE = "a horse, a staple and a battery"
LIMIT_S = 5.0


@pytest.fixture
def place(tmp_path):
    """Return the settings that the server and the command line share."""
    return {"SACCADE_HOME": str(tmp_path / "saccade"), "SACCADE_ACCESS_MODE": "required"}


@pytest.fixture
def server(start_server, place, tmp_path):
    return start_server(home=tmp_path, settings=place)


@pytest.fixture
def people(server, saccade, place):
    """Return (headers of an admin's development token, a function that makes an account and returns what opens)."""
    issued = saccade("token", "root", "--role", "admin", settings=place)
    admin = {"Authorization": f"Bearer {issued.stdout.strip()}"}

    def make(name):
        account = {"username": name, "password": PASS_PHRASE}
        body = {**account, "roles": ["investigator"]}
        assert httpx2.post(f"{server.url}/v1/users", json=body, headers=admin).status_code == 201
        session = httpx2.post(f"{server.url}/v1/auth/login", json=account).json()["access_token"]
        logged_in = {"Authorization": f"Bearer {session}"}
        key = httpx2.post(f"{server.url}/v1/keys", json={"scopes": ["jobs:read"]}, headers=logged_in).json()
        return {"session": logged_in, "key": {"X-API-Key": key["key"]}, "id": key["id"]}

    return admin, make


def dead_after_s(server, headers):
    """Return after how many seconds of asking without a pause a credential opens nothing."""
    begun_s = time.monotonic()
    with httpx2.Client(base_url=server.url, headers=headers) as client:
        while client.get("/v1/me").status_code == 200:
            assert time.monotonic() - begun_s < 5 + LIMIT_S
    return time.monotonic() - begun_s


def is_let_in(server, headers):
    return httpx2.get(f"{server.url}/v1/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("keys", "disable", "ID"), ("key",)),
        (("keys", "rotate", "ID", "--overlap", "0"), ("key",)),
        (("users", "disable", "alice"), ("session", "key")),
    ],
)
def test_taken_back_by_the_command_line(server, saccade, place, people, words, what):
    """Another process took it back, so the server has to find out, however much of it is remembered."""
    _, make = people
    hers = make("alice")
    assert all(is_let_in(server, hers[name]) for name in what)
    done = saccade(*(hers["id"] if word == "ID" else word for word in words), settings=place)

    assert done.returncode == 0, done.stderr
    assert max(dead_after_s(server, hers[name]) for name in what) <= LIMIT_S


@pytest.mark.slow
def test_session_key_and_token_end_by_themselves(server, saccade, people, place, tmp_path):
    """At the end that they were made with, though they are in use all the time; a session's, an hour off, is moved."""
    _, make = people
    hers = make("alice")
    body = {"scopes": ["jobs:read"], "expires_in_s": 2}
    made = httpx2.post(f"{server.url}/v1/keys", json=body, headers=hers["session"]).json()
    token = saccade("token", "bob", "--lasts", "5s", settings=place).stdout.strip()
    passing = {"key": {"X-API-Key": made["key"]}, "token": {"Authorization": f"Bearer {token}"}}
    assert all(is_let_in(server, headers) for headers in (*passing.values(), hers["session"], hers["key"]))
    with contextlib.closing(sqlite3.connect(tmp_path / "saccade" / "saccade.db", timeout=10)) as database, database:
        soon_us = round((time.time() + 2) * 1e6)
        assert database.execute("UPDATE access_key SET expires_at = ? WHERE kind = 'session'", [soon_us]).rowcount == 1
    ended_s = [dead_after_s(server, headers) for headers in (*passing.values(), hers["session"])]

    assert max(ended_s) <= 5 + LIMIT_S
    assert is_let_in(server, hers["key"])


def test_taken_back_here_is_dead_with_the_answer(server, people):
    """Who took it back at this server need not wait at all: an admin's word, a logout, a new password."""
    admin, make = people
    ada, ben, cyn = make("ada"), make("ben"), make("cyn")
    assert all(is_let_in(server, theirs[name]) for theirs in (ada, ben, cyn) for name in ("session", "key"))
    change = {"old_password": PASS_PHRASE, "new_password": f"{PASS_PHRASE}!"}
    httpx2.patch(f"{server.url}/v1/users/ada", json={"disabled": True}, headers=admin).raise_for_status()
    httpx2.post(f"{server.url}/v1/auth/logout", headers=ben["session"]).raise_for_status()
    httpx2.delete(f"{server.url}/v1/keys/{ben['id']}", headers=admin).raise_for_status()
    httpx2.post(f"{server.url}/v1/me/password", json=change, headers=cyn["session"]).raise_for_status()

    ended = (ada["session"], ada["key"], ben["session"], ben["key"], cyn["session"])
    assert [is_let_in(server, headers) for headers in ended] == [False] * 5
    assert is_let_in(server, cyn["key"])
