"""System 3's keys, row for row of its table, and its secrets, which come in queries and are left nowhere."""

import re

import httpx2
import pytest

from working.photo_server import PASSWORDS, PHRASE, failure, key_of, photo_server, photos, register

__all__ = ["photos", "register"]

KEY = re.compile(r"sac_[0-9a-z]{20}_\S+")


@pytest.fixture
def maker(photos, register):
    """Return a researcher of the test's own, who has no key yet."""
    name = f"maker{len(photos.clients)}"
    register(name)
    photos.ask("root", "POST", "/auth/add_role", params={"username": name, "role": "researcher"})
    photos.enter(name, PHRASE)
    return name


@pytest.mark.row("3 POST /auth/key")
@pytest.mark.row("3 GET /auth/key")
@pytest.mark.row("3 DELETE /auth/key")
def test_key_is_shown_once_listed_and_disabled(photos, maker):
    """Field for field; whoever lists keys reads no secret, and what is disabled is not listed any more."""
    made = key_of(photos, maker)
    assert made.status_code == 200, made.text
    told = made.json()
    assert KEY.fullmatch(told["key"])
    shown = {"type": "predict_microservice", "user": maker, "detail": "the camera", "enabled": True}
    assert told == {"status": "success", "key": told["key"], **shown}
    part = told["key"].split("_")[1]
    listed = photos.ask(maker, "GET", "/auth/key").json()
    assert listed == {"status": "success", "keys": [{"key": part, **shown}]}
    failure(photos.ask("alice", "DELETE", "/auth/key", params={"key": told["key"]}), 404)
    assert photos.ask("alice", "GET", "/auth/key").json() == {"status": "success", "keys": []}
    ended = photos.ask(maker, "DELETE", "/auth/key", params={"key": told["key"]})

    assert ended.status_code == 200
    assert list(ended.json()) == ["status", "detail", "key"]
    assert ended.json()["key"] == {"key": part, **shown, "enabled": False}
    assert photos.ask(maker, "GET", "/auth/key").json()["keys"] == []
    kept = photos.ask("root", "GET", "/v1/keys", params={"owner": maker}).json()["keys"]
    assert [(key["id"], key["disabled_by"]) for key in kept] == [(part, maker)]


@pytest.mark.row("3 DELETE /auth/key")
def test_key_is_disabled_by_its_shown_part_and_by_an_admin(photos, maker):
    """Both the list's and the secret's text do; nonsense is one and the same refusal."""
    first, second = (key_of(photos, maker).json()["key"] for _ in range(2))
    assert photos.ask(maker, "DELETE", "/auth/key", params={"key": first.split("_")[1]}).status_code == 200
    assert photos.ask("root", "DELETE", "/auth/key", params={"key": second}).status_code == 200
    for text in ("", "x", "0" * 20, "sac_" + "0" * 20 + "_x", "a\x00b", "%", "x" * 9000):
        failure(photos.ask(maker, "DELETE", "/auth/key", params={"key": text}), 404)
    failure(photos.ask(maker, "DELETE", "/auth/key"), 422)
    failure(photos.ask(maker, "DELETE", "/auth/key", params=[("key", "x"), ("key", "y")]), 422)

    assert photos.ask(maker, "GET", "/auth/key").json()["keys"] == []


@pytest.mark.row("3 POST /auth/key")
def test_key_is_made_by_researchers_for_themselves_and_by_admins_for_all(photos, maker):
    """An investigator makes none; nobody escapes into another's name; there is no key for what does not exist."""
    failure(key_of(photos, "alice"), 403)
    failure(photos.ask(None, "POST", "/auth/key", params={"key_owner_username": maker, "service": "x"}), 401)
    for name in ("root", "alice", "stranger", "ro\x00ot", ""):
        failure(key_of(photos, maker, key_owner_username=name), 403)
    for service in ("", "admin", "train_microservice", "dataset_microservice", "PREDICT_MICROSERVICE"):
        failure(key_of(photos, maker, service=service), 422)
    failure(key_of(photos, maker, detail="x" * 1001), 422)
    failure(key_of(photos, "root", key_owner_username="stranger"), 404)
    assert key_of(photos, maker, key_owner_username=maker.upper()).json()["user"] == maker
    made = key_of(photos, "root", key_owner_username=maker)

    assert (made.status_code, made.json()["user"]) == (200, maker)
    assert [key["user"] for key in photos.ask(maker, "GET", "/auth/key").json()["keys"]] == [maker, maker]


def test_service_key_opens_nothing_of_people(photos, maker):
    """Neither its owner's photos nor more keys nor their profile."""
    key = key_of(photos, maker).json()["key"]
    photos.clients["service"] = httpx2.Client(base_url=photos.url, headers={"Authorization": f"Bearer {key}"})
    answers = [
        photos.ask("service", "GET", "/auth/profile"),
        photos.ask("service", "GET", "/model/list"),
        photos.ask("service", "POST", "/model/search"),
        photos.ask("service", "POST", "/auth/key", params={"key_owner_username": maker, "service": "x"}),
    ]

    assert [failure(answer, 403) for answer in answers]


def test_newest_two_hundred_keys_hide_no_older_one_that_opens(photos, maker):
    """Disabled keys stay in the database, and do not push out those that still open something."""
    first = key_of(photos, maker, detail="the old camera").json()["key"]
    for _ in range(201):
        key = key_of(photos, maker).json()["key"]
        assert photos.ask(maker, "DELETE", "/auth/key", params={"key": key}).status_code == 200
    listed = photos.ask(maker, "GET", "/auth/key").json()["keys"]

    assert [key["key"] for key in listed] == [first.split("_")[1]]


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_of_queries_are_left_nowhere(tmp_path, run_server, form):
    """Not in the log, the database or an answer to anything but what made them, whatever the log looks like."""
    second = "the pass phrase that was refused"
    with photo_server(run_server, tmp_path, "--log-level", "debug", SACCADE_LOG_FORMAT=form) as world:
        world.settle("rita")
        session = world.clients["rita"].headers["authorization"].split()[1]
        made = key_of(world, "rita")
        key = made.json()["key"]
        world.ask(None, "POST", "/auth/new", params={"username": "rita", "password": second})
        world.ask(None, "POST", "/auth/new", params={"username": "no\nname", "password": second})
        world.ask(None, "POST", "/auth/new", params=[("username", "x"), ("password", second), ("password", second)])
        world.ask(None, "GET", "/auth/new", params={"username": "x", "password": second})
        world.ask(None, "POST", "/auth/none", params={"username": "x", "password": second})
        world.login("rita", second)
        world.ask("root", "GET", "/auth/status", params={"key": key, "password": second})
        world.ask("root", "DELETE", "/auth/key", params={"key": key[:-1]})
        world.ask("rita", "DELETE", "/auth/key", params={"key": key})
        world.ask("rita", "POST", f"/auth/login?username=rita&password={PASSWORDS['rita']}")
        world.server.stop()
        left = world.left()
    secrets = [PASSWORDS["rita"], PASSWORDS["root"], second, session.rpartition("_")[2], key.rpartition("_")[2]]
    secrets += [text.replace(" ", joint) for text in secrets for joint in ("+", "%20") if " " in text]
    told = [(path, answer.text) for _, _, path, answer in world.answers if "access_token" not in answer.text]
    told = [(path, text) for path, text in told if text != made.text]

    assert "/auth/new" in left["log"]
    assert [(where, secret) for where, text in [*left.items(), *told] for secret in secrets if secret in text] == []
