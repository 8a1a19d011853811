"""A call over another transport is one request to the application, with all its layers."""

import asyncio
import json
import sys

import pytest

from saccade.api.app import create_app
from saccade.api.rpc.beside import Rpc
from saccade.api.rpc.calls import request
from saccade.errors import BackendNotInstalled
from unit.api.conftest import PICTURE

JSON = [(b"content-type", b"application/json")]


@pytest.fixture
def app(platform):
    return create_app(platform)


def test_answer_comes_back_whole(app):
    """Status, headers and body, as a client of HTTP gets them."""
    reply = asyncio.run(request(app, "GET", "/v2/models/animals/ready", headers=[(b"x-request-id", b"abc")]))

    assert (reply.status, reply.document) == (200, {"name": "animals", "ready": True})
    assert reply.headers["x-request-id"] == "abc"


def test_body_goes_in(app, platform):
    """All of it, with its length."""
    reply = asyncio.run(request(app, "POST", "/v1/models/animals/predict", body=PICTURE))

    assert reply.status == 200
    assert platform.predictor.calls[0][0] == PICTURE


def test_layers_hold(make_platform):
    """Bodies are bounded, and proxies are refused where everybody is let in."""
    app = create_app(make_platform(server_max_body_bytes=10))

    large = asyncio.run(request(app, "POST", "/v2/models/animals/infer", body=b"x" * 11))
    proxied = asyncio.run(request(app, "GET", "/v2/models", headers=[(b"x-forwarded-for", b"192.0.2.1")]))

    assert (large.status, list(large.document)) == (413, ["error"])
    assert (proxied.status, list(proxied.document)) == (403, ["error"])


def test_body_that_is_no_object_has_no_members(app):
    """Lists and texts have none either."""
    for path in ("/metrics", "/v2/repository/index"):
        method = "GET" if path == "/metrics" else "POST"
        reply = asyncio.run(request(app, method, path, headers=JSON, body=b""))
        assert (reply.status, reply.document) == (200, {})


def test_failure_behind_the_first_byte_is_told_as_500_alone():
    """Nothing of what the application raised comes out."""

    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"a": 1}).encode(), "more_body": True})
        raise RuntimeError("a secret of the inside")

    reply = asyncio.run(request(broken, "GET", "/"))

    assert (reply.status, reply.body) == (500, b"")


def test_client_that_goes_is_told_to_the_application():
    """As if its connection had closed, and only then the call ends."""
    heard = []

    async def patient(scope, receive, send):
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])

    async def leave():
        call = asyncio.create_task(request(patient, "GET", "/"))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(leave())

    assert heard == ["http.request", "http.disconnect"]


def test_port_without_the_packages_is_refused_with_the_command_that_helps(app, make_platform, monkeypatch):
    """Who sets the port and has no gRPC learns it when the server starts."""
    monkeypatch.setitem(sys.modules, "grpc", None)

    with pytest.raises(BackendNotInstalled, match="gRPC needs grpc") as caught:
        Rpc(app, make_platform(grpc_port=8001).settings)

    assert "saccade[grpc]" in caught.value.hint


def test_without_a_port_nothing_is_imported(app, platform, monkeypatch):
    """A server without gRPC starts as fast as ever."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    rpc = Rpc(app, platform.settings)

    assert asyncio.run(rpc.start())
    asyncio.run(rpc.stop())
