"""The port ``Objects``, on every scheme that can be opened here."""

import contextlib
import http.server
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults import proxy_to
from saccade.backends import OBJECTS, open_objects
from saccade.errors import ObjectMissing, ObjectsFull, ObjectsUnreachable

#: They go through the same library as S3, and nothing here could answer them; the docstring of ``open_cloud`` says so.
UNTESTED = {"gs", "az"}

HOSTILE = (
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    ".",
    ".part-1",
    "a/.part-1",
    ".hidden",
    "a\\b",
    "a\0b",
    "a\nb",
    "a b",
    "A",
    "ä",
    "a%2fb",
    "C:a",
    "~",
    "a?b",
    "a#b",
    "x" * 200,
    "/".join("a" * 20),
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Give what opens a bucket its credentials, in the way of every S3 tool."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "known-from-outside")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")


def url_of(request, scheme):
    """Return the URL of an empty place on the scheme."""
    if scheme == "memory":
        return "memory://"
    if scheme == "file":
        return f"file://{request.getfixturevalue('tmp_path')}/objects"
    bucket, _, parameters = request.getfixturevalue("s3_url").partition("?")
    return f"{bucket}/{os.urandom(6).hex()}?{parameters}"


@pytest.fixture(params=sorted(set(OBJECTS) - UNTESTED))
def objects(request):
    """Yield an empty place on each scheme."""
    opened = open_objects(url_of(request, request.param))
    yield opened
    opened.close()


def keys_in(objects, prefix=""):
    return sorted(entry.key for entry in objects.list(prefix))


def test_what_was_put_comes_back(objects):
    """Bytes come back as they were: none, all values, and more than an upload in one piece."""
    blobs = {
        "jobs/20260101/ab/empty": b"",
        "jobs/20260101/ab/all": bytes(range(256)) * 10,
        "jobs/20260101/cd/large": os.urandom(20 * 1024 * 1024),
    }

    objects.put_many(blobs)

    assert {key: objects.get(key) for key in blobs} == blobs


def test_putting_nothing_is_nothing(objects):
    """A job of URLs has no blobs yet."""
    objects.put_many({})
    objects.delete_many([])

    assert keys_in(objects) == []


def test_later_blob_takes_the_place_of_the_earlier(objects):
    """A key that exists is overwritten."""
    objects.put_many({"a/b": b"earlier, and longer"})
    objects.put_many({"a/b": b"later"})

    assert objects.get("a/b") == b"later"
    assert [(entry.key, entry.size_bytes) for entry in objects.list("")] == [("a/b", 5)]


def test_many_blobs_in_one_call(objects):
    """A job of hundreds of images is stored in one call."""
    blobs = {f"jobs/20260101/{n % 7:02x}/{n:032x}": b"%d" % n for n in range(400)}

    objects.put_many(blobs)

    assert keys_in(objects, "jobs/") == sorted(blobs)
    assert all(objects.get(key) == data for key, data in list(blobs.items())[::37])


@pytest.mark.parametrize("key", ["absent", "a/absent", "a/b/c", "a"])
def test_absent_blob_is_missing(objects, key):
    """No blob, no bytes: and neither a folder nor a place below a blob is one."""
    objects.put_many({"a/b": b"here"})

    with pytest.raises(ObjectMissing):
        objects.get(key)
    with pytest.raises(ObjectMissing):
        objects.copy(key, "target")
    assert keys_in(objects) == ["a/b"]


def test_copy_is_a_blob_of_its_own(objects):
    """Neither erasing nor overwriting the source touches the copy."""
    objects.put_many({"source": b"bytes"})

    objects.copy("source", "deep/er/target")
    objects.put_many({"source": b"others"})
    objects.delete_many(["source"])

    assert objects.get("deep/er/target") == b"bytes"
    assert keys_in(objects) == ["deep/er/target"]


def test_delete_forgets_and_absent_ones_are_no_error(objects):
    """Deleting may be repeated, and one that is gone keeps no other from going."""
    objects.put_many({f"a/{n}": b"x" for n in range(5)})

    objects.delete_many(["a/absent", "a/0", "b/absent", "a/1", "a/0/below", "a"])
    objects.delete_many(["a/0", "a/1"])

    assert keys_in(objects) == ["a/2", "a/3", "a/4"]
    with pytest.raises(ObjectMissing):
        objects.get("a/0")


def test_list_tells_of_what_is_under_a_prefix(objects):
    """A prefix is whole parts; size and age are true."""
    objects.put_many({"jobs/a/1": b"1", "jobs/b/2": b"22", "jobs-not/3": b"", "images/4": b"4444"})
    now_us = time.time() * 1e6

    found = {entry.key: entry for entry in objects.list("jobs/")}

    assert {key: entry.size_bytes for key, entry in found.items()} == {"jobs/a/1": 1, "jobs/b/2": 2}
    assert all(abs(entry.modified_at_us - now_us) < 10e6 for entry in found.values())
    assert keys_in(objects) == ["images/4", "jobs-not/3", "jobs/a/1", "jobs/b/2"]
    assert keys_in(objects, "nothing/here/") == []


@pytest.mark.parametrize("key", HOSTILE, ids=ascii)
def test_hostile_key_is_refused_before_anything_happens(objects, key):
    """No key leads out of its place; keys are ours, so a wrong one is a bug and not an answer."""
    objects.put_many({"good": b"1"})
    attempts = (
        lambda: objects.put_many({"good": b"2", key: b"3"}),
        lambda: objects.get(key),
        lambda: objects.copy("good", key),
        lambda: objects.copy(key, "other"),
        lambda: objects.delete_many(["good", key]),
    )
    for attempt in attempts:
        with pytest.raises(ValueError, match="not a key"):
            attempt()

    assert objects.get("good") == b"1"
    assert keys_in(objects) == ["good"]


@pytest.mark.parametrize("prefix", ["/", "jobs", "../", "a/../", ".part-", "jobs/x"])
def test_prefix_is_whole_parts(objects, prefix):
    """A prefix is checked as a key is."""
    with pytest.raises(ValueError, match="not a prefix"):
        list(objects.list(prefix))


def test_many_threads_write_and_read(objects):
    """Requests store their images at the same time."""

    def work(number):
        for step in range(10):
            key = f"threads/{number}/{step}"
            objects.put_many({key: key.encode(), "threads/shared": b"x" * 1000})
            assert objects.get(key) == key.encode()
            assert objects.get("threads/shared") == b"x" * 1000

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))

    assert len(keys_in(objects, "threads/")) == 81


def test_check_passes_and_close_may_be_repeated(objects):
    """A place that is there gives a sign of life; what was opened is closed twice without harm."""
    objects.check()
    objects.check()
    objects.close()
    objects.close()


def every_call(objects):
    return {
        "put": lambda: objects.put_many({"a/b": b"1"}),
        "put many": lambda: objects.put_many({f"a/{n}": b"1" for n in range(40)}),
        "get": lambda: objects.get("a/b"),
        "copy": lambda: objects.copy("a/b", "a/c"),
        "delete": lambda: objects.delete_many(["a/b", "a/c"]),
        "list": lambda: list(objects.list("")),
        "check": objects.check,
    }


def test_bucket_that_is_away_is_named_in_time(request):
    """A store that refuses connections is unreachable within ten seconds, in every call, and found again."""
    with proxy_to(endpoint_of(request), default_port=80) as (proxy, endpoint):
        objects = open_objects(through(request, endpoint))
        objects.put_many({"a/b": b"0"})
        proxy.cut()
        for name, call in every_call(objects).items():
            started = time.monotonic()
            with pytest.raises(ObjectsUnreachable):
                call()
            assert time.monotonic() - started < 10, name
        proxy.mend()

        assert objects.get("a/b") == b"0"
        objects.close()


@pytest.mark.slow
def test_bucket_that_says_nothing_is_given_up_in_time(request):
    """A store that takes connections and never answers is as one that is away."""
    with proxy_to(endpoint_of(request), default_port=80) as (proxy, endpoint):
        objects = open_objects(through(request, endpoint))
        objects.check()
        proxy.freeze()
        for name, call in every_call(objects).items():
            started = time.monotonic()
            with pytest.raises(ObjectsUnreachable):
                call()
            assert time.monotonic() - started < 12, name
        proxy.thaw()
        objects.check()
        objects.close()


def test_bucket_that_is_not_there_is_unreachable(request):
    """A wrong bucket in the URL is found by the check, and no write is taken for stored."""
    parameters = request.getfixturevalue("s3_url").partition("?")[2]
    objects = open_objects(f"s3://no-such-bucket/x?{parameters}")
    for call in (objects.check, lambda: objects.put_many({"a": b"1"}), lambda: objects.put_many({"a": b"", "b": b""})):
        with pytest.raises(ObjectsUnreachable):
            call()
    objects.close()


def test_bucket_that_is_full_says_so(answering):
    """Stores that have a quota answer 507; that is not an outage."""
    _, objects = answering(507)

    with pytest.raises(ObjectsFull):
        objects.put_many({"a": b"1"})


def test_credentials_come_from_the_environment(answering):
    """The variables that every S3 tool reads sign the requests; the URL holds no secret."""
    server, objects = answering(200)

    objects.put_many({"a": b"1"})

    assert "Credential=known-from-outside/" in server.authorization
    assert "a secret" not in server.authorization


@pytest.fixture
def answering():
    """Return a function that starts a store which gives one answer, and objects on it."""
    with contextlib.ExitStack() as stack:

        def start(status):
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_PUT(self):
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self.server.authorization = self.headers.get("Authorization", "")
                    self.send_response(status)
                    self.send_header("ETag", '"0"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()

                def log_message(self, *_):
                    pass

            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            server.daemon_threads = True
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            endpoint = f"http://127.0.0.1:{server.server_port}"
            objects = open_objects(f"s3://bucket/p?endpoint={endpoint}&region=us-east-1&allow_http=true")
            stack.callback(objects.close)
            return server, objects

        yield start


def endpoint_of(request):
    """Return where the S3 of this session is."""
    parameters = request.getfixturevalue("s3_url").partition("?")[2]
    return dict(part.split("=", 1) for part in parameters.split("&"))["endpoint"]


def through(request, endpoint):
    """Return the URL of an empty place whose endpoint is another."""
    return url_of(request, "s3").replace(endpoint_of(request), endpoint)


@pytest.mark.parametrize("scheme", sorted(UNTESTED))
def test_untested_schemes_open(scheme):
    """What cannot be tested here at least opens, without dialling anybody, and checks its keys."""
    objects = open_objects(f"{scheme}://bucket/prefix?skip_signature=true{'&account_name=a' * (scheme == 'az')}")

    with pytest.raises(ValueError, match="not a key"):
        objects.get("../a")
    objects.close()
