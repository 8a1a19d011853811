"""Open access stays on this machine."""

import pytest


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1", "127.0.0.1:8000", "127.9.9.9", "[::1]", "[::1]:8000"],
)
def test_loopback_names_are_served(client, host):
    """Whoever asks for this machine by its own names gets an answer."""
    assert client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        "example.com:localhost",
        "127.0.0.1.example.com",
        "192.168.0.1",
        "0.0.0.0",
        "[::]",
        "[::ffff:8.8.8.8]",
        "2130706433",
        "127.1",
        "localhost:80:80",
        "localhost:x",
        "user@localhost",
        "localhost/x",
        "",
        "[",
        "]",
        "[::1",
        "::1",
        "\xe9",
    ],
)
def test_other_names_are_refused(client, host):
    """DNS rebinding asks under a name of its own."""
    answer = client.get("/livez", headers={"Host": host.encode("latin-1")})

    assert (answer.status_code, answer.json()["code"]) == (403, "host_refused")


def test_two_host_headers_are_refused(client):
    """One of two names may be a lie."""
    headers = [("Host", "localhost"), ("Host", "example.com")]

    assert client.get("/livez", headers=headers).json()["code"] == "host_refused"


@pytest.mark.parametrize(
    "name",
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-anything", "X-Real-IP"],
)
def test_requests_through_a_proxy_are_refused(client, name):
    """A proxy on this machine would lend its loopback address to the world."""
    answer = client.get("/livez", headers={name: "1.2.3.4"})

    assert (answer.status_code, answer.json()["code"]) == (403, "host_refused")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "anything"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_origins_are_refused(client, platform, picture, headers):
    """A web page cannot use its visitor's browser to ask the server, not even blindly."""
    answer = client.post("/v1/models/animals/predict", content=picture, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert platform.predictor.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_own_pages_and_plain_clients_are_served(client, headers):
    """The documentation's own forms, typed addresses and command lines work."""
    assert client.get("/livez", headers=headers).status_code == 200


def test_allowed_origin_is_served_with_cors(make_client, picture):
    """The operator names origins, and their pages may read the answer."""
    client = make_client(server_cors_origins="https://lab.example, https://other.example")
    headers = {"Origin": "https://lab.example", "Sec-Fetch-Site": "cross-site"}

    answer = client.post("/v1/models/animals/predict", content=picture, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://lab.example"
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"X-Request-ID", "Location", "Link", "Idempotency-Replayed", "Preference-Applied"} <= exposed
    assert client.get("/livez", headers={"Origin": "https://evil.example"}).status_code == 403


def test_preflight_is_answered_for_allowed_origins_only(make_client):
    """A browser asks before it sends JSON."""
    client = make_client(server_cors_origins="https://lab.example")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}

    allowed = client.options("/v1/predict", headers={"Origin": "https://lab.example", **asked})
    refused = client.options("/v1/predict", headers={"Origin": "https://evil.example", **asked})

    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://lab.example")
    assert "DELETE" in allowed.headers["access-control-allow-methods"]
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")


def test_star_allows_every_page(make_client):
    """The operator said so."""
    client = make_client(server_cors_origins="*")
    headers = {"Origin": "https://any.example", "Sec-Fetch-Site": "cross-site"}

    answer = client.get("/livez", headers=headers)

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_without_the_setting_no_page_may_read(client):
    """CORS headers appear only where they were asked for."""
    answer = client.get("/livez", headers={"Origin": "http://localhost"})

    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_guard_stands_aside_when_anyone_may_use_the_server(make_client):
    """Behind a proxy of the operator's own, names and headers are its business."""
    client = make_client(server_allow_anyone="true")
    headers = {"Host": "saccade.example", "X-Forwarded-For": "1.2.3.4", "Sec-Fetch-Site": "cross-site"}

    assert client.get("/livez", headers=headers).status_code == 200
