"""``/v1/usage`` and its page: admins see everybody, everybody else only what is their own."""

from datetime import timedelta

import pytest

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.api.schemas.usage import Usage
from saccade.clock import utc_now
from saccade.usage.event import Batch, PredictionEvent, RequestEvent
from saccade.usage.window import to_us
from unit.api.conftest import client_of


def asked(principal, name, hours_ago=1):
    """Return one request of the past."""
    at_us = to_us(utc_now() - timedelta(hours=hours_ago))
    return RequestEvent(principal, name, "jwt", "GET", "/v1/jobs", "", 200, 7, 900, "r", at_us)


def predicted(principal):
    """Return one prediction of an hour ago."""
    at_us = to_us(utc_now() - timedelta(hours=1))
    return PredictionEvent(principal, "circles@1", "sha256:c", True, 100, 1.5, False, at_us)


@pytest.fixture
def guarded(make_platform):
    """Return a platform that asks everybody who they are, with a little history of alice and bob, both called Sam."""
    platform = make_platform(access_mode="required")
    requests = (asked("alice", "Sam"), asked("dev:bob", "Sam"), asked("dev:bob", "Sam"), asked("dev:bob", "Sam", 48))
    predictions = (predicted("alice"), predicted("dev:bob"))
    platform.kept.ledger.write(Batch("1", "saccade", requests, predictions))
    return platform


@pytest.fixture
def client(guarded):
    """Return a client of it; the meter does not run, so that only the history counts."""
    return client_of(guarded)


@pytest.fixture
def get(client, guarded):
    """Return a function that asks for usage as somebody with a development token."""

    def ask(path, name, *roles, **parameters):
        headers = {"Authorization": f"Bearer {issue(guarded.settings.home, name, frozenset(roles), 600)}"}
        return client.get(path, params=parameters, headers=headers)

    return ask


def test_admin_sees_everybody_and_anybody(get):
    """Without a filter all rows of the last day count; with one, those of an id or a name."""
    everything = get("/v1/usage", "root", Role.ADMIN).json()
    sam = get("/v1/usage", "root", Role.ADMIN, principal="Sam").json()
    alice = get("/v1/usage", "root", Role.ADMIN, principal="alice", since="7d").json()

    assert (3, 2, 2) == (everything["total"], everything["unique_users"], everything["predictions"]["n"])
    assert (3, "Sam") == (sam["total"], sam["principal"])
    assert (1, 1) == (alice["total"], alice["predictions"]["n"])


def test_others_see_only_their_own(get):
    """Whatever they ask for, no other's row is counted, named or hinted at, not even of one with the same name."""
    own = get("/v1/usage", "bob", Role.INVESTIGATOR).json()
    by_name = get("/v1/usage", "bob", Role.INVESTIGATOR, principal="Sam").json()
    by_id = get("/v1/usage", "bob", Role.INVESTIGATOR, principal="dev:bob").json()

    assert own["total"] == by_name["total"] == by_id["total"] == 2
    assert {user["principal"] for user in own["users"]} == {"dev:bob"}
    assert own["predictions"]["n"] == 1
    assert "Only your own requests and predictions are counted." in own["data_quality"]


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/usage/report"])
def test_another_is_answered_like_nobody(get, path):
    """Asking for somebody there is gives the same answer as asking for somebody there never was."""

    def answer(principal):
        found = get(path, "bob", Role.INVESTIGATOR, principal=principal, until="2026-01-01", since="2025-12-01")
        assert found.status_code == 200
        return found.text.replace(principal, "?")

    def without_time(text):
        return [line for line in text.split(",") if "generated" not in line and "Made by" not in line]

    assert without_time(answer("alice")) == without_time(answer("nobod"))
    assert "alice" not in answer("alice")


def test_roles_without_usage_are_refused(get, client):
    """Who has no role may not, and who does not say who they are is asked."""
    assert get("/v1/usage", "norm").status_code == 403
    assert client.get("/v1/usage").status_code == client.get("/v1/usage/report").status_code == 401


def test_answer_has_the_documented_shape(get):
    """What OpenAPI promises is what comes, field by field."""
    Usage.model_validate(get("/v1/usage", "root", Role.ADMIN, since="7d").json())


def test_page_is_inert_wherever_it_is_shown(get):
    """Its own policy lets in one style and nothing else; no page may frame it, and no cache keeps it."""
    answer = get("/v1/usage/report", "root", Role.ADMIN)
    policy = answer.headers.get_list("Content-Security-Policy")

    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    assert 1 == len(policy)
    assert "default-src 'none'; style-src 'sha256-" in policy[0]
    assert "frame-ancestors 'none'" in policy[0]
    assert "script" not in policy[0]
    assert "no-store" == answer.headers["Cache-Control"]
    assert answer.text.startswith("<!DOCTYPE html>")


def test_page_is_about_the_whole_history_and_json_about_a_day(get):
    """As on the command line."""
    assert '<dd class="figure">4</dd>' in get("/v1/usage/report", "root", Role.ADMIN).text
    assert 3 == get("/v1/usage", "root", Role.ADMIN).json()["total"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"), ("until", ""), ("timezone", "Mars"), ("timezone", ""), ("bucket", "week"),
        ("bucket", ""),
        ("recent_limit", "-1"), ("recent_limit", "1001"), ("service", ""),
        ("principal", "x" * 256), ("principal", "\0"),
    ],
)  # fmt: skip
def test_wrong_parameter_is_named(get, name, value):
    """Each is refused with its name, and with what it may be."""
    answer = get("/v1/usage", "root", Role.ADMIN, **{name: value})

    assert (422, "parameter_invalid") == (answer.status_code, answer.json()["code"])
    assert name in answer.text


def test_window_zone_bucket_and_limit_are_followed(get):
    """What was asked for stands in the answer."""
    found = get(
        "/v1/usage",
        "root",
        Role.ADMIN,
        since="3d",
        until="1h",
        timezone="Asia/Kathmandu",
        bucket="day",
        recent_limit="1",
    ).json()

    assert ("Asia/Kathmandu", "day", 1) == (found["timezone"], found["bucket"], len(found["recent"]))
    assert {bucket["bucket"][-6:] for bucket in found["time_buckets"]} == {"+05:45"}
