"""What happens to every request: ids, headers, timing, metrics, bounds, the log."""

import io
import json
import logging
import re

import anyio
import pytest

from saccade.api.logs import configure_logs, log_load_failure
from saccade.api.middleware.body import BodyBounds
from saccade.errors import BodyTooSlow, PluginFailed, QueueFull
from saccade.settings import LogFormat, LogLevel, LogSettings

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 128])
def test_sane_request_id_is_honoured(client, given):
    """A client's own id comes back, so that both logs can be joined."""
    assert client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "ä", "a/b", '"', "a,b"])
def test_other_request_ids_are_replaced(client, given):
    """What could confuse a log gets a new id instead."""
    answer = client.get("/livez", headers={"X-Request-ID": given.encode("latin-1")})

    assert UUID.fullmatch(answer.headers["x-request-id"])


def test_two_request_ids_are_replaced(client):
    """Of two ids none is the request's."""
    answer = client.get("/livez", headers=[("X-Request-ID", "a"), ("X-Request-ID", "b")])

    assert UUID.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/livez", "/nope", "/v1/models/bug/predict"])
def test_every_answer_has_id_timing_and_security_headers(client, path):
    """Also those that tell of errors."""
    headers = client.get(path).headers

    assert UUID.fullmatch(headers["x-request-id"])
    assert re.fullmatch(r"total;dur=\d+\.\d\d", headers["server-timing"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_security_headers_can_be_turned_off(make_client):
    """Some proxies set their own."""
    headers = make_client(server_security_headers="false").get("/livez").headers

    assert "x-frame-options" not in headers
    assert "x-request-id" in headers


@pytest.mark.parametrize("path", ["/v1/models/animals/predict", "/hf/animals"])
def test_server_timing_has_the_stages_of_a_prediction(client, picture, path):
    """A browser's developer tools show where the time went."""
    value = client.post(path, content=picture).headers["server-timing"]

    stages = "queue;dur=0.20, decode;dur=0.90, preprocess;dur=0.40, infer;dur=3.10, postprocess;dur=0.10, "
    assert value.startswith(f"{stages}total;dur=")


def test_requests_are_counted_once_by_template_and_status(client, counted, picture):
    """The path's variables are not labels: a scanner cannot fill the memory with them."""
    name = "http_server_request_duration_seconds_count"
    for _ in range(3):
        client.post("/v1/models/animals/predict", content=picture)
    client.post("/v1/models/circles/predict", content=b"no picture")
    client.get("/nope/1")
    client.get("/nope/2")
    client.request("BREW", "/livez")
    client.head("/livez")

    def count(method, route, status):
        labels = {"http_request_method": method, "http_route": route, "http_response_status_code": status}
        return counted(name, **labels)

    assert count("POST", "/v1/models/{model}/predict", "200") == 3.0
    assert count("POST", "/v1/models/{model}/predict", "415") == 1.0
    assert count("GET", "unmatched", "404") == 2.0
    assert count("_OTHER", "/livez", "405") == 1.0
    assert count("HEAD", "/livez", "200") == 1.0
    assert counted("http_server_active_requests") == 0.0


def test_unforeseen_failure_is_counted_and_leaves_nothing_active(client, counted, picture):
    """The layers' accounts are right also when the route blows up."""
    client.post("/v1/models/bug/predict", content=picture)

    labels = {"http_request_method": "POST", "http_route": "/v1/models/{model}/predict"}
    assert counted("http_server_request_duration_seconds_count", **labels, http_response_status_code="500") == 1.0
    assert counted("saccade_refusals_total", code="internal") == 1.0
    assert counted("http_server_active_requests") == 0.0


@pytest.mark.parametrize("path", ["/v1/models/animals/predict", "/v1/predict", "/hf/animals", "/livez", "/nope"])
def test_announced_body_over_the_limit_is_refused_unread(make_client, path):
    """The length in the header is enough, on every path."""
    client = make_client(server_max_body_bytes=1000)

    answer = client.post(path, content=b"x" * 1001)

    assert answer.status_code == 413


def test_streamed_body_over_the_limit_is_refused(make_client):
    """A body without a length is counted while it comes."""
    client = make_client(server_max_body_bytes=1000)

    answer = client.post("/v1/models/animals/predict", content=(b"x" * 100 for _ in range(11)))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_body_of_exactly_the_limit_is_taken(make_client, picture):
    """The limit itself is allowed."""
    client = make_client(server_max_body_bytes=len(picture))

    assert client.post("/v1/models/animals/predict", content=picture).status_code == 200


def read_bounded(source, *, messages):
    """Return the types of the messages that a route gets through the bounds, of a body from ``source``."""
    types = []

    async def route(scope, receive, send):
        types.extend([(await receive())["type"] for _ in range(messages)])

    async def send(message):
        """Take answers."""

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    anyio.run(BodyBounds(route, max_body_bytes=9, max_held_bytes=9, timeout_s=0.05), scope, source, send)
    return types


def test_bodies_share_one_bound_until_they_are_answered():
    """Many large bodies at once do not fill the memory: the one too many is told to come again."""
    outcomes = []

    async def source():
        return {"type": "http.request", "body": b"12345678", "more_body": False}

    async def ask(bounds):
        try:
            await bounds({"type": "http", "headers": []}, source, source)
            outcomes.append("answered")
        except QueueFull:
            outcomes.append("full")

    async def run():
        answer = anyio.Event()

        async def route(_scope, receive, _send):
            await receive()
            await answer.wait()

        bounds = BodyBounds(route, max_body_bytes=9, max_held_bytes=20, timeout_s=5)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask, bounds)
            await anyio.wait_all_tasks_blocked()
            answer.set()
        await ask(bounds)

    anyio.run(run)

    assert outcomes == ["full", "answered", "answered", "answered"]


def test_body_that_does_not_come_is_cut():
    """A client that promises a body and sends none does not hold its request for ever."""
    with pytest.raises(BodyTooSlow):
        read_bounded(anyio.sleep_forever, messages=1)


def test_body_that_has_come_is_not_timed():
    """The clock stops with the last byte: waiting for a disconnect afterwards is not slow."""
    sent = [{"type": "http.request", "body": b"a", "more_body": False}]

    async def source():
        if sent:
            return sent.pop()
        await anyio.sleep(0.1)
        return {"type": "http.disconnect"}

    assert read_bounded(source, messages=2) == ["http.request", "http.disconnect"]


@pytest.fixture
def log_lines():
    """Return a function that configures logging and one that reads what was written; undone at the end."""
    stream = io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level

    def configure(form, weight=LogLevel.INFO):
        configure_logs(LogSettings(format=form, level=weight), stream=stream)
        return lambda: stream.getvalue().splitlines()

    yield configure
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_json_log_has_one_ecs_object_for_each_request(client, picture, log_lines):
    """The line has what an operator looks for and joins by, and nothing that is the client's secret."""
    lines = log_lines(LogFormat.JSON)

    client.post(
        "/v1/models/animals/predict?top_k=2", content=picture, headers={"X-Request-ID": "r1", "X-API-Key": "k1"}
    )

    [line] = [json.loads(line) for line in lines()]
    assert line["message"] == "request"
    assert line["log"]["logger"] == "saccade.api.access"
    assert line["log.level"] == "info"
    assert line["http"]["request"] == {"id": "r1", "method": "POST"}
    assert line["http"]["response"]["status_code"] == 200
    assert line["http"]["route"] == "/v1/models/{model}/predict"
    assert line["url"]["path"] == "/v1/models/animals/predict"
    assert line["saccade"] == {"model": "animals"}
    assert line["service"]["name"] == "saccade"
    assert line["event"]["duration"] > 0
    assert "@timestamp" in line
    text = json.dumps(line)
    assert not any(secret in text for secret in ("top_k", "k1", "PNG"))


def test_log_line_of_a_refusal_names_its_code(client, log_lines):
    """A refused request can be found by its code."""
    lines = log_lines(LogFormat.JSON)

    client.get("/nope")

    [line] = [json.loads(line) for line in lines()]
    assert line["error"]["code"] == "route_unknown"


def test_unforeseen_failure_is_logged_with_trace_and_id(client, picture, log_lines):
    """The id in the client's hands finds the trace."""
    lines = log_lines(LogFormat.JSON)

    answer = client.post("/v1/models/bug/predict", content=picture)

    entries = [json.loads(line) for line in lines()]
    trace = next(entry for entry in entries if entry["message"] == "unexpected failure")
    assert "RuntimeError: a secret of the inside" in trace["error"]["stack_trace"]
    assert trace["http"]["request"]["id"] == answer.json()["request_id"]


@pytest.mark.parametrize("form", list(LogFormat))
def test_client_cannot_forge_log_lines(client, log_lines, form):
    """Line breaks and terminal controls in a path stay inside their line, escaped."""
    lines = log_lines(form)

    client.get("/x%0a%0dINFO%20forged%1b%5b2J/é")

    assert len(lines()) == 1
    assert all(line.isprintable() for line in lines())


def test_libraries_lines_take_the_same_form(log_lines):
    """There is one format on the stream, whoever writes."""
    lines = log_lines(LogFormat.JSON)

    logging.getLogger("some.library").warning("it %s", "happened")
    logging.getLogger("uvicorn.error").info("chatter")

    [line] = [json.loads(line) for line in lines()]
    assert line["message"] == "it happened"
    assert "some.library" in json.dumps(line)


@pytest.mark.parametrize(("name", "heard"), [("PIL", logging.CRITICAL), ("httpx2", logging.WARNING)])
def test_talkative_libraries_do_not_flood_the_log(log_lines, name, heard):
    """A stranger's damaged picture fills no disk with a decoder's complaints, not even at debug."""
    lines = log_lines(LogFormat.JSON, LogLevel.DEBUG)

    for weight in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logging.getLogger(f"{name}.part").log(weight, "a complaint")

    expected = [logging.getLevelName(weight).lower() for weight in (30, 40, 50) if weight >= heard]
    assert expected == [json.loads(line)["log.level"] for line in lines()]


def test_model_that_cannot_be_loaded_is_logged_with_its_trace(log_lines):
    """Whoever mends a plug-in finds in the server's log where it raised."""
    lines = log_lines(LogFormat.JSON)
    failure = PluginFailed("The plug-in x@1 raised KeyError.")
    failure.__cause__ = KeyError("size")
    log_load_failure("x@1", failure)

    [line] = [json.loads(line) for line in lines()]
    assert (line["message"], line["log.level"], line["saccade"]) == (
        "model cannot be loaded",
        "error",
        {"model": "x@1"},
    )
    assert line["service"]["environment"] == "dev"
    assert "KeyError: 'size'" in line["error"]["stack_trace"]


def test_health_checks_are_not_logged_at_info(client, log_lines):
    """Probes every second would drown everything else; debug shows them."""
    lines = log_lines(LogFormat.JSON)
    client.get("/readyz")
    assert lines() == []

    log_lines(LogFormat.JSON, LogLevel.DEBUG)
    client.get("/readyz")

    assert len(lines()) == 1
