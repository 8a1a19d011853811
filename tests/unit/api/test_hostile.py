"""Nothing that a client sends is a 5xx."""

import json

import anyio
import pytest
from starlette.requests import ClientDisconnect

from saccade.api.bodies import MAX_JSON_VALUES
from saccade.api.middleware.observe import Observe

PREDICT = "/v1/models/animals/predict"
ROUTES = [PREDICT, "/v1/predict", "/v1/jobs", "/hf/animals"]
JSON = {"Content-Type": "application/json"}
DEEP = 200_000


def form(*parts, boundary="b"):
    return b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts) + b"--%s--\r\n" % boundary.encode()


def part(headers, body=b"x"):
    return b"\r\n".join(headers) + b"\r\n\r\n" + body


FILE = b'Content-Disposition: form-data; name="file"; filename="a"'


def problem_of(answer):
    """Check that an answer is a refusal in the route's dialect."""
    assert 400 <= answer.status_code < 500, answer.text
    body = answer.json()
    assert "error" in body or body["status"] == answer.status_code
    assert answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize("url", ROUTES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\x00",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"true",
        b"NaN",
        b'{"a": NaN}',
        b'{"image_url": Infinity}',
        b'{"a": 1, "a": 2}',
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"image_base64": "' + b"A" * 1000,
        b'{"image_url": "\\ud800"}',
        b'{"image_base64": "\\ud800"}',
        b'{"image_url": "http://\\u0000"}',
        b'{"top_k": ' + b"9" * 10_000 + b"}",
        b'{"image_url": "https://x", "top_k": 1e999}',
        b'{"image_base64": "aaaa", "threshold": ' + b"9" * 400 + b"}",
        b'{"inputs": "aaaa", "parameters": {"threshold": ' + b"9" * 400 + b"}}",
        b'{"image_base64": "aaaa", "candidate_labels": ["\\udfff"]}',
        b'{"\\ud800": 1, "image_base64": "aaaa"}',
        '{"image_url": "ä"}'.encode("latin-1"),
        json.dumps({"image_url": "x"}).encode("utf-16"),
        json.dumps({"images": [{"url": "https://\ud800"}] * 3, "models": ["\ud800"]}).encode(),
        json.dumps({"inputs": None, "parameters": {"top_k": "5"}}).encode(),
        json.dumps({"inputs": "aaaa", "parameters": [1, 2]}).encode(),
    ],
)
def test_bad_json_is_refused(client, url, body):
    """Malformed, deep, huge, doubled, mis-encoded: all are the client's to mend."""
    problem_of(client.post(url, content=body, headers=JSON))


@pytest.mark.parametrize("url", ROUTES)
@pytest.mark.parametrize(
    "media_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=" + "b" * 1000,
        'multipart/form-data; boundary="b',
        "multipart/form-data; boundary=b; charset=idna",
        "multipart/form-data; boundary=b; charset=base64",
        "multipart/form-data; boundary=b; charset=punycode",
        "multipart/form-data; boundary=b; charset=\xff",
        "multipart/form-data; boundary=\xff\xfe",
        "multipart/form-data; boundary*=utf-8''b",
    ],
)
def test_bad_boundary_or_charset_is_refused(client, url, media_type):
    """The header that says how to read the form is itself the client's word."""
    name = b'Content-Disposition: form-data; name="\xe9\xff.xn--\xff"'
    headers = {"Content-Type": media_type.encode("latin-1")}

    problem_of(client.post(url, content=form(part([name], b"\xff\xfe")), headers=headers))


@pytest.mark.parametrize("url", ROUTES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"--b",
        b"--b\r\n",
        b"--b--\r\n",
        form(part([FILE]))[:-10],
        form(part([b"No-Disposition: x"])),
        form(part([b"Content-Disposition: form-data"])),
        form(part([b"Content-Disposition: form-data; filename=a"])),
        form(part([b": x"])),
        form(part([b"a b: x"])),
        form(part([FILE, *[b"X-%d: y" % place for place in range(100)]])),
        form(part([b"X: " + b"y" * 100_000, FILE])),
        form(part([b'Content-Disposition: form-data; name="' + b"n" * 100_000 + b'"'])),
        form(part([b'Content-Disposition: form-data; name="a"'], b"x" * 100_000)),
        form(*[part([b'Content-Disposition: form-data; name="a"'])] * 200),
        form(*[part([FILE])] * 200),
        form(part([b'Content-Disposition: form-data; name="top_k"'], b"\x00")),
        form(part([b'Content-Disposition: form-data; name="\x00"'], b"1"), part([FILE])),
        form(part([b'Content-Disposition: form-data; name="\xff"; filename="\xff\x00../../etc/passwd"'])),
        form(part([b'Content-Disposition: form-data; name="file"; filename="a"', b"Content-Type: \xff"])),
    ],
)
def test_bad_form_is_refused(client, url, body):
    """Cut, empty, overgrown or odd forms are refused, and soon."""
    problem_of(client.post(url, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}))


@pytest.mark.parametrize("url", ROUTES)
@pytest.mark.parametrize("values", [b"[],", b"{},", b"1,", b"[", b'{"a":'])
def test_json_of_far_too_many_values_is_refused_unread(client, url, values):
    """A body of brackets would take twenty times its bytes, and hold up everybody while it is read."""
    body = b'{"a": [' + values * (MAX_JSON_VALUES + 1) + b"1]}"

    assert client.post(url, content=body, headers=JSON).status_code == 413


@pytest.mark.parametrize("url", ROUTES)
def test_body_in_another_transfer_coding_is_refused(client, url, picture):
    """The server undoes no coding but chunks; the bytes would be taken for the picture itself."""
    answer = client.post(url, content=picture, headers={"Transfer-Encoding": "gzip, chunked"})

    assert answer.status_code == 415


def test_long_preamble_of_a_form_is_refused(client):
    """Bytes before the first boundary are no way to keep the parser busy."""
    body = b"x" * 3_000_000 + form(part([FILE]))

    problem_of(client.post(PREDICT, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b", "CON", "a" * 2000, "\r\nX: y", "ä€\U0001f600"]
)
def test_file_name_is_only_ever_shown(client, picture, tmp_path, monkeypatch, name):
    """Whatever a file is called, nothing is written, and the answer is JSON."""
    monkeypatch.chdir(tmp_path)

    answer = client.post("/v1/predict", files={"images": (name, picture)}, data={"models": "animals"})

    assert answer.status_code in {200, 400}
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": b"\xff\xfe"},
        {"Content-Type": b"application/json; charset=\x80"},
        {"Content-Type": b"image/png; " + b"x" * 10_000},
        {"Content-Length": "-1"},
        {"Content-Length": "abc"},
        {"Content-Length": "9" * 5000},
        {"Content-Length": "\u0663".encode()},
        {"Content-Encoding": b"\xff"},
        {"If-None-Match": b'"\xff\x00'},
        {"Accept": "application/xml"},
        {"Range": "bytes=0-" + ",0-" * 5000},
        {"Cookie": "a" * 10_000},
        {"Expect": "nonsense"},
        {"Prefer": b"wait=\xff, ;;=, return=\x80"},
        {"Prefer": "respond-async, wait=" + "9" * 5000},
        {"Last-Event-ID": "\u0663".encode()},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
    ],
)
@pytest.mark.parametrize(
    ("method", "url"),
    [("POST", PREDICT), ("GET", "/v1/models"), ("GET", "/v1/jobs"), ("GET", "/docs/assets/favicon.png")],
)
def test_odd_headers_are_no_failure(client, picture, method, url, headers):
    """Headers that make no sense are ignored or refused."""
    answer = client.request(method, url, content=picture if method == "POST" else None, headers=headers)

    assert answer.status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        "x" * 60_000,
        "&" * 50_000,
        "a=1&" * 15_000,
        "%",
        "%zz",
        "%ff%fe=%00",
        "top_k",
        "=",
        "top_k[]=1",
        "top_k=%ED%A0%80",
    ],
)
def test_odd_queries_are_refused(client, picture, query):
    """A query is a handful of known names, or it is refused."""
    answer = client.post(f"{PREDICT}?{query}", content=picture)

    assert answer.status_code in {200, 422}
    assert answer.status_code == 200 or len(answer.content) < 5000


@pytest.mark.parametrize(
    "model",
    [
        "%00",
        "%ff%fe",
        "%0d%0a",
        "..%2f..",
        "%2e%2e",
        "a" * 10_000,
        "animals@",
        "@1",
        "@",
        "animals@1@1",
        "%F0%9F%98%80",
        "{x}",
    ],
)
@pytest.mark.parametrize("path", ["/v1/models/{}/predict", "/v1/models/{}", "/v1/models/{}/load", "/hf/{}"])
def test_odd_model_names_are_unknown(client, picture, path, model):
    """A name is looked up, whatever it holds."""
    method = "GET" if path.endswith("}") and path.startswith("/v1") else "POST"

    answer = client.request(method, path.replace("{}", model), content=picture if method == "POST" else None)

    assert answer.status_code == 404
    problem_of(answer)


def test_client_that_goes_away_is_no_failure(platform, counted, capsys):
    """A broken connection is noted as such, not as our fault, and nothing is answered."""
    sent = []

    async def gone(scope, receive, send):
        raise ClientDisconnect

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    anyio.run(Observe(gone, metrics=platform.metrics), scope, None, send)

    assert sent == []
    labels = {"http_request_method": "POST", "http_route": "unmatched", "http_response_status_code": "499"}
    assert counted("http_server_request_duration_seconds_count", **labels) == 1.0
    assert "unexpected" not in capsys.readouterr().out
