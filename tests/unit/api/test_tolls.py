"""How much one caller may ask for, as they see it: what is left, what stands in the way, and when to come again."""

import re

import pytest
from starlette.testclient import TestClient

from saccade.access.development import issue
from saccade.access.principals import Role
from saccade.api.app import create_app
from saccade.errors import SettingInvalid
from unit.api.conftest import client_of
from unit.api.jobs_at_work import work_off

PREDICT = "/v1/models/animals/predict"
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


@pytest.fixture
def limited(make_platform):
    """Return a function that makes a client under limits, and a function that makes headers for somebody."""

    def make(**limits):
        platform = make_platform(access_mode="required", **limits)

        def come_as(name, role=Role.INVESTIGATOR):
            return {"Authorization": f"Bearer {issue(platform.settings.home, name, role, 600)}"}

        return client_of(platform), come_as, platform

    return make


def refused(answer, *policies, code="rate_exceeded"):
    """Say whether an answer is a whole refusal."""
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["type"]) == (429, code, QUOTA_EXCEEDED)
    assert problem["violated-policies"] == list(policies)
    assert int(answer.headers["retry-after"]) >= 1
    return True


def test_requests_are_counted_and_the_rest_is_told(limited):
    """RateLimit says what is left; the one too many is told when to come again; others are not touched."""
    client, come_as, _ = limited(rate_requests="3/minute")
    alice, bob = come_as("alice"), come_as("bob")
    left = [client.get("/v1/me", headers=alice).headers["ratelimit"] for _ in range(3)]

    assert [re.search(r'"requests";r=(\d);t=\d+', text)[1] for text in left] == ["2", "1", "0"]
    over = client.get("/v1/models", headers=alice)
    assert refused(over, "requests")
    assert over.headers["ratelimit-policy"] == '"requests";q=3;w=60'
    assert 0 < int(over.headers["retry-after"]) <= 60
    assert client.get("/v1/me", headers=bob).status_code == 200


def test_route_has_a_limit_of_its_own(limited, picture):
    """One route that is used up does not stop the others."""
    client, come_as, _ = limited(rate_routes=f"POST {PREDICT.replace('animals', '{model}')}=1/minute")
    alice = come_as("alice")
    assert client.post(PREDICT, content=picture, headers=alice).status_code == 200

    assert client.post(PREDICT, content=picture, headers=alice).status_code == 429
    assert client.get("/v1/me", headers=alice).status_code == 200


@pytest.mark.parametrize(
    ("limit", "name"), [({"rate_images": "2/hour"}, "images"), ({"rate_pixels": "600000/hour"}, "pixels")]
)
def test_pictures_and_pixels_are_paid_by_the_next(limited, picture, limit, name):
    """What a request costs is known when it was answered; two of 640 x 480 are over 600,000 pixels."""
    client, come_as, _ = limited(**limit)
    alice = come_as("alice")
    statuses = [client.post(PREDICT, content=picture, headers=alice).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert refused(client.post(PREDICT, content=picture, headers=alice), name)


def test_jobs_cost_their_pictures_when_they_are_accepted(limited, picture):
    """Two pictures for two models are four; a repeated request costs nothing."""
    client, come_as, _ = limited(rate_images="5/hour")
    headers = {**come_as("alice"), "Idempotency-Key": "once"}
    files = [("images", ("a.png", picture)), ("images", ("b.png", picture)), ("models", (None, "animals"))]
    files.append(("models", (None, "circles")))
    statuses = [client.post("/v1/jobs", files=files, headers=headers).status_code for _ in range(3)]

    assert statuses == [202, 202, 202]
    assert client.post(PREDICT, content=picture, headers=come_as("alice")).status_code == 200
    assert refused(client.post(PREDICT, content=picture, headers=come_as("alice")), "images")


def test_bytes_under_way_are_bounded_and_given_back(limited):
    """A body too many is refused by its head; when the others have their answers there is room again."""
    client, come_as, platform = limited(rate_bytes_in_flight="1000")
    alice = come_as("alice")
    held = platform.rates.hold("dev:alice", 900)

    assert refused(client.post(PREDICT, content=b"x" * 200, headers=alice), "bytes-in-flight")
    held.release()
    assert client.post(PREDICT, content=b"x" * 200, headers=alice).status_code == 415
    assert client.post(PREDICT, content=b"x" * 900, headers=alice).status_code == 415


def test_body_without_a_length_is_counted_as_it_comes(limited):
    """Chunked bodies do not pass around the bound."""
    client, come_as, platform = limited(rate_bytes_in_flight="1000")
    held = platform.rates.hold("dev:alice", 900)

    answer = client.post(PREDICT, content=iter([b"x" * 60, b"x" * 60]), headers=come_as("alice"))
    assert refused(answer, "bytes-in-flight")
    held.release()


def test_quota_of_a_day_counts_what_the_ledger_knows(limited, picture):
    """Predictions of today, those of jobs too; a refused request is given back."""
    client, come_as, _ = limited(quota_images_per_day="2")
    alice = come_as("alice")
    statuses = [client.post(PREDICT, content=picture, headers=alice).status_code for _ in range(2)]

    assert statuses == [200, 200]
    over = client.post(PREDICT, content=picture, headers=alice)
    assert refused(over, "daily images", code="quota_reached")
    assert int(over.headers["retry-after"]) <= 86_400
    assert client.post(PREDICT, content=picture, headers=come_as("bob")).status_code == 200


def test_logins_are_counted_before_a_password_is_looked_at(limited):
    """For a name, whether there is one or not, and for an address."""
    client, _, _ = limited(rate_login="3/minute")
    body = {"username": "nobody", "password": "wrong wrong wrong"}
    statuses = [client.post("/v1/auth/login", json=body).status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_limit_for_a_route_that_there_is_not_is_told_at_the_start(limited):
    """A misspelt route would limit nothing, and nobody would know."""
    with pytest.raises(SettingInvalid, match="POST /v1/job'"):
        limited(rate_routes="POST /v1/job=1/minute")


def test_request_refused_for_its_bytes_eats_no_request(limited):
    """What one limit refuses, the others do not keep."""
    client, come_as, platform = limited(
        rate_bytes_in_flight="1000", rate_requests="2/minute", quota_requests_per_day="2"
    )
    alice = come_as("alice")
    held = platform.rates.hold("dev:alice", 900)
    for _ in range(3):
        assert refused(client.post(PREDICT, content=b"x" * 200, headers=alice), "bytes-in-flight")
    held.release()

    assert [client.get("/v1/me", headers=alice).status_code for _ in range(3)] == [200, 200, 429]


def test_behind_a_trusted_proxy_logins_are_counted_for_the_client(limited):
    """The proxy's own address would shut the door to all; of others nothing is believed."""
    body = {"username": "nobody", "password": "wrong wrong wrong"}

    def try_from(client, *addresses):
        headers = {"X-Forwarded-For": ", ".join(addresses)}
        return client.post("/v1/auth/login", json=body, headers=headers).status_code

    trusting, _, platform = limited(rate_login="2/minute", server_trusted_proxies="10.0.0.0/8")
    trusting = TestClient(create_app(platform), base_url="http://localhost", client=("10.1.2.3", 5))
    assert [try_from(trusting, "192.0.2.1") for _ in range(3)] == [401, 401, 429]
    assert try_from(trusting, "192.0.2.2", "10.9.9.9") == 401
    assert try_from(trusting, "198.51.100.7", "192.0.2.1") == 429  # what the client itself wrote comes first
    other, _, platform = limited(rate_login="2/minute", server_trusted_proxies="10.0.0.0/8")
    other = TestClient(create_app(platform), base_url="http://localhost", client=("172.16.0.1", 5))
    assert [try_from(other, f"192.0.2.{number}") for number in range(3)] == [401, 401, 429]


def test_what_is_forbidden_is_counted_too(limited):
    """Else somebody without a role could ask, and fill the ledger, without end."""
    client, _, platform = limited(rate_requests="3/minute")
    norm = {"Authorization": f"Bearer {issue(platform.settings.home, 'norm', frozenset(), 600)}"}

    assert [client.get("/v1/models", headers=norm).status_code for _ in range(4)] == [403, 403, 403, 429]


def test_retry_costs_its_pictures(limited, picture):
    """As much as to submit them anew."""
    client, come_as, platform = limited(rate_images="3/hour")
    alice = come_as("alice")
    files = [("images", ("a.png", picture)), ("images", ("b.png", picture)), ("models", (None, "animals"))]
    job = client.post("/v1/jobs", files=files, headers=alice).json()["id"]
    work_off(platform, fail=(0, 1))
    assert client.post(f"/v1/jobs/{job}/retry", headers=alice).status_code == 202

    assert refused(client.post(PREDICT, content=picture, headers=alice), "images")


def test_nothing_is_said_where_nothing_is_limited(limited):
    """No header without a limit."""
    client, come_as, _ = limited()

    assert not [name for name in client.get("/v1/me", headers=come_as("alice")).headers if name.startswith("ratelimit")]


def test_unauthenticated_requests_use_up_nobodys_room(limited):
    """Whoever does not say who they are is refused before anything is counted under any name."""
    client, come_as, _ = limited(rate_requests="2/minute")
    for _ in range(5):
        client.get("/v1/me", headers={"Authorization": "Bearer nonsense"})

    assert client.get("/v1/me", headers=come_as("alice")).status_code == 200
